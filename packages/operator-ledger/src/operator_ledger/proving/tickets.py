"""The tickets of a cluster, replayed from its entries and held against the tables that show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName
from operator_core.tickets import Ticket, TicketId
from sqlalchemy import Connection, Table

from operator_ledger.codec import Written, read
from operator_ledger.database import apart
from operator_ledger.proving.report import Defects
from operator_ledger.proving.rows import AnyRow, differences, expected, numbers, raw
from operator_ledger.tables import ENTRIES, OPEN_VIOLATIONS, TICKETS, VIOLATIONS
from operator_ledger.ticket_rows import ticket_values, violation_values
from operator_ledger.ticketing import changed, occupied, opened


def replay_tickets(connection: Connection, cluster: ClusterName, defects: Defects) -> None:
    """Every ticket is what its entries make of it, and there is no other."""
    sources = [
        (TICKETS.c.id, TICKETS.c.cluster == cluster),
        (ENTRIES.c.ticket, ENTRIES.c.cluster == cluster),
        (OPEN_VIOLATIONS.c.ticket, OPEN_VIOLATIONS.c.cluster == cluster),
    ]
    for idents in numbers(connection, sources):
        span = idents[0], idents[-1]
        events = connection.execute(
            raw(ENTRIES)
            .where(ENTRIES.c.cluster == cluster, ENTRIES.c.ticket.between(*span))
            .order_by(ENTRIES.c.ticket, ENTRIES.c.position)
        ).all()
        rows = connection.execute(raw(TICKETS).where(TICKETS.c.cluster == cluster, TICKETS.c.id.between(*span))).all()
        violations = connection.execute(raw(VIOLATIONS).where(VIOLATIONS.c.ticket.in_(idents))).all()
        lasting = connection.execute(
            raw(OPEN_VIOLATIONS).where(OPEN_VIOLATIONS.c.cluster == cluster, OPEN_VIOLATIONS.c.ticket.between(*span))
        ).all()

        def compare(
            idents: Sequence[int] = idents,
            events: Sequence[AnyRow] = events,
            rows: Mapping[int, AnyRow] = {row.id: row for row in rows},
            of_each: Mapping[Table, Mapping[int, list[AnyRow]]] = {
                VIOLATIONS: _by_ticket(violations),
                OPEN_VIOLATIONS: _by_ticket(lasting),
            },
        ) -> None:
            replayed = _replayed(events, defects)
            for ident in idents:
                _compare(ident, replayed.get(ident), rows.get(ident), of_each, defects)

        apart(connection, compare)


def _by_ticket(rows: Sequence[AnyRow]) -> dict[int, list[AnyRow]]:
    of_each: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in rows:
        of_each[row.ticket].append(row)
    return of_each


def _replayed(events: Sequence[AnyRow], defects: Defects) -> dict[int, Ticket]:
    tickets: dict[int, Ticket] = {}
    for row in events:
        try:
            entry = read(Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body))
            ticket = tickets.get(row.ticket)
            if isinstance(entry, OpenTicket):
                tickets[row.ticket] = opened(entry, TicketId(row.ticket))
            elif ticket is None:
                defects(f"entry {row.position}: it is about ticket {row.ticket}, which no entry before it opens")
            else:
                tickets[row.ticket] = changed(ticket, entry)
        except LedgerError as e:
            defects(f"entry {row.position}: it does not fit ticket {row.ticket}: {e}")
    return tickets


def _compare(
    ident: int,
    ticket: Ticket | None,
    row: AnyRow | None,
    of_each: Mapping[Table, Mapping[int, list[AnyRow]]],
    defects: Defects,
) -> None:
    violations = sorted(of_each[VIOLATIONS].get(ident, []), key=lambda v: v.ordinal)
    lasting = of_each[OPEN_VIOLATIONS].get(ident, [])
    if ticket is None:
        defects(f"ticket {ident}: no entry opens it")
        return
    if row is None:
        defects(f"ticket {ident}: it is not in the table of tickets")
        return
    for words in differences(row, expected(ticket_values(ticket))):
        defects(f"ticket {ident}: {words}")
    if [v.ordinal for v in violations] != list(range(len(ticket.violations))):
        defects(f"ticket {ident}: it shows {len(violations)} violations and should show {len(ticket.violations)}")
    else:
        for there, violation in zip(violations, ticket.violations, strict=True):
            for words in differences(there, expected(violation_values(violation))):
                defects(f"violation {there.ordinal + 1} of ticket {ident}: {words}")
    should = {(key.invariant, key.component.key) for key in occupied(ticket)}
    shown = {(there.invariant, there.component) for there in lasting}
    for invariant, component in sorted(shown ^ should):
        lasts = "lasts" if (invariant, component) in should else "does not last"
        defects(f"ticket {ident}: {invariant} of {component} {lasts}, and the table of what lasts does not say so")
