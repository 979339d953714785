"""When the diagnoser is asked, what it is shown, and that it cannot stop the loop."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.errors import DiagnoserError, LedgerError
from operator_core.incidents import MoveTicket
from operator_core.readings import ClusterName
from operator_core.record import DiagnosisMade, Entry
from operator_core.runtime import VirtualClock
from operator_core.tickets import TicketId, TicketState
from operator_monitor import CycleReport, DiagnosisTerms, Monitor

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH = ClusterName("north")
pytestmark = pytest.mark.looptime

UP, DOWN = {"1": "up", "2": "up"}, {"1": "down", "2": "up"}
BOTH = {"1": "down", "2": "down"}


class Watch:
    def __init__(self, subject: Toy, ledger: Toy, clock: VirtualClock, diagnoser: Toy, **terms: Toy) -> None:
        self.subject, self.ledger, self.clock, self.diagnoser, self.terms = subject, ledger, clock, diagnoser, terms
        self.start = clock.now()
        self.restart()

    def restart(self) -> None:
        self.monitor = Monitor(
            cluster=NORTH,
            subject=self.subject,
            ledger=self.ledger,
            clock=self.clock,
            diagnoser=self.diagnoser,
            **self.terms,
        )

    async def cycles(self, count: int) -> list[CycleReport]:
        reports: list[CycleReport] = []
        async with aclosing(self.monitor.cycles()) as told:
            async for report in told:
                reports.append(report)
                if len(reports) == count:
                    break
        await self.clock.sleep(timedelta(seconds=5))
        return reports

    @property
    def asked(self) -> list[float]:
        return [(c.at - self.start).total_seconds() for c in self.diagnoser.cases]


@pytest.fixture
def watch(
    subject: Callable[..., Toy], ledger: Toy, clock: VirtualClock, diagnoser: Callable[..., Toy]
) -> Callable[..., Watch]:
    def make(*script: Toy, answers: tuple[Toy, ...] = (), **terms: Toy) -> Watch:
        return Watch(subject(*script), ledger, clock, diagnoser(*answers), **terms)

    return make


async def test_a_ticket_is_diagnosed_in_the_cycle_that_opens_it_and_once_more_when_evidence_matured(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(UP, UP, DOWN)
    reports = await w.cycles(30)
    assert w.asked == [20.0, 50.0]
    assert [[d.ticket for d in r.diagnoses] for r in reports if r.diagnoses] == [[1], [1]]
    assert [t.state for r in reports for t in r.opened] == [TicketState.DIAGNOSED]
    assert len(ledger.entries(DiagnosisMade)) == 2


async def test_a_case_shows_what_was_before_and_what_is_now(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(*[UP] * 6, DOWN, keep=4)
    await w.cycles(20)
    first, second = w.diagnoser.cases
    assert [o.number for o in first.observations] == [6, 7, 8, 9]
    assert [o.number for o in second.observations] == [6, 7, 8, 9, 12, 13, 14, 15]
    assert first.trouble_since == second.trouble_since == w.start + timedelta(seconds=30)
    assert (first.ticket.id, first.cluster, first.at) == (1, NORTH, first.observations[-1].at)


async def test_a_ticket_whose_trouble_is_out_of_sight_is_not_diagnosed_from_a_healthy_look(
    watch: Callable[..., Watch],
) -> None:
    w = watch(UP, UP, DOWN, DOWN, DOWN, DOWN, DOWN, UP, terms=DiagnosisTerms(matures_after=timedelta(seconds=20)))
    await w.cycles(7)
    opened = w.asked
    await w.cycles(30)
    assert (len(opened), w.asked) == (1, opened)


async def test_a_violation_that_joins_is_a_new_question(watch: Callable[..., Watch]) -> None:
    w = watch(DOWN, DOWN, DOWN, *[BOTH] * 30)
    await w.cycles(20)
    assert w.asked == [10.0, 25.0, 40.0]


async def test_nothing_is_asked_when_nothing_is_wrong(watch: Callable[..., Watch]) -> None:
    w = watch(UP, DOWN, UP)
    await w.cycles(20)
    assert w.asked == []


@pytest.mark.parametrize(
    ("trouble", "asked"),
    [
        (DiagnoserError("out of budget"), [10.0, 20.0, 40.0, 80.0]),
        (ZeroDivisionError("a bug"), [10.0, 20.0, 40.0, 80.0]),
        (timedelta(days=1), [10.0, 25.0, 50.0, 95.0]),  # two seconds until it is given up, each time
    ],
)
async def test_a_diagnoser_that_fails_is_asked_again_ever_more_slowly_and_not_for_ever(
    watch: Callable[..., Watch], ledger: Toy, trouble: Toy, asked: list[float]
) -> None:
    terms = DiagnosisTerms(at_most=4, matures_after=timedelta(hours=1), within=timedelta(seconds=2))
    w = watch(DOWN, answers=(trouble,), terms=terms)
    reports = await w.cycles(100)
    assert w.asked == asked
    assert [list(r.undiagnosed) for r in reports if r.undiagnosed] == [[1]] * 4
    assert [r.failed for r in reports] == [None] * 100
    assert ledger.book[1].state is TicketState.OPEN


async def test_a_diagnoser_that_recovers_is_heard(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, answers=(DiagnoserError("busy"), None))
    reports = await w.cycles(6)
    assert [dict(r.undiagnosed) for r in reports if r.undiagnosed] == [{1: "busy"}]
    assert ledger.book[1].state is TicketState.DIAGNOSED
    assert [[t.id for t in r.changed] for r in reports if r.changed] == [[1]]


async def test_a_ticket_that_a_person_must_take_is_not_asked_about(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(DOWN, answers=(DiagnoserError("busy"),))
    await w.cycles(3)
    at = w.clock.now()
    await ledger.say(MoveTicket(ticket=TicketId(1), at=at, to=TicketState.ESCALATED, by="anna"), at)
    await w.cycles(50)
    assert w.asked == [10.0]


async def test_a_restart_neither_forgets_what_was_asked_nor_what_was_before(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(*[UP] * 6, DOWN, keep=4)
    await w.cycles(10)
    w.restart()
    await w.cycles(2)
    assert w.asked == [40.0]
    w.restart()
    await w.cycles(20)
    assert w.asked == [40.0, 70.0]
    assert [o.number for o in w.diagnoser.cases[-1].observations] == [6, 7, 8, 9, 12, 13, 14, 15]


async def test_a_diagnosis_that_could_not_be_written_is_said_and_made_again(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    first = True

    async def fails(entries: list[Entry]) -> None:
        nonlocal first
        if first and any(isinstance(e, DiagnosisMade) for e in entries):
            first = False
            raise LedgerError("the disk is full")

    ledger.before = fails
    w = watch(DOWN)
    reports = await w.cycles(6)
    assert [(r.number, dict(r.undiagnosed)) for r in reports if r.undiagnosed] == [(3, {1: "the disk is full"})]
    assert [r.failed for r in reports] == [None] * 6
    assert w.asked == [10.0, 20.0]
    assert len(ledger.entries(DiagnosisMade)) == 1


async def test_each_open_ticket_is_asked_about(watch: Callable[..., Watch]) -> None:
    w = watch({"1": "down", "4": "down"})
    await w.cycles(3)
    assert [c.ticket.title for c in w.diagnoser.cases] == ["node 1 is down", "node 4 is down"]


async def test_a_slow_diagnosis_holds_up_no_look_and_comes_out_in_a_later_report(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(DOWN, answers=(timedelta(seconds=17), None))
    reports = await w.cycles(10)
    assert [(r.at - w.start).total_seconds() for r in reports] == [5.0 * n for n in range(10)]
    assert [r.took for r in reports] == [timedelta(0)] * 10
    assert [[t.state for t in r.opened] for r in reports if r.opened] == [[TicketState.OPEN]]
    told = [
        (n, [d.ticket for d in r.diagnoses], [t.id for t in r.changed]) for n, r in enumerate(reports) if r.diagnoses
    ]
    assert told == [(6, [1], [1]), (8, [1], [])]  # the second changes nothing of the ticket


async def test_a_report_waits_for_a_diagnosis_only_a_moment(watch: Callable[..., Watch], clock: VirtualClock) -> None:
    w = watch(DOWN, answers=(timedelta(seconds=0.9),), terms=DiagnosisTerms(matures_after=timedelta(hours=1)))
    reports = await w.cycles(3)
    assert [len(r.diagnoses) for r in reports] == [0, 0, 1]
    slow = watch(
        UP, UP, DOWN, answers=(timedelta(seconds=1.1),), terms=DiagnosisTerms(matures_after=timedelta(hours=1))
    )
    assert [len(r.diagnoses) for r in await slow.cycles(2)] == [0, 0]


async def test_about_one_ticket_there_is_one_question_at_a_time(watch: Callable[..., Watch]) -> None:
    w = watch(DOWN, DOWN, DOWN, BOTH, BOTH, BOTH, answers=(timedelta(seconds=40),))
    await w.cycles(14)
    assert w.asked == [10.0, 50.0]  # the second violation joined at 25 s


async def test_about_two_tickets_there_are_two_questions_at_once(watch: Callable[..., Watch]) -> None:
    w = watch({"1": "down", "4": "down"}, answers=(timedelta(seconds=7),))
    reports = await w.cycles(5)
    assert w.asked == [10.0, 10.0]
    assert [[d.ticket for d in r.diagnoses] for r in reports if r.diagnoses] == [[1, 2]]


async def test_a_question_that_outlives_its_ticket_harms_nothing(watch: Callable[..., Watch], ledger: Toy) -> None:
    w = watch(*[DOWN] * 3, UP, answers=(timedelta(seconds=30),))
    reports = await w.cycles(12)
    assert [[t.id for t in r.resolved] for r in reports if r.resolved] == [[1]]
    assert [(n, len(r.diagnoses), r.changed) for n, r in enumerate(reports) if r.diagnoses] == [(8, 1, ())]
    assert [r.failed for r in reports] == [None] * 12
    assert not ledger.book[1].is_open


async def test_a_ticket_that_comes_back_is_asked_about_anew(watch: Callable[..., Watch], ledger: Toy) -> None:
    terms = DiagnosisTerms(at_most=1)
    w = watch(*[DOWN] * 3, *[UP] * 20, *[DOWN] * 30, terms=terms, keep=4)
    await w.cycles(40)
    assert w.asked == [10.0, 125.0]
    assert w.diagnoser.cases[1].trouble_since == w.start + timedelta(seconds=115)
    assert [o.number for o in w.diagnoser.cases[1].observations] == [23, 24, 25, 26]
    w.restart()
    await w.cycles(3)
    assert len(w.asked) == 2


async def test_losing_the_watch_while_a_diagnosis_is_written_is_said(
    process: Callable[..., Toy], ledger: Toy, clock: VirtualClock, diagnoser: Callable[..., Toy]
) -> None:
    async def takes_over(entries: list[Entry]) -> None:
        if any(isinstance(e, DiagnosisMade) for e in entries):
            await ledger.take(NORTH, holder="b", patience=timedelta(days=1), over=await ledger.lease(NORTH))

    ledger.before = takes_over
    a = process("a", DOWN, diagnoser=diagnoser())
    async with asyncio.TaskGroup() as tasks:
        a.start(tasks)
        await clock.sleep(timedelta(seconds=20))
        await a.end()
    assert dict(a.looked()[-1].undiagnosed) == {1: "b has the watch of north now, not a"}
    assert a.stood_by()[-1].holder == "b"
    assert ledger.book[1].state is TicketState.OPEN


@pytest.mark.parametrize("remember", [1, 2, 5, 8, 100])
@pytest.mark.parametrize("restarts", [False, True])
async def test_what_is_not_remembered_is_read_and_shown_all_the_same(
    watch: Callable[..., Watch], remember: int, *, restarts: bool
) -> None:
    w = watch(*[UP] * 12, *[DOWN] * 4, *[BOTH] * 40, keep=8, remember=remember)
    for _ in range(8):
        await w.cycles(5)
        if restarts:
            w.restart()
    assert w.asked == [70.0, 90.0, 100.0]
    assert [[o.number for o in c.observations] for c in w.diagnoser.cases] == [
        [*range(8, 16)],
        [*range(8, 20)],
        [*range(8, 22)],
    ]


async def test_two_that_are_diagnosed_at_one_look_are_shown_the_same(watch: Callable[..., Watch]) -> None:
    w = watch(*[{"1": "up", "4": "up"}] * 12, {"1": "down", "4": "down"}, keep=8, remember=2)
    await w.cycles(25)
    assert [[o.number for o in c.observations] for c in w.diagnoser.cases] == [
        *[[*range(8, 16)]] * 2,
        *[[*range(8, 16), *range(16, 22)]] * 2,
    ]


async def test_a_case_ends_with_the_look_that_it_is_about_however_long_its_past_takes_to_read(
    watch: Callable[..., Watch], ledger: Toy, clock: VirtualClock
) -> None:
    async def slow(what: str) -> None:
        if what == "observations":
            await clock.sleep(timedelta(seconds=7))

    ledger.asked = slow
    w = watch(*[UP] * 12, DOWN, keep=8, remember=2)
    await w.cycles(25)
    assert [c.at == c.observations[-1].at for c in w.diagnoser.cases] == [True, True]
    assert w.asked == [70.0, 105.0]  # the first was still being worked on at 100 s


async def test_a_past_that_cannot_be_read_is_done_without_and_read_the_next_time(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    fails = True

    async def away(what: str) -> None:
        if what == "observations" and fails:
            raise LedgerError("locked")

    ledger.asked = away
    w = watch(*[UP] * 12, *[DOWN] * 4, *[BOTH] * 40, keep=8, remember=2)
    await w.cycles(18)
    fails = False
    await w.cycles(4)
    assert [[o.number for o in c.observations] for c in w.diagnoser.cases] == [
        [15, 16],  # asked a look later: first its beginning could not be read
        [*range(12, 20)],
        [*range(14, 22)],
    ]


async def test_one_monitor_writes_one_thing_at_a_time(
    watch: Callable[..., Watch], ledger: Toy, clock: VirtualClock
) -> None:
    writing, most = 0, 0

    async def slow(_: list[Entry]) -> None:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        await clock.sleep(timedelta(seconds=2))
        writing -= 1

    ledger.before = slow
    w = watch({"1": "down", "4": "down", "7": "down"}, answers=(timedelta(seconds=1),))
    reports = await w.cycles(8)
    assert most == 1
    assert sum(len(r.diagnoses) for r in reports) == 3


async def test_a_diagnosis_that_comes_in_during_an_outage_is_told_with_its_ticket_when_it_is_over(
    watch: Callable[..., Watch], ledger: Toy
) -> None:
    w = watch(DOWN, answers=(timedelta(seconds=3),), terms=DiagnosisTerms(matures_after=timedelta(hours=1)))
    looked = w.subject.looks

    async def away(what: str) -> None:
        if what == "tickets" and len(looked) in {4, 5}:
            raise LedgerError("locked")

    ledger.asked = away
    reports = await w.cycles(7)
    assert [len(r.diagnoses) for r in reports] == [0, 0, 0, 1, 0, 0, 0]
    assert [[(t.id, t.state) for t in r.changed] for r in reports if r.changed] == [[(1, TicketState.DIAGNOSED)]]
    assert reports[5].changed


async def test_waiting_for_a_diagnosis_delays_no_look(watch: Callable[..., Watch], clock: VirtualClock) -> None:
    w = watch(DOWN, answers=(timedelta(seconds=0.8),))
    w.subject.slow = timedelta(seconds=4.5)
    reports = await w.cycles(5)
    assert [(r.at - w.start).total_seconds() for r in reports] == [0, 5, 10, 15, 20]
    assert [len(r.diagnoses) for r in reports] == [0, 0, 0, 1, 0]
