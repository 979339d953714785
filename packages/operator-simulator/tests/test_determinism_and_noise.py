"""The same seed gives the same bytes; noise is there, and can be turned off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean, pstdev

import pytest
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.noise import ScrapeFate, scrape_fate

Live = Callable[[Cluster, float], None]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = ("/pd/api/v1/stores", "/pd/api/v1/regions/key?limit=-1", "/pd/api/v1/operators", "/metrics")


def history(seed: int, steps: tuple[float, ...], noise: float = 1.0) -> Iterator[bytes]:
    cluster = Cluster(ClusterConfig(seed=seed, noise=noise), EPOCH)
    for k, at in enumerate(steps):
        cluster.advance_to(EPOCH + timedelta(seconds=at))
        if k == 2:
            cluster.kill("tikv1")
        if k == 4:
            cluster.start("tikv1")
        for path in PATHS:
            answer = front.answer(cluster, "pd0", Request.of("GET", path, {}, b""), 0.0)
            yield answer.body if isinstance(answer, Answer) else repr(answer).encode()
        yield cluster.publish(cluster.processes["tikv0"])
        yield "\n".join(line.text for line in cluster.processes["tikv0"].log.lines()).encode()


STEPS = (1.0, 7.3, 30.0, 55.5, 90.0, 130.25, 400.0)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(history(7, STEPS)) == list(history(7, STEPS))


def test_another_seed_gives_others() -> None:
    assert list(history(7, STEPS)) != list(history(8, STEPS))


def test_how_often_the_clock_is_read_changes_nothing(live: Live) -> None:
    often, seldom = (Cluster(ClusterConfig(), EPOCH) for _ in range(2))
    for _ in range(300):
        live(often, 0.37)
    live(seldom, 300 * 0.37)
    for name in ("tikv0", "pd0"):
        assert often.publish(often.processes[name]) == seldom.publish(seldom.processes[name])


def loads(noise: float, live: Live) -> list[float]:
    cluster = Cluster(ClusterConfig(noise=noise), EPOCH)
    found: list[float] = []
    for _ in range(360):
        live(cluster, 5)
        found.append(sum(sum(r) for r in cluster.workload.rates.values()))
    return found


def test_load_wanders_by_five_to_fifteen_percent_and_remembers(live: Live) -> None:
    found = loads(1.0, live)
    spread = pstdev(found) / mean(found)
    assert 0.02 < spread < 0.15
    steps = [b - a for a, b in pairwise(found)]
    assert pstdev(steps) < 0.6 * pstdev(found)


def test_without_noise_load_is_flat_and_nobody_moves_a_leader(live: Live) -> None:
    assert pstdev(loads(0.0, live)) < 1e-9 * 2000
    cluster = Cluster(ClusterConfig(noise=0), EPOCH)
    before = cluster.raft.leadership
    live(cluster, 3600)
    assert cluster.raft.leadership == before


@pytest.mark.sampled(0)
def test_with_noise_leaders_move_now_and_then_without_an_election(live: Live) -> None:
    cluster = Cluster(ClusterConfig(noise=1), EPOCH)
    before = cluster.raft.leadership
    live(cluster, 3600)
    assert 3 <= cluster.raft.leadership - before <= 40
    assert all(s.cells.sent["prevote"].value == 0 for s in cluster.stores.values())


def test_one_scrape_in_two_hundred_is_slow_or_lost_and_none_without_noise() -> None:
    fates = [scrape_fate(1, 1.0, f"tikv{i % 3}", i * 5000) for i in range(20_000)]
    kinds = [fate for fate, _ in fates]
    assert 60 <= sum(k is not ScrapeFate.FINE for k in kinds) <= 140
    assert set(kinds) == set(ScrapeFate)
    assert all(1.5 <= s <= 6 for k, s in fates if k is ScrapeFate.SLOW)
    assert {scrape_fate(1, 0.0, "tikv0", i * 5000)[0] for i in range(20_000)} == {ScrapeFate.FINE}


@pytest.mark.parametrize(("stores", "pds"), [(1, 1), (3, 3), (5, 3), (9, 5)])
def test_other_shapes_live_and_lose_a_store(stores: int, pds: int, live: Live) -> None:
    cluster = Cluster(ClusterConfig(stores=stores, pd=pds), EPOCH)
    live(cluster, 60)
    assert {r.state_name(cluster.now_s) for r in cluster.view.stores.values()} == {"Up"}
    cluster.kill("tikv0")
    live(cluster, 60)
    alive = [n for n in cluster.stores if n != "tikv0"]
    assert all((r.leader in alive) is (stores > 1) for r in cluster.raft.regions)


def test_an_idle_cluster_serves_nothing(live: Live) -> None:
    cluster = Cluster(ClusterConfig(traffic=0), EPOCH)
    live(cluster, 60)
    assert all(rates == (0, 0) for rates in cluster.workload.rates.values())


def test_an_hour_is_cheap(live: Live) -> None:
    """Counted in lines of work, not in seconds, which depend on the machine: settled regions cost nothing."""
    cluster = Cluster(ClusterConfig(), EPOCH)
    live(cluster, 10)
    assert all(r.is_settled for r in cluster.raft.regions)
