"""The metrics of one life of a TiKV process, with the names, labels and buckets of tikv v8.5.5."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from operator_simulator.exposition import CountersByLabel, Registry, exponential

GRPC_TYPES: Final = (
    "batch_commands",
    "coprocessor",
    "kv_batch_get",
    "kv_commit",
    "kv_get",
    "kv_prewrite",
    "kv_scan",
    "raw_get",
    "raw_put",
    "read_index",
)
ASYNC_STATUSES: Final = (
    "all",
    "success",
    "err_timeout",
    "err_not_leader",
    "err_region_not_found",
    "err_epoch_not_match",
    "err_server_is_busy",
    "err_stale_command",
    "err_disk_full",
    "err_other",
)
MESSAGE_TYPES: Final = (
    "append",
    "append_resp",
    "heartbeat",
    "heartbeat_resp",
    "prevote",
    "prevote_resp",
    "read_index",
    "read_index_resp",
    "snapshot",
    "timeout_now",
    "transfer_leader",
    "vote",
    "vote_resp",
)
THREADS: Final = {
    "apply_0": "apply",
    "apply_1": "apply",
    "background_0": "other",
    "grpc_server_0": "grpc",
    "grpc_server_1": "grpc",
    "grpc_server_2": "grpc",
    "grpc_server_3": "grpc",
    "grpc_server_4": "grpc",
    "pd_worker_0": "other",
    "raftstore_1_0": "raftstore",
    "raftstore_1_1": "raftstore",
    "rocksdb:low0": "rocksdb",
    "rocksdb:high0": "rocksdb",
    "sched_worker_pr": "sched",
    "sched_worker_hi": "sched",
    "split_check": "other",
    "store_writer_1_": "writer",
    "unified_read_po": "read",
}
SCHEDULER_TYPES: Final = ("commit", "prewrite")

_GRPC: Final = exponential(5e-5, 2, 22)
_RAFT: Final = exponential(1e-5, 2, 26)
_LONG: Final = exponential(1e-5, 2, 32)
_ENGINE: Final = exponential(5e-5, 1.8, 26)
_LAG: Final = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 5120.0, 10240.0)
_DEFAULT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class StoreMetrics:
    """All cells of one life, made at its start: TiKV exports most of them as zero from then on."""

    def __init__(self, registry: Registry, *, others: Sequence[str], version: str) -> None:  # noqa: PLR0915 - one line for each metric
        counter, gauge, histogram = registry.counter, registry.gauge, registry.histogram
        seconds = "Total user and system CPU time spent in seconds."
        self.cpu = counter("process_cpu_seconds_total", seconds, integral=False)
        self.started = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        self.resident = gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
        self.virtual = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
        self.cores = gauge("tikv_server_cpu_cores_quota", "Total CPU cores quota for TiKV server")
        self.memory_quota = gauge("tikv_server_memory_quota_bytes", "Total memory bytes quota for TiKV server")
        self.memory_usage = gauge("tikv_server_memory_usage", "Memory usage for the instance")
        self.info = gauge(
            "tikv_server_info",
            "Indicate the tikv server info, and the value is the server startup timestamp(s).",
            version=version,
            hash="a37caf5a3a2cd8ea5dbd9c6dcd9a8a3ffdb1e4fd",
        )
        thread = "Total user and system CPU time spent in seconds by threads."
        self.threads = {
            name: (
                pool,
                counter(
                    "tikv_thread_cpu_seconds_total", thread, kind="gauge", integral=False, name=name, tid=str(31 + i)
                ),
            )
            for i, (name, pool) in enumerate(THREADS.items())
        }
        self.thread_states = {
            s: gauge("tikv_threads_state", "Number of threads in each state.", state=s) for s in "DRS"
        }
        self.grpc = registry.histograms(
            "type",
            GRPC_TYPES,
            "tikv_grpc_msg_duration_seconds",
            "Bucketed histogram of grpc server messages",
            _GRPC,
            priority="unknown",
        )
        self.grpc_failed = registry.counters(
            "type", GRPC_TYPES, "tikv_grpc_msg_fail_total", "Total number of handle grpc message failure"
        )
        async_help = "Bucketed histogram of processing successful asynchronous requests."
        asynchronous = partial(histogram, "tikv_storage_engine_async_request_duration_seconds", async_help, _LONG)
        self.write, self.snapshot = asynchronous(type="write"), asynchronous(type="snapshot")
        total = partial(
            counter, "tikv_storage_engine_async_request_total", "Total number of engine asynchronous requests."
        )
        self.async_total = {(t, s): total(type=t, status=s) for t in ("write", "snapshot") for s in ASYNC_STATUSES}
        self.scheduler = registry.histograms(
            "type",
            SCHEDULER_TYPES,
            "tikv_scheduler_command_duration_seconds",
            "Bucketed histogram of command execution",
            _RAFT,
        )
        self.latch = registry.histograms(
            "type",
            SCHEDULER_TYPES,
            "tikv_scheduler_latch_wait_duration_seconds",
            "Bucketed histogram of latch wait",
            _RAFT,
        )
        self.processing_read = registry.histograms(
            "type",
            SCHEDULER_TYPES,
            "tikv_scheduler_processing_read_duration_seconds",
            "Bucketed histogram of processing read duration",
            _RAFT,
        )
        self.scheduler_context = gauge("tikv_scheduler_contex_total", "Total number of pending commands.")
        self.writing_bytes = gauge("tikv_scheduler_writing_bytes", "Total number of writing kv.")
        self.throttle_flow = gauge("tikv_scheduler_throttle_flow", "The throttled write flow at scheduler level.")
        self.discard_ratio = gauge("tikv_scheduler_discard_ratio", "The discard ratio for write flow.")
        self.too_busy = registry.counters(
            "type", SCHEDULER_TYPES, "tikv_scheduler_too_busy_total", "Total count of scheduler too busy"
        )
        self.request_wait = histogram(
            "tikv_raftstore_request_wait_time_duration_secs", "Bucketed histogram of request wait time duration.", _RAFT
        )
        self.task_wait = histogram(
            "tikv_raftstore_store_write_task_wait_duration_secs",
            "Bucketed histogram of store write task wait time duration.",
            _RAFT,
        )
        self.append = histogram(
            "tikv_raftstore_append_log_duration_seconds", "Bucketed histogram of peer appending log duration.", _RAFT
        )
        self.commit = histogram(
            "tikv_raftstore_commit_log_duration_seconds", "Bucketed histogram of peer commits logs duration.", _LONG
        )
        self.apply_wait = histogram(
            "tikv_raftstore_apply_wait_time_duration_secs",
            "Bucketed histogram of apply task wait time duration.",
            _RAFT,
        )
        self.apply = histogram(
            "tikv_raftstore_apply_log_duration_seconds", "Bucketed histogram of peer applying log duration.", _RAFT
        )
        self.log_lag = histogram("tikv_raftstore_log_lag", "Bucketed histogram of log lag in a region.", _LAG)
        self.engine_write = histogram(
            "raft_engine_write_duration_seconds", "Bucketed histogram of Raft Engine write duration", _ENGINE
        )
        self.engine_sync = histogram(
            "raft_engine_sync_log_duration_seconds", "Bucketed histogram of Raft Engine sync duration", _ENGINE
        )
        self.inspect = histogram(
            "tikv_raftstore_inspect_duration_seconds",
            "Bucketed histogram of inspect duration.",
            _RAFT,
            type="store_write",
        )
        self.slow_score = gauge("tikv_raftstore_slow_score", "Slow score of the store.", type="raft")
        self.region_count = registry.gauges(
            "type",
            ("region", "leader", "buckets"),
            "tikv_raftstore_region_count",
            "Number of regions collected in region_collector",
        )
        self.leader_missing = gauge("tikv_raftstore_leader_missing", "Total number of leader missed region.")
        self.read_index_pending = gauge("tikv_raftstore_read_index_pending", "Pending read index count.")
        self.busy = gauge("tikv_raftstore_process_busy", "Is raftstore busy or not", type="applystore_busy")
        self.proposals = registry.counters(
            "type",
            ("all", "normal", "local_read", "read_index", "transfer_leader"),
            "tikv_raftstore_proposal_total",
            "Total number of proposal made.",
        )
        sent = partial(counter, "tikv_raftstore_raft_sent_message_total", "Total number of raft ready sent messages.")
        self.sent = {t: sent(type=t, status="accept") for t in MESSAGE_TYPES}
        self.dropped = {t: sent(type=t, status="drop") for t in MESSAGE_TYPES}
        self.disk_full_drops = counter(
            "tikv_raftstore_raft_dropped_message_total", "Total number of raft dropped messages.", type="disk_full"
        )
        self.channel_full = registry.counters(
            "type", ("normal", "control"), "tikv_channel_full_total", "Total number of channel full errors."
        )
        received = partial(counter, "tikv_raftstore_message_recv_by_store", "Messages received by store")
        self.received_from = CountersByLabel(lambda o: received(store=o), others)
        self.raft_received = counter("tikv_server_raft_message_recv_total", "Total number of raft messages received")
        failures = partial(
            counter, "tikv_server_report_failure_msg_total", "Total number of reporting failure messages"
        )
        self.unreachable = CountersByLabel(lambda o: failures(type="unreachable", store_id=o), others)
        self.size = registry.gauges(
            "type",
            ("capacity", "available", "used", "snap_size", "raft_size", "kv_size", "import_size"),
            "tikv_store_size_bytes",
            "Size of storage.",
        )
        self.snapshots = registry.gauges(
            "type",
            ("sending", "receiving"),
            "tikv_raftstore_snapshot_traffic_total",
            "Total number of raftstore snapshot traffic.",
        )
        self.heartbeats = registry.counters(
            "type",
            ("send", "noop", "transfer leader", "change peer", "split region"),
            "tikv_pd_heartbeat_message_total",
            "Total number of PD heartbeat messages.",
        )
        self.pending_heartbeats = gauge("tikv_pd_pending_heartbeat_total", "Total number of pending region heartbeat")
        self.reconnects = registry.counters(
            "type",
            ("success", "failure", "no_need", "cancel", "try_connect"),
            "tikv_pd_reconnect_total",
            "Total number of PD reconnections.",
        )
        self.pd_requests = registry.histograms(
            "type",
            ("tso", "store_heartbeat", "get_region", "get_store"),
            "tikv_pd_request_duration_seconds",
            "Bucketed histogram of PD requests duration",
            _DEFAULT,
        )
        self.worker_pending = registry.gauges(
            "name",
            ("pd-worker", "split-check", "raft-gc-worker", "snapshot-worker"),
            "tikv_worker_pending_task_total",
            "Current worker pending + running tasks.",
        )
        self.pending_compaction = registry.gauges(
            "cf",
            ("default", "lock", "write"),
            "tikv_engine_pending_compaction_bytes",
            "Pending compaction bytes",
            db="kv",
        )
        self.write_stall = registry.gauges(
            "type",
            ("write_stall_max", "write_stall_percentile99", "write_stall_average"),
            "tikv_engine_write_stall",
            "Histogram of write stall",
            db="kv",
        )
        self.critical = counter("tikv_critical_error_total", "Counter of critical error.", type="rocksdb get")
