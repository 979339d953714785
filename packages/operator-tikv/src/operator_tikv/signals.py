"""Every signal of a TiKV cluster, defined once as data.

Those with a metric are evaluated in two ways: compiled to PromQL, or from two scrapes of the process itself. The
windows: one minute for latencies, errors and region heartbeats, which is the shortest that a server scraping every
15 s can give; less than that for what stores say of each other and of PD, which tells a dead store from a lost
packet only while it is seconds old, and is therefore always taken from direct scrapes, look by look.

Metric names and labels: tikv v8.5.5 components/raftstore/src/store/metrics.rs, src/server/metrics.rs,
components/pd_client/src/metrics.rs, components/server/src/server.rs; tikv/pd v8.5.5 pkg/statistics,
server/metrics.go; etcd v3.5.15 server/etcdserver/metrics.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from operator_core.components import CLUSTER_KIND, Kind
from operator_core.readings import SignalName, Unit
from operator_core.signals import Signal, SignalKind

from operator_tikv import names as n

MINUTE = timedelta(minutes=1)
TALK = timedelta(seconds=7)
"""One look of five seconds and some room: an interval that lies wholly after a fault as soon as two looks do."""
RECONNECT = timedelta(seconds=12)
"""A store that cannot reach PD notices at its next store heartbeat, each 10 s, at the latest."""

SECONDS, BYTES, COUNT, PER_SECOND, WORD = Unit("s"), Unit("bytes"), Unit("1"), Unit("1/s"), Unit("state")


def _told(name: SignalName, about: Kind, unit: Unit, describes: str) -> Signal:
    """A signal that an API or a door tells."""
    kind = SignalKind.STATE if unit == WORD else SignalKind.GAUGE
    return Signal(name=name, about=about, unit=unit, kind=kind, describes=describes)


def _gauge(name: SignalName, about: Kind, unit: Unit, metric: str, describes: str, **labels: str) -> Signal:
    return Signal(
        name=name, about=about, unit=unit, kind=SignalKind.GAUGE, metric=metric, selector=labels, describes=describes
    )


def _rate(
    name: SignalName,
    metric: str,
    describes: str,
    *,
    window: timedelta = MINUTE,
    toward: str | None = None,
    selector: Mapping[str, str] | None = None,
) -> Signal:
    return Signal(
        name=name,
        about=n.STORE,
        unit=PER_SECOND,
        kind=SignalKind.RATE,
        metric=metric,
        selector=dict(selector or {}),
        toward=toward,
        window=window,
        describes=describes,
    )


def _p99(name: SignalName, metric: str, describes: str, **labels: str) -> Signal:
    return Signal(
        name=name,
        about=n.STORE,
        unit=SECONDS,
        kind=SignalKind.QUANTILE,
        metric=metric,
        selector=labels,
        window=MINUTE,
        quantile=0.99,
        describes=describes,
    )


def _mean(name: SignalName, metric: str, describes: str) -> Signal:
    return Signal(
        name=name, about=n.STORE, unit=SECONDS, kind=SignalKind.MEAN, metric=metric, window=MINUTE, describes=describes
    )


_C = CLUSTER_KIND
TOLD: tuple[Signal, ...] = (
    _told(n.STORE_LISTED, n.STORE, WORD, "whether PD lists the store now, or it is known from an earlier answer"),
    _told(n.STORE_STATE, n.STORE, WORD, "PD's state of the store"),
    _told(n.STORE_HEARTBEAT_AGE, n.STORE, SECONDS, "time since PD last had a heartbeat of the store"),
    _told(n.STORE_START, n.STORE, SECONDS, "start of the store's process as it told PD, in Unix time"),
    _told(n.STORE_LEADERS, n.STORE, COUNT, "regions led from the store, by PD's region cache"),
    _told(n.STORE_REGIONS, n.STORE, COUNT, "regions with a peer on the store, by PD's region cache"),
    _told(n.STORE_CAPACITY, n.STORE, BYTES, "size of the store's disk as it told PD"),
    _told(n.STORE_AVAILABLE, n.STORE, BYTES, "space left on the store's disk as it told PD"),
    _told(n.STORE_SPACE_LEFT, n.STORE, COUNT, "available by capacity of the store's disk"),
    _told(n.STORE_SLOW_SCORE, n.STORE, COUNT, "the store's own slow score, 1 to 100; PD calls 80 slow"),
    _told(n.STORE_BUSY, n.STORE, COUNT, "1 when the store tells PD that it is busy"),
    _told(n.STORE_EVICTING, n.STORE, COUNT, "1 when an evict-leader scheduler names the store"),
    _told(n.STORE_DRAINED, n.STORE, COUNT, "1 when the store's leaders had left it before it stopped answering us"),
    _told(n.STORE_STATUS_CONTACT, n.STORE, WORD, "what happened when we knocked at the status port"),
    _told(n.STORE_SERVICE_CONTACT, n.STORE, WORD, "what happened when we knocked at the raft and client port"),
    _told(n.STORE_SILENT_FOR, n.STORE, SECONDS, "time since no door of the store has answered us; 0 while one does"),
    _told(n.STORE_HEARD_AGO, n.STORE, SECONDS, "time since a door of the store last answered us"),
    _told(n.STORE_SEEN_UP, n.STORE, WORD, "who has ever seen the store up: us, pd or nobody"),
    _told(n.STORE_METRICS_CONTACT, n.STORE, WORD, "what came of scraping the store directly: answered, or why not"),
    _told(n.STORE_TARGET, n.STORE, WORD, "how Prometheus has the store as a target: up, down or missing"),
    _told(n.PD_LISTED, n.PD, WORD, "whether PD lists the member now, or it is known from an earlier answer"),
    _told(n.PD_CONTACT, n.PD, WORD, "what happened when we knocked at the member's client port"),
    _told(n.PD_SILENT_FOR, n.PD, SECONDS, "time since the member has not answered us; 0 while it does"),
    _told(n.PD_HEARD_AGO, n.PD, SECONDS, "time since the member last answered us"),
    _told(n.PD_LOST_AS, n.PD, WORD, "the role the member had when it stopped answering: leader or follower"),
    _told(n.PD_HEALTH, n.PD, WORD, "whether another member's ping of it is answered: healthy or unhealthy"),
    _told(n.PD_START, n.PD, SECONDS, "start of the member's process as it tells itself, in Unix time"),
    _told(n.PD_LEADER, _C, WORD, "name of the PD leader, or none"),
    _told(n.PD_LAST_LEADER, _C, WORD, "name of the last PD leader that was known"),
    _told(n.PD_LEADER_AGE, _C, SECONDS, "time since we saw the PD leader change"),
    _told(n.PD_LED_AGO, _C, SECONDS, "time since PD last answered as a whole"),
    _told(n.PD_LEADERLESS_FOR, _C, SECONDS, "time since PD last answered as a whole; 0 while it does"),
    _told(n.PD_ANSWER, _C, WORD, "how PD as a whole took our questions: answer, no leader or unreachable"),
    _told(n.PD_MEMBERS_ANSWERING, _C, COUNT, "PD members that answer us"),
    _told(n.CLUSTER_AGE, _C, SECONDS, "time since the oldest process that answers was started"),
    _told(n.CLUSTER_BOOTSTRAPPED, _C, COUNT, "1 when a store has ever joined, 0 when PD says that none has"),
    _told(n.WATCHED_FOR, _C, SECONDS, "time since our first look at the cluster"),
    _told(n.CLUSTER_REQUESTS, _C, PER_SECOND, "gRPC requests served by all stores that answer together"),
    _told(n.CLUSTER_WRITE_P99, _C, SECONDS, "p99 of a raft write at the store where it is longest"),
    _told(n.CLUSTER_VERSION_KNOWN, _C, WORD, "whether the cluster's version is one that we know: known, older, newer"),
    _told(n.STORES_UP, _C, COUNT, "stores that PD calls Up"),
    _told(n.STORES_KNOWN, _C, COUNT, "stores that are not removed"),
    _told(n.REGIONS_COUNT, _C, COUNT, "regions of the cluster"),
    _told(n.REGIONS_LED, _C, COUNT, "regions whose leader is on a store that PD calls Up"),
    _told(n.REPLICAS_MAX, _C, COUNT, "replicas that each region has"),
    _told(
        n.PROMETHEUS_CONTACT,
        _C,
        WORD,
        "what came of asking Prometheus: answered, stale, why not, or none when there is none",
    ),
    _told(n.PROMETHEUS_FRESHNESS, _C, SECONDS, "age of the newest sample of a TiKV store that Prometheus has"),
)

_RAFT = "tikv_raftstore"
MEASURED: tuple[Signal, ...] = (
    _rate(
        n.STORE_UNREACHABLE_REPORTS,
        "tikv_server_report_failure_msg_total",
        "messages that the store could not deliver to another",
        window=TALK,
        toward="store_id",
        selector={"type": "unreachable"},
    ),
    _rate(
        n.STORE_MESSAGES_FROM,
        f"{_RAFT}_message_recv_by_store",
        "raft messages that the store received from another",
        window=TALK,
        toward="store",
    ),
    _gauge(
        n.STORE_LEADERS_LOCAL,
        n.STORE,
        COUNT,
        f"{_RAFT}_region_count",
        "regions that the store itself says it leads",
        type="leader",
    ),
    _rate(
        n.STORE_PREVOTES,
        f"{_RAFT}_raft_sent_message_total",
        "pre-votes that the store sends: elections it tries to start",
        selector={"type": "prevote"},
    ),
    _rate(n.STORE_APPENDS, f"{_RAFT}_append_log_duration_seconds_count", "raft log writes of the store"),
    _p99(n.STORE_APPEND_P99, f"{_RAFT}_append_log_duration_seconds", "p99 of writing the raft log to the store's disk"),
    _mean(n.STORE_APPEND_MEAN, f"{_RAFT}_append_log_duration_seconds", "mean of writing the raft log to disk"),
    _p99(
        n.STORE_COMMIT_P99,
        f"{_RAFT}_commit_log_duration_seconds",
        "p99 of committing: append, network, and append at the faster follower",
    ),
    _mean(n.STORE_COMMIT_MEAN, f"{_RAFT}_commit_log_duration_seconds", "mean of committing"),
    _p99(n.STORE_APPLY_P99, f"{_RAFT}_apply_log_duration_seconds", "p99 of applying committed entries to RocksDB"),
    _mean(n.STORE_APPLY_MEAN, f"{_RAFT}_apply_log_duration_seconds", "mean of applying committed entries"),
    _p99(
        n.STORE_PROPOSE_WAIT_P99,
        f"{_RAFT}_request_wait_time_duration_secs",
        "p99 of the wait for a raftstore thread before a proposal",
    ),
    _mean(n.STORE_PROPOSE_WAIT_MEAN, f"{_RAFT}_request_wait_time_duration_secs", "mean of that wait"),
    _p99(n.STORE_SCHEDULER_P99, "tikv_scheduler_command_duration_seconds", "p99 of whole scheduler commands"),
    _p99(
        n.STORE_WRITE_P99,
        "tikv_storage_engine_async_request_duration_seconds",
        "p99 of a raft write as the storage layer sees it",
        type="write",
    ),
    _p99(
        n.STORE_PREWRITE_P99,
        "tikv_grpc_msg_duration_seconds",
        "p99 of kv_prewrite at the gRPC door",
        type="kv_prewrite",
    ),
    _p99(n.STORE_RAW_PUT_P99, "tikv_grpc_msg_duration_seconds", "p99 of raw_put at the gRPC door", type="raw_put"),
    *(
        _rate(
            name,
            "tikv_storage_engine_async_request_total",
            f"storage requests that end in {status}",
            selector={"status": status},
        )
        for name, status in (
            (n.STORE_ERRORS_TIMEOUT, "err_timeout"),
            (n.STORE_ERRORS_NOT_LEADER, "err_not_leader"),
            (n.STORE_ERRORS_DISK_FULL, "err_disk_full"),
        )
    ),
    _rate(n.STORE_REQUESTS, "tikv_grpc_msg_duration_seconds_count", "gRPC requests served"),
    _rate(
        n.STORE_PD_HEARTBEATS,
        "tikv_pd_heartbeat_message_total",
        "region heartbeats that the store sends to PD",
        selector={"type": "send"},
    ),
    _rate(
        n.STORE_PD_ANSWERS,
        "tikv_pd_heartbeat_message_total",
        "region heartbeats that PD answers with nothing to do",
        window=RECONNECT,
        selector={"type": "noop"},
    ),
    _rate(
        n.STORE_PD_RECONNECT_FAILURES,
        "tikv_pd_reconnect_total",
        "attempts of the store to reconnect to PD that fail",
        window=RECONNECT,
        selector={"type": "failure"},
    ),
    _gauge(
        n.STORE_PD_PENDING_HEARTBEATS,
        n.STORE,
        COUNT,
        "tikv_pd_pending_heartbeat_total",
        "heartbeats that wait at the store to be sent to PD",
    ),
    _gauge(
        n.STORE_DISK_AVAILABLE,
        n.STORE,
        BYTES,
        "tikv_store_size_bytes",
        "space left on the store's disk by its own metrics",
        type="available",
    ),
    _gauge(
        n.STORE_DISK_CAPACITY,
        n.STORE,
        BYTES,
        "tikv_store_size_bytes",
        "size of the store's disk by its own metrics",
        type="capacity",
    ),
    _gauge(
        n.STORE_PROCESS_START,
        n.STORE,
        SECONDS,
        "process_start_time_seconds",
        "start of the store's process by its own metrics, in Unix time",
    ),
    _gauge(n.PD_HAS_ETCD_LEADER, n.PD, COUNT, "etcd_server_has_leader", "1 when the member sees an etcd leader"),
    _gauge(n.PD_IS_LEADER, n.PD, COUNT, "etcd_server_is_leader", "1 when the member is the etcd leader"),
    _gauge(
        n.PD_TERM,
        n.PD,
        COUNT,
        "pd_server_etcd_state",
        "etcd term of the member; it rises with each election",
        type="term",
    ),
    *(
        _gauge(name, _C, COUNT, "pd_regions_status", describes, type=f"{word}-peer-region-count")
        for name, word, describes in (
            (n.REGIONS_MISS, "miss", "regions with fewer peers than they should have"),
            (n.REGIONS_DOWN, "down", "regions with a peer that its leader has not heard for ten minutes"),
            (n.REGIONS_PENDING, "pending", "regions with a peer that is far behind its leader"),
        )
    ),
)

PROBED: tuple[Signal, ...] = (
    _told(n.REGIONS_EXTRA, _C, COUNT, "regions with more peers than they should have"),
    _told(n.REGIONS_OFFLINE, _C, COUNT, "regions with a peer on a store that is being removed"),
    _told(n.REGIONS_LEARNER, _C, COUNT, "regions with a learner"),
    _told(n.REGION_LEADER, _C, WORD, "where PD last heard the region's leader"),
    _told(n.REGION_PEERS, _C, WORD, "the stores that hold the region's peers"),
    _told(n.REGION_DOWN_PEERS, _C, COUNT, "peers of the region that its leader has not heard for ten minutes"),
    _told(n.REGION_PENDING_PEERS, _C, COUNT, "peers of the region that are far behind its leader"),
    _told(n.REGION_SIZE, _C, BYTES, "approximate size of the region"),
    _told(n.REGION_LOCAL_ROLE, n.STORE, WORD, "raft role of the region's peer on the store, by the store itself"),
    _told(n.REGION_LOCAL_LEADER, n.STORE, COUNT, "peer that leads the region by the store's own word; 0 for none"),
    _told(n.REGION_LOCAL_TERM, n.STORE, COUNT, "raft term of the region's peer on the store"),
    _told(n.REGION_LOCAL_APPLIED, n.STORE, COUNT, "raft index that the region's peer on the store has applied"),
    _told(n.PD_SCHEDULERS, _C, WORD, "schedulers that run in PD"),
    _told(n.PD_OPERATORS, _C, COUNT, "PD operators under way"),
    _told(n.PD_OPERATOR, _C, WORD, "a PD operator under way"),
    _told(n.CONFIG_VALUE, _C, WORD, "the value of one setting of PD"),
)

SIGNALS: tuple[Signal, ...] = TOLD + MEASURED + PROBED
BY_NAME: Mapping[SignalName, Signal] = {s.name: s for s in SIGNALS}


def measured(about: Kind) -> tuple[Signal, ...]:
    """The signals with a metric about a kind of component."""
    return tuple(s for s in MEASURED if s.about == about)


def from_prometheus(signal: Signal) -> bool:
    """Whether a Prometheus server can give it: its samples are too far apart for windows under a minute."""
    return signal.metric is not None and (signal.window is None or signal.window >= MINUTE)
