"""One cycle: look, judge, follow, read the book, decide, write; then whatever tickets are due are asked about."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from operator_core.claims import Interval
from operator_core.incidents import REOPEN_WINDOW
from operator_core.judgements import Verdict
from operator_core.knowledge import Knowledge
from operator_core.ports import Clock, Ledger, Standpoint, Subject
from operator_core.readings import Cause, ClusterName, Observation
from operator_core.record import CycleFellShort
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId
from structlog.contextvars import bound_contextvars

from operator_monitor.attempt import Failed, attempt
from operator_monitor.course import Course, Memory, drafted
from operator_monitor.desk import Desk, Occasion
from operator_monitor.following import adopted
from operator_monitor.limits import Limits
from operator_monitor.pen import Pen
from operator_monitor.questions import CaseFile
from operator_monitor.report import CycleReport
from operator_monitor.sight import Sight, blind, seen, unseen
from operator_monitor.telling import open_among, summary, with_answers, with_tickets

T = TypeVar("T")

log = structlog.stdlib.get_logger()

LAST_WORDS = timedelta(milliseconds=200)
"""How long writing what is owed may take at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """What the ledger says of the cluster at a look.

    Attributes:
        tickets: those that are open, and those that were resolved a short while ago.
        silences: in force or not.
        earlier: ids of tickets that were changed between the report before and this.
    """

    tickets: Mapping[TicketId, Ticket]
    silences: tuple[Silence, ...]
    earlier: frozenset[TicketId]


@dataclass(slots=True, kw_only=True)
class _SoFar:
    """How far a cycle has come; when a step breaks, this is what there is to report.

    Attributes:
        is_judged: that there is nothing seen that graces do not know of yet.
        now_open: the tickets that are open once all is written; None when it is not.
        short: what is to be written, or is written, about the cycle's falling short.
    """

    report: CycleReport
    is_judged: bool = True
    book: _Book | None = None
    occasion: Occasion | None = None
    now_open: tuple[Ticket, ...] | None = None
    short: CycleFellShort | None = None

    def failed(self, why: str) -> None:
        before = self.report.failed
        self.report = replace(self.report, failed=why if before is None else f"{before}; {why}")


class Cycles:
    """The cycles of one run of the loop, one after the other.

    Args:
        pen: writes.
        desk: diagnoses; None when nobody is asked.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        subject: Subject,
        ledger: Ledger,
        clock: Clock,
        pen: Pen,
        desk: Desk | None,
        limits: Limits,
        memory: Memory,
    ) -> None:
        self._cluster = cluster
        self._subject = subject
        self._ledger = ledger
        self._clock = clock
        self._pen = pen
        self._desk = desk
        self._limits = limits
        self._memory = memory

    async def once(self) -> CycleReport:
        """One cycle; whatever fails in it is in the report."""
        start = self._clock.now()
        number = 0 if self._memory.course is None else self._memory.course.number + 1
        with bound_contextvars(cluster=self._cluster, cycle=number):
            nothing = blind(self._cluster, number, start, cause=Cause.NOT_ASKED, why="the cycle never came to look")
            so_far = _SoFar(report=CycleReport(number=number, at=start, took=timedelta(0), observation=nothing))
            broken = await self._attempt(self._steps(so_far), "the cycle", self._limits.whole)
            if broken is not None:
                so_far.failed(broken.why)
            if not so_far.is_judged and self._memory.course is not None:
                self._memory.course.judged(self._memory.course.tracked, so_far.report.judgements)
            self._measure(so_far)
            await self._diagnose(so_far)
            report = so_far.report
            if (book := so_far.book) is not None:
                report = with_tickets(report, book.tickets, self._pen.touched(), book.earlier)
            log.info("cycle.done", **summary(report))
        return report

    async def last_words(self) -> None:
        """Write what is owed, if that is quickly done."""
        owed = self._memory.due()
        if owed and not self._pen.has_lost_the_watch:
            written = await self._pen.write(owed, doing="writing what is owed", within=LAST_WORDS)
            if not isinstance(written, Failed):
                self._memory.paid(owed)

    async def _steps(self, so_far: _SoFar) -> None:
        ready = await self._ready()
        if isinstance(ready, Failed):
            so_far.failed(ready.why)
            return
        course, knowledge = ready
        doubt = await self._clear_doubt(course)
        course.number += 1
        sight = await self._look(course, knowledge)
        course.saw(sight.observation)
        so_far.report = replace(
            so_far.report,
            number=course.number,
            observation=sight.observation,
            judgements=sight.judgements,
            failed=sight.failed,
        )
        so_far.is_judged = False
        book = await self._read(sight.observation.at) if doubt is None else doubt
        if isinstance(book, Failed):
            so_far.failed(book.why)
            return
        course.judged(adopted(course.tracked, book.tickets.values()), sight.judgements)
        so_far.is_judged = True
        so_far.book = book
        silences = tuple(s for s in book.silences if s.counts_at(sight.observation.at))
        so_far.report = replace(so_far.report, silences=silences)
        await self._write(so_far, course, sight, book, knowledge)

    async def _ready(self) -> tuple[Course, Knowledge] | Failed:
        memory = self._memory
        if memory.knowledge is None:
            knowledge = await self._attempt(self._subject.knowledge(), "asking the subject what is known of it")
            if isinstance(knowledge, Failed):
                return knowledge
            memory.knowledge = knowledge
        if memory.course is None:
            standpoint = await self._standpoint()
            if isinstance(standpoint, Failed):
                return standpoint
            memory.course = Course.after(standpoint, keep=self._limits.keep, remember=self._limits.remember)
        return memory.course, memory.knowledge

    async def _clear_doubt(self, course: Course) -> Failed | None:
        """Find out whether the last append was written, if that is not known; else nothing may be written on."""
        if (draft := course.doubtful) is None:
            return None
        standpoint = await self._standpoint()
        if isinstance(standpoint, Failed):
            return standpoint
        then: tuple[Observation, ...] | Failed = ()
        if standpoint.last_number >= draft.observation.number:
            at = Interval(start=draft.observation.at, end=draft.observation.at)
            then = await self._attempt(self._ledger.observations(self._cluster, span=at), "reading the last look")
        if isinstance(then, Failed):
            return then
        is_written = draft.observation in then
        course.clear_doubt(standpoint.last_number, is_written=is_written)
        if is_written:
            self._memory.paid(draft.owed)
        return None

    async def _standpoint(self) -> Standpoint | Failed:
        return await self._attempt(self._ledger.standpoint(self._cluster), "reading the ledger")

    async def _look(self, course: Course, knowledge: Knowledge) -> Sight:
        async def look() -> Sight:
            observation = await self._subject.observe(course.number)
            return seen(observation, knowledge.invariants, course.tracked)

        sight = await self._attempt(look(), "observing")
        if not isinstance(sight, Failed):
            return sight
        observation = blind(self._cluster, course.number, self._clock.now(), cause=sight.cause, why=sight.why)
        return unseen(observation, knowledge.invariants, course.tracked, why=sight.why)

    async def _read(self, now: datetime) -> _Book | Failed:
        # Asked before the read, so that whatever is changed from here on is newer than what the read gives.
        earlier = self._pen.touched()
        since = now - REOPEN_WINDOW
        tickets = await self._attempt(
            self._ledger.tickets(self._cluster, open_only=True, resolved_since=since), "reading the tickets"
        )
        if isinstance(tickets, Failed):
            self._pen.touched_before(earlier)
            return tickets
        silences = await self._attempt(self._ledger.silences(self._cluster), "reading the silences")
        if isinstance(silences, Failed):
            self._pen.touched_before(earlier)
            return silences
        return _Book(tickets={t.id: t for t in tickets}, silences=silences, earlier=frozenset(earlier))

    async def _write(self, so_far: _SoFar, course: Course, sight: Sight, book: _Book, knowledge: Knowledge) -> None:
        """Decide, and write it all in one append; only when that is done does the course go on."""
        so_far.short = self._short(so_far.report)
        if so_far.short is not None:
            self._memory.owed.append(so_far.short)
        draft = drafted(
            course,
            sight,
            tickets=tuple(book.tickets.values()),
            silences=book.silences,
            modes=knowledge.modes,
            owed=self._memory.due(),
        )
        course.doubt(draft)
        written = await self._pen.write(draft.entries, doing="writing the ledger")
        if isinstance(written, Failed):
            so_far.failed(written.why)
            return
        course.wrote(draft)
        self._memory.paid(draft.owed)
        so_far.report = replace(so_far.report, silenced=draft.silenced)
        so_far.now_open = open_among(book.tickets, {t.id: t for t in written})
        so_far.occasion = Occasion(
            course=course,
            knowledge=knowledge,
            now=sight.observation.at,
            violated=frozenset(j.key for j in sight.judgements if j.verdict is Verdict.VIOLATED),
        )
        self._file(course, book, so_far.now_open, sight.observation.at)

    @staticmethod
    def _file(course: Course, book: _Book, now_open: tuple[Ticket, ...], now: datetime) -> None:
        """Keep how the tickets of this look began, if that is remembered; else it is read when it is needed."""
        course.files = {t.id: course.files[t.id] for t in now_open if t.id in course.files}
        for ticket in now_open:
            before = book.tickets.get(ticket.id)
            if before is None or not before.is_open:
                course.files.pop(ticket.id, None)
                if course.remembers_all:
                    course.files[ticket.id] = CaseFile(began=now, opening=tuple(course.window))

    def _short(self, report: CycleReport) -> CycleFellShort | None:
        took = self._clock.now() - report.at
        interval = self._limits.interval
        if report.failed is None and took <= interval:
            return None
        return CycleFellShort(
            number=report.number,
            at=report.at,
            took=took,
            interval=interval,
            because=report.failed or f"it took {took.total_seconds():.3g} s of {interval.total_seconds():g} s",
        )

    def _measure(self, so_far: _SoFar) -> None:
        """Say how long it took; that it fell short is owed to the record, unless that is written already."""
        short, owed = self._short(so_far.report), self._memory.owed
        if short is not None and so_far.short is None:
            owed.append(short)
        elif short is not None and owed and owed[-1] is so_far.short:
            owed[-1] = short
        so_far.report = replace(
            so_far.report,
            took=self._clock.now() - so_far.report.at,
            fell_short=None if short is None else short.because,
        )

    async def _diagnose(self, so_far: _SoFar) -> None:
        if self._desk is None:
            return
        if so_far.occasion is not None and so_far.now_open is not None:
            rest = so_far.report.at + self._limits.interval - self._clock.now()
            wait = max(timedelta(0), min(self._limits.quick, rest))
            await self._desk.attend(so_far.now_open, so_far.occasion, wait=wait)
        so_far.report = with_answers(so_far.report, self._desk.answers())

    async def _attempt(self, step: Awaitable[T], doing: str, within: timedelta | None = None) -> T | Failed:
        return await attempt(step, doing=doing, within=within or self._limits.within, clock=self._clock)
