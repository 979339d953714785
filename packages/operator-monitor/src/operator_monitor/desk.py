"""Asking the diagnoser beside the loop: looking never waits for an answer.

For each ticket that is due there is one task, which reads what the record knows of it, asks, and writes the diagnosis
down. Answers are gathered for the next report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from operator_core.claims import Interval
from operator_core.diagnosis import Diagnosis
from operator_core.judgements import JudgementKey
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Clock, Diagnoser, Ledger
from operator_core.readings import ClusterName, Observation
from operator_core.record import DiagnosisMade
from operator_core.tickets import Ticket, TicketId

from operator_monitor.attempt import Failed, attempt
from operator_monitor.course import Course
from operator_monitor.pen import Pen
from operator_monitor.questions import CaseFile, DiagnosisTerms, began, from_record, is_due, unread

T = TypeVar("T")

BEFORE = timedelta(hours=1)
"""How far back from a ticket's beginning the record is searched for how it came about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The look at which tickets are attended to.

    Attributes:
        now: the instant of the look.
        violated: what it shows violated.
    """

    course: Course
    knowledge: Knowledge
    now: datetime
    violated: Set[JudgementKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a question, or why nothing did."""

    ticket: TicketId
    diagnosis: Diagnosis | None = None
    undiagnosed: str = ""


class Desk:
    """Where tickets are diagnosed, at most one question at a time about each.

    Args:
        keep: how many observations of a ticket's beginning are shown.
        within: how long a read of the ledger may take.
        tasks: where the questions are worked on.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        diagnoser: Diagnoser,
        ledger: Ledger,
        pen: Pen,
        clock: Clock,
        terms: DiagnosisTerms,
        keep: int,
        within: timedelta,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._cluster = cluster
        self._diagnoser = diagnoser
        self._ledger = ledger
        self._pen = pen
        self._clock = clock
        self._terms = terms
        self._keep = keep
        self._within = within
        self._tasks = tasks
        self._at_work: dict[TicketId, asyncio.Task[None]] = {}
        self._answers: list[Answer] = []

    async def attend(self, tickets: Sequence[Ticket], on: Occasion, *, wait: timedelta) -> None:
        """Ask about every ticket for which it is time, and wait a little for those who answer quickly."""
        begun: list[asyncio.Task[None]] = []
        for ticket in tickets:
            file = on.course.files.get(ticket.id)
            if ticket.id in self._at_work or (file is not None and not self._is_due(file, ticket, on)):
                continue
            task = self._tasks.create_task(self._attend(ticket, on), name=f"diagnose {self._cluster} {ticket.id}")
            self._at_work[ticket.id] = task
            begun.append(task)
        if not begun:
            return
        try:
            async with self._clock.deadline(wait):
                await asyncio.wait(begun)
        except TimeoutError:
            pass  # they come out in a later report

    def answers(self) -> tuple[Answer, ...]:
        """What came in since this was last asked."""
        answers, self._answers = tuple(self._answers), []
        return answers

    def close(self) -> None:
        """Give up every question that is being worked on."""
        for task in self._at_work.values():
            task.cancel()

    def _is_due(self, file: CaseFile, ticket: Ticket, on: Occasion) -> bool:
        lasts = any(v.key in on.violated for v in ticket.lasting)
        return is_due(file, ticket, on.now, self._terms, lasts=lasts)

    async def _attend(self, ticket: Ticket, on: Occasion) -> None:
        longest = self._terms.within + 3 * self._within
        try:
            answer = await self._tried(self._answered(ticket, on), "attending to a ticket", longest)
        finally:
            del self._at_work[ticket.id]
        if isinstance(answer, Failed):
            answer = Answer(ticket=ticket.id, undiagnosed=answer.why)
        if answer is not None:
            self._answers.append(answer)
        file = on.course.files.get(ticket.id)
        if file is not None and file.idle_since is None:
            on.course.files[ticket.id] = replace(file, idle_since=self._clock.now())

    async def _answered(self, ticket: Ticket, on: Occasion) -> Answer | None:
        files = on.course.files
        if ticket.id not in files:
            file = await self._taken_up(ticket)
            # One that cannot be read is not tried again: who reads a long record has no time for anything else.
            files[ticket.id] = unread(ticket, on.now) if isinstance(file, Failed) else file
            if isinstance(file, Failed):
                return Answer(ticket=ticket.id, undiagnosed=file.why)
        file = files[ticket.id]
        if not self._is_due(file, ticket, on):
            return None
        files[ticket.id] = file.asking(ticket, on.now)
        diagnosis = await self._tried(
            self._diagnoser.diagnose(await self._case(ticket, file, on)), "diagnosing", self._terms.within
        )
        if isinstance(diagnosis, Failed):
            return Answer(ticket=ticket.id, undiagnosed=diagnosis.why)
        diagnosis = replace(diagnosis, ticket=ticket.id)
        kept = await self._pen.write([DiagnosisMade(diagnosis=diagnosis)], doing="writing a diagnosis")
        if isinstance(kept, Failed):
            return Answer(ticket=ticket.id, undiagnosed=kept.why)
        return Answer(ticket=ticket.id, diagnosis=diagnosis)

    async def _case(self, ticket: Ticket, file: CaseFile, on: Occasion) -> Case:
        return Case(
            cluster=self._cluster,
            at=on.now,
            observations=file.shown(await self._recent(on)),
            knowledge=on.knowledge,
            trouble_since=file.trouble_since(ticket),
            ticket=ticket,
        )

    async def _recent(self, on: Occasion) -> Sequence[Observation]:
        """The newest looks up to this one; what is not remembered is read."""
        recent: Sequence[Observation] = tuple(on.course.window)
        if not on.course.remembers_all:
            past = await self._tried(self._ledger.observations(self._cluster, newest=self._keep), "reading past looks")
            recent = recent if isinstance(past, Failed) else on.course.recall(past)
        return [o for o in recent if o.at <= on.now]

    async def _taken_up(self, ticket: Ticket) -> CaseFile | Failed:
        """The file of a ticket whose beginning this process does not remember."""
        history = await self._tried(self._ledger.history(self._cluster, ticket=ticket.id), "reading a ticket's history")
        if isinstance(history, Failed):
            return history
        start = began(ticket, history)
        opening = await self._tried(
            self._ledger.observations(self._cluster, span=Interval(start=start - BEFORE, end=start), newest=self._keep),
            "reading how a ticket began",
        )
        return opening if isinstance(opening, Failed) else from_record(ticket, history, opening)

    async def _tried(self, step: Awaitable[T], doing: str, within: timedelta | None = None) -> T | Failed:
        return await attempt(step, doing=doing, within=within or self._within, clock=self._clock)
