"""What an entry does to a ticket: pure, so that every kind of ledger keeps tickets by the same rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from operator_core.claims import Interval
from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket, title_of
from operator_core.judgements import JudgementKey
from operator_core.readings import ClusterName
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    CycleFellShort,
    DiagnosisMade,
    Entry,
    IncidentImported,
    InvestigationPaid,
    JudgementChanged,
    NoteAdded,
    ObservationKept,
    ProbeAsked,
    Progress,
    RecordPruned,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from operator_core.tickets import Ticket, TicketId, TicketState, Violation, gravest, refusal

LOOK_BACK = timedelta(minutes=2)
"""How long before its first violation a ticket's history begins: what was normal belongs to the story."""


def ticket_of(entry: Entry) -> TicketId | None:
    """The ticket that an entry is about; None for one that opens a ticket or is about none."""
    match entry:
        case (
            JoinTicket()
            | EndInTicket()
            | MoveTicket()
            | HoldTicket()
            | NoteAdded()
            | ActionApproved()
            | ActionTaken()
            | ProbeAsked()
            | InvestigationPaid()
        ):
            return entry.ticket
        case DiagnosisMade(diagnosis=diagnosis):
            return None if diagnosis.ticket is None else TicketId(diagnosis.ticket)
        case (
            OpenTicket()
            | ObservationKept()
            | JudgementChanged()
            | Progress()
            | CycleFellShort()
            | WatchTaken()
            | SilenceViolation()
            | SilenceAdded()
            | SilenceEnded()
            | RecordPruned()
            | IncidentImported()
        ):
            return None
        case _:
            assert_never(entry)


def cluster_of(entry: Entry) -> ClusterName | None:
    """The cluster that an entry itself names; None when it names none."""
    match entry:
        case OpenTicket() | InvestigationPaid():
            return entry.cluster
        case ObservationKept(observation=observation):
            return observation.cluster
        case DiagnosisMade(diagnosis=diagnosis):
            return diagnosis.cluster
        case _:
            return None


def happened_at(entry: Entry, appended_at: datetime) -> datetime:
    """The instant that an entry speaks of."""
    match entry:
        case ObservationKept(observation=observation):
            return observation.at
        case JudgementChanged(judgement=judgement):
            return judgement.at
        case DiagnosisMade(diagnosis=diagnosis):
            return diagnosis.at
        case Progress():
            return appended_at
        case _:
            return entry.at


def check_cluster(entry: Entry, cluster: ClusterName) -> None:
    """Refuse an entry that names another cluster than the one it is appended to.

    Raises:
        LedgerError: it does.
    """
    named = cluster_of(entry)
    if named is not None and named != cluster:
        raise LedgerError(f"{type(entry).__name__} is about cluster {named!r} and was appended to {cluster!r}")


def check_sayable(entry: Entry) -> None:
    """Refuse an entry that only the ledger itself may write.

    Raises:
        LedgerError: it is one.
    """
    if isinstance(entry, RecordPruned):
        raise LedgerError("what was pruned is told by whoever prunes, not appended")


def opened(entry: OpenTicket, ident: TicketId) -> Ticket:
    """The ticket that an entry opens.

    Raises:
        LedgerError: it has no violation.
    """
    if not entry.violations:
        raise LedgerError(f"a ticket of cluster {entry.cluster!r} cannot be opened without a violation")
    first = gravest(entry.violations)
    return Ticket(
        id=ident,
        cluster=entry.cluster,
        state=TicketState.OPEN,
        title=title_of(entry.violations),
        component=first.key.component,
        severity=first.severity,
        concern=first.concern,
        opened_at=entry.at,
        violations=entry.violations,
    )


def changed(ticket: Ticket, entry: Entry) -> Ticket:
    """A ticket after an entry about it; the same ticket when the entry leaves it as it is.

    Raises:
        LedgerError: the entry does not fit the ticket as it is.
    """
    match entry:
        case JoinTicket(violation=violation):
            return _joined(ticket, violation)
        case EndInTicket(key=key, at=at):
            return _ended(ticket, key, at)
        case MoveTicket(to=to, at=at, by=by):
            return _moved(ticket, to, at, by)
        case HoldTicket(hold=hold):
            return _held(ticket, hold=hold)
        case DiagnosisMade() if ticket.state is TicketState.OPEN:
            return replace(ticket, state=TicketState.DIAGNOSED)
        case _:
            return ticket


def _joined(ticket: Ticket, violation: Violation) -> Ticket:
    if not ticket.is_open:
        raise LedgerError(f"ticket {ticket.id} is resolved; {violation.key} cannot join it")
    violations = (*ticket.violations, violation)
    first = gravest(violations)
    return replace(
        ticket,
        violations=violations,
        title=title_of(violations),
        component=first.key.component,
        severity=first.severity,
        concern=first.concern,
    )


def _ended(ticket: Ticket, key: JudgementKey, at: datetime) -> Ticket:
    if all(v.key != key for v in ticket.lasting):
        raise LedgerError(f"ticket {ticket.id} has no lasting violation {key} that could end")
    return replace(
        ticket,
        violations=tuple(
            replace(v, ended_at=at) if v.key == key and v.ended_at is None else v for v in ticket.violations
        ),
    )


def _moved(ticket: Ticket, to: TicketState, at: datetime, by: str) -> Ticket:
    if why := refusal(ticket, to, by):
        raise LedgerError(why)
    return replace(ticket, state=to, resolved_at=at if to.is_over else None)


def _held(ticket: Ticket, *, hold: bool) -> Ticket:
    if not ticket.is_open:
        raise LedgerError(f"ticket {ticket.id} is resolved; there is nothing to hold")
    return replace(ticket, hold=hold)


def occupied(ticket: Ticket) -> frozenset[JudgementKey]:
    """The keys that no other open ticket of the cluster may have: those that last in an open one."""
    return frozenset(v.key for v in ticket.lasting) if ticket.is_open else frozenset()


def check_single(keys: Iterable[JudgementKey], what: str) -> None:
    """Refuse a key that stands twice.

    Raises:
        LedgerError: one does.
    """
    seen: set[JudgementKey] = set()
    for key in keys:
        if key in seen:
            raise taken(key, what)
        seen.add(key)


def taken(key: JudgementKey | str, what: str) -> LedgerError:
    """The refusal of a violation that is already in an open ticket."""
    return LedgerError(f"{key} lasts in an open ticket of cluster {what!r} already")


def span_of(ticket: Ticket, *, until: datetime) -> Interval:
    """The time that a ticket's history covers.

    Args:
        until: the end of the record, for a ticket that is not over.
    """
    start = min(v.since for v in ticket.violations) - LOOK_BACK
    return Interval(start=start, end=ticket.resolved_at or until)
