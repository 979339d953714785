"""When a diagnoser is asked about a ticket, how often at most, and what it is shown; all pure.

Evidence matures: what caused a violation often shows seconds after it. So a ticket is asked about when it opens,
when a violation joins it, once more some time later, and again while nothing came of it, ever more slowly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from operator_core.incidents import MoveTicket
from operator_core.readings import Observation
from operator_core.record import DiagnosisMade, Recorded
from operator_core.tickets import Ticket, TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisTerms:
    """How patient and how generous a monitor is with its diagnoser.

    Attributes:
        at_most: questions about one ticket, answered or not; one that comes back is asked about anew.
        matures_after: how long after its opening a ticket is asked about once more.
        retry_after: wait after a question that brought nothing; it doubles with each.
        within: how long one answer may take.
        quick: how long the report of a cycle waits for the answers that it asked for, if the interval allows.
    """

    at_most: int = 6
    matures_after: timedelta = timedelta(seconds=30)
    retry_after: timedelta = timedelta(seconds=10)
    within: timedelta = timedelta(seconds=60)
    quick: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What is remembered of a ticket that is open.

    Attributes:
        began: when it opened, or opened again.
        opening: the observations up to then, oldest first.
        asked: how many questions were put since.
        asked_at: the look that the last one was about; None when none was put.
        idle_since: when the last one was over; None while it is not.
        known: how many violations the ticket had then.
    """

    began: datetime
    opening: tuple[Observation, ...] = ()
    asked: int = 0
    asked_at: datetime | None = None
    idle_since: datetime | None = None
    known: int = 0

    def asking(self, ticket: Ticket, now: datetime) -> CaseFile:
        """With one more question."""
        return replace(self, asked=self.asked + 1, asked_at=now, idle_since=None, known=len(ticket.violations))

    def shown(self, window: Iterable[Observation]) -> tuple[Observation, ...]:
        """What a diagnoser sees: how it began and how it is now, oldest first."""
        by_number = {o.number: o for o in (*self.opening, *window)}
        return tuple(by_number[n] for n in sorted(by_number))

    def trouble_since(self, ticket: Ticket) -> datetime:
        """The first instant of the trouble that the ticket is open for, not of what was over before."""
        return min(
            (v.since for v in ticket.violations if v.opened_at >= self.began),
            default=min(v.since for v in ticket.violations),
        )


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
    if not lasts or file.idle_since is None:
        return False
    if now >= file.began + terms.matures_after > file.asked_at:
        return True
    return ticket.state is TicketState.OPEN and now - file.idle_since >= terms.retry_after * 2 ** (file.asked - 1)


def began(ticket: Ticket, history: Iterable[Recorded]) -> datetime:
    """When a ticket opened, or opened again last, by its history."""
    back = [r.entry.at for r in history if isinstance(r.entry, MoveTicket) and r.entry.to is TicketState.OPEN]
    return max(back, default=ticket.opened_at)


def from_record(ticket: Ticket, history: Iterable[Recorded], opening: tuple[Observation, ...]) -> CaseFile:
    """The file of a ticket that was open before this process began to watch.

    Args:
        opening: the observations up to its beginning, oldest first.
    """
    history = tuple(history)
    start = began(ticket, history)
    diagnoses = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
    made = [d.at for d in diagnoses if d.at >= start]
    last = max(made, default=None)
    known = 0 if last is None else sum(v.opened_at <= last for v in ticket.violations)
    return CaseFile(began=start, opening=opening, asked=len(made), asked_at=last, idle_since=last, known=known)


def unread(ticket: Ticket, now: datetime) -> CaseFile:
    """The file of a ticket whose record cannot be read: one that has a diagnosis is asked about only when it grows."""
    if ticket.state is TicketState.OPEN:
        return CaseFile(began=ticket.opened_at)
    return CaseFile(began=ticket.opened_at, asked=1, asked_at=now, idle_since=now, known=len(ticket.violations))
