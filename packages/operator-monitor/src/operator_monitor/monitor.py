"""The loop that watches one cluster: observe, judge, follow, decide, assign, record, diagnose."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from operator_core.components import RedundancyGroup
from operator_core.decide import OpenTicket, Tracked, assign, decide, follow, settle
from operator_core.diagnosis import Diagnosis
from operator_core.judgements import JudgementKey, Verdict
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Clock, Diagnoser, Ledger, Standpoint, Subject
from operator_core.readings import Cause, ClusterName, Observation
from operator_core.record import DiagnosisMade, Entry, ObservationKept, Progress
from operator_core.tickets import Ticket, TicketId
from structlog.contextvars import bound_contextvars

from operator_monitor.attempt import Failed, attempt
from operator_monitor.following import adopted, remarkable, turned
from operator_monitor.questions import RECENT, CaseFile, DiagnosisTerms, is_due, reopened, reopened_unread
from operator_monitor.report import CycleReport
from operator_monitor.sight import Sight, blind, seen, unseen

T = TypeVar("T")

log = structlog.stdlib.get_logger()

INTERVAL = timedelta(seconds=5)
WITHIN = timedelta(seconds=20)
"""How long a look, or an operation of the ledger, may take before the cycle goes on without it."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """Where the loop stands between two cycles."""

    number: int
    tracked: dict[JudgementKey, Tracked]
    recorded: dict[JudgementKey, Verdict]
    window: deque[Observation]
    kept: set[int] = field(default_factory=set[int])
    groups: tuple[RedundancyGroup, ...] = ()
    files: dict[TicketId, CaseFile] = field(default_factory=dict[TicketId, CaseFile])

    @classmethod
    def after(cls, standpoint: Standpoint, *, keep: int) -> _Course:
        return cls(
            number=standpoint.last_number,
            tracked=dict(standpoint.tracked),
            recorded={key: t.verdict for key, t in standpoint.tracked.items()},
            window=deque(maxlen=keep),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What an append did to the tickets: all that are open afterwards, and what became of those it touched."""

    now_open: tuple[Ticket, ...]
    opened: tuple[Ticket, ...]
    changed: tuple[Ticket, ...]
    resolved: tuple[Ticket, ...]


class Monitor:
    """Watches one cluster.

    Args:
        interval: from the start of one cycle to the start of the next, on the clock; cycles never overlap.
        keep: how many observations are remembered; a ticket that opens keeps them in the record.
        within: how long a look, or an operation of the ledger, may take.
        terms: when the diagnoser is asked.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        subject: Subject,
        ledger: Ledger,
        clock: Clock,
        diagnoser: Diagnoser | None = None,
        interval: timedelta = INTERVAL,
        keep: int = 24,
        within: timedelta = WITHIN,
        terms: DiagnosisTerms | None = None,
    ) -> None:
        self._cluster = cluster
        self._subject = subject
        self._ledger = ledger
        self._clock = clock
        self._diagnoser = diagnoser
        self._interval = interval
        self._keep = keep
        self._within = within
        self._terms = terms or DiagnosisTerms()
        self._course: _Course | None = None
        self._knowledge: Knowledge | None = None

    async def cycles(self) -> AsyncIterator[CycleReport]:
        """One report a cycle, until cancelled; the next cycle starts an interval after this one or at its end."""
        while True:
            start = self._clock.now()
            yield await self.cycle()
            await self._clock.sleep(max(timedelta(0), start + self._interval - self._clock.now()))

    async def cycle(self) -> CycleReport:
        """One cycle; whatever fails in it is in the report."""
        start = self._clock.now()
        number = 0 if self._course is None else self._course.number + 1
        with bound_contextvars(cluster=self._cluster, cycle=number):
            report = await self._cycle(start)
            report = replace(report, took=self._clock.now() - start)
            log.info(
                "cycle.done",
                number=report.number,
                took_s=round(report.took.total_seconds(), 3),
                violated=len(report.with_verdict(Verdict.VIOLATED)),
                unknown=len(report.with_verdict(Verdict.UNKNOWN)),
                opened=[t.id for t in report.opened],
                changed=[t.id for t in report.changed],
                resolved=[t.id for t in report.resolved],
                diagnosed=[d.ticket for d in report.diagnoses],
                unseen=list(report.unseens),
                failed=report.failed,
            )
        return report

    async def _cycle(self, start: datetime) -> CycleReport:
        ready = await self._ready()
        if isinstance(ready, Failed):
            observation = blind(self._cluster, 0, start, cause=Cause.NOT_ASKED, why=ready.why)
            return CycleReport(number=0, at=start, took=timedelta(0), observation=observation, failed=ready.why)
        course, knowledge = ready
        course.number += 1
        sight = await self._look(course, knowledge)
        course.window.append(sight.observation)
        course.groups = sight.observation.groups or course.groups
        report = CycleReport(
            number=course.number,
            at=start,
            took=timedelta(0),
            observation=sight.observation,
            judgements=sight.judgements,
            failed=sight.failed,
        )
        tickets = await self._attempt(self._ledger.tickets(self._cluster, open_only=True), "reading the tickets")
        known = () if isinstance(tickets, Failed) else tickets
        course.tracked = follow(adopted(course.tracked, known), sight.judgements)
        if isinstance(tickets, Failed):
            return replace(report, failed=tickets.why)
        written = await self._attempt(self._record(course, sight, tickets), "writing the ledger")
        if isinstance(written, Failed):
            return replace(report, failed=written.why)
        report = replace(report, opened=written.opened, changed=written.changed, resolved=written.resolved)
        return await self._diagnose(course, knowledge, written, report)

    async def _ready(self) -> tuple[_Course, Knowledge] | Failed:
        if self._knowledge is None:
            knowledge = await self._attempt(self._subject.knowledge(), "asking the subject what is known of it")
            if isinstance(knowledge, Failed):
                return knowledge
            self._knowledge = knowledge
        if self._course is None:
            standpoint = await self._attempt(self._ledger.standpoint(self._cluster), "reading the ledger")
            if isinstance(standpoint, Failed):
                return standpoint
            self._course = _Course.after(standpoint, keep=self._keep)
        return self._course, self._knowledge

    async def _look(self, course: _Course, knowledge: Knowledge) -> Sight:
        async def look() -> Sight:
            observation = await self._subject.observe(course.number)
            return seen(observation, knowledge.invariants, course.tracked)

        sight = await self._attempt(look(), "observing")
        if not isinstance(sight, Failed):
            return sight
        observation = blind(self._cluster, course.number, self._clock.now(), cause=sight.cause, why=sight.why)
        return unseen(observation, knowledge.invariants, course.tracked, why=sight.why)

    async def _record(self, course: _Course, sight: Sight, tickets: Sequence[Ticket]) -> _Written:
        """Decide, and write it all in one append; only when that is done does the course go on."""
        observation = sight.observation
        now = observation.at
        commands = tuple(decide(course.tracked, sight.judgements, now=now))
        orders = assign(tickets, commands, cluster=self._cluster, groups=course.groups, now=now)
        opens = any(isinstance(o, OpenTicket) for o in orders)
        keeping = tuple(course.window) if opens else (observation,) if tickets else ()
        settled = settle(course.tracked, commands)
        news = turned(course.recorded, sight.judgements, blind=sight.failed is not None)
        entries: list[Entry] = [
            *(ObservationKept(observation=o) for o in keeping if o.number not in course.kept),
            *news,
            *orders,
            Progress(number=observation.number, at=now, tracked=remarkable(settled)),
        ]
        touched = await self._ledger.append(self._cluster, entries, at=self._clock.now())
        course.tracked = settled
        course.kept = (course.kept | {o.number for o in keeping}) & {o.number for o in course.window}
        course.recorded.update((n.judgement.key, n.judgement.verdict) for n in news)
        course.recorded.update((j.key, Verdict.HOLDS) for j in sight.judgements if j.verdict is Verdict.HOLDS)
        known = {t.id: t for t in tickets}
        for ticket in touched:
            if ticket.id not in known:
                course.files[ticket.id] = CaseFile(opening=tuple(course.window))
        now_open = {i: t for i, t in (known | {t.id: t for t in touched}).items() if t.is_open}
        course.files = {ident: file for ident, file in course.files.items() if ident in now_open}
        return _Written(
            now_open=tuple(now_open.values()),
            opened=tuple(t for t in touched if t.id not in known),
            changed=tuple(t for t in touched if t.id in known and t.is_open),
            resolved=tuple(t for t in touched if t.id in known and not t.is_open),
        )

    async def _diagnose(
        self, course: _Course, knowledge: Knowledge, written: _Written, report: CycleReport
    ) -> CycleReport:
        """Ask about every ticket for which it is time; what fails is in the report."""
        if self._diagnoser is None:
            return report
        now = report.observation.at
        made: list[Diagnosis] = []
        undiagnosed: dict[TicketId, str] = {}
        touched: list[Ticket] = []
        violated = {j.key for j in report.with_verdict(Verdict.VIOLATED)}
        for ticket in written.now_open:
            file = course.files.get(ticket.id)
            if file is None:
                file = await self._take_up(ticket, now)
                if isinstance(file, Failed):
                    # Not tried again: reading a long record costs the looks of whoever reads it the time they need.
                    undiagnosed[ticket.id] = file.why
                    course.files[ticket.id] = reopened_unread(ticket, now)
                    continue
            course.files[ticket.id] = file
            lasts = any(v.key in violated for v in ticket.lasting)
            if not is_due(file, ticket, now, self._terms, lasts=lasts):
                continue
            course.files[ticket.id] = file.after_asking(ticket, now)
            case = Case(
                cluster=self._cluster,
                at=now,
                observations=file.shown(course.window),
                knowledge=knowledge,
                trouble_since=min(v.since for v in ticket.violations),
                ticket=ticket,
            )
            diagnosis = await self._attempt(self._diagnoser.diagnose(case), "diagnosing", self._terms.within)
            if isinstance(diagnosis, Failed):
                undiagnosed[ticket.id] = diagnosis.why
                continue
            entry = DiagnosisMade(diagnosis=replace(diagnosis, ticket=ticket.id))
            kept = await self._attempt(
                self._ledger.append(self._cluster, [entry], at=self._clock.now()), "writing a diagnosis"
            )
            if isinstance(kept, Failed):
                undiagnosed[ticket.id] = kept.why
                report = replace(report, failed=kept.why)
                continue
            made.append(entry.diagnosis)
            touched.extend(kept)
        return replace(
            report,
            opened=_renewed(report.opened, touched),
            changed=_renewed(report.changed, touched)
            + tuple(t for t in touched if t.id not in {o.id for o in (*report.opened, *report.changed)}),
            diagnoses=tuple(made),
            undiagnosed=undiagnosed,
        )

    async def _take_up(self, ticket: Ticket, now: datetime) -> CaseFile | Failed:
        """The file of a ticket that this process did not open."""
        if now - ticket.opened_at > RECENT:
            return reopened_unread(ticket, now)
        history = await self._attempt(
            self._ledger.history(self._cluster, ticket=ticket.id), "reading a ticket's history"
        )
        return history if isinstance(history, Failed) else reopened(ticket, history, keep=self._keep)

    async def _attempt(self, step: Awaitable[T], doing: str, within: timedelta | None = None) -> T | Failed:
        return await attempt(step, doing=doing, within=within or self._within, clock=self._clock)


def _renewed(tickets: Iterable[Ticket], touched: Sequence[Ticket]) -> tuple[Ticket, ...]:
    latest = {t.id: t for t in touched}
    return tuple(latest.get(t.id, t) for t in tickets)
