"""PD's configuration and placement rules."""

from __future__ import annotations

from typing import cast

from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.faces.pd_schedule import read_object
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member
from operator_simulator.model.settings import Setting


def _schedule(cluster: Cluster) -> dict[str, object]:
    settings = cluster.settings
    limits = {str(i): dict(v) for i, v in sorted(settings.store_limits.items(), key=lambda x: str(x[0]))}
    kinds = [n.removesuffix("-scheduler") for n in cluster.scheduling.schedulers.paused_until_s]
    return {
        **settings.schedule,
        "store-limit": limits,
        "schedulers-v2": [{"type": k, "args": None, "disable": False, "args-payload": ""} for k in kinds],
    }


def schedule(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/schedule`."""
    return Answer.json(_schedule(cluster))


def replicate(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/replicate`."""
    return Answer.json(dict(cluster.settings.replication))


def cluster_version(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/cluster-version`: a JSON string."""
    return Answer.json(cluster.config.version)


def whole(cluster: Cluster, member: Member) -> Answer:
    """`GET /config`: the asked member's own, with the leader's schedule and replication."""
    initial = ",".join(f"{m.name}=http://{m.name}:2380" for m in cluster.quorum.members)
    return Answer.json(
        {
            "client-urls": "http://0.0.0.0:2379", "peer-urls": "http://0.0.0.0:2380",
            "advertise-client-urls": f"http://{member.name}:2379", "advertise-peer-urls": f"http://{member.name}:2380",
            "name": member.name, "data-dir": f"/data/{member.name}", "force-new-cluster": False,
            "enable-grpc-gateway": True, "initial-cluster": initial, "initial-cluster-state": "new",
            "initial-cluster-token": "pd-cluster", "join": "", "lease": 5,
            "log": {"level": "info", "format": "text", "disable-timestamp": False},
            "tso-save-interval": "5s", "tso-update-physical-interval": "50ms", "enable-local-tso": False,
            "metric": {"job": member.name, "address": "", "interval": "15s"},
            "schedule": _schedule(cluster), "replication": dict(cluster.settings.replication),
            "pd-server": {"use-region-storage": "true", "max-gap-reset-ts": "24h0m0s", "key-type": "table",
                          "metric-storage": "", "dashboard-address": "none", "flow-round-by-digit": 3,
                          "min-resolved-ts-persistence-interval": "1s"},
            "cluster-version": cluster.config.version, "labels": {}, "quota-backend-bytes": "8GiB",
            "auto-compaction-mode": "periodic", "auto-compaction-retention-v2": "1h", "tick-interval": "500ms",
            "election-interval": "3s", "enable-prevote": True,
            "replication-mode": {"replication-mode": "majority"},
        }
    )  # fmt: skip


def change(cluster: Cluster, request: Request) -> Answer:
    """`POST /config`: a flat map of dotted or bare keys; all of it or nothing."""
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    for key in body:
        if cluster.settings.find(key) is None:
            return Answer.json(f"config item {key} not found", 400)
    for key, value in body.items():
        section = cluster.settings.find(key)
        assert section is not None
        section[key.rpartition(".")[2]] = cast("Setting", value)
    limit = cluster.settings.schedule["leader-schedule-limit"]
    cluster.scheduling.leader_limit = int(limit)
    return Answer.json("The config is updated.")


def rules(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/rules`: the default rule."""
    rule = {
        "group_id": "pd", "id": "default", "start_key": "", "end_key": "", "role": "voter", "is_witness": False,
        "count": int(cluster.settings.replication["max-replicas"]),
    }  # fmt: skip
    return Answer.json([rule])
