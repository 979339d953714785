"""One append: entries as they are to stand in the tables, and what they do to tickets and silences on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operator_core.incidents import OpenTicket
from operator_core.record import (
    Entry,
    JudgementChanged,
    ObservationKept,
    ProbeAsked,
    Progress,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.tickets import Ticket, TicketId

from operator_ledger.codec import Written, written
from operator_ledger.own_append import OwnAppend
from operator_ledger.page import Page
from operator_ledger.probe_rows import check_probe
from operator_ledger.progress_rows import put_progress
from operator_ledger.sealing import KeptLook, Shapes, keep
from operator_ledger.silence_rows import add_silence, end_silence
from operator_ledger.ticket_rows import add_ticket, load_ticket, save_ticket
from operator_ledger.ticketing import changed, happened_at, opened, ticket_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry and how it is to be written."""

    entry: Entry
    there: Written | KeptLook


def prepared(entries: Sequence[Entry], shapes: Shapes) -> list[Prepared]:
    """Entries as they are to be written; all that can be done without the database."""
    return [
        Prepared(entry, shapes.kept(entry.observation) if isinstance(entry, ObservationKept) else written(entry))
        for entry in entries
    ]


def append(page: Page, entries: Sequence[Prepared]) -> tuple[Ticket, ...]:
    """Write entries in their order; gives the tickets that were opened or changed, as they are now.

    Raises:
        LedgerError: one of them does not fit what is there.
    """
    before: dict[TicketId, Ticket | None] = {}
    after: dict[TicketId, Ticket] = {}
    own = OwnAppend()
    probes: set[int] = set()
    for ready in entries:
        if isinstance(ready.there, KeptLook):
            keep(page, ready.there)
            continue
        entry = own.named(ready.entry)
        there = ready.there if entry is ready.entry else written(entry)
        ident, number = ticket_of(entry), None
        match entry:
            case Progress():
                put_progress(page.connection, page.cluster, entry.number, entry.at, there)
                continue
            case OpenTicket():
                ticket = add_ticket(page.connection, lambda new, e=entry: opened(e, new))
                ident = ticket.id
                own.tickets.append(ident)
                before[ident], after[ident] = None, ticket
            case SilenceAdded():
                silence = add_silence(page.connection, entry, page.cluster)
                own.silences.append(silence.id)
                number = silence.id
            case SilenceEnded():
                number = end_silence(page.connection, entry, page.cluster).id
            case _ if ident is not None:
                ticket = after.get(ident) or load_ticket(page.connection, page.cluster, ident)
                before.setdefault(ident, ticket)
                after[ident] = changed(ticket, entry)
                save_ticket(page.connection, ticket, after[ident])
            case _:
                pass
        if isinstance(entry, ProbeAsked):
            check_probe(page.connection, page.cluster, entry, probes)
            number = entry.number
        key = entry.judgement.key if isinstance(entry, JudgementChanged) else None
        page.add(there, happened_at=happened_at(entry, page.at), ticket=ident, number=number, key=key)
    return tuple(t for ident, t in sorted(after.items()) if before[ident] != t)
