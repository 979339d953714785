"""Tickets as rows: the view of the record that answers at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operator_core.components import ComponentRef
from operator_core.errors import LedgerError
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.readings import ClusterName, ReadingId
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from operator_ledger.codec import from_json, to_json
from operator_ledger.tables import OPEN_VIOLATIONS, TICKETS, VIOLATIONS
from operator_ledger.ticketing import check_single, occupied, taken

_AT_ONCE = 500
"""Values in one statement; databases bound their number."""


def ticket_values(ticket: Ticket) -> dict[str, object]:
    """A ticket as a row, without its id."""
    return {
        "cluster": ticket.cluster,
        "state": ticket.state.value,
        "title": ticket.title,
        "component": ticket.component.key,
        "severity": ticket.severity.value,
        "concern": ticket.concern.value,
        "opened_at": ticket.opened_at,
        "resolved_at": ticket.resolved_at,
        "hold": ticket.hold,
    }


def violation_values(violation: Violation) -> dict[str, object]:
    """A violation as a row, without its place."""
    return {
        "invariant": violation.key.invariant,
        "component": violation.key.component.key,
        "since": violation.since,
        "opened_at": violation.opened_at,
        "ended_at": violation.ended_at,
        "because": violation.because,
        "severity": violation.severity.value,
        "concern": violation.concern.value,
        "readings": to_json(violation.readings),
        "takes_away": violation.takes_away,
    }


def _violation(row: Row[*tuple[Any, ...]]) -> Violation:
    return Violation(
        key=JudgementKey(invariant=InvariantName(row.invariant), component=ComponentRef.parse(row.component)),
        since=row.since,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
        because=row.because,
        severity=Severity(row.severity),
        concern=Concern(row.concern),
        readings=from_json(tuple[ReadingId, ...], row.readings),
        takes_away=row.takes_away,
    )


def _ticket(row: Row[*tuple[Any, ...]], violations: tuple[Violation, ...]) -> Ticket:
    return Ticket(
        id=TicketId(row.id),
        cluster=ClusterName(row.cluster),
        state=TicketState(row.state),
        title=row.title,
        component=ComponentRef.parse(row.component),
        severity=Severity(row.severity),
        concern=Concern(row.concern),
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        hold=row.hold,
        violations=violations,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets are asked for; what is None does not restrict. As :meth:`operator_core.ports.Ledger.tickets`."""

    cluster: ClusterName | None = None
    ident: TicketId | None = None
    open_only: bool = False
    resolved_since: datetime | None = None
    at_least: Severity | None = None
    component: ComponentRef | None = None
    newest: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """All of these must be true of a ticket's row."""
        if self.cluster is not None:
            yield TICKETS.c.cluster == self.cluster
        if self.ident is not None:
            yield TICKETS.c.id == self.ident
        if self.open_only:
            is_open = TICKETS.c.state.in_([s.value for s in TicketState if not s.is_over])
            recent = () if self.resolved_since is None else (TICKETS.c.resolved_at >= self.resolved_since,)
            yield or_(is_open, *recent)
        if self.at_least is not None:
            yield TICKETS.c.severity.in_([s.value for s in Severity if s.rank >= self.at_least.rank])
        if self.component is not None:
            of_it = select(VIOLATIONS.c.ticket).where(VIOLATIONS.c.component == self.component.key)
            yield TICKETS.c.id.in_(of_it)


def load_tickets(connection: Connection, wanted: Wanted) -> tuple[Ticket, ...]:
    """Tickets with their violations, in the order of their ids."""
    query = select(TICKETS).where(*wanted.conditions()).order_by(TICKETS.c.id.desc())
    if wanted.newest is not None:
        query = query.limit(max(0, wanted.newest))
    rows = (connection.execute(query)).all()[::-1]
    of_each: defaultdict[int, list[Violation]] = defaultdict(list)
    for start in range(0, len(rows), _AT_ONCE):
        idents = [row.id for row in rows[start : start + _AT_ONCE]]
        theirs = select(VIOLATIONS).where(VIOLATIONS.c.ticket.in_(idents))
        for row in connection.execute(theirs.order_by(VIOLATIONS.c.ticket, VIOLATIONS.c.ordinal)):
            of_each[row.ticket].append(_violation(row))
    return tuple(_ticket(row, tuple(of_each[row.id])) for row in rows)


def load_ticket(connection: Connection, cluster: ClusterName, ident: TicketId) -> Ticket:
    """One ticket, which nobody else can change until the transaction ends.

    Raises:
        LedgerError: the cluster has no such ticket.
    """
    connection.execute(select(TICKETS.c.id).where(TICKETS.c.id == ident).with_for_update())
    for ticket in load_tickets(connection, Wanted(cluster=cluster, ident=ident)):
        return ticket
    raise LedgerError(f"there is no ticket {ident} of cluster {cluster!r}")


def add_ticket(connection: Connection, make: Callable[[TicketId], Ticket]) -> Ticket:
    """Write a new ticket; the database gives it its id.

    Raises:
        LedgerError: one of its violations lasts in an open ticket already.
    """
    draft = make(TicketId(0))
    added = connection.execute(insert(TICKETS).values(ticket_values(draft)))
    assert added.inserted_primary_key is not None
    ticket = make(TicketId(added.inserted_primary_key[0]))
    _save_violations(connection, None, ticket)
    return ticket


def save_ticket(connection: Connection, before: Ticket, after: Ticket) -> None:
    """Write what has changed.

    Raises:
        LedgerError: a violation would last in two open tickets.
    """
    if after == before:
        return
    connection.execute(update(TICKETS).where(TICKETS.c.id == after.id).values(ticket_values(after)))
    _save_violations(connection, before, after)


def _save_violations(connection: Connection, before: Ticket | None, after: Ticket) -> None:
    check_single((v.key for v in after.lasting), after.cluster)
    old = before.violations if before is not None else ()
    for ordinal, violation in enumerate(after.violations):
        if ordinal >= len(old):
            values = {"ticket": after.id, "ordinal": ordinal, **violation_values(violation)}
            connection.execute(insert(VIOLATIONS).values(values))
        elif violation != old[ordinal]:
            place = and_(VIOLATIONS.c.ticket == after.id, VIOLATIONS.c.ordinal == ordinal)
            connection.execute(update(VIOLATIONS).where(place).values(violation_values(violation)))
    had = occupied(before) if before is not None else frozenset[JudgementKey]()
    has = occupied(after)
    for key in sorted(had - has, key=str):
        connection.execute(delete(OPEN_VIOLATIONS).where(*_place(after.cluster, key)))
    for key in sorted(has - had, key=str):
        values = {"invariant": key.invariant, "component": key.component.key}
        try:
            connection.execute(insert(OPEN_VIOLATIONS).values(cluster=after.cluster, ticket=after.id, **values))
        except IntegrityError as e:
            raise taken(key, after.cluster) from e


def _place(cluster: ClusterName, key: JudgementKey):  # noqa: ANN202 - three comparisons
    return (
        OPEN_VIOLATIONS.c.cluster == cluster,
        OPEN_VIOLATIONS.c.invariant == key.invariant,
        OPEN_VIOLATIONS.c.component == key.component.key,
    )
