"""The kinds, roles and component names of a TiKV cluster, in TiKV's and PD's own words."""

from __future__ import annotations

from operator_core.components import ComponentRef, Kind, Role
from operator_core.readings import SignalName

STORE = Kind("store")
PD = Kind("pd")
LEADER = Role("leader")
NO_LEADER = "none"
"""The word that stands in place of a member's name when PD has no leader."""

PD_SOURCE = "pd"
PROMETHEUS_SOURCE = "prometheus"


def store_ref(store: int | str) -> ComponentRef:
    """A store by PD's number for it."""
    return ComponentRef(STORE, str(store))


def pd_ref(name: str) -> ComponentRef:
    """A PD member by its name."""
    return ComponentRef(PD, name)


def member_source(ref: ComponentRef) -> str:
    """The source that is a PD member's own, local answers (``pd pd0``)."""
    return f"pd {ref.id}"


def metrics_source(ref: ComponentRef) -> str:
    """The source that is a process's own ``/metrics`` (``metrics of store 4``)."""
    return f"metrics of {ref}"


# What PD and the doors tell of a store.
STORE_LISTED = SignalName("store.listed")
STORE_STATE = SignalName("store.state")
STORE_HEARTBEAT_AGE = SignalName("store.heartbeat_age")
STORE_START = SignalName("store.start")
STORE_LEADERS = SignalName("store.leaders")
STORE_REGIONS = SignalName("store.regions")
STORE_CAPACITY = SignalName("store.capacity")
STORE_AVAILABLE = SignalName("store.available")
STORE_SPACE_LEFT = SignalName("store.space_left")
STORE_SLOW_SCORE = SignalName("store.slow_score")
STORE_BUSY = SignalName("store.busy")
STORE_EVICTING = SignalName("store.evicting")
STORE_DRAINED = SignalName("store.drained")
STORE_STATUS_CONTACT = SignalName("store.status_contact")
STORE_SERVICE_CONTACT = SignalName("store.service_contact")
STORE_SILENT_FOR = SignalName("store.silent_for")
STORE_HEARD_AGO = SignalName("store.heard_ago")
STORE_SEEN_UP = SignalName("store.seen_up")
STORE_TARGET = SignalName("store.target")
STORE_METRICS_CONTACT = SignalName("store.metrics_contact")

# What a store's own metrics tell.
STORE_UNREACHABLE_REPORTS = SignalName("store.unreachable_reports")
STORE_MESSAGES_FROM = SignalName("store.messages_from")
STORE_LEADERS_LOCAL = SignalName("store.leaders_local")
STORE_PREVOTES = SignalName("store.prevotes")
STORE_APPENDS = SignalName("store.appends")
STORE_APPEND_P99 = SignalName("store.append_p99")
STORE_APPEND_MEAN = SignalName("store.append_mean")
STORE_COMMIT_P99 = SignalName("store.commit_p99")
STORE_COMMIT_MEAN = SignalName("store.commit_mean")
STORE_APPLY_P99 = SignalName("store.apply_p99")
STORE_APPLY_MEAN = SignalName("store.apply_mean")
STORE_PROPOSE_WAIT_P99 = SignalName("store.propose_wait_p99")
STORE_PROPOSE_WAIT_MEAN = SignalName("store.propose_wait_mean")
STORE_SCHEDULER_P99 = SignalName("store.scheduler_p99")
STORE_WRITE_P99 = SignalName("store.write_p99")
STORE_PREWRITE_P99 = SignalName("store.prewrite_p99")
STORE_RAW_PUT_P99 = SignalName("store.raw_put_p99")
STORE_ERRORS_TIMEOUT = SignalName("store.errors_timeout")
STORE_ERRORS_NOT_LEADER = SignalName("store.errors_not_leader")
STORE_ERRORS_DISK_FULL = SignalName("store.errors_disk_full")
STORE_REQUESTS = SignalName("store.requests")
STORE_PD_HEARTBEATS = SignalName("store.pd_heartbeats")
STORE_PD_ANSWERS = SignalName("store.pd_answers")
STORE_PD_RECONNECT_FAILURES = SignalName("store.pd_reconnect_failures")
STORE_PD_PENDING_HEARTBEATS = SignalName("store.pd_pending_heartbeats")
STORE_DISK_AVAILABLE = SignalName("store.disk_available")
STORE_DISK_CAPACITY = SignalName("store.disk_capacity")
STORE_PROCESS_START = SignalName("store.process_start")

# A PD member.
PD_LISTED = SignalName("pd.listed")
PD_CONTACT = SignalName("pd.contact")
PD_SILENT_FOR = SignalName("pd.silent_for")
PD_HEARD_AGO = SignalName("pd.heard_ago")
PD_LOST_AS = SignalName("pd.lost_as")
PD_HEALTH = SignalName("pd.health")
PD_START = SignalName("pd.start")
PD_IS_LEADER = SignalName("pd.is_leader")
PD_HAS_ETCD_LEADER = SignalName("pd.has_etcd_leader")
PD_TERM = SignalName("pd.term")

# The cluster as a whole.
PD_LEADER = SignalName("pd.leader")
PD_LAST_LEADER = SignalName("pd.last_leader")
PD_LEADER_AGE = SignalName("pd.leader_age")
PD_LED_AGO = SignalName("pd.led_ago")
PD_LEADERLESS_FOR = SignalName("pd.leaderless_for")
PD_ANSWER = SignalName("pd.answer")
PD_MEMBERS_ANSWERING = SignalName("pd.members_answering")
CLUSTER_AGE = SignalName("cluster.age")
CLUSTER_BOOTSTRAPPED = SignalName("cluster.bootstrapped")
WATCHED_FOR = SignalName("cluster.watched_for")
CLUSTER_REQUESTS = SignalName("cluster.requests")
CLUSTER_WRITE_P99 = SignalName("cluster.write_p99")
CLUSTER_VERSION_KNOWN = SignalName("cluster.version_known")
STORES_UP = SignalName("stores.up")
STORES_KNOWN = SignalName("stores.known")
REGIONS_COUNT = SignalName("regions.count")
REGIONS_LED = SignalName("regions.led")
REGIONS_MISS = SignalName("regions.miss")
REGIONS_DOWN = SignalName("regions.down")
REGIONS_PENDING = SignalName("regions.pending")
REPLICAS_MAX = SignalName("replicas.max")
PROMETHEUS_CONTACT = SignalName("prometheus.contact")
PROMETHEUS_FRESHNESS = SignalName("prometheus.freshness")

# What only probes ask for.
REGIONS_EXTRA = SignalName("regions.extra")
REGIONS_OFFLINE = SignalName("regions.offline")
REGIONS_LEARNER = SignalName("regions.learner")
REGION_LEADER = SignalName("region.leader")
REGION_PEERS = SignalName("region.peers")
REGION_DOWN_PEERS = SignalName("region.down_peers")
REGION_PENDING_PEERS = SignalName("region.pending_peers")
REGION_SIZE = SignalName("region.size")
REGION_LOCAL_ROLE = SignalName("region.local_role")
REGION_LOCAL_LEADER = SignalName("region.local_leader")
REGION_LOCAL_TERM = SignalName("region.local_term")
REGION_LOCAL_APPLIED = SignalName("region.local_applied")
PD_SCHEDULERS = SignalName("pd.schedulers")
PD_OPERATORS = SignalName("pd.operators")
PD_OPERATOR = SignalName("pd.operator")
CONFIG_VALUE = SignalName("config.value")
