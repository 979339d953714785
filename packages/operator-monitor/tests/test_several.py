"""Several clusters in one process: none waits for another, none fails for another."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from operator_core.errors import ConfigurationError
from operator_core.readings import ClusterName, Observation
from operator_core.runtime import VirtualClock
from operator_monitor import CycleReport, Monitor, StandingBy, Watch, watch_all

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

INTERVAL, HANG = timedelta(seconds=5), timedelta(days=1)
UP = {"1": "up"}
pytestmark = pytest.mark.looptime


class Named:
    """A toy subject under another cluster's name."""

    def __init__(self, name: ClusterName, toy: Toy) -> None:
        self.name, self.toy = name, toy

    async def observe(self, number: int) -> Observation:
        return replace(await self.toy.observe(number), cluster=self.name)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Toy]]:
        return getattr(self.toy, name)


@pytest.fixture
def monitor(ledger: Toy, clock: VirtualClock, subject: Callable[..., Toy]) -> Callable[..., Monitor]:
    def make(name: str, *script: Toy, **terms: Toy) -> Monitor:
        eye: Toy = Named(ClusterName(name), subject(*script or (UP,)))
        return Monitor(cluster=ClusterName(name), subject=eye, ledger=ledger, clock=clock, **terms)

    return make


async def heard(clock: VirtualClock, *watches: Monitor | Watch, lasting: timedelta) -> dict[str, list[Toy]]:
    """What each tells in this time, with the second at which it was told."""
    told: dict[str, list[Toy]] = {w.cluster: [] for w in watches}
    start = clock.now()

    async def hear() -> None:
        async with aclosing(watch_all(watches)) as reports:
            async for cluster, report in reports:
                told[cluster].append(((clock.now() - start).total_seconds(), report))

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(hear())
        await clock.sleep(lasting)
        task.cancel()
    return told


async def test_the_first_looks_are_spread_over_the_interval(
    monitor: Callable[..., Monitor], clock: VirtualClock
) -> None:
    told = await heard(clock, *(monitor(n) for n in "abcde"), lasting=timedelta(seconds=12.5))
    assert {name: [at for at, _ in reports] for name, reports in told.items()} == {
        "a": [0, 5, 10],
        "b": [1, 6, 11],
        "c": [2, 7, 12],
        "d": [3, 8],
        "e": [4, 9],
    }


@pytest.mark.parametrize("trouble", [KeyError("a bug"), HANG])
async def test_one_that_fails_or_hangs_delays_no_other(
    monitor: Callable[..., Monitor], clock: VirtualClock, trouble: Toy
) -> None:
    told = await heard(clock, monitor("a", UP, trouble), monitor("b"), lasting=timedelta(seconds=59))
    assert [at for at, _ in told["b"]] == [2.5 + 5 * n for n in range(12)]
    assert all(r.failed is None for _, r in told["b"])
    assert any(r.failed for _, r in told["a"])


async def test_one_stands_by_while_another_works(
    monitor: Callable[..., Monitor], clock: VirtualClock, ledger: Toy
) -> None:
    await ledger.take(ClusterName("a"), holder="elsewhere", patience=HANG, over=None)
    watches = [Watch(monitor(n), leases=ledger, holder="here") for n in "ab"]
    told = await heard(clock, *watches, lasting=timedelta(seconds=30))
    assert {type(r) for _, r in told["a"]} == {StandingBy}
    assert {type(r) for _, r in told["b"]} == {CycleReport}
    assert await ledger.lease(ClusterName("b")) is None
    assert (await ledger.lease(ClusterName("a"))).holder == "elsewhere"


async def test_each_writes_of_its_own_cluster_only(
    monitor: Callable[..., Monitor], clock: VirtualClock, ledger: Toy
) -> None:
    down = {"1": "down"}
    told = await heard(clock, monitor("a", down), monitor("b", down), monitor("c"), lasting=timedelta(seconds=60))
    assert {name: sum(len(r.opened) for _, r in reports) for name, reports in told.items()} == {"a": 1, "b": 1, "c": 0}
    assert sorted(t.cluster for t in await ledger.tickets()) == ["a", "b"]
    for name in "abc":
        assert {o.cluster for o in await ledger.observations(ClusterName(name))} == {name}


async def test_with_jitter_many_stay_spread(monitor: Callable[..., Monitor], clock: VirtualClock) -> None:
    chance = random.Random(3)
    told = await heard(clock, *(monitor(str(n), chance=chance) for n in range(20)), lasting=timedelta(minutes=2))
    late = sorted(at % 5 for reports in told.values() for at, _ in reports[-5:])
    assert len(late) == 100
    assert max(b - a for a, b in pairwise(late)) < 0.4


async def test_a_slow_listener_holds_the_looks_up_instead_of_letting_reports_pile_up(
    subject: Callable[..., Toy], ledger: Toy, clock: VirtualClock
) -> None:
    toy, numbers = subject(UP), list[int]()
    monitor = Monitor(cluster=ClusterName("north"), subject=toy, ledger=ledger, clock=clock)
    async with aclosing(watch_all([monitor])) as reports:
        async for _, report in reports:
            assert isinstance(report, CycleReport)
            numbers.append(report.number)
            await clock.sleep(timedelta(seconds=60))
            assert len(toy.looks) <= report.number + 2
            if len(numbers) == 5:
                break
    assert numbers == [1, 2, 3, 4, 5]


def test_a_cluster_that_is_there_twice_is_refused(monitor: Callable[..., Monitor]) -> None:
    with pytest.raises(ConfigurationError, match="twice by one process: a"):
        watch_all([monitor("a"), monitor("b"), monitor("a")])
