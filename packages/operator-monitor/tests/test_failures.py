"""Looks that raise or hang, ledgers that fail, and cancellation: the loop goes on and nothing is half done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.errors import ConfigurationError, LedgerError, SubjectUnreachable
from operator_core.judgements import Concern, Verdict
from operator_core.readings import Cause, ClusterName
from operator_core.record import CycleFellShort, Entry
from operator_core.runtime import VirtualClock
from operator_monitor import CycleReport, Monitor
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH = ClusterName("north")
pytestmark = pytest.mark.looptime

UP, DOWN = {"1": "up"}, {"1": "down"}
BUG, HANG = KeyError("a bug"), timedelta(days=1)
Subject = Callable[..., Toy]


@pytest.fixture
def monitor(ledger: Toy, clock: VirtualClock) -> Callable[..., Monitor]:
    def make(subject: Toy, **terms: Toy) -> Monitor:
        return Monitor(cluster=NORTH, subject=subject, ledger=ledger, clock=clock, **terms)

    return make


Led = Callable[[Monitor, int], Awaitable[list[CycleReport]]]


class FailsAt:
    """Raises at the appends of some numbers, counted from 1."""

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.count = numbers, 0

    async def __call__(self, entries: Sequence[Entry]) -> None:
        self.count += 1
        if self.count in self.numbers:
            raise LedgerError("the disk is full")


@pytest.mark.parametrize("trouble", [BUG, HANG, SubjectUnreachable("no answer", Cause.SILENT), ConfigurationError("x")])
async def test_a_look_that_fails_as_a_whole_is_lost_sight_and_touches_no_health(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy, trouble: Toy
) -> None:
    m = monitor(subject(UP, DOWN, DOWN, DOWN, *[trouble] * 6, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN))
    with capture_logs() as logs:
        reports = await led(m, 16)
    assert [r.failed is not None for r in reports] == [4 <= n < 10 for n in range(16)]
    health, sight = sorted(ledger.book.values(), key=lambda t: t.concern is Concern.SIGHT)
    assert health.is_open
    assert (sight.is_open, sight.concern, len(ledger.book)) == (False, Concern.SIGHT, 2)
    assert sight.title.startswith("subject was not seen: ")
    assert {j.verdict for j in reports[5].judgements if j.concern is Concern.SUBJECT} == {Verdict.UNKNOWN}
    assert any(e["event"] == "cycle.broke" and e.get("exc_info") for e in logs) is (trouble is BUG)
    for report in reports:
        assert len({j.key for j in report.judgements}) == len(report.judgements)


async def test_one_failed_look_opens_nothing(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy
) -> None:
    reports = await led(monitor(subject(UP, BUG, UP)), 12)
    assert [r.failed for r in reports if r.failed] == ["observing: KeyError: 'a bug'"]
    assert ledger.book == {}


async def test_a_look_that_hangs_costs_its_deadline_and_the_next_begins_at_its_end(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, clock: VirtualClock
) -> None:
    start = clock.now()
    toy = subject(UP, HANG, UP)
    reports = await led(monitor(toy, within=timedelta(seconds=12)), 4)
    assert [(at - start).total_seconds() for _, at in toy.looks] == [0, 5, 17, 20]
    assert reports[1].failed == "observing did not end within 12 s"
    assert reports[1].took == timedelta(seconds=12)


@pytest.mark.parametrize(("slow", "starts"), [(0, [0, 5, 10]), (3, [0, 5, 10]), (7, [0, 7, 15])])
async def test_cycles_never_overlap_and_keep_their_phase(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, clock: VirtualClock, slow: float, starts: list[float]
) -> None:
    start = clock.now()
    toy = subject(UP, slow=timedelta(seconds=slow))
    reports = await led(monitor(toy), 3)
    assert [(r.at - start).total_seconds() for r in reports] == starts
    assert [r.took.total_seconds() for r in reports] == [slow] * 3


async def test_an_interval_of_ones_own_is_kept(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, clock: VirtualClock
) -> None:
    start = clock.now()
    reports = await led(monitor(subject(UP), interval=timedelta(seconds=60)), 3)
    assert [(r.at - start).total_seconds() for r in reports] == [0, 60, 120]


async def test_what_could_not_be_written_is_decided_again(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy, clock: VirtualClock
) -> None:
    start = clock.now()
    ledger.before = FailsAt(3, 4)
    reports = await led(monitor(subject(UP, DOWN)), 8)
    assert [r.failed for r in reports] == [None, None, "the disk is full", "the disk is full", None, None, None, None]
    assert [[t.id for t in r.opened] for r in reports] == [[], [], [], [], [1], [], [], []]
    assert ledger.book[1].violations[0].since == start + timedelta(seconds=5)
    assert [r.number for r in reports] == list(range(1, 9))


async def test_a_grace_runs_on_while_the_ledger_is_away(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy, clock: VirtualClock
) -> None:
    start = clock.now()
    ledger.before = FailsAt(1, 2, 3, 4)
    reports = await led(monitor(subject(DOWN)), 6)
    assert [len(r.opened) for r in reports] == [0, 0, 0, 0, 1, 0]
    assert ledger.book[1].violations[0].since == start


async def test_an_append_whose_answer_was_lost_is_not_done_twice(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy
) -> None:
    ledger.after = FailsAt(4, 8)  # the one that opens the ticket and the one that resolves it
    reports = await led(monitor(subject(UP, DOWN, DOWN, DOWN, UP)), 12)
    assert [n for n, r in enumerate(reports) if r.failed] == [3, 7]
    (ticket,) = ledger.book.values()
    assert (ticket.is_open, len(ticket.violations), ticket.lasting) == (False, 1, ())


async def test_a_ledger_that_hangs_costs_a_cycle(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy, clock: VirtualClock
) -> None:
    first = True

    async def hangs(_: Sequence[Entry]) -> None:
        nonlocal first
        if first:
            first = False
            await clock.sleep(HANG)

    ledger.before = hangs
    reports = await led(monitor(subject(DOWN)), 3)
    assert [r.failed for r in reports] == ["writing the ledger did not end within 20 s", None, None]
    assert len(ledger.book) == 1


async def test_a_ledger_that_is_away_at_the_start_is_waited_for(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy
) -> None:
    standpoint, count = ledger.standpoint, 0

    async def late(cluster: ClusterName) -> Toy:
        nonlocal count
        count += 1
        if count < 3:
            raise LedgerError("locked")
        return await standpoint(cluster)

    ledger.standpoint = late
    toy = subject(DOWN)
    reports = await led(monitor(toy), 4)
    assert [(r.number, r.failed) for r in reports] == [(0, "locked"), (0, "locked"), (1, None), (2, None)]
    assert [n for n, _ in toy.looks] == [1, 2]
    assert [(e.number, e.because) for e in ledger.entries(CycleFellShort)] == [(0, "locked"), (0, "locked")]


async def test_a_cycle_tells_itself_in_one_line(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy
) -> None:
    with capture_logs(processors=[merge_contextvars]) as logs:
        await led(monitor(subject(UP, {"1": "?source"}, UP)), 3)
    assert [e["event"] for e in logs] == ["cycle.done"] * 3
    assert [(e["cluster"], e["number"], e["unseen"]) for e in logs] == [
        ("north", 1, []),
        ("north", 2, ["node 1"]),
        ("north", 3, []),
    ]


async def test_a_bug_in_a_group_of_tasks_is_called_by_its_own_name(
    led: Led, monitor: Callable[..., Monitor], subject: Subject, ledger: Toy
) -> None:
    with capture_logs():
        (report,) = await led(monitor(subject(ExceptionGroup("unhandled", [ExceptionGroup("inner", [BUG])]))), 1)
    assert report.failed is not None
    assert "KeyError: 'a bug'" in report.failed
    assert "ExceptionGroup" not in report.failed


async def test_a_record_that_cannot_be_read_is_tried_once_and_its_ticket_is_diagnosed_without_it(
    led: Led,
    monitor: Callable[..., Monitor],
    subject: Subject,
    ledger: Toy,
    diagnoser: Toy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await led(monitor(subject(*[DOWN] * 8)), 8)
    assert len(ledger.book) == 1
    tries = 0

    async def endless(*_: Toy, **__: Toy) -> None:
        nonlocal tries
        tries += 1
        raise LedgerError("too long to read")

    monkeypatch.setattr(ledger, "history", endless)
    reports = await led(monitor(subject(*[DOWN] * 4), diagnoser=diagnoser()), 4)
    assert tries == 1
    assert [len(r.undiagnosed) for r in reports] == [1, 0, 0, 0]
    assert len(reports[1].diagnoses) == 1
