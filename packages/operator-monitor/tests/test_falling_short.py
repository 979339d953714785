"""Cycles that fail or take too long are recorded as such, and nothing is lost or told twice by a failing ledger."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.judgements import Verdict
from operator_core.readings import ClusterName, Observation
from operator_core.record import CycleFellShort, Entry, JudgementChanged, ObservationKept, SilenceAdded
from operator_core.runtime import VirtualClock
from operator_core.silences import SilenceScope
from operator_monitor import CycleReport, Monitor

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH, NOON = ClusterName("north"), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UP, DOWN = {"1": "up"}, {"1": "down"}
BUG, HANG = KeyError("a bug"), timedelta(days=1)
pytestmark = pytest.mark.looptime
Led = Callable[[Monitor, int], Awaitable[list[CycleReport]]]
Make = Callable[..., Toy]


@pytest.fixture
def monitor(ledger: Toy, clock: VirtualClock) -> Callable[..., Monitor]:
    def make(subject: Toy, **terms: Toy) -> Monitor:
        return Monitor(cluster=NORTH, subject=subject, ledger=ledger, clock=clock, **terms)

    return make


@pytest.fixture
def fails(ledger: Toy) -> Callable[..., None]:
    """Lets some appends fail, counted from 1, before they are written or after."""

    def make(*numbers: int, when: str = "before") -> None:
        count = 0

        async def fail(_: Sequence[Entry]) -> None:
            nonlocal count
            count += 1
            if count in numbers:
                raise LedgerError("the disk is full")

        setattr(ledger, when, fail)

    return make


def short(ledger: Toy) -> list[tuple[int, float, str]]:
    return [(e.number, e.took.total_seconds(), e.because) for e in ledger.entries(CycleFellShort)]


def looks(ledger: Toy) -> list[int]:
    return [e.observation.number for e in ledger.entries(ObservationKept)]


async def test_a_cycle_that_does_what_it_should_in_time_is_not_said_to_fall_short(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    reports = await led(monitor(subject(UP, slow=timedelta(seconds=5))), 4)
    assert (short(ledger), [r.fell_short for r in reports]) == ([], [None] * 4)


async def test_a_slow_cycle_is_recorded_with_the_next_append(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    async def slow(entries: Sequence[Entry]) -> None:
        if len(ledger.appends) == 1:
            await ledger.clock.sleep(timedelta(seconds=6))

    toy = subject(UP)
    ledger.clock, ledger.before = toy.clock, slow
    reports = await led(monitor(toy), 3)
    assert short(ledger) == [(2, 6.0, "it took 6 s of 5 s")]
    assert [r.fell_short for r in reports] == [None, "it took 6 s of 5 s", None]
    assert isinstance(ledger.appends[2][1][0], CycleFellShort)


async def test_a_slow_look_is_recorded_with_the_look(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    await led(monitor(subject(UP, timedelta(seconds=7), UP)), 3)
    assert short(ledger) == [(2, 7.0, "it took 7 s of 5 s")]
    assert [len(entries) for _, entries in ledger.appends] == [2, 3, 2]


async def test_a_failed_look_is_recorded_with_its_cause(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    reports = await led(monitor(subject(UP, BUG, UP, HANG, UP), within=timedelta(seconds=8)), 5)
    assert short(ledger) == [(2, 0.0, "observing: KeyError: 'a bug'"), (4, 8.0, "observing did not end within 8 s")]
    assert [r.fell_short for r in reports] == [r.failed for r in reports]
    assert looks(ledger) == [1, 2, 3, 4, 5]


async def test_what_a_ledger_that_was_away_missed_is_written_when_it_is_back(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy, fails: Callable[..., None]
) -> None:
    fails(2, 3, 4)
    await led(monitor(subject(UP, UP, BUG, UP)), 6)
    assert looks(ledger) == [1, 2, 3, 4, 5, 6]
    assert short(ledger) == [
        (2, 0.0, "the disk is full"),
        (3, 0.0, "observing: KeyError: 'a bug'; the disk is full"),
        (4, 0.0, "the disk is full"),
    ]


async def test_a_ledger_that_cannot_be_read_costs_no_look(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    count = 0

    async def away(what: str) -> None:
        nonlocal count
        count += what == "tickets"
        if (what == "tickets" and count == 2) or (what == "silences" and count == 3):
            raise LedgerError("locked")

    ledger.asked = away
    reports = await led(monitor(subject(DOWN)), 5)
    assert [r.failed for r in reports] == [None, "locked", "locked", None, None]
    assert [r.now_open is None for r in reports] == [False, True, True, False, False]
    assert looks(ledger) == [1, 2, 3, 4, 5]
    assert ledger.book[1].violations[0].since == reports[0].at


async def test_a_cycle_as_a_whole_has_a_deadline(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy, clock: VirtualClock
) -> None:
    async def slow(what: str) -> None:
        if what == "silences" and len(toy.looks) == 2:
            await clock.sleep(timedelta(seconds=9))

    ledger.asked = slow
    toy = subject(UP, DOWN, DOWN, slow=timedelta(seconds=4))
    reports = await led(monitor(toy, within=timedelta(seconds=10), cycle_within=timedelta(seconds=12)), 4)
    assert [r.failed for r in reports] == [None, "the cycle did not end within 12 s", None, None]
    assert [r.took.total_seconds() for r in reports] == [4, 12, 4, 4]
    assert short(ledger) == [(2, 12.0, "the cycle did not end within 12 s")]
    assert looks(ledger) == [1, 2, 3, 4]
    assert (reports[1].number, len(reports[1].judgements)) == (2, 2)
    assert ledger.book[1].violations[0].since == reports[1].at  # what it saw counts


@pytest.mark.parametrize("lost", range(1, 16))
async def test_an_append_whose_answer_was_lost_is_told_once(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy, fails: Callable[..., None], lost: int
) -> None:
    expected = SilenceAdded(
        at=ledger_start(subject), ends=ledger_start(subject) + timedelta(seconds=41), scope=SilenceScope(), by="anna"
    )
    await ledger.say(expected, expected.at)
    fails(lost, when="after")
    await led(monitor(subject(UP, *[DOWN] * 9, UP)), 16)
    turned = [e.judgement.verdict for e in ledger.entries(JudgementChanged)]
    assert turned == [Verdict.VIOLATED, Verdict.HOLDS]
    assert len(ledger.entries(SilenceViolation)) == 1
    assert looks(ledger) == list(range(1, 17))
    assert [(len(t.violations), t.is_open) for t in ledger.book.values()] == [(1, False)]
    assert [n for n, _, _ in short(ledger)] == [lost]


def ledger_start(subject: Make) -> Toy:
    return subject(UP).clock.now()


@pytest.mark.parametrize("lost", range(1, 10))
@pytest.mark.parametrize("again", [2, 5])
async def test_an_answer_that_is_lost_just_before_an_outage_costs_no_grace(
    led: Led,
    monitor: Callable[..., Monitor],
    subject: Make,
    ledger: Toy,
    fails: Callable[..., None],
    lost: int,
    again: int,
) -> None:
    fails(lost, lost + again, when="after")
    seen: dict[int, int] = {}

    async def away(what: str) -> None:
        last = max((n for n in (lost, lost + again) if n <= len(ledger.appends)), default=0)
        if last and seen.setdefault(last, 0) < 2:
            seen[last] += 1
            raise LedgerError("locked")

    ledger.asked = away
    reports = await led(monitor(subject(UP, UP, DOWN, UP, UP, *[DOWN] * 8, *[UP] * 12)), 25)
    (ticket,) = ledger.book.values()
    assert ticket.violations[0].since == reports[5].at
    assert (ticket.is_open, len(ticket.violations)) == (False, 1)
    assert looks(ledger) == list(range(1, 26))
    assert [e.judgement.verdict for e in ledger.entries(JudgementChanged)] in (
        [Verdict.VIOLATED, Verdict.HOLDS],  # the first one came and went while nothing could be written
        [Verdict.VIOLATED, Verdict.HOLDS, Verdict.VIOLATED, Verdict.HOLDS],
    )


@pytest.mark.parametrize("looks_before", [1, 2, 3])
@pytest.mark.parametrize("foreign", [1, 4])
async def test_observations_of_somebody_else_under_the_next_numbers_cost_one_look_and_nothing_of_what_it_told(
    led: Led,
    monitor: Callable[..., Monitor],
    subject: Make,
    ledger: Toy,
    clock: VirtualClock,
    looks_before: int,
    foreign: int,
) -> None:
    alone = monitor(subject(DOWN))
    await led(alone, looks_before)
    await clock.sleep(timedelta(seconds=5))
    for n in range(foreign):
        observation = Observation(cluster=NORTH, number=looks_before + 1 + n, at=clock.now())
        await ledger.say(ObservationKept(observation=observation), clock.now())
    reports = await led(alone, 4)
    assert [r.failed is None for r in reports] == [False, True, True, True]
    assert [r.number for r in reports] == [looks_before + n for n in (1, foreign + 1, foreign + 2, foreign + 3)]
    assert len(ledger.book) == 1
    assert ledger.book[1].violations[0].since == NOON
    assert [n for n, _, _ in short(ledger)] == [looks_before + 1]


async def test_a_long_outage_is_written_piece_by_piece(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy, fails: Callable[..., None]
) -> None:
    fails(*range(1, 251))
    await led(monitor(subject(UP)), 260)
    sizes = [sum(isinstance(e, CycleFellShort) for e in entries) for _, entries in ledger.appends]
    assert sizes[:4] == [100, 100, 50, 0]
    assert [n for n, _, _ in short(ledger)] == list(range(1, 251))


async def test_what_is_tracked_does_not_grow_with_components_that_come_and_go(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    script = [{"1": "up", str(n): "up" if n % 2 else "down"} for n in range(2, 40)]
    alone = monitor(subject(*script, UP))
    await led(alone, 120)
    reports = await led(alone, 130)  # until the last onset is too long ago for a flapping
    assert {key.component.id for key in alone.tracked} == {"1", "node 1"}
    assert len(reports[-1].judgements) == 2
    assert dict(ledger.progress.tracked) == {}


async def test_what_comes_back_unseen_after_it_had_left_is_no_news(
    led: Led, monitor: Callable[..., Monitor], subject: Make, ledger: Toy
) -> None:
    both = {"1": "up", "2": "up"}
    await led(monitor(subject(both, both, UP, UP, {"1": "up", "2": "?"})), 8)
    assert ledger.entries(JudgementChanged) == []
    await led(monitor(subject(both, both, {"1": "up", "2": "?"})), 8)
    turned = [e.judgement.verdict for e in ledger.entries(JudgementChanged)]
    assert turned == [Verdict.HOLDS, Verdict.UNKNOWN]  # what never left is news
