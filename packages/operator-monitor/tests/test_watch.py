"""Several monitors of one cluster: one works, the others stand by, and whatever happens only one writes."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_core.errors import LedgerError
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.record import ObservationKept, WatchTaken
from operator_core.runtime import VirtualClock, run_virtual

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH = ClusterName("north")
INTERVAL = timedelta(seconds=5)
HANG = timedelta(days=1)
UP, DOWN = {"1": "up"}, {"1": "down"}
Make = Callable[..., Toy]


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def looks_of(ledger: Toy, holder: str) -> list[datetime]:
    return [
        e.observation.at
        for who, entries in ledger.appends
        for e in entries
        if who == holder
        if isinstance(e, ObservationKept)
    ]


@pytest.mark.looptime
async def test_of_two_that_begin_at_once_exactly_one_works(process: Make, ledger: Toy, clock: VirtualClock) -> None:
    a, b = process("a"), process("b")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        b.start(tasks)
        await clock.sleep(seconds(61))
        await a.end()
        await b.end()
    assert len(a.looked()) == 13
    assert (b.looked(), {r.holder for r in b.stood_by()[1:]}) == ([], {"a"})
    assert {who for who, _ in ledger.appends} == {"a"}
    assert all(r.silent_for <= seconds(2.5) for r in b.stood_by())


@pytest.mark.looptime
@pytest.mark.parametrize("dies_at", [20 + n / 4 for n in range(20)])
async def test_when_the_holder_dies_another_takes_over_within_three_intervals(
    process: Make, ledger: Toy, clock: VirtualClock, dies_at: float
) -> None:
    a, b = process("a"), process("b")
    start = clock.now()
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(1.3))
        b.start(tasks)
        await clock.sleep(seconds(dies_at - 1.3))
        await a.die()
        await clock.sleep(seconds(30))
        await b.end()
    first = looks_of(ledger, "b")[0]
    assert seconds(0) < first - max(looks_of(ledger, "a"))
    assert first - (start + seconds(dies_at)) <= 3 * INTERVAL
    assert [(e.holder, e.instead_of) for e in ledger.entries(WatchTaken)] == [("a", None), ("b", "a")]


@pytest.mark.looptime
@pytest.mark.parametrize("ends_at", [20 + n / 2 for n in range(10)])
async def test_after_a_clean_end_another_takes_over_within_an_interval(
    process: Make, ledger: Toy, clock: VirtualClock, ends_at: float
) -> None:
    a, b = process("a"), process("b")
    start = clock.now()
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(1))
        b.start(tasks)
        await clock.sleep(seconds(ends_at - 1))
        await a.end()
        await clock.sleep(seconds(10))
        await b.end()
    assert looks_of(ledger, "b")[0] - (start + seconds(ends_at)) <= INTERVAL
    assert await ledger.lease(NORTH) is None
    assert [(e.holder, e.instead_of) for e in ledger.entries(WatchTaken)] == [("a", None), ("b", None)]


@pytest.mark.looptime
async def test_a_look_that_hangs_for_minutes_does_not_cost_the_watch(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a, b = process("a", UP, seconds(300), UP, within=seconds(600)), process("b")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        b.start(tasks)
        await clock.sleep(seconds(400))
        await a.end()
        await b.end()
    assert (b.looked(), [e.holder for e in ledger.entries(WatchTaken)]) == ([], ["a"])
    assert len(a.looked()) > 15


@pytest.mark.looptime
async def test_a_frozen_holder_that_wakes_up_after_a_takeover_writes_nothing_and_stands_by(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a, b = process("a", DOWN, within=HANG, cycle_within=HANG), process("b", DOWN)
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        b.start(tasks)
        await clock.sleep(seconds(6))
        a.line.freeze()
        await clock.sleep(seconds(60))
        by_a = len(looks_of(ledger, "a"))
        a.line.thaw()
        await clock.sleep(seconds(30))
        assert len(looks_of(ledger, "a")) == by_a == 2
        assert a.stood_by()[-1].holder == "b"
        assert "a has lost the watch; b has the watch" in {r.because for r in a.stood_by()}
        await b.end()
        await clock.sleep(seconds(10))
        assert looks_of(ledger, "a")[-1] > looks_of(ledger, "b")[-1]
        assert [r.failed for r in a.looked()[-2:]] == [None, None]  # from where the other's record ends
        await a.end()
    numbers = [e.observation.number for e in ledger.entries(ObservationKept)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(ledger.book) == 1


@pytest.mark.looptime
async def test_losing_the_watch_in_the_middle_of_a_cycle_is_said_and_nothing_is_lost(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a = process("a", UP, UP, DOWN)
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(11))
        taken = await ledger.take(NORTH, holder="b", patience=seconds(60), over=await ledger.lease(NORTH))
        assert taken is not None
        await clock.sleep(seconds(6))
        assert a.looked()[-1].failed is None  # it was its beat that found out, before the next look
        assert a.stood_by()[-1].holder == "b"
        await ledger.release(taken)
        await clock.sleep(seconds(20))
        assert a.looked()[-1].failed is None
        await a.end()
    assert [t.violations[0].since for t in ledger.book.values()] == [a.looked()[2].observation.at]


@pytest.mark.looptime
async def test_an_append_that_is_refused_for_the_lease_is_the_last_of_its_watch(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a = process("a", UP, seconds(2), UP)
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(6))
        await ledger.take(NORTH, holder="b", patience=seconds(60), over=await ledger.lease(NORTH))
        await clock.sleep(seconds(1.3))  # the look is over, and no beat was due in between
        assert a.looked()[-1].failed == "b has the watch of north now, not a"
        assert a.stood_by()[-1].because == "a has lost the watch; b has the watch"
        await a.end()
    assert len(looks_of(ledger, "a")) == 1
    held = await ledger.lease(NORTH)
    assert held is not None
    assert held.holder == "b"


@pytest.mark.looptime
async def test_a_question_that_is_being_worked_on_does_not_hold_up_standing_by(
    process: Make, ledger: Toy, clock: VirtualClock, diagnoser: Make
) -> None:
    slow = diagnoser(HANG)
    a = process("a", DOWN, DOWN, DOWN, seconds(2), DOWN, diagnoser=slow)
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(16))
        assert len(slow.cases) == 1
        await ledger.take(NORTH, holder="b", patience=HANG, over=await ledger.lease(NORTH))
        await clock.sleep(seconds(1.3))  # its append is refused before a beat is due
        assert a.stood_by()[-1].holder == "b"
        await a.end()


@pytest.mark.looptime
async def test_a_lease_that_cannot_be_read_is_said_and_takes_nothing_over(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a, b = process("a"), process("b")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(1))
        b.start(tasks)
        await clock.sleep(seconds(10))
        b.line.is_cut = True
        await clock.sleep(seconds(60))
        b.line.is_cut = False
        await clock.sleep(seconds(20))
        await a.end()
        await b.end()
    assert "the line is cut" in {r.failed for r in b.stood_by()}
    assert b.stood_by()[-1].failed is None
    assert looks_of(ledger, "b") == []


@pytest.mark.looptime
async def test_an_outage_of_the_ledger_itself_costs_nobody_the_watch(
    process: Make, ledger: Toy, clock: VirtualClock
) -> None:
    a, b = process("a"), process("b")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(1))
        b.start(tasks)
        await clock.sleep(seconds(10))
        a.line.is_cut = b.line.is_cut = True
        await clock.sleep(seconds(60))
        a.line.is_cut = b.line.is_cut = False
        await clock.sleep(seconds(60))
        await a.end()
        await b.end()
    assert [e.holder for e in ledger.entries(WatchTaken)] == ["a"]
    assert len(looks_of(ledger, "a")) > 20


@pytest.mark.looptime
async def test_an_answer_to_a_taking_that_was_lost_is_found_out(
    process: Make, ledger: Toy, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ledger.take

    async def unheard(*args: Toy, **terms: Toy) -> None:
        await take(*args, **terms)
        raise LedgerError("the answer was lost")

    monkeypatch.setattr(ledger, "take", unheard)
    a = process("a")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(6))
        await a.end()
    assert [r.failed for r in a.stood_by()] == ["the answer was lost"]
    assert len(a.looked()) == 1 + (6 - 2.5) // 5


@pytest.mark.looptime
async def test_the_patience_that_counts_is_the_holders_own(process: Make, ledger: Toy, clock: VirtualClock) -> None:
    slow = await ledger.take(NORTH, holder="slow", patience=seconds(40), over=None)
    assert isinstance(slow, Lease)
    start = clock.now()
    a = process("a")
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(seconds(60))
        await a.end()
    assert looks_of(ledger, "a")[0] == start + seconds(40)
    assert a.stood_by()[-1].silent_for == seconds(37.5)


def plays() -> st.SearchStrategy[list[tuple[float, int, str]]]:
    """What happens to which of three processes, and how long after what happened before."""
    what = st.sampled_from(["start", "start", "die", "end", "freeze", "thaw", "cut", "mend"])
    return st.lists(
        st.tuples(st.sampled_from([0.0, 0.4, 2.5, 5.0, 7.3, 11.0, 26.0]), st.integers(0, 2), what), max_size=14
    )


@settings(max_examples=150, deadline=None)
@given(play=plays())
def test_whatever_happens_one_writes_at_a_time_and_who_can_work_soon_does(
    party: Callable[[Sequence[str]], Toy], play: list[tuple[float, int, str]]
) -> None:
    clock, ledger, processes = party("abc")
    alive: set[int] = set()
    dead: set[int] = set()
    hampered: set[int] = set()

    async def happens(n: int, what: str, tasks: asyncio.TaskGroup) -> None:
        p = processes[n]
        match what:
            case "start" if n not in alive | dead:
                alive.add(n)
                p.start(tasks)
            case "die" | "end" if n in alive and (what == "die" or n not in hampered):
                alive.discard(n)
                dead.add(n)
                await (p.die() if what == "die" else p.end())
            case "freeze" if n in alive:
                hampered.add(n)
                p.line.freeze()
            case "cut" if n in alive:
                hampered.add(n)
                p.line.is_cut = True
            case "thaw" | "mend" if n in alive:
                hampered.discard(n)
                p.line.is_cut = False
                p.line.thaw()
            case _:
                pass

    async def whole() -> datetime:
        async with asyncio.TaskGroup() as tasks:
            for after, n, what in play:
                await clock.sleep(seconds(after))
                await happens(n, what, tasks)
            await clock.sleep(4 * INTERVAL)
            over = clock.now()
            for n in sorted(alive):
                await processes[n].die()
        return over

    over = run_virtual(whole())
    writer = ""
    for who, entries in ledger.appends:
        taken = [e for e in entries if isinstance(e, WatchTaken)]
        assert who == writer or (taken and taken[-1].holder == who)
        writer = who
    numbers = [e.observation.number for e in ledger.entries(ObservationKept)]
    assert numbers == sorted(set(numbers))
    if alive - hampered:
        assert over - max(e.observation.at for e in ledger.entries(ObservationKept)) <= INTERVAL
