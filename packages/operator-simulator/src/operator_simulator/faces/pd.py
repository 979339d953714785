"""One PD process at its client port: who answers, and what it takes to find out (pd v8.5.5 `apiutil/serverapi`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast

from operator_simulator.faces import pd_config, pd_members, pd_regions, pd_schedule, pd_stores
from operator_simulator.faces.exchange import Answer, Later, Outcome, Request
from operator_simulator.faces.scrape import scrape
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member

V1: Final = "/pd/api/v1"
_BACKOFF_S: Final = (0.1, 0.2, 0.4, 0.8, 1.5)
_PROXY_GIVES_UP_S: Final = 30.0
"""Go's proxy gives up a connection that cannot be made; one that has been made is waited for without limit."""
_NOT_BOOTSTRAPPED: Final = "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"
_REDIRECT_FAILED: Final = "[PD:apiutil:ErrRedirect]redirect failed"
_TO_NOT_LEADER: Final = "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader"
_PANIC: Final = (
    "PANIC: runtime error: invalid memory address or nil pointer dereference\ngoroutine 2389 [running]:\n"
    "github.com/urfave/negroni/v3.(*Recovery).ServeHTTP.func1()\n"
)
_TOP: Final = "(writeflow|readflow|writequery|readquery|size|keys|cpu|confver|version)"
_CHECKS: Final = "((?:miss|extra|down|pending|offline|learner)-peer|(?:empty|oversized|undersized)-region)"

_Handler = Callable[..., Answer]
_ROUTES: Final[tuple[tuple[str, str, _Handler], ...]] = (
    ("GET", "/stores", pd_stores.stores),
    ("GET", "/stores/check", pd_stores.stores_check),
    ("GET", "/stores/limit", pd_stores.limits),
    ("GET", "/store/([^/]+)", pd_stores.store),
    ("DELETE", "/store/([^/]+)", pd_stores.remove),
    ("POST", "/store/([^/]+)/state", pd_stores.set_state),
    ("GET", "/labels", pd_stores.labels),
    ("GET", "/trend", pd_stores.trend),
    ("GET", "/regions", pd_regions.everything),
    ("GET", "/regions/count", pd_regions.count),
    ("GET", "/regions/key", pd_regions.scan),
    ("GET", "/regions/sibling/([^/]+)", pd_regions.siblings),
    ("GET", "/regions/range-holes", pd_regions.holes),
    ("GET", "/stats/region", pd_regions.totals),
    ("GET", "/regions/store/([^/]+)", pd_regions.of_store),
    ("GET", f"/regions/check/{_CHECKS}", pd_regions.check),
    ("GET", f"/regions/{_TOP}", pd_regions.top),
    ("GET", "/region/id/([^/]+)", pd_regions.by_id),
    ("GET", "/hotspot/regions/(write|read)", pd_regions.hot_regions),
    ("GET", "/hotspot/stores", pd_regions.hot_stores),
    ("POST", "/leader/resign", pd_members.resign),
    ("POST", "/leader/transfer/([^/]+)", pd_members.transfer),
    ("GET", "/cluster", pd_members.identity),
    ("GET", "/replication_mode/status", pd_members.replication_mode),
    ("GET", "/gc/safepoint", pd_members.safe_point),
    ("GET", "/min-resolved-ts", pd_members.resolved),
    ("GET", "/min-resolved-ts/([0-9]+)", pd_members.resolved),
    ("GET", "/schedulers", pd_schedule.schedulers),
    ("POST", "/schedulers", pd_schedule.add_scheduler),
    ("POST", "/schedulers/([^/]+)", pd_schedule.pause_scheduler),
    ("DELETE", "/schedulers/([^/]+)", pd_schedule.remove_scheduler),
    ("GET", "/scheduler-config/([^/]+)/list", pd_schedule.scheduler_config),
    ("POST", "/scheduler-config/evict-leader-scheduler/config", pd_schedule.configure_evictor),
    ("DELETE", "/scheduler-config/evict-leader-scheduler/delete/([0-9]+)", pd_schedule.release_store),
    ("GET", "/operators", pd_schedule.operators),
    ("POST", "/operators", pd_schedule.add_operator),
    ("DELETE", "/operators", pd_schedule.cancel_all),
    ("GET", "/operators/records", pd_schedule.records),
    ("GET", "/operators/([^/]+)", pd_schedule.operator_of),
    ("DELETE", "/operators/([^/]+)", pd_schedule.cancel_operator),
    ("GET", "/config/schedule", pd_config.schedule),
    ("GET", "/config/replicate", pd_config.replicate),
    ("GET", "/config/cluster-version", pd_config.cluster_version),
    ("GET", "/config/rules", pd_config.rules),
    ("GET", "/config/rule/([^/]+)/([^/]+)", pd_config.rule),
    ("POST", "/config", pd_config.change),
    ("POST", "/config/(?:schedule|replicate)", pd_config.change),
)
_COMPILED: Final = tuple((m, re.compile(f"{p}/?"), h) for m, p, h in _ROUTES)
_SERVED_WITHOUT_CLUSTER: Final = ("/leader", "/config", "/cluster", "/gc/safepoint")
_NEWER_NAMES: Final = {"/pd/ping": f"{V1}/ping", "/pd/health": f"{V1}/health"}


def answer(cluster: Cluster, member: Member, request: Request, waited_s: float) -> Outcome:
    """What this PD answers.

    Args:
        waited_s: how long the caller has been waiting already, since the request came in.
    """
    if not member.has_joined:
        return Later(0.25)
    if request.path == "/metrics":
        return scrape(cluster, member, waited_s)
    path = _NEWER_NAMES.get(request.path, request.path)
    if path.startswith("/dashboard/"):
        return Answer.error("Dashboard is not built.", 200)
    local = _local(cluster, member, request, path, waited_s)
    if local is not None:
        return local
    if not path.startswith(V1):
        return Answer.error("404 page not found", 404)
    path = path.removeprefix(V1)
    asked_s = cluster.now_s - waited_s
    if asked_s < member.joined_s:
        return Answer.error("[PD:server:ErrServerNotStarted]server not started", 500)
    was_forwarded = cluster.quorum.named(asked_s) not in (member, None)
    if cluster.quorum.leads(member, cluster.now_s) and not was_forwarded:
        return _as_leader(cluster, member, request, path, waited_s)
    if request.headers.get("pd-allow-follower-handle"):
        return _as_follower(cluster, member, request, path, waited_s)
    if request.headers.get("pd-redirector"):
        return Answer.error(_TO_NOT_LEADER, 500)
    return _forwarded(cluster, member, request, path, waited_s)


def _local(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome | None:
    """Paths that the asked process answers itself, leader or not."""
    if request.method != "GET":
        return None
    match path:
        case "/pd/api/v1/ping":
            return Answer(status=200)
        case "/pd/api/v1/status":
            return pd_members.status(cluster, member)
        case "/pd/api/v1/version":
            return pd_members.version(cluster)
        case "/pd/api/v1/health":
            return pd_members.health(cluster, member, waited_s)
        case "/pd/api/v1/config":
            return pd_config.whole(cluster, member, cluster.now_s - waited_s)
        case "/pd/api/v2/ready":
            return pd_members.ready(cluster, member, verbose=request.first("verbose") is not None)
        case "/health":
            return pd_members.etcd_health(cluster, member)
        case "/version":
            return pd_members.etcd_version()
        case _:
            return None


def _of_member(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome | None:
    """Paths whose answer depends on who was asked, and on how long etcd has been without a majority."""
    if request.method != "GET":
        return Answer(status=405) if path in {"/members", "/leader", "/cluster/status"} else None
    match path:
        case "/members":
            return pd_members.members(cluster, member, waited_s)
        case "/leader":
            return pd_members.leader(cluster, member)
        case "/cluster/status":
            return pd_members.cluster_status(cluster, member, waited_s)
        case _:
            return None


def _as_leader(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome:
    if cluster.bootstrapped_s is None:
        return _without_cluster(cluster, member, request, path, waited_s)
    return _of_member(cluster, member, request, path, waited_s) or _dispatch(cluster, request, path)


def _as_follower(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome:
    """A follower that was told to answer itself has no stores and no regions."""
    return _without_cluster(cluster, member, request, path, waited_s)


def _without_cluster(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome:
    """Without the raft cluster, which runs at the leader and since the bootstrap; one handler does not expect that."""
    found = _of_member(cluster, member, request, path, waited_s)
    if found is not None:
        return found
    if path == "/hotspot/stores":
        return Answer.text(_PANIC, 500)
    if path == "/config/schedule" and request.method == "GET":
        return pd_config.schedule_of_follower(cluster)
    if path != "/config/rules" and path.startswith(_SERVED_WITHOUT_CLUSTER):
        return _dispatch(cluster, request, path)
    return Answer.json(_NOT_BOOTSTRAPPED, 406 if path.startswith("/scheduler-config") else 500)


def _forwarded(cluster: Cluster, member: Member, request: Request, path: str, waited_s: float) -> Outcome:
    """A follower passes the request on to whom it takes for the leader; one hop only, and never to another one later.

    A dead leader refuses at once. A frozen one keeps the request for as long as it is frozen, because the proxy has
    no time limit; when it goes on, it says that it leads no more.
    """
    now = cluster.now_s
    leader = cluster.quorum.known_leader(member, now - waited_s, now)
    if leader is None:
        waits = 0.0
        for pause in _BACKOFF_S:
            waits += pause
            if waited_s < waits - 1e-6:
                return Later(waits - waited_s)
        return Answer.error("[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader", 503)
    if not cluster.network.talks(member.name, leader.name):
        if waited_s < _PROXY_GIVES_UP_S:
            return Later(0.25)
        return Answer.error(_REDIRECT_FAILED, 500)
    if leader.refuses or not leader.has_joined:
        return Answer.error(_REDIRECT_FAILED, 500)
    if not leader.is_running:
        return Later(0.25)
    if not cluster.quorum.leads(leader, now):
        return Answer.error(_TO_NOT_LEADER, 500)
    found = _as_leader(cluster, leader, request, path, waited_s)
    if not isinstance(found, Answer):
        return found
    hop = cluster.network.round_trip_s(member.name, leader.name)
    return Answer(status=found.status, body=found.body, content_type=found.content_type, after_s=found.after_s + hop)


def _dispatch(cluster: Cluster, request: Request, path: str) -> Answer:
    matched = False
    for method, pattern, handler in _COMPILED:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        matched = True
        if method == request.method:
            if method != "GET":
                _audit(cluster, request)
            return handler(cluster, request, *cast("tuple[str, ...]", found.groups()))
    return Answer(status=405) if matched else Answer.error("404 page not found", 404)


def _audit(cluster: Cluster, request: Request) -> None:
    """Every change by HTTP is written down by the leader."""
    leader = cluster.quorum.leader
    if leader is not None:
        said = (
            f"{{ServiceLabel:, Method:HTTP/1.1/{request.method}:{request.path}, CallerID:, IP:127.0.0.1, Port:51234, "
            f"StartTime:{cluster.instant(cluster.now_s):%Y-%m-%d %H:%M:%S} +0000 UTC, URLParam:{dict(request.query)}, "
            f"BodyParam:{request.body.decode(errors='replace')}}}"
        )
        leader.log.write(cluster.now_s, "INFO", "audit.go:126", "audit log", {"service-info": said})
