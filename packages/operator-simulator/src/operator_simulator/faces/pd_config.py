"""PD's configuration and placement rules."""

from __future__ import annotations

from typing import Final, cast

from operator_simulator.faces.exchange import Answer, Later, Outcome, Request
from operator_simulator.faces.pd_schedule import read_object
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member
from operator_simulator.model.settings import Setting

_UNUSED: Final[dict[str, object]] = {
    "security": {
        "cacert-path": "", "cert-path": "", "key-path": "", "cert-allowed-cn": None, "SSLCABytes": None,
        "SSLCertBytes": None, "SSLKEYBytes": None, "redact-info-log": False,
        "encryption": {
            "data-encryption-method": "plaintext", "data-key-rotation-period": "168h0m0s",
            "master-key": {"type": "plaintext", "key-id": "", "region": "", "endpoint": "", "path": ""},
        },
    },
    "label-property": {},
    "dashboard": {
        "tidb-cacert-path": "", "tidb-cert-path": "", "tidb-key-path": "", "public-path-prefix": "",
        "internal-proxy": False, "enable-telemetry": False, "enable-experimental": False,
        "disable-custom-prom-addr": False,
    },
    "replication-mode": {
        "replication-mode": "majority",
        "dr-auto-sync": {
            "label-key": "", "primary": "", "dr": "", "primary-replicas": 0, "dr-replicas": 0,
            "wait-store-timeout": "1m0s", "wait-recover-timeout": "0s", "pause-region-split": "false",
        },
    },
    "keyspace": {
        "pre-alloc": None, "wait-region-split": True, "wait-region-split-timeout": "30s",
        "check-region-split-interval": "50ms",
    },
    "micro-service": {"enable-scheduling-fallback": "true"},
    "controller": {
        "degraded-mode-wait-duration": "0s", "ltb-max-wait-duration": "30s", "ltb-token-rpc-max-delay": "1s",
        "request-unit": {
            "read-base-cost": 0.125, "read-per-batch-base-cost": 0.5, "read-cost-per-byte": 1 / 65536,
            "write-base-cost": 1, "write-per-batch-base-cost": 1, "write-cost-per-byte": 1 / 1024,
            "read-cpu-ms-cost": 1 / 3,
        },
        "enable-controller-trace-log": "false",
    },
}  # fmt: skip
"""Parts of the configuration that nothing here makes use of, with PD's defaults."""


def _schedule(cluster: Cluster) -> dict[str, object]:
    settings = cluster.settings
    limits = {str(i): dict(settings.store_limits[i]) for i in sorted(cluster.view.stores, key=str)}
    kinds = [
        n.removesuffix("-scheduler").removeprefix("balance-" if "hot-region" in n else "")
        for n in cluster.scheduling.schedulers.paused_until_s
    ]
    found: dict[str, object] = {}
    for key, value in settings.schedule.items():
        if (key, value) != ("halt-scheduling", "false"):
            found[key] = value
        if key == "hot-region-cache-hits-threshold":
            found["store-limit"] = limits
        if key == "enable-heartbeat-concurrent-runner":
            rows = [{"type": k, "args": None, "disable": False, "args-payload": ""} for k in kinds]
            found["schedulers-v2"] = rows
    return found


def schedule(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/schedule`."""
    return Answer.json(_schedule(cluster))


def schedule_of_follower(cluster: Cluster) -> Answer:
    """A follower knows no limits of stores."""
    none: dict[str, object] = {}
    return Answer.json(_schedule(cluster) | {"store-limit": none})


def replicate(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/replicate`."""
    return Answer.json(dict(cluster.settings.replication))


def cluster_version(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/cluster-version`: a JSON string."""
    return Answer.json(cluster.config.version)


def whole(cluster: Cluster, member: Member, asked_s: float) -> Outcome:
    """`GET /config`: the asked member's own, with the leader's schedule and replication, for which it asks the leader.

    Args:
        asked_s: when the request came; whom it took for the leader then is asked.
    """
    quorum, now = cluster.quorum, cluster.now_s
    if not quorum.leads(member, now):
        leader = quorum.known_leader(member, asked_s, now)
        if leader is None:
            return Answer.json("[PD:server:ErrLeaderNil]leader is nil", 500)
        if leader.refuses:
            url = f"http://{leader.name}:2379"
            refused = f'Get "{url}/pd/api/v1/config": dial tcp 127.0.0.1:2379: connect: connection refused'
            return Answer.json(refused, 500)
        if not leader.is_running or not cluster.network.talks(member.name, leader.name):
            return Later(0.25)
        if not quorum.leads(leader, now):
            return Answer.json("[PD:http:ErrSendRequest]send HTTP request failed%!(EXTRA int=500)", 500)
    initial = ",".join(f"{m.name}=http://{m.name}:2380" for m in cluster.quorum.members)
    return Answer.json(
        {
            "client-urls": "http://0.0.0.0:2379", "peer-urls": "http://0.0.0.0:2380",
            "advertise-client-urls": f"http://{member.name}:2379", "advertise-peer-urls": f"http://{member.name}:2380",
            "name": member.name, "data-dir": f"/data/{member.name}", "force-new-cluster": False,
            "enable-grpc-gateway": True, "initial-cluster": initial, "initial-cluster-state": "new",
            "initial-cluster-token": "pd-cluster", "join": "", "lease": 5,
            "log": {
                "level": "info", "format": "text", "disable-timestamp": False,
                "file": {"filename": f"/logs/{member.name}.log", "max-size": 300, "max-days": 0, "max-backups": 0},
                "development": False, "disable-caller": False, "disable-stacktrace": False,
                "disable-error-verbose": True, "sampling": None, "error-output-path": "",
            },
            "max-concurrent-tso-proxy-streamings": 5000, "tso-proxy-recv-from-client-timeout": "1h0m0s",
            "tso-save-interval": "5s", "tso-update-physical-interval": "50ms", "enable-local-tso": False,
            "metric": {"job": member.name, "address": "", "interval": "15s"},
            "schedule": _schedule(cluster), "replication": dict(cluster.settings.replication),
            "pd-server": {
                "use-region-storage": "true", "max-gap-reset-ts": "24h0m0s", "key-type": "table",
                "runtime-services": "", "metric-storage": "", "dashboard-address": "none", "flow-round-by-digit": 3,
                "min-resolved-ts-persistence-interval": "1s", "server-memory-limit": 0,
                "server-memory-limit-gc-trigger": 0.7, "enable-gogc-tuner": "false", "gc-tuner-threshold": 0.6,
                "block-safe-point-v1": "false",
            },
            "cluster-version": cluster.config.version, "labels": {}, "quota-backend-bytes": "8GiB",
            "auto-compaction-mode": "periodic", "auto-compaction-retention-v2": "1h", "tick-interval": "500ms",
            "election-interval": "3s", "enable-prevote": True, "max-request-bytes": 157286400,
            **_UNUSED,
        }
    )  # fmt: skip


def change(cluster: Cluster, request: Request) -> Answer:
    """`POST /config`: a flat map of dotted or bare keys; all of it or nothing."""
    body = read_object(request)
    if isinstance(body, Answer):
        return body
    for key, value in body.items():
        section = cluster.settings.find(key)
        if section is None:
            return Answer.json(f"config item {key} not found", 400)
        bare, old = key.rpartition(".")[2], section[key.rpartition(".")[2]]
        if isinstance(value, bool):
            said = "json: invalid use of ,string struct tag, trying to unmarshal unquoted value into bool"
            return Answer.json(said, 400)
        if isinstance(old, int) and isinstance(value, str):
            said = f"json: cannot unmarshal string into Go struct field ScheduleConfig.{bare} of type uint64"
            return Answer.json(said, 400)
    for key, value in body.items():
        section = cluster.settings.find(key)
        assert section is not None
        section[key.rpartition(".")[2]] = cast("Setting", value)
    limit = cluster.settings.schedule["leader-schedule-limit"]
    cluster.scheduling.leader_limit = int(limit)
    cluster.scheduling.halted = cluster.settings.schedule["halt-scheduling"] == "true"
    return Answer.json("The config is updated.")


def _default_rule(cluster: Cluster) -> dict[str, object]:
    return {
        "group_id": "pd", "id": "default", "start_key": "", "end_key": "", "role": "voter", "is_witness": False,
        "count": int(cluster.settings.replication["max-replicas"]),
    }  # fmt: skip


def rules(cluster: Cluster, _request: Request) -> Answer:
    """`GET /config/rules`: the default rule."""
    return Answer.json([_default_rule(cluster)])


def rule(cluster: Cluster, _request: Request, group: str, ident: str) -> Answer:
    """`GET /config/rule/{group}/{id}`."""
    if (group, ident) == ("pd", "default"):
        return Answer.json(_default_rule(cluster))
    return Answer.json("[PD:placement:ErrRuleNotFound]rule not found", 404)
