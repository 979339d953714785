"""Disks and links that are slow: which step of a write shows it, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.faults import Fault, FaultName
from operator_simulator import Cluster, chaos
from prometheus_client.parser import text_string_to_metric_families

Live = Callable[[Cluster, float], None]


def mean_s(cluster: Cluster, live: Live, store: str, family: str, seconds: float = 60) -> float:
    """The mean of a histogram over the coming seconds, all its series together."""

    def counted() -> tuple[float, float]:
        page = cluster.publish(cluster.processes[store]).decode()
        found = next(f for f in text_string_to_metric_families(page) if f.name == family)
        of = {part: sum(s.value for s in found.samples if s.name == family + part) for part in ("_sum", "_count")}
        return of["_sum"], of["_count"]

    before = counted()
    live(cluster, seconds)
    after = counted()
    return (after[0] - before[0]) / (after[1] - before[1])


def inject(cluster: Cluster, name: str, ident: str, parameters: Mapping[str, float]) -> None:
    fault = Fault(name=FaultName(name), target=ComponentRef(Kind("store"), ident), parameters=parameters)
    chaos.inject(cluster, fault, chaos.plan(cluster, fault))


def test_a_slow_disk_shows_in_append_at_its_store_and_scores_it_until_pd_takes_its_leaders(
    cluster: Cluster, live: Live
) -> None:
    inject(cluster, "slow-disk", "4", {"factor": 200})
    append = {n: mean_s(cluster, live, n, "tikv_raftstore_append_log_duration_seconds", 5) for n in ("tikv0", "tikv1")}
    assert append["tikv1"] > 0.1 > 0.01 > append["tikv0"]
    live(cluster, 60)
    record = cluster.view.stores[4]
    assert record.stats is not None
    assert record.stats.slow_score == 100
    assert cluster.scheduling.slow_evicted == 4
    assert cluster.view.leader_counts()[4] == 0
    assert record.state_name(cluster.now_s) == "Up"
    assert any("async write too slow" in line.text for line in cluster.stores["tikv1"].log.lines())


def test_a_delay_shows_in_commit_at_its_store_and_not_in_append(cluster: Cluster, live: Live) -> None:
    inject(cluster, "delay", "4", {"ms": 100})
    assert mean_s(cluster, live, "tikv1", "tikv_raftstore_commit_log_duration_seconds") > 0.15
    assert mean_s(cluster, live, "tikv1", "tikv_raftstore_append_log_duration_seconds") < 0.01
    assert mean_s(cluster, live, "tikv0", "tikv_raftstore_commit_log_duration_seconds") < 0.01


def test_lost_packets_show_in_the_tail_at_their_store_and_nowhere_else(cluster: Cluster, live: Live) -> None:
    inject(cluster, "loss", "4", {"share": 0.2})
    commit = "tikv_raftstore_commit_log_duration_seconds"
    lossy, well = (cluster.stores[n].cells.commit for n in ("tikv1", "tikv0"))
    before = sum(lossy.counts), sum(lossy.counts[14:]), sum(well.counts[14:])
    assert 0.01 < mean_s(cluster, live, "tikv1", commit, 60) < 0.1
    slow, all_of_it = sum(lossy.counts[14:]) - before[1], sum(lossy.counts) - before[0]
    assert 0.03 < slow / all_of_it < 0.2  # beyond 82 ms; the median is where it was
    assert sum(well.counts[14:]) - before[2] < 1
    assert cluster.stores["tikv0"].cells.unreachable["4"].value > 0
    assert cluster.stores["tikv0"].cells.unreachable["5"].value == 0


def test_a_commit_is_as_slow_as_the_second_fastest_replica(cluster: Cluster, live: Live) -> None:
    inject(cluster, "slow-disk", "4", {"factor": 20})
    assert mean_s(cluster, live, "tikv0", "tikv_raftstore_commit_log_duration_seconds", 10) < 0.01
    inject(cluster, "slow-disk", "5", {"factor": 20})
    assert mean_s(cluster, live, "tikv0", "tikv_raftstore_commit_log_duration_seconds", 10) > 0.015


@pytest.mark.parametrize(("level", "refused"), [(0.93, False), (0.97, True)])
def test_a_full_disk_refuses_writes_and_only_a_full_one(
    cluster: Cluster, live: Live, level: float, refused: bool
) -> None:
    inject(cluster, "fill-disk", "4", {"level": level})
    live(cluster, 130)
    cells = cluster.stores["tikv1"].cells
    assert (cells.async_total["write", "err_disk_full"].value > 0) is refused
    assert any("Normal->AlmostFull" in line.text for line in cluster.stores["tikv1"].log.lines()) is refused
    assert (cluster.view.leader_counts()[4] == 0) is refused
    available = cells.size["available"].value / cells.size["capacity"].value
    assert available == pytest.approx(1 - level, abs=0.01)


def test_load_goes_with_the_leaders(cluster: Cluster, live: Live) -> None:
    live(cluster, 2)
    before = dict(cluster.workload.rates)
    cluster.kill("tikv1")
    live(cluster, 60)
    assert cluster.workload.rates["tikv1"] == (0.0, 0.0)
    assert sum(cluster.workload.rates["tikv0"]) > 1.3 * sum(before["tikv0"])


def test_requests_to_regions_without_a_leader_fail_and_recover(cluster: Cluster, live: Live) -> None:
    cluster.kill("tikv1")
    live(cluster, 8)
    failed = cluster.stores["tikv0"].cells.async_total["write", "err_not_leader"]
    assert failed.value > 0
    live(cluster, 22)
    before = failed.value
    live(cluster, 60)
    assert failed.value == before


def test_leaders_without_a_majority_time_their_writes_out(cluster: Cluster, live: Live) -> None:
    cluster.kill("tikv1")
    cluster.kill("tikv2")
    live(cluster, 8)
    assert cluster.stores["tikv0"].cells.async_total["write", "err_timeout"].value > 0
    assert cluster.stores["tikv0"].cells.scheduler_context.value > 50
