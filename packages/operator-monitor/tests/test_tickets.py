"""From looks to tickets: graces, stability, joining, holding, restarts."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.components import Kind
from operator_core.incidents import HoldTicket, MoveTicket
from operator_core.judgements import Concern, InvariantName, Verdict
from operator_core.knowledge import Consequence, FailureMode, ModeName, Of
from operator_core.readings import ClusterName
from operator_core.record import Entry, JudgementChanged, ObservationKept
from operator_core.runtime import VirtualClock
from operator_core.tickets import TicketId, TicketState
from operator_monitor import CycleReport, Monitor

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH, T0 = ClusterName("north"), datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
pytestmark = pytest.mark.looptime

IS_UP = InvariantName("node-is-up")
UP, DOWN, DARK = {"1": "up"}, {"1": "down"}, {"1": "?"}
Subject = Callable[..., Toy]


class Watch:
    """A monitor that is led through some cycles."""

    def __init__(self, subject: Toy, ledger: Toy, clock: VirtualClock, **terms: Toy) -> None:
        self.clock = clock
        self.start = clock.now()
        self.subject, self.ledger, self.terms = subject, ledger, terms
        self.restart()

    def restart(self) -> None:
        self.monitor = Monitor(cluster=NORTH, subject=self.subject, ledger=self.ledger, clock=self.clock, **self.terms)

    async def cycles(self, count: int) -> list[CycleReport]:
        reports: list[CycleReport] = []
        async with aclosing(self.monitor.cycles()) as told:
            async for report in told:
                reports.append(report)
                if len(reports) == count:
                    break
        await self.clock.sleep(timedelta(seconds=5))
        return reports

    def second(self, report: CycleReport) -> float:
        return (report.observation.at - self.start).total_seconds()


def opened_at(watch: Watch, reports: list[CycleReport]) -> list[float]:
    return [watch.second(r) for r in reports for _ in r.opened]


def resolved_at(watch: Watch, reports: list[CycleReport]) -> list[float]:
    return [watch.second(r) for r in reports for _ in r.resolved]


@pytest.fixture
def watch(subject: Subject, ledger: Toy, clock: VirtualClock) -> Callable[..., Watch]:
    def make(*script: Toy, **terms: Toy) -> Watch:
        return Watch(subject(*script), ledger, clock, **terms)

    return make


async def test_of_what_holds_only_the_looks_are_written_and_how_far_it_came(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    reports = await watch(UP).cycles(5)
    assert [r.number for r in reports] == [1, 2, 3, 4, 5]
    assert [[type(e).__name__ for e in entries] for _, entries in ledger.appends] == [
        ["ObservationKept", "Progress"]
    ] * 5
    assert (ledger.progress.number, dict(ledger.progress.tracked)) == (5, {})


async def test_a_ticket_opens_when_the_grace_is_over_and_names_its_first_look(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(UP, DOWN)
    reports = await w.cycles(6)
    assert opened_at(w, reports) == [15.0]
    (ticket,) = ledger.book.values()
    assert ticket.violations[0].since == w.start + timedelta(seconds=5)
    assert ticket.title == "node 1 is down"


async def test_what_ends_within_its_grace_opens_nothing(watch: Callable[..., Watch], ledger: Toy) -> None:
    await watch(DOWN, DOWN, UP, DOWN, DOWN, UP).cycles(9)
    assert ledger.book == {}


async def test_a_failed_look_opens_nothing_however_long_it_lasts(watch: Callable[..., Watch], ledger: Toy) -> None:
    await watch(UP, DARK).cycles(100)
    assert ledger.book == {}


async def test_a_failed_look_resets_no_grace_and_a_good_one_does(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, DARK, DOWN, DOWN, DOWN)
    assert opened_at(w, await w.cycles(5)) == [10.0]


async def test_a_good_look_resets_the_grace(watch: Callable[..., Watch]) -> None:
    w = watch(DOWN, UP, DOWN, DOWN, DOWN)
    assert opened_at(w, await w.cycles(5)) == [20.0]


async def test_a_failed_look_closes_nothing_however_long_it_lasts(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, DOWN, DOWN, DARK)
    reports = await w.cycles(100)
    assert (opened_at(w, reports), resolved_at(w, reports)) == ([10.0], [])
    assert ledger.book[1].is_open


async def test_a_ticket_resolves_only_after_its_stability(watch: Callable[..., Watch]) -> None:
    w = watch(DOWN, DOWN, DOWN, UP)
    reports = await w.cycles(10)
    assert (opened_at(w, reports), resolved_at(w, reports)) == ([10.0], [30.0])


@pytest.mark.parametrize("between", [DARK, DOWN])
async def test_a_cure_must_be_seen_without_a_gap(watch: Callable[..., Watch], between: dict[str, str]) -> None:
    w = watch(DOWN, DOWN, DOWN, UP, between, UP)
    assert resolved_at(w, await w.cycles(12)) == [40.0]


async def test_a_restart_in_the_middle_of_a_grace_forgets_nothing(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN)
    first = await w.cycles(1)
    w.restart()
    second = await w.cycles(3)
    assert [r.number for r in first + second] == [1, 2, 3, 4]
    assert opened_at(w, second) == [10.0]
    assert ledger.book[1].violations[0].since == w.start


async def test_a_restart_neither_closes_an_open_ticket_nor_opens_it_again(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(DOWN)
    await w.cycles(4)
    w.restart()
    reports = await w.cycles(10)
    assert (opened_at(w, reports), resolved_at(w, reports), len(ledger.book)) == ([], [], 1)


async def test_a_restart_in_the_middle_of_a_cure_forgets_nothing(watch: Callable[..., Watch]) -> None:
    w = watch(DOWN, DOWN, DOWN, UP)
    await w.cycles(5)
    w.restart()
    assert resolved_at(w, await w.cycles(6)) == [30.0]


HELD = HoldTicket(ticket=TicketId(1), at=T0, hold=True, by="anna")
FREE = HoldTicket(ticket=TicketId(1), at=T0, hold=False, by="anna")


def move(to: TicketState, at: datetime = T0, by: str = "anna") -> MoveTicket:
    return MoveTicket(ticket=TicketId(1), at=at, to=to, by=by)


@pytest.mark.parametrize(
    ("changes", "closes"),
    [
        ([], True),
        ([HELD], False),
        ([HELD, FREE], True),
        ([move(TicketState.ESCALATED)], False),
        ([move(TicketState.DIAGNOSED), move(TicketState.ACTING)], False),
        ([move(TicketState.DIAGNOSED)], True),
    ],
)
async def test_what_a_person_holds_or_must_take_is_not_resolved(
    watch: Callable[..., Watch], ledger: Toy, changes: list[Entry], *, closes: bool
) -> None:
    w = watch(DOWN, DOWN, DOWN, UP)
    await w.cycles(4)
    for change in changes:
        await ledger.say(change, T0)
    reports = await w.cycles(20)
    assert bool(resolved_at(w, reports)) is closes
    assert ledger.book[1].is_open is not closes
    assert ledger.book[1].lasting == ()
    assert [r.failed for r in reports] == [None] * 20


async def test_a_ticket_let_go_of_resolves(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, DOWN, DOWN, UP)
    await w.cycles(4)
    await ledger.say(HELD, T0)
    await w.cycles(20)
    await ledger.say(FREE, T0)
    assert len(resolved_at(w, await w.cycles(1))) == 1


async def test_violations_of_one_group_are_one_ticket_and_of_another_a_second(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    fine = {str(n): "up" for n in range(1, 7)}
    w = watch(fine, fine | {"1": "down"}, fine | {"1": "down", "3": "gone", "6": "down"})
    reports = await w.cycles(8)
    assert sorted(t.title for t in ledger.book.values()) == ["node 3 is gone (also node 1)", "node 6 is down"]
    assert [[t.id for t in r.changed] for r in reports if r.changed] == [[1]]


async def test_groups_that_were_seen_before_still_bind_when_they_are_not_seen(
    subject: Subject, ledger: Toy, clock: VirtualClock
) -> None:
    toy = subject({"1": "up", "2": "up"}, {"1": "down", "2": "up"}, *[{"1": "down", "2": "down"}] * 9)
    observe = toy.observe

    async def without_groups(number: int) -> Toy:
        seen = await observe(number)
        return seen if number == 1 else replace(seen, groups=())

    toy.observe = without_groups
    await Watch(toy, ledger, clock).cycles(8)
    assert [t.title for t in ledger.book.values()] == ["node 1 is down (also node 2)"]


async def test_losing_sight_opens_exactly_one_ticket_and_resolves_when_sight_returns(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    fine = {"1": "up", "2": "up", "5": "up"}
    one, two = fine | {"1": "?source"}, fine | {"1": "?source", "2": "?source", "5": "?source"}
    w = watch(fine, one, *[two] * 10, fine)
    reports = await w.cycles(20)
    assert (opened_at(w, reports), resolved_at(w, reports)) == ([15.0], [75.0])
    (ticket,) = ledger.book.values()
    assert ticket.concern is Concern.SIGHT
    assert "node 1 was not seen: silent" in ticket.title
    assert reports[3].unseens.keys() == {"node 1", "node 2", "node 5"}


async def test_every_look_is_recorded_also_one_that_failed(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(UP, DOWN, DARK, KeyError("a bug"), UP)
    reports = await w.cycles(6)
    assert [e.observation for e in ledger.entries(ObservationKept)] == [r.observation for r in reports]
    assert await ledger.observations(NORTH) == tuple(r.observation for r in reports)


async def test_only_verdicts_that_turned_are_recorded(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(UP, DARK, UP, DOWN, DOWN, UP)
    await w.cycles(10)
    told = [(e.judgement.verdict, (e.judgement.at - w.start).total_seconds()) for e in ledger.entries(JudgementChanged)]
    assert told == [
        (Verdict.UNKNOWN, 5),
        (Verdict.HOLDS, 10),
        (Verdict.VIOLATED, 15),
        (Verdict.HOLDS, 25),
    ]


async def test_a_ticket_that_a_person_closed_too_early_is_left_alone_until_it_held_and_then_comes_back(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(*[DOWN] * 8, *[UP] * 5, DOWN)
    await w.cycles(4)
    await ledger.say(move(TicketState.RESOLVED, w.clock.now()), w.clock.now())
    reports = await w.cycles(20)
    assert [(w.second(r), [t.id for t in r.reopened]) for r in reports if r.reopened] == [(75.0, [1])]
    assert (opened_at(w, reports), [r for r in reports if r.changed]) == ([], [])
    assert ledger.book[1].is_open


async def test_trouble_that_comes_back_long_after_is_a_new_ticket(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(*[DOWN] * 3, *[UP] * 200, DOWN)
    reports = await w.cycles(210)
    assert opened_at(w, reports) == [10.0, 1025.0]
    assert [r for r in reports if r.reopened] == []


async def test_trouble_that_comes_back_soon_after_reopens_its_ticket(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(*[DOWN] * 3, *[UP] * 100, DOWN)
    reports = await w.cycles(110)
    assert opened_at(w, reports) == [10.0]
    assert [(w.second(r), t.occurrences) for r in reports for t in r.reopened] == [(525.0, 2)]
    for report in reports:
        told = [t.id for t in (*report.opened, *report.reopened, *report.changed, *report.resolved)]
        assert len(told) == len(set(told))


async def test_a_ticket_that_a_person_opened_again_is_followed_again(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(*[DOWN] * 4, *[UP] * 8, *[DOWN] * 6, UP)
    await w.cycles(4)
    await ledger.say(move(TicketState.RESOLVED, w.clock.now()), w.clock.now())
    await w.cycles(7)
    await ledger.say(move(TicketState.OPEN, w.clock.now()), w.clock.now())
    reports = await w.cycles(15)
    assert [r.failed for r in reports] == [None] * 15
    assert (opened_at(w, reports), resolved_at(w, reports)) == ([], [105.0])


async def test_every_report_says_which_tickets_are_open(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, DOWN, DOWN, UP)
    reports = await w.cycles(8)
    assert [[t.id for t in r.now_open] for r in reports if r.now_open is not None] == [
        [],
        [],
        [1],
        [1],
        [1],
        [1],
        [],
        [],
    ]


async def test_a_component_that_left_ends_its_violations_after_a_while_and_not_while_the_subject_is_out_of_sight(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    two, one, none = {"1": "up", "2": "down"}, {"1": "up"}, KeyError("a bug")
    w = watch(two, two, two, *[none] * 100, one)
    reports = await w.cycles(180)
    assert ledger.book[1].component.id == "2"
    assert resolved_at(w, reports)[-1] == 103 * 5 + 300


async def test_flapping_opens_a_ticket_although_no_onset_outlasts_the_grace(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(*[DOWN, UP, UP] * 4, UP)
    reports = await w.cycles(80)
    assert opened_at(w, reports) == [45.0]
    assert resolved_at(w, reports) == [50.0 + 300]


async def test_a_component_that_keeps_leaving_and_coming_back_broken_is_flapping(watch: Callable[..., Watch]) -> None:
    w = watch(*[{"1": "up", "2": "down"}, UP, UP] * 4, UP)
    assert opened_at(w, await w.cycles(20)) == [45.0]


async def test_a_flapping_that_began_before_a_restart_counts(watch: Callable[..., Watch]) -> None:
    w = watch(*[DOWN, UP, UP] * 4, UP)
    before: list[CycleReport] = []
    for _ in range(5):
        before += await w.cycles(2)
        w.restart()
    assert opened_at(w, before) == [45.0]


async def test_what_one_failure_mode_accounts_for_is_one_ticket(
    subject: Subject, ledger: Toy, clock: VirtualClock
) -> None:
    two = {"1": "down", "4": "down"}
    alone = Watch(subject(two), ledger, clock)
    await alone.cycles(3)
    assert sorted(t.title for t in ledger.book.values()) == ["node 1 is down", "node 4 is down"]

    toy, other = subject(two), type(ledger)()
    known = await toy.knowledge()
    mode = FailureMode(
        name=ModeName("avalanche"),
        title="one takes the others along",
        about=Kind("node"),
        summary="{it} takes the others along",
        mechanism="",
        expects=(),
        path=(),
        options=(),
        violates=(Consequence(invariant=IS_UP), Consequence(invariant=IS_UP, of=Of.OTHERS)),
    )

    async def knowledge() -> Toy:
        return replace(known, modes=(mode,))

    toy.knowledge = knowledge
    await Watch(toy, other, clock).cycles(3)
    assert [t.title for t in other.book.values()] == ["node 1 is down (also node 4)"]
