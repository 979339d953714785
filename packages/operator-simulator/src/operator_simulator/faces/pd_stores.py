"""PD's answers about stores, their limits and their movements."""

from __future__ import annotations

import re

from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.faces.values import byte_size, duration, nanoseconds, rfc3339, rfc3339_seconds
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.view import MetaState, StoreRecord
from operator_simulator.noise import stream

_GIT_HASH = "a37caf5a3a2cd8ea5dbd9c6dcd9a8a3ffdb1e4fd"


def store_object(cluster: Cluster, record: StoreRecord) -> dict[str, object]:
    """`StoreInfo`: zero values of the protobuf part are absent."""
    now, epoch, view = cluster.now_s, cluster.epoch, cluster.view
    meta: dict[str, object] = {"id": record.id, "address": f"{record.name}:20160"}
    if record.state is not MetaState.UP:
        meta["state"] = int(record.state)
    if record.labels:
        meta["labels"] = [{"key": k, "value": v} for k, v in record.labels.items()]
    meta |= {
        "version": cluster.config.version,
        "peer_address": f"{record.name}:20160",
        "status_address": f"{record.name}:20180",
        "git_hash": _GIT_HASH,
        "start_timestamp": int(cluster.epoch_unix + record.start_s),
        "deploy_path": "/",
    }
    if record.last_heartbeat_s is not None:
        meta["last_heartbeat"] = nanoseconds(epoch, record.last_heartbeat_s)
    if record.state is not MetaState.UP or record.is_serving:
        meta["node_state"] = {MetaState.UP: 1, MetaState.OFFLINE: 2, MetaState.TOMBSTONE: 3}[record.state]
    meta |= {
        "state_name": record.state_name(now, _down_after_s(cluster)),
    }
    led, held, stats = view.led_by(record.id), view.held_by(record.id), record.stats
    sizes, lead = sum(r.size_mib for r in held), sum(r.size_mib for r in led)
    status: dict[str, object] = {
        "capacity": byte_size(stats.capacity_bytes if stats else 0),
        "available": byte_size(stats.available_bytes if stats else 0),
        "used_size": byte_size(stats.used_bytes if stats else 0),
        "leader_count": len(led),
        "leader_weight": record.leader_weight,
        "leader_score": len(led) / max(record.leader_weight, 0.01),
        "leader_size": lead,
        "region_count": len(held),
        "region_weight": record.region_weight,
        "region_score": round(sizes * (1.00127 if stats else 1) / max(record.region_weight, 0.01), 6),
        "region_size": sizes,
    }
    learners = sum(1 for r in held for p in r.peers if p.store_id == record.id and p.is_learner)
    if learners:
        status["learner_count"] = learners
    pending = sum(1 for r in held for p in r.peers if p.store_id == record.id and p.id in r.pending)
    if pending:
        status["pending_peer_count"] = pending
    if stats is not None:
        status["slow_score"] = stats.slow_score
        status["slow_trend"] = {
            "cause_value": 250041,
            "cause_rate": 0,
            "result_value": round(stats.write_ops),
            "result_rate": 0,
        }
        if stats.sending_snapshots:
            status["sending_snap_count"] = stats.sending_snapshots
        if stats.receiving_snapshots:
            status["receiving_snap_count"] = stats.receiving_snapshots
        if stats.is_busy:
            status["is_busy"] = True
    start = int(cluster.epoch_unix + record.start_s) - cluster.epoch_unix
    status["start_ts"] = rfc3339_seconds(epoch, start)
    status["last_heartbeat_ts"] = last_heartbeat(cluster, record)
    if record.last_heartbeat_s is not None and record.last_heartbeat_s > start:
        status["uptime"] = duration(record.last_heartbeat_s - start)
    return {"store": meta, "status": status}


def last_heartbeat(cluster: Cluster, record: StoreRecord) -> str:
    """`last_heartbeat_ts`; Go's time of a zero counter where there was none."""
    if record.last_heartbeat_s is None:
        return "1970-01-01T00:00:00Z"
    return rfc3339(cluster.epoch, record.last_heartbeat_s)


def _down_after_s(cluster: Cluster) -> float:
    return go_seconds(str(cluster.settings.schedule["max-store-down-time"]))


def go_seconds(text: str) -> float:
    """Read Go's duration text (``1h2m3s``)."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(n) * units[u] for n, u in re.findall(r"([0-9.]+)(ms|h|m|s)", text))


def _listed(cluster: Cluster, records: list[StoreRecord], request: Request) -> Answer:
    rng = stream(cluster.config.seed, "order", request.path, round(cluster.now_s * 1000))
    rng.shuffle(records)
    return Answer.json({"count": len(records), "stores": [store_object(cluster, r) for r in records]})


def stores(cluster: Cluster, request: Request) -> Answer:
    """`GET /stores`: tombstones are hidden unless they are asked for."""
    wanted = {MetaState.UP, MetaState.OFFLINE}
    if given := request.every("state"):
        wanted = set[MetaState]()
        for text in given:
            if not text.isdigit():
                return Answer.json(f'strconv.ParseUint: parsing "{text}": invalid syntax', 500)
            if int(text) > MetaState.TOMBSTONE:
                return Answer.json(f"unknown StoreState: {text}", 500)
            wanted.add(MetaState(int(text)))
    return _listed(cluster, [r for r in cluster.view.stores.values() if r.state in wanted], request)


def stores_check(cluster: Cluster, request: Request) -> Answer:
    """`GET /stores/check`: by the computed name."""
    names = [s.lower() for s in request.every("state")]
    for name in names:
        if name not in {"up", "offline", "tombstone", "down", "disconnected"}:
            return Answer.json(f"unknown StoreState: {name}", 400)
    down = _down_after_s(cluster)
    found = [r for r in cluster.view.stores.values() if not names or r.state_name(cluster.now_s, down).lower() in names]
    return _listed(cluster, found, request)


def find(cluster: Cluster, text: str) -> StoreRecord | Answer:
    """The store of a path, or the answer that refuses it."""
    if not text.isdigit():
        said = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        return Answer.json({"code": "input", "msg": said, "data": {}}, 400)
    record = cluster.view.stores.get(int(text))
    return record if record is not None else Answer.json(f"[PD:core:ErrStoreNotFound]store {text} not found", 404)


def store(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`GET /store/{id}`."""
    found = find(cluster, ident)
    return found if isinstance(found, Answer) else Answer.json(store_object(cluster, found))


def remove(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`DELETE /store/{id}`: refused where the rest could not hold all replicas."""
    found = find(cluster, ident)
    if isinstance(found, Answer):
        return found
    if found.state is MetaState.TOMBSTONE:
        return Answer.json(f"[PD:core:ErrStoreRemoved]store {ident} has been removed", 410)
    up = sum(1 for r in cluster.view.stores.values() if r.state_name(cluster.now_s) == "Up" and r is not found)
    need = int(cluster.settings.replication["max-replicas"])
    if up < need:
        said = f"can not remove store {ident} since the number of up stores would be {up} while need {need}"
        return Answer.json(f"[PD:core:ErrStoresNotEnough]{said}", 400)
    found.state = MetaState.OFFLINE
    return Answer.json("The store is set as Offline.")


def set_state(cluster: Cluster, request: Request, ident: str) -> Answer:
    """`POST /store/{id}/state`."""
    found = find(cluster, ident)
    if isinstance(found, Answer):
        return found
    match request.first("state"):
        case "Up":
            found.state = MetaState.UP
            return Answer.json("The store's state is updated.")
        case "Offline":
            answer = remove(cluster, request, ident)
            return answer if answer.status != 200 else Answer.json("The store's state is updated.")
        case other:
            return Answer.json(f"invalid state {other}", 400)


def limits(cluster: Cluster, _request: Request) -> Answer:
    """`GET /stores/limit`: ids are text."""
    return Answer.json({str(i): dict(cluster.settings.store_limits[i]) for i in sorted(cluster.view.stores, key=str)})


def labels(cluster: Cluster, _request: Request) -> Answer:
    """`GET /labels`: distinct, null when there are none."""
    found = sorted({(k, v) for r in cluster.view.stores.values() for k, v in r.labels.items()})
    return Answer.json([{"key": k, "value": v} for k, v in found] or None)


def _uptime_s(record: StoreRecord) -> float:
    return 0.0 if record.last_heartbeat_s is None else record.last_heartbeat_s - record.start_s


def trend(cluster: Cluster, request: Request) -> Answer:
    """`GET /trend`: exact bytes, and what operators have moved."""
    view, epoch = cluster.view, cluster.epoch
    rows: list[dict[str, object]] = []
    for record in view.stores.values():
        stats = record.stats
        rows.append(
            {
                "id": record.id, "address": f"{record.name}:20160", "state_name": record.state_name(cluster.now_s),
                "capacity": stats.capacity_bytes if stats else 0, "available": stats.available_bytes if stats else 0,
                "region_count": len(view.held_by(record.id)), "leader_count": len(view.led_by(record.id)),
                "start_ts": rfc3339_seconds(epoch, record.start_s),
                "last_heartbeat_ts": last_heartbeat(cluster, record),
                "uptime": duration(_uptime_s(record)),
                "hot_write_flow": 0, "hot_write_region_flows": None, "hot_read_flow": 0, "hot_read_region_flows": None,
            }
        )  # fmt: skip
    since = float(request.first("from") or 0) - cluster.epoch_unix
    moves: dict[tuple[str, int, int], int] = {}
    for done in cluster.scheduling.finished:
        if done.finished_s is not None and done.finished_s >= since and done.source:
            move = ("leader" if done.moves_leader else "region", done.source, done.target)
            moves[move] = moves.get(move, 0) + 1
    entries = [{"from": a, "to": b, "kind": kind, "count": n} for (kind, a, b), n in sorted(moves.items())]
    now = int(cluster.epoch_unix + cluster.now_s)
    start = max(int(since + cluster.epoch_unix), now - 600)
    return Answer.json({"stores": rows, "history": {"start": start, "end": now, "entries": entries}})
