"""The end: within a second everything is written or cleanly not written, and the watch is given up."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from operator_core.record import CycleFellShort, DiagnosisMade, Entry, ObservationKept, Progress, WatchTaken
from operator_core.runtime import VirtualClock
from operator_monitor import CycleReport, Monitor, Watch

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH = ClusterName("north")
UP, DOWN = {"1": "up"}, {"1": "down"}
HANG = timedelta(days=1)
pytestmark = pytest.mark.looptime
Make = Callable[..., Toy]


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


@pytest.fixture
def slowly(ledger: Toy, clock: VirtualClock) -> Callable[[float], None]:
    """Lets every append take so many seconds; it is written at the very end of them."""

    def make(takes: float) -> None:
        async def wait(_: Sequence[Entry]) -> None:
            await clock.sleep(seconds(takes))

        ledger.before = wait

    return make


async def ended(monitor: Monitor | Watch, clock: VirtualClock, after: float) -> tuple[list[Toy], float]:
    """What it told until it was cancelled, and how many seconds the end took."""
    told: list[Toy] = []

    async def hear() -> None:
        async with aclosing(monitor.cycles()) as reports:
            async for report in reports:
                told.append(report)  # noqa: PERF401 - what was told before the end counts

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(hear())
        await clock.sleep(seconds(after))
        task.cancel()
        asked_at = clock.now()
        await asyncio.wait([task])
    assert task.cancelled()
    return told, (clock.now() - asked_at).total_seconds()


@pytest.mark.parametrize("after", [0.0, 0.1, 0.49, 2.5, 5.2, 10.4, 10.5, 10.6, 11.2])
@pytest.mark.parametrize("shared", [False, True])
async def test_an_append_on_its_way_is_waited_for(
    subject: Make, ledger: Toy, clock: VirtualClock, slowly: Callable[[float], None], after: float, *, shared: bool
) -> None:
    slowly(0.5)
    monitor = Monitor(cluster=NORTH, subject=subject(DOWN), ledger=ledger, clock=clock)
    watch = Watch(monitor, leases=ledger, holder="a") if shared else monitor
    _, took = await ended(watch, clock, after)
    assert took < 1
    looks = int(after // 5) + 1 if after > 0 else 0
    assert [e.observation.number for e in ledger.entries(ObservationKept)] == list(range(1, looks + 1))
    assert len(ledger.entries(Progress)) == looks
    assert await ledger.lease(NORTH) is None


@pytest.mark.parametrize("takes", [0.7, 5.0, 1000.0])
async def test_an_append_that_takes_too_long_is_given_up_and_leaves_nothing_behind(
    subject: Make, ledger: Toy, clock: VirtualClock, slowly: Callable[[float], None], takes: float
) -> None:
    monitor = Monitor(cluster=NORTH, subject=subject(DOWN), ledger=ledger, clock=clock, within=HANG)
    slowly(takes)
    _, took = await ended(Watch(monitor, leases=ledger, holder="a"), clock, 0.05)
    assert took <= 1
    await clock.sleep(seconds(3000))
    assert ledger.appends == []
    assert await ledger.lease(NORTH) is None


@pytest.mark.parametrize("within_a", ["look", "read", "sleep"])
async def test_the_end_waits_for_nothing_that_does_not_write(
    subject: Make, ledger: Toy, clock: VirtualClock, within_a: str
) -> None:
    async def hangs(what: str) -> None:
        if what == "tickets" and within_a == "read":
            await clock.sleep(HANG)

    ledger.asked = hangs
    toy = subject(HANG if within_a == "look" else UP)
    monitor = Monitor(cluster=NORTH, subject=toy, ledger=ledger, clock=clock, within=HANG)
    _, took = await ended(monitor, clock, 3)
    assert took == 0


async def test_a_ledger_that_lets_nothing_go_is_left_within_a_second(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a = process("a", DOWN, within=HANG)
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(9.99))
        a.line.freeze()
        await clock.sleep(seconds(0.5))
        asked_at = clock.now()
        await a.end()
    assert (clock.now() - asked_at).total_seconds() <= 1


async def test_what_is_owed_is_written_at_the_end(subject: Make, ledger: Toy, clock: VirtualClock) -> None:
    fails = True

    async def once(_: Sequence[Entry]) -> None:
        nonlocal fails
        if fails:
            fails = False
            raise LedgerError("the disk is full")

    ledger.before = once
    monitor = Monitor(cluster=NORTH, subject=subject(UP), ledger=ledger, clock=clock)
    await ended(Watch(monitor, leases=ledger, holder="a"), clock, 3)
    assert [e.holder for e in ledger.entries(WatchTaken)] == ["a"]
    assert [e.because for e in ledger.entries(CycleFellShort)] == ["the disk is full"]


async def test_a_diagnosis_is_broken_off_and_one_that_is_being_written_is_written(
    subject: Make, ledger: Toy, clock: VirtualClock, diagnoser: Make, slowly: Callable[[float], None]
) -> None:
    slow = diagnoser(HANG)
    monitor = Monitor(cluster=NORTH, subject=subject(DOWN), ledger=ledger, clock=clock, diagnoser=slow)
    _, took = await ended(monitor, clock, 20)
    assert (took, len(slow.cases), ledger.entries(DiagnosisMade)) == (0, 1, [])
    slowly(0.5)
    quick = Monitor(cluster=NORTH, subject=subject(DOWN), ledger=ledger, clock=clock, diagnoser=diagnoser())
    _, took = await ended(quick, clock, 0.7)  # the look is written after 0.5 s, then the diagnosis
    assert took < 1
    assert len(ledger.entries(DiagnosisMade)) == 1


async def test_a_loop_that_was_left_goes_on_from_where_it_was(
    subject: Make, ledger: Toy, clock: VirtualClock, slowly: Callable[[float], None]
) -> None:
    monitor = Monitor(cluster=NORTH, subject=subject(DOWN), ledger=ledger, clock=clock)
    start = clock.now()
    slowly(0.5)
    first, _ = await ended(monitor, clock, 5.2)
    second, _ = await ended(monitor, clock, 11)
    assert [r.number for r in (*first, *second)] == [1, 3, 4, 5]  # the second look was written after it was cancelled
    assert [t.violations[0].since for t in ledger.book.values()] == [start]
    assert [r.failed for r in second] == [None] * 3


async def test_one_monitor_runs_once_at_a_time(subject: Make, ledger: Toy, clock: VirtualClock) -> None:
    toy = subject(UP)
    monitor = Monitor(cluster=NORTH, subject=toy, ledger=ledger, clock=clock)
    begun: list[datetime] = []

    async def tell(report: CycleReport) -> None:
        begun.append(report.at)

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(monitor.run(tell)) for _ in range(2)]
        await clock.sleep(seconds(21))
        for task in both:
            task.cancel()
    assert len(begun) == len(set(begun)) == 5
