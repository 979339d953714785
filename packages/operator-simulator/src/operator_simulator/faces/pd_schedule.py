"""PD's answers about schedulers and operators, and the few changes that can be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.faces.values import duration, rfc3339
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.operators import Operator, OperatorStatus
from operator_simulator.model.scheduling import ADDABLE, EVICT_LEADER
from operator_simulator.noise import stream

_NOT_FOUND = "[PD:operator:ErrOperatorNotFound]operator not found"
_NO_SCHEDULER = "[PD:scheduler:ErrSchedulerNotFound]scheduler not found"


_HOT_REGION: dict[str, object] = {
    "min-hot-byte-rate": 100, "min-hot-key-rate": 10, "min-hot-query-rate": 10, "max-zombie-rounds": 3,
    "max-peer-number": 1000, "byte-rate-rank-step-ratio": 0.05, "key-rate-rank-step-ratio": 0.05,
    "query-rate-rank-step-ratio": 0.05, "count-rank-step-ratio": 0.01, "great-dec-ratio": 0.95,
    "minor-dec-ratio": 0.99, "src-tolerance-ratio": 1.05, "dst-tolerance-ratio": 1.05,
    "write-leader-priorities": ["query", "byte"], "write-peer-priorities": ["byte", "key"],
    "read-priorities": ["query", "byte"], "strict-picking-store": "true", "enable-for-tiflash": "true",
    "rank-formula-version": "v2", "split-thresholds": 0.2, "history-sample-duration": "5m0s",
    "history-sample-interval": "30s",
}  # fmt: skip
_KINDS = {"admin": 1, "replica": 16, "split": 32, "hot-region": 64, "region": 128, "leader": 256}
"""The bits of the kinds that an operator may have."""


def read_object(request: Request) -> Mapping[str, object] | Answer:
    """The JSON object of a body, or the refusal of it."""
    try:
        value: object = json.loads(request.body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return Answer.json(
            {"code": "input", "msg": "invalid character looking for beginning of value", "data": {"Offset": 2}}, 400
        )
    return cast("dict[str, object]", value)


def schedulers(cluster: Cluster, request: Request) -> Answer:
    """`GET /schedulers`: names, or when they are paused."""
    known, now = cluster.scheduling.schedulers.paused_until_s, cluster.now_s
    names = list(known) if cluster.scheduling.is_prepared else []
    match request.first("status"):
        case "paused":
            names = [n for n in names if now < known[n][1]]
            if request.first("timestamp") is not None:
                rows = [
                    {
                        "name": n,
                        "paused_at": rfc3339(cluster.epoch, known[n][0]),
                        "resume_at": rfc3339(cluster.epoch, known[n][1]),
                    }
                    for n in names
                ]
                return Answer.json(rows)
        case "disabled":
            names = []
        case _:
            stream(cluster.config.seed, "order", request.path, round(now * 1000)).shuffle(names)
    return Answer.json(names)


def add_scheduler(cluster: Cluster, request: Request) -> Answer:
    """`POST /schedulers`."""
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    known, name = cluster.scheduling.schedulers, body.get("name")
    if not isinstance(name, str):
        return Answer.json("missing scheduler name", 400)
    if name not in ADDABLE:
        return Answer.json("unknown scheduler", 400)
    if name in {EVICT_LEADER, "grant-leader-scheduler"}:
        ident = body.get("store_id")
        if not isinstance(ident, int | float):
            return Answer.json("missing store id", 400)
        if int(ident) not in cluster.view.stores:
            return Answer.json(f"[PD:core:ErrStoreNotFound]store {int(ident)} not found", 500)
        chosen = known.evicting if name == EVICT_LEADER else known.granting
        existed = name in known.paused_until_s
        chosen.add(int(ident))
        known.paused_until_s.setdefault(name, (0.0, 0.0))
        _note(cluster, "pause store leader transfer", {"store-id": int(ident)})
        if existed:
            return Answer.json("The scheduler has been applied to the store.")
    elif name in known.paused_until_s:
        return Answer.json("[PD:scheduler:ErrSchedulerExisted]scheduler existed", 500)
    known.paused_until_s.setdefault(name, (0.0, 0.0))
    _note(cluster, "add scheduler successfully", {"scheduler-name": name})
    return Answer.json("The scheduler is created.")


def remove_scheduler(cluster: Cluster, _request: Request, name: str) -> Answer:
    """`DELETE /schedulers/{name}`; the evictor may be named with one store."""
    known = cluster.scheduling.schedulers
    head, _, tail = name.rpartition("-")
    if head == EVICT_LEADER and tail.isdigit():
        return Answer.json(None, 200 if _release(cluster, int(tail)) else 404)
    if known.paused_until_s.pop(name, None) is None:
        return Answer.json(_NO_SCHEDULER, 404)
    if name == EVICT_LEADER:
        known.evicting.clear()
    _note(cluster, "remove scheduler successfully", {"scheduler-name": name})
    return Answer.json("The scheduler is removed.")


def _release(cluster: Cluster, ident: int) -> bool:
    """Let one store take leaders again; the evictor goes with its last store. False when it was not evicted."""
    known = cluster.scheduling.schedulers
    if ident not in known.evicting:
        return False
    known.evicting.discard(ident)
    _note(cluster, "resume store leader transfer", {"store-id": ident})
    if not known.evicting:
        known.paused_until_s.pop(EVICT_LEADER, None)
    return True


def release_store(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`DELETE /scheduler-config/evict-leader-scheduler/delete/{store}`."""
    if EVICT_LEADER not in cluster.scheduling.schedulers.paused_until_s:
        return Answer.error("404 page not found", 404)
    if not _release(cluster, int(ident)):
        return Answer.json("[PD:scheduler:ErrScheduleConfigNotExist]the config does not exist", 404)
    has_more = bool(cluster.scheduling.schedulers.evicting)
    return Answer.json(None if has_more else "The last store has been deleted")


def configure_evictor(cluster: Cluster, request: Request) -> Answer:
    """`POST /scheduler-config/evict-leader-scheduler/config`: how many leaders are moved at a time."""
    if EVICT_LEADER not in cluster.scheduling.schedulers.paused_until_s:
        return Answer.error("404 page not found", 404)
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    batch = body.get("batch", cluster.scheduling.evict_batch)
    if not isinstance(batch, int) or not 1 <= batch <= 10:
        return Answer.json("batch is invalid, it should be in [1, 10]", 400)
    cluster.scheduling.evict_batch = batch
    return Answer.json("The scheduler has been applied to the store.")


def pause_scheduler(cluster: Cluster, request: Request, name: str) -> Answer:
    """`POST /schedulers/{name}` with a delay; 0 resumes."""
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    delay, known = body.get("delay"), cluster.scheduling.schedulers.paused_until_s
    if not isinstance(delay, int | float):
        return Answer.json("missing pause time", 400)
    if name != "all" and name not in known:
        return Answer.json(_NO_SCHEDULER, 500)
    for each in list(known) if name == "all" else [name]:
        known[each] = (cluster.now_s, cluster.now_s + delay)
        _note(cluster, "pause scheduler successfully", {"scheduler-name": each, "pause-seconds": int(delay)})
    return Answer.json("Pause or resume the scheduler successfully.")


def scheduler_config(cluster: Cluster, _request: Request, name: str) -> Answer:
    """`GET /scheduler-config/{name}/list`: a scheduler that is not there has no such page."""
    known = cluster.scheduling.schedulers
    if name not in known.paused_until_s:
        return Answer.error("404 page not found", 404)
    slow = cluster.scheduling.slow_evicted
    everything = [{"end-key": "", "start-key": ""}]
    evicted = {str(i): everything for i in sorted(known.evicting, key=str)}
    found: dict[str, dict[str, object]] = {
        EVICT_LEADER: {"store-id-ranges": evicted, "batch": cluster.scheduling.evict_batch},
        "evict-stopping-store-scheduler": {"disabled": False, "evicted-stores": [], "batch": 3},
        "balance-hot-region-scheduler": _HOT_REGION,
        "evict-slow-store-scheduler": {
            "disabled": False, "recovery-duration": 1800, "evict-stores": [slow] if slow is not None else [],
            "enable-network-slow-store": False, "paused-network-slow-stores": [], "evicted-network-slow-stores": [],
            "batch": 3,
        },
        "balance-leader-scheduler": {"ranges": everything, "batch": 4},
    }  # fmt: skip
    return Answer.json(found.get(name, {}))


def operator_text(cluster: Cluster, operator: Operator) -> str:
    """The text form, `Operator.String()`."""
    region, stamp = operator.region, cluster.go_time(operator.created_s)
    is_done = operator.status is OperatorStatus.SUCCESS
    steps = ", ".join(f"{i}:{{{step}}}" for i, step in enumerate(operator.steps))
    text = (
        f"{operator.desc} {{{operator.brief}}} (kind:{operator.kind}, "
        f"region:{region.id}({region.version}, {region.conf_ver}), createAt:{stamp}, startAt:{stamp}, "
        f"currentStep:{operator.current}, size:{region.size_mib}, steps:[{steps}], "
        f"timeout:[{duration(operator.timeout_s)}])"
    )
    return text + (" finished" if is_done else "")


def operators(cluster: Cluster, request: Request) -> Answer:
    """`GET /operators`: text, or objects when asked for; of one kind there may be null."""
    running = list(cluster.scheduling.running.values())
    kind = request.first("kind")
    if kind is not None:
        running = [o for o in running if kind in o.kind.split(",")]
        if not running:
            return Answer.json(None)
    if request.first("object") is None:
        return Answer.json([operator_text(cluster, o) for o in running])
    rows: list[dict[str, object]] = [
        {
            "desc": o.desc, "brief": o.brief, "region_id": o.region.id,
            "region_epoch": {"conf_ver": o.region.conf_ver, "version": o.region.version},
            "kind": sum(_KINDS[k] for k in o.kind.split(",")), "timeout": duration(o.timeout_s), "status": 1,
        }
        for o in running
    ]  # fmt: skip
    return Answer.json(rows)


def records(cluster: Cluster, request: Request) -> Answer:
    """`GET /operators/records`: none at all is an error, not an empty list."""
    given = request.first("from") or "0"
    if not given.isdigit():
        return Answer.json(f'strconv.ParseInt: parsing "{given}": invalid syntax', 400)
    since = float(given) - cluster.epoch_unix
    found = [
        f"{operator_text(cluster, o)} (finishAt:{cluster.go_time(o.finished_s)}, "
        f"duration:{duration(o.finished_s - o.created_s)})"
        for o in cluster.scheduling.finished
        if o.finished_s is not None and o.finished_s >= since
    ]
    return Answer.json(found) if found else Answer.json(_NOT_FOUND, 500)


def operator_of(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`GET /operators/{region}`: none is an error."""
    candidates = [*cluster.scheduling.running.values(), *reversed(cluster.scheduling.finished)]
    found = next((o for o in candidates if str(o.region.id) == ident), None)
    if found is None:
        return Answer.json(_NOT_FOUND, 500)
    return Answer.json(f"status: {found.status.value}, operator: {operator_text(cluster, found)}")


def add_operator(cluster: Cluster, request: Request) -> Answer:
    """`POST /operators`: what this cluster can do is move a leader; also while scheduling is halted."""
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    if "name" not in body:
        return Answer.json("missing operator name", 400)
    if body["name"] != "transfer-leader":
        return Answer.json("unknown operator", 400)
    for name in ("region_id", "to_store_id"):
        if not isinstance(body.get(name), int | float):
            return Answer.json(
                f"missing {'region id' if name == 'region_id' else 'store id to transfer leader to'}", 400
            )
    region = cluster.view.regions.get(int(cast("float", body["region_id"])))
    target = int(cast("float", body["to_store_id"]))
    if region is None:
        return Answer.json(f"[PD:region:ErrRegionNotFound]region {body['region_id']} not found", 500)
    if all(p.store_id != target for p in region.peers):
        return Answer.json(f"region has no voter in store {target}", 500)
    if region.leader_store == target:
        return Answer.json("no operator step is built", 500)
    if not cluster.scheduling.takes_leaders(target, cluster.now_s):
        return Answer.json("cannot create operator: target leader is not allowed", 500)
    if not cluster.scheduling.transfer("admin-transfer-leader", region, target, cluster.now_s, kind="admin,leader"):
        return Answer.json("[PD:operator:ErrAddOperator]failed to add operator, maybe already have one", 500)
    return Answer.json("The operator is created.")


def cancel_all(cluster: Cluster, _request: Request) -> Answer:
    """`DELETE /operators`."""
    for region_id in list(cluster.scheduling.running):
        cluster.scheduling.cancel(region_id, cluster.now_s)
    return Answer.json("All pending operators are canceled.")


def cancel_operator(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`DELETE /operators/{region}`."""
    if ident.isdigit() and cluster.scheduling.cancel(int(ident), cluster.now_s):
        return Answer.json("The pending operator is canceled.")
    return Answer.json(_NOT_FOUND, 500)


def _note(cluster: Cluster, message: str, fields: Mapping[str, object]) -> None:
    leader = cluster.quorum.leader
    if leader is not None:
        leader.log.write(cluster.now_s, "INFO", "handler.go:235", message, fields)
