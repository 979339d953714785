"""PD's answers about itself: members, leader, health, version, and the cluster as a whole."""

from __future__ import annotations

from operator_simulator.faces.exchange import Answer, Later, Outcome, Request
from operator_simulator.faces.values import rfc3339_seconds
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member

_GIT_HASH = "c9cb1b2aadb2c9ad8e8b6d2b3a6ca0ac6ad6a6d1"
_PING_TIMEOUT_S = 3.0
_ETCD_TIMEOUT_S = 10.0


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


def _without_quorum(waited_s: float) -> Outcome:
    """The member list is read through etcd, which gives up after a while."""
    if waited_s < _ETCD_TIMEOUT_S:
        return Later(1.0)
    return Answer.json("[PD:etcd:ErrEtcdMemberList]etcd member list failed: context deadline exceeded", 500)


def members(cluster: Cluster, _request: Request) -> Answer:
    """`GET /members`, read through etcd."""
    quorum = cluster.quorum
    found: dict[str, object] = {
        "header": {"cluster_id": cluster.id},
        "members": [_member(cluster, m, full=True) for m in quorum.members],
    }
    if quorum.leader is not None:
        found["leader"] = _member(cluster, quorum.leader, full=False)
    if quorum.etcd_leader is not None:
        found["etcd_leader"] = _member(cluster, quorum.etcd_leader, full=True)
    return Answer.json(found)


def leader(cluster: Cluster, _request: Request) -> Answer:
    """`GET /leader`."""
    found = cluster.quorum.leader
    return Answer.json(_member(cluster, found, full=False) if found is not None else None)


def resign(cluster: Cluster, _request: Request) -> Answer:
    """`POST /leader/resign`."""
    if cluster.quorum.resign(cluster.now_s):
        return Answer.json("The resign command is submitted.")
    return Answer.json("no other member to resign to", 500)


def transfer(cluster: Cluster, _request: Request, name: str) -> Answer:
    """`POST /leader/transfer/{name}`."""
    current = cluster.quorum.leader
    if current is not None and current.name == name:
        return Answer.json("The transfer command is submitted.")
    if cluster.quorum.resign(cluster.now_s, name):
        return Answer.json("The transfer command is submitted.")
    return Answer.json(f"failed to transfer leader to {name}", 500)


def health(cluster: Cluster, member: Member, waited_s: float) -> Outcome:
    """The asked member pings each one, up to 3 s for one that does not answer."""
    if not member.has_joined or not cluster.quorum.has_quorum(member):
        return _without_quorum(waited_s)
    rows: list[dict[str, object]] = []
    after = 0.0
    for other in cluster.quorum.members:
        answers = other is member or (
            other.is_running and other.has_joined and cluster.network.talks(member.name, other.name)
        )
        refused = other.is_dead and cluster.network.talks(member.name, other.name)
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


def cluster_status(cluster: Cluster, _request: Request) -> Answer:
    """`GET /cluster/status`."""
    return Answer.json(
        {
            "raft_bootstrap_time": rfc3339_seconds(cluster.epoch, cluster.bootstrapped_s),
            "is_initialized": True,
            "replication_status": "",
        }
    )


def replication_mode(_cluster: Cluster, _request: Request) -> Answer:
    """`GET /replication_mode/status`."""
    return Answer.json({"mode": "majority", "dr-auto-sync": {"label_key": "", "state": "", "acid_consistent": False}})


def safe_point(_cluster: Cluster, _request: Request) -> Answer:
    """Without TiDB nothing advances it."""
    return Answer.json({"service_gc_safe_points": None, "min_service_gc_safe_point": 0, "gc_safe_point": 0})


def resolved(cluster: Cluster, _request: Request) -> Answer:
    """`GET /min-resolved-ts`."""
    physical = int((cluster.epoch_unix + cluster.now_s) * 1000) - 1200
    found = {
        "is_real_time": True,
        "min_resolved_ts": physical << 18,
        "persist_interval": "1s",
        "stores_min_resolved_ts": None,
    }
    return Answer.json(found)
