"""PD's answers about itself: members, leader, health, version, and the cluster as a whole."""

from __future__ import annotations

from operator_simulator.faces.exchange import Answer, Later, Outcome, Request
from operator_simulator.faces.values import rfc3339_seconds
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member

_GIT_HASH = "c9cb1b2aadb2c9ad8e8b6d2b3a6ca0ac6ad6a6d1"
_PING_TIMEOUT_S = 3.0
_ETCD_TIMEOUT_S = 10.0
_NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time."""
_NOBODY = "no valid pd to transfer etcd leader"


def _member(cluster: Cluster, member: Member, *, full: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "name": member.name,
        "member_id": member.member_id,
        "peer_urls": [f"http://{member.name}:2380"],
        "client_urls": [f"http://{member.name}:2379"],
    }
    if full:
        found |= {"deploy_path": "/", "binary_version": f"v{cluster.config.version}", "git_hash": _GIT_HASH}
    return found


def _through_etcd(cluster: Cluster, member: Member, waited_s: float) -> Outcome | None:
    """What is read through etcd waits for its leader, and is given up after a while; None when it can be read."""
    leader = cluster.quorum.etcd_leader
    if leader is not None and leader in cluster.quorum.group(member):
        return None
    if waited_s < _ETCD_TIMEOUT_S:
        return Later(min(0.25, _ETCD_TIMEOUT_S - waited_s))
    return Answer.json("[PD:etcd:ErrEtcdKVGet]context deadline exceeded: context deadline exceeded", 500)


def _leader_by(cluster: Cluster, member: Member) -> Member | None:
    """Whom this member holds for the leader; a dead one for as long as its key lives."""
    now = cluster.now_s
    return member if cluster.quorum.leads(member, now) else cluster.quorum.known_leader(member, now, now)


def members(cluster: Cluster, member: Member, waited_s: float) -> Outcome:
    """`GET /members`, in the order of their ids."""
    waiting = _through_etcd(cluster, member, waited_s)
    if waiting is not None:
        return waiting
    quorum = cluster.quorum
    found: dict[str, object] = {
        "header": {"cluster_id": cluster.id},
        "members": [_member(cluster, m, full=True) for m in sorted(quorum.members, key=lambda m: m.member_id)],
    }
    leader = _leader_by(cluster, member)
    if leader is not None:
        found["leader"] = _member(cluster, leader, full=True)
    if quorum.etcd_leader is not None:
        found["etcd_leader"] = _member(cluster, quorum.etcd_leader, full=True)
    return Answer.json(found)


def leader(cluster: Cluster, member: Member) -> Answer:
    """`GET /leader`."""
    found = _leader_by(cluster, member)
    return Answer.json(_member(cluster, found, full=False) if found is not None else None)


def resign(cluster: Cluster, _request: Request) -> Answer:
    """`POST /leader/resign`."""
    if cluster.quorum.resign(cluster.now_s):
        return Answer.json("The resign command is submitted.")
    return Answer.json(_NOBODY, 500)


def transfer(cluster: Cluster, _request: Request, name: str) -> Answer:
    """`POST /leader/transfer/{name}`."""
    current = cluster.quorum.leader
    if current is not None and current.name == name:
        return Answer.json("The transfer command is submitted.")
    if cluster.quorum.resign(cluster.now_s, name):
        return Answer.json("The transfer command is submitted.")
    return Answer.json(_NOBODY, 500)


def health(cluster: Cluster, member: Member, waited_s: float) -> Outcome:
    """The asked member pings each one, up to 3 s for one that does not answer; it needs no majority for that."""
    rows: list[dict[str, object]] = []
    after = 0.0
    for other in cluster.quorum.members:
        answers = other is member or (
            other.is_running and other.has_joined and cluster.network.talks(member.name, other.name)
        )
        refused = other.refuses and cluster.network.talks(member.name, other.name)
        if not answers and not refused:
            after = _PING_TIMEOUT_S
        row: dict[str, object] = {
            "name": other.name,
            "member_id": other.member_id,
            "client_urls": [f"http://{other.name}:2379"],
            "health": answers,
        }
        rows.append(row)
    if after and waited_s < after:
        return Later(after)
    return Answer.json(rows)


def status(cluster: Cluster, member: Member) -> Answer:
    """`GET /status`: of the asked process alone."""
    return Answer.json(
        {
            "build_ts": "2025-12-23 07:50:12",
            "version": f"v{cluster.config.version}",
            "git_hash": _GIT_HASH,
            "start_timestamp": int(cluster.epoch_unix + member.started_s),
        }
    )


def version(cluster: Cluster) -> Answer:
    """`GET /version`."""
    return Answer.json({"version": f"v{cluster.config.version}", "build_time": "", "hash": "", "branch": ""})


def identity(cluster: Cluster, _request: Request) -> Answer:
    """`GET /cluster`."""
    return Answer.json({"id": cluster.id, "max_peer_count": int(cluster.settings.replication["max-replicas"])})


def cluster_status(cluster: Cluster, member: Member, waited_s: float) -> Outcome:
    """`GET /cluster/status`."""
    born = cluster.bootstrapped_s
    return _through_etcd(cluster, member, waited_s) or Answer.json(
        {
            "raft_bootstrap_time": _NEVER if born is None else rfc3339_seconds(cluster.epoch, born),
            "is_initialized": born is not None and _is_initialized(cluster),
            "replication_status": "",
        }
    )


def _is_initialized(cluster: Cluster) -> bool:
    """More than one region, or the one is fully replicated."""
    regions = list(cluster.view.regions.values())
    voters = [sum(not p.is_learner for p in r.peers) for r in regions]
    return len(regions) > 1 or (
        bool(regions) and voters[0] >= int(cluster.settings.replication["max-replicas"]) and not regions[0].pending
    )


def replication_mode(_cluster: Cluster, _request: Request) -> Answer:
    """`GET /replication_mode/status`."""
    return Answer.json({"mode": "majority", "dr-auto-sync": {"label_key": "", "state": "", "acid_consistent": False}})


def safe_point(_cluster: Cluster, _request: Request) -> Answer:
    """Without TiDB nothing advances it, and a zero minimum is left out."""
    return Answer.json({"service_gc_safe_points": [], "gc_safe_point": 0})


def resolved(cluster: Cluster, request: Request, ident: str = "") -> Answer:
    """`GET /min-resolved-ts`, of the cluster or of one store; each store's when the scope says so."""
    stamp = (int((cluster.epoch_unix + cluster.now_s) * 1000) - 1200) << 18
    wanted = request.first("scope") == "cluster" and not ident
    found = {
        "is_real_time": True,
        "min_resolved_ts": stamp,
        "persist_interval": "1s",
        "stores_min_resolved_ts": {str(i): stamp for i in cluster.view.stores} if wanted else None,
    }
    return Answer.json(found)


def ready(cluster: Cluster, member: Member, *, verbose: bool) -> Answer:
    """`GET /pd/api/v2/ready`: whether it has loaded the regions, and so can lead without waiting for reports.

    By another web framework than the rest: 4 spaces and no newline.
    """
    leads = cluster.bootstrapped_s is not None and cluster.quorum.leads(member, cluster.now_s)
    is_loaded = member.is_synced or leads
    body = b""
    if verbose:
        body = b'{\n    "region_loaded": true\n}' if is_loaded else b'{"region_loaded":false}'
    kind = "application/json; charset=utf-8" if verbose else None
    return Answer(status=200 if is_loaded else 500, body=body, content_type=kind)


def etcd_health(cluster: Cluster, member: Member) -> Answer:
    """Etcd's own `GET /health` at the same port: whether there is a majority."""
    leader = cluster.quorum.etcd_leader
    if leader is not None and leader in cluster.quorum.group(member):
        return Answer.text('{"health":"true","reason":""}')
    return Answer.error('{"health":"false","reason":"RAFT NO LEADER"}', 503)


def etcd_version() -> Answer:
    """Etcd's own `GET /version`."""
    body = b'{"etcdserver":"3.5.15","etcdcluster":"3.5.0"}'
    return Answer(status=200, body=body, content_type="application/json")
