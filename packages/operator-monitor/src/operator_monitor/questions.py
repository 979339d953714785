"""When a diagnoser is asked about a ticket, how often at most, and what it is shown.

Evidence matures: what caused a violation often shows seconds after it. So a ticket is asked about when it opens,
when a violation joins it, once more some time later, and again while nothing came of it, ever more slowly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.readings import Observation
from operator_core.record import DiagnosisMade, ObservationKept, Recorded
from operator_core.tickets import Ticket, TicketState

RECENT = timedelta(hours=1)
"""A ticket older than this is taken up after a restart without reading all that was seen since it opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisTerms:
    """How patient and how generous a monitor is with its diagnoser.

    Attributes:
        at_most: questions about one ticket, answered or not.
        matures_after: how long after its opening a ticket is asked about once more.
        retry_after: wait after a question that brought nothing; it doubles with each.
        within: how long one answer may take.
    """

    at_most: int = 6
    matures_after: timedelta = timedelta(seconds=30)
    retry_after: timedelta = timedelta(seconds=10)
    within: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What is remembered of a ticket that is open.

    Attributes:
        opening: the observations up to its opening, oldest first.
        asked: how many questions were put.
        asked_at: when the last one was; None when none was.
        known: how many violations the ticket had then.
    """

    opening: tuple[Observation, ...] = ()
    asked: int = 0
    asked_at: datetime | None = None
    known: int = 0

    def after_asking(self, ticket: Ticket, now: datetime) -> CaseFile:
        return CaseFile(opening=self.opening, asked=self.asked + 1, asked_at=now, known=len(ticket.violations))

    def shown(self, window: Iterable[Observation]) -> tuple[Observation, ...]:
        """What a diagnoser sees: how it began and how it is now, oldest first."""
        by_number = {o.number: o for o in (*self.opening, *window)}
        return tuple(by_number[n] for n in sorted(by_number))


def is_due(file: CaseFile, ticket: Ticket, now: datetime, terms: DiagnosisTerms, *, lasts: bool) -> bool:
    """Whether a diagnoser is to be asked about a ticket now.

    Args:
        file: what was asked about it before.
        ticket: the ticket, open.
        now: the instant of the newest look.
        terms: how often at most.
        lasts: whether the newest look still shows one of its violations. A ticket whose trouble is out of sight is
            asked about only if it never was: what a look at a cured patient says is no better diagnosis.
    """
    if ticket.state not in (TicketState.OPEN, TicketState.DIAGNOSED) or file.asked >= terms.at_most:
        return False
    if file.asked_at is None or len(ticket.violations) > file.known:
        return True
    if not lasts:
        return False
    mature_at = ticket.opened_at + terms.matures_after
    if now >= mature_at > file.asked_at:
        return True
    return ticket.state is TicketState.OPEN and now - file.asked_at >= terms.retry_after * 2 ** (file.asked - 1)


def reopened(ticket: Ticket, history: Iterable[Recorded], *, keep: int) -> CaseFile:
    """The file of a ticket that was open before this process began, from the record."""
    seen: list[Observation] = []
    made: list[datetime] = []
    for recorded in history:
        match recorded.entry:
            case ObservationKept(observation=observation) if observation.at <= ticket.opened_at:
                seen.append(observation)
            case DiagnosisMade(diagnosis=diagnosis):
                made.append(diagnosis.at)
            case _:
                pass
    last = max(made, default=None)
    known = 0 if last is None else sum(v.opened_at <= last for v in ticket.violations)
    opening = tuple(sorted(seen, key=lambda o: o.number)[-keep:])
    return CaseFile(opening=opening, asked=len(made), asked_at=last, known=known)


def reopened_unread(ticket: Ticket, now: datetime) -> CaseFile:
    """The file of an old ticket, its record unread: one that has a diagnosis is asked about only when it grows."""
    if ticket.state is TicketState.OPEN:
        return CaseFile()
    return CaseFile(asked=1, asked_at=now, known=len(ticket.violations))
