"""The metrics pages: genuine names and buckets, counters that only grow, histograms that add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.exposition import Dialect, Histogram, Registry, exponential, go_count, go_number, rust_number
from prometheus_client.parser import text_string_to_metric_families

Live = Callable[[Cluster, float], None]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Series = tuple[str, tuple[tuple[str, str], ...]]

STORE_FAMILIES = [
    "process_cpu_seconds_total", "process_start_time_seconds", "process_resident_memory_bytes", "tikv_server_info",
    "tikv_raftstore_region_count", "tikv_server_report_failure_msg_total", "tikv_raftstore_message_recv_by_store",
    "tikv_raftstore_raft_sent_message_total", "tikv_grpc_msg_duration_seconds",
    "tikv_storage_engine_async_request_duration_seconds", "tikv_storage_engine_async_request_total",
    "tikv_scheduler_command_duration_seconds", "tikv_scheduler_latch_wait_duration_seconds",
    "tikv_raftstore_request_wait_time_duration_secs", "tikv_raftstore_append_log_duration_seconds",
    "tikv_raftstore_commit_log_duration_seconds", "tikv_raftstore_apply_log_duration_seconds",
    "tikv_raftstore_apply_wait_time_duration_secs", "raft_engine_write_duration_seconds",
    "raft_engine_sync_log_duration_seconds", "tikv_store_size_bytes", "tikv_pd_heartbeat_message_total",
    "tikv_pd_pending_heartbeat_total", "tikv_pd_reconnect_total", "tikv_pd_request_duration_seconds",
    "tikv_raftstore_slow_score", "tikv_thread_cpu_seconds_total", "tikv_scheduler_contex_total",
]  # fmt: skip
PD_FAMILIES = [
    "pd_cluster_status", "pd_regions_status", "pd_scheduler_store_status", "pd_tso_events", "pd_server_etcd_state",
    "etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_leader_changes_seen_total",
    "etcd_disk_wal_fsync_duration_seconds", "etcd_network_peer_round_trip_time_seconds", "service_member_role",
    "pd_cluster_health_status", "pd_server_handle_tso_duration_seconds", "pd_scheduler_region_heartbeat",
    "grpc_server_handling_seconds",
]  # fmt: skip


def page(cluster: Cluster, name: str) -> str:
    return cluster.publish(cluster.processes[name]).decode()


def samples(text: str) -> Mapping[Series, float]:
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def counted(text: str) -> Mapping[Series, float]:
    kinds = {f.name: f.type for f in text_string_to_metric_families(text)}
    of_counters = {n for n, kind in kinds.items() if kind == "counter"}
    of_histograms = {
        n + part for n, kind in kinds.items() if kind == "histogram" for part in ("_bucket", "_count", "_sum")
    }
    return {
        s: v for s, v in samples(text).items() if s[0].removesuffix("_total") in of_counters or s[0] in of_histograms
    }


@pytest.mark.parametrize(("name", "families"), [("tikv1", STORE_FAMILIES), ("pd0", PD_FAMILIES)])
def test_a_page_has_the_families_under_their_genuine_names(cluster: Cluster, name: str, families: list[str]) -> None:
    declared = {line.split(" ")[2] for line in page(cluster, name).splitlines() if line.startswith("# TYPE")}
    assert set(families) - declared == set()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["tikv0", "tikv1", "pd0", "pd1"])
def test_counters_never_fall_while_a_process_lives(live: Live, name: str) -> None:
    from_noise = Cluster(ClusterConfig(noise=1), EPOCH)
    before = counted(page(from_noise, name))
    from_noise.kill("tikv2")
    for _ in range(20):
        live(from_noise, 7.3)
        after = counted(page(from_noise, name))
        assert [s for s in before if s in after and after[s] < before[s]] == []
        before = after


@pytest.mark.parametrize("name", ["tikv0", "pd0"])
def test_histograms_add_up(cluster: Cluster, live: Live, name: str) -> None:
    live(cluster, 33)
    found = samples(page(cluster, name))
    buckets: dict[Series, list[tuple[float, float]]] = {}
    for (series, labels), value in found.items():
        if series.endswith("_bucket"):
            rest = tuple(pair for pair in labels if pair[0] != "le")
            bound = float(dict(labels)["le"])
            buckets.setdefault((series.removesuffix("_bucket"), rest), []).append((bound, value))
    assert len(buckets) > 10
    for (family, labels), row in buckets.items():
        row.sort()
        values = [v for _, v in row]
        assert values == sorted(values)
        assert row[-1] == (math.inf, found[f"{family}_count", labels])
        assert (found[f"{family}_sum", labels] > 0) is (found[f"{family}_count", labels] > 0)


def test_counters_begin_again_when_the_process_does(cluster: Cluster, live: Live) -> None:
    before = samples(page(cluster, "tikv1"))
    cluster.kill("tikv1")
    live(cluster, 5)
    cluster.start("tikv1")
    live(cluster, 5)
    after = samples(page(cluster, "tikv1"))
    count: Series = ("tikv_raftstore_append_log_duration_seconds_count", ())
    start: Series = ("process_start_time_seconds", ())
    assert after[count] < before[count]
    assert after[start] > before[start]


def test_what_a_store_says_of_its_leaders_is_its_own_truth(cluster: Cluster, live: Live) -> None:
    series: Series = ("tikv_raftstore_region_count", (("type", "leader"),))
    cluster.kill("tikv1")
    cluster.kill("tikv2")
    live(cluster, 30)
    assert samples(page(cluster, "tikv0"))[series] == 0


def test_the_view_of_the_cluster_is_exported_by_pds_leader_alone(cluster: Cluster) -> None:
    assert "pd_cluster_status{" in page(cluster, "pd0")
    assert "pd_cluster_status{" not in page(cluster, "pd1")
    assert samples(page(cluster, "pd0"))["service_member_role", (("service", "PD"),)] == 1
    assert "service_member_role" not in page(cluster, "pd1"), "it has never led"


def test_the_size_of_a_store_is_refreshed_once_a_minute(cluster: Cluster, live: Live) -> None:
    available = cluster.stores["tikv1"].cells.size["available"]
    cluster.stores["tikv1"].disk.fill_to("test", 0.5)
    seen = [available.value]
    for _ in range(13):
        live(cluster, 5)
        seen.append(available.value)
    assert seen[0] != seen[-1]
    assert len(set(seen)) == 2


def test_buckets_are_the_genuine_ones(cluster: Cluster) -> None:
    text = page(cluster, "tikv0")
    assert 'tikv_raftstore_append_log_duration_seconds_bucket{le="0.00001"}' in text
    assert 'tikv_grpc_msg_duration_seconds_bucket{priority="unknown",type="kv_get",le="0.00005"}' in text
    assert 'etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"}' in page(cluster, "pd0")
    assert text.count("tikv_raftstore_commit_log_duration_seconds_bucket") == 33


def test_numbers_are_written_as_each_client_library_writes_them() -> None:
    numbers = (0.0, 1.0, 0.5, 1e-05, 0.0001, 123456.0, 1234567.0, 1717207800.0, 1e21)
    assert [rust_number(x) for x in numbers] == [
        "0", "1", "0.5", "0.00001", "0.0001", "123456", "1234567", "1717207800", "1000000000000000000000",
    ]  # fmt: skip
    assert [go_number(x) for x in numbers] == [
        "0", "1", "0.5", "1e-05", "0.0001", "123456", "1.234567e+06", "1.7172078e+09", "1e+21",
    ]  # fmt: skip


def test_a_batch_is_spread_around_its_median() -> None:
    found = Histogram(exponential(1e-5, 2, 26))
    found.add(1000, 0.001)
    below = sum(found.counts[:7])
    assert 190 < below < 225  # 0.64 ms lies 0.81 standard deviations below the median: 21 %
    assert sum(found.counts) == pytest.approx(1000)
    found.add(0, 1.0)
    assert sum(found.counts) == pytest.approx(1000)


def test_a_label_may_have_any_name() -> None:
    registry = Registry(Dialect.RUST)
    registry.gauge("pd_scheduler_status", "x", kind="balance-leader-scheduler", name="n").value = 1
    assert 'pd_scheduler_status{kind="balance-leader-scheduler",name="n"} 1' in registry.render().decode()


def test_a_page_shows_what_has_been_secondssince_the_last_one() -> None:
    registry = Registry(Dialect.GO)
    cell, seconds = registry.counter("a_total", "x"), registry.histogram("b", "x", (1.0, 2.0), to="50%")
    assert (
        registry.render().decode().endswith('b_bucket{to="50%",le="+Inf"} 0\nb_sum{to="50%"} 0\nb_count{to="50%"} 0\n')
    )
    cell.value = 3.0
    seconds.add(4, 1.5, 0.01)
    shown = registry.render().decode()
    assert registry.render().decode() == shown
    assert "a_total 3\n" in shown
    assert 'b_bucket{to="50%",le="1"} 0\nb_bucket{to="50%",le="2"} 4\n' in shown
    cell.value = 3.9
    registry.gauge("c", "x", z="1", a="2").value = 7
    assert "a_total 3\n" in registry.render().decode()
    assert registry.render().decode().endswith('c{a="2",z="1"} 7\n')
    registry.forget("c")
    assert "c{" not in registry.render().decode()


@pytest.mark.parametrize("n", [0, 9, 10, 999_999, 1_000_000, 1_200_000, 13_000_000, 999_999_999_999_999])
def test_a_count_is_written_as_the_number_it_is(n: int) -> None:
    assert go_count(n) == go_number(float(n)) == go_number(float(n) + 0.0)
    assert float(go_count(n)) == n
