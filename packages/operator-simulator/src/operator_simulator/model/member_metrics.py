"""The metrics of one life of a PD process with its etcd, with the names, labels and buckets of pd v8.5.5."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from operator_simulator.exposition import Cell, Histogram, Registry, exponential

_TSO: Final = exponential(5e-4, 2, 13)
_HEARTBEAT: Final = exponential(1e-4, 2, 29)
_FSYNC: Final = exponential(1e-3, 2, 14)
_RTT: Final = exponential(1e-4, 2, 16)
_GRPC: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STORE_INTERVAL: Final = tuple(float(x) for x in range(0, 60, 5))
_REGION_INTERVAL: Final = tuple(float(x) for x in range(0, 600, 30))
TSO_EVENTS: Final = ("save", "slow_save", "system_time_slow", "err_save_update_ts", "not_leader", "skip_save")


class MemberMetrics:
    """All cells of one life. What only the leader knows is made when it is first counted."""

    def __init__(
        self,
        registry: Registry,
        *,
        own: int,
        others: Mapping[str, int],
        version: str,
    ) -> None:
        counter, gauge, histogram = registry.counter, registry.gauge, registry.histogram
        self.registry = registry
        self.cpu = counter(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", integral=False
        )
        self.started = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        self.resident = gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
        self.virtual = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
        self.open_fds = gauge("process_open_fds", "Number of open file descriptors.")
        self.max_fds = gauge("process_max_fds", "Maximum number of open file descriptors.")
        self.max_fds.value = 1_000_000
        self.goroutines = gauge("go_goroutines", "Number of goroutines that currently exist.")
        self.heap = gauge("go_memstats_heap_inuse_bytes", "Number of heap bytes that are in use.")
        gauge("pd_service_maxprocs", "The value of GOMAXPROCS.").value = 4
        gauge("pd_service_memory_quota_bytes", "The value of memory quota bytes.").value = 8 << 30
        gauge(
            "pd_server_info",
            "Indicate the pd server info, and the value is the start timestamp (s).",
            version=f"v{version}",
            hash="c9cb1b2aadb2c9ad8e8b6d2b3a6ca0ac6ad6a6d1",
        ).value = 1
        self.has_leader = gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.")
        self.is_leader = gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.")
        self.leader_changes = counter("etcd_server_leader_changes_seen_total", "The number of leader changes seen.")
        self.proposals_failed = counter(
            "etcd_server_proposals_failed_total", "The total number of failed proposals seen."
        )
        self.proposals_pending = gauge(
            "etcd_server_proposals_pending", "The current number of pending proposals to commit."
        )
        self.slow_apply = counter(
            "etcd_server_slow_apply_total",
            "The total number of slow apply requests (likely overloaded from slow disk).",
        )
        self.heartbeat_failures = counter(
            "etcd_server_heartbeat_send_failures_total",
            "The total number of leader heartbeat send failures (likely overloaded from slow disk).",
        )
        self.fsync = histogram(
            "etcd_disk_wal_fsync_duration_seconds", "The latency distributions of fsync called by WAL.", _FSYNC
        )
        self.backend = histogram(
            "etcd_disk_backend_commit_duration_seconds",
            "The latency distributions of commit called by backend.",
            _FSYNC,
        )
        hexes = {name: f"{ident:x}" for name, ident in others.items()}
        rtt = "Round-Trip-Time histogram between peers"
        self.rtt = {
            n: histogram("etcd_network_peer_round_trip_time_seconds", rtt, _RTT, To=h) for n, h in hexes.items()
        }
        self.active_peers = {
            n: gauge(
                "etcd_network_active_peers",
                "The current number of active peer connections.",
                Remote=h,
                Local=f"{own:x}",
            )
            for n, h in hexes.items()
        }
        self._own, self._hexes = f"{own:x}", hexes
        self.db_size = gauge(
            "etcd_mvcc_db_total_size_in_bytes", "Total size of the underlying database physically allocated in bytes."
        )
        gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.").value = 8 << 30
        self.etcd_state = registry.gauges(
            "type", ("term", "appliedIndex", "committedIndex"), "pd_server_etcd_state", "Etcd raft states."
        )
        self.tso_role = gauge(
            "pd_tso_role", "Indicate the PD server role info, whether it's a TSO allocator.", dc="global", group="0"
        )
        self.tso_events = registry.counters(
            "type", TSO_EVENTS, "pd_tso_events", "Counter of tso events", dc="global", group="0"
        )
        self.handle_tso = histogram(
            "pd_server_handle_tso_duration_seconds",
            "Bucketed histogram of processing time (s) of handled tso requests.",
            _TSO,
        )
        self.transactions = histogram(
            "pd_txn_handle_txns_duration_seconds",
            "Bucketed histogram of processing time (s) of handled txns.",
            _TSO,
            result="success",
        )
        self.time_jumps = counter("pd_monitor_time_jump_back_total", "Counter of system time jumps backward.")
        self.store_interval = histogram(
            "pd_scheduler_store_heartbeat_interval_hist",
            "Bucketed histogram of the batch size of handled requests.",
            _STORE_INTERVAL,
        )
        self.region_interval = histogram(
            "pd_scheduler_region_heartbeat_interval_hist",
            "Bucketed histogram of the batch size of handled requests.",
            _REGION_INTERVAL,
        )
        self.role: Cell | None = None
        self.reports: dict[int, Cell] = {}
        self.received: dict[int, Cell] = {}
        self.handle_region: dict[int, Histogram] = {}
        self.handle_store: dict[int, Histogram] = {}
        self.grpc: dict[str, Histogram] = {}

    def has_led(self) -> None:
        """Make what a PD process exports only after it has led once."""
        if self.role is not None:
            return
        self.role = self.registry.gauge("service_member_role", "The leader/primary of service", service="PD")
        grpc = "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server."
        methods = {
            "Tso": "bidi_stream",
            "RegionHeartbeat": "bidi_stream",
            "StoreHeartbeat": "unary",
            "GetRegion": "unary",
        }
        self.grpc = {
            m: self.registry.histogram(
                "grpc_server_handling_seconds", grpc, _GRPC, grpc_method=m, grpc_service="pdpb.PD", grpc_type=t
            )
            for m, t in methods.items()
        }

    def meets(self, ident: int, name: str) -> None:
        """Make what a leader exports of a store that it has heard of."""
        if ident in self.reports:
            return
        address, store = f"{name}:20160", str(ident)
        reports = partial(
            self.registry.counter, "pd_scheduler_region_heartbeat", "Counter of region heartbeat.",
            type="report", address=address, store=store,
        )  # fmt: skip
        self.reports[ident], self.received[ident] = reports(status="ok"), reports(status="recv")
        handled = "Bucketed histogram of processing time (s) of handled heartbeat."
        family, histogram = "pd_scheduler_handle_{}_heartbeat_duration_seconds", self.registry.histogram
        self.handle_region[ident] = histogram(
            family.format("region"), handled, _HEARTBEAT, address=address, store=store
        )
        self.handle_store[ident] = histogram(family.format("store"), handled, _HEARTBEAT, address=address, store=store)

    def lost(self, peer: str) -> Cell:
        """Lost connections to a peer; exported from the first one on."""
        return self.registry.counter(
            "etcd_network_disconnected_peers_total",
            "The total number of disconnected peers.",
            Remote=self._hexes[peer],
            Local=self._own,
        )

    def unsent(self, peer: str) -> Cell:
        """Failures to send to a peer; exported from the first one on."""
        described = "The total number of send failures from peers."
        return self.registry.counter("etcd_network_peer_sent_failures_total", described, To=self._hexes[peer])
