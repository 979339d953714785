"""What the record says of tickets: many of them in a list, one of them with its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from operator_core.components import ComponentRef
from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.incidents import HoldTicket, MoveTicket
from operator_core.judgements import Severity
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Reading
from operator_core.record import DiagnosisMade, IncidentImported, NoteAdded
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId, TicketState

from operator_cli.wiring import Record

LARGEST_ID = 2**63 - 1
"""What a database can number."""


async def ticket_of(ledger: Ledger, ident: int) -> Ticket:
    """The ticket of that number.

    Raises:
        ConfigurationError: there is none.
    """
    ticket = await ledger.ticket(TicketId(ident)) if 0 < ident <= LARGEST_ID else None
    if ticket is None:
        raise ConfigurationError(f"there is no ticket {ident}")
    return ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets a person wants to see; what is None is not restricted.

    Attributes:
        every: also those that are resolved.
        states: only in one of these; none at all is no restriction.
        since: opened at this instant or later, on the cluster's clock.
        newest: so many at most, those opened last.
    """

    cluster: ClusterName | None = None
    every: bool = False
    states: frozenset[TicketState] = frozenset()
    at_least: Severity | None = None
    component: ComponentRef | None = None
    since: str | None = None
    newest: int | None = None

    @property
    def is_picky(self) -> bool:
        """Whether more is asked of a ticket than that it is there."""
        return bool(self.states or self.at_least or self.component or self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Tickets in the order in which they were opened.

    Attributes:
        there_are_more: older ones are wanted too, and left out.
        silences: those in force, of the same clusters.
        now: on each cluster's clock.
    """

    tickets: tuple[Ticket, ...]
    there_are_more: bool
    silences: tuple[Silence, ...]
    now: Mapping[ClusterName, datetime]


async def _read(record: Record, wanted: Wanted) -> Sequence[Ticket]:
    """The tickets wanted, and one more where there are more."""
    from operator_cli.moments import parse_past

    is_restricted = bool(wanted.states) or wanted.since is not None
    found = await record.ledger.tickets(
        wanted.cluster,
        open_only=not wanted.every and not any(s.is_over for s in wanted.states),
        at_least=wanted.at_least,
        component=wanted.component,
        newest=None if wanted.newest is None or is_restricted else wanted.newest + 1,
    )
    if wanted.states:
        found = tuple(t for t in found if t.state in wanted.states)
    if wanted.since is not None:
        since = {c: parse_past(wanted.since, of="--since", now=record.now(c)) for c in {t.cluster for t in found}}
        found = tuple(t for t in found if t.opened_at >= since[t.cluster])
    return found


async def list_tickets(record: Record, wanted: Wanted) -> Listed:
    """The tickets that are wanted.

    Raises:
        ConfigurationError: `since` is no instant, or nothing of the cluster was ever recorded.
    """
    found = await _read(record, wanted)
    if not found and wanted.cluster is not None:
        await check_known(record.ledger, wanted.cluster)
    silences = await record.ledger.silences(wanted.cluster)
    now = {c: record.now(c) for c in sorted({t.cluster for t in found} | {s.cluster for s in silences})}
    there_are_more = wanted.newest is not None and len(found) > wanted.newest
    return Listed(
        tickets=tuple(found[-wanted.newest :] if there_are_more and wanted.newest else found),
        there_are_more=there_are_more,
        silences=tuple(s for s in silences if s.counts_at(now[s.cluster])),
        now=now,
    )


async def check_known(ledger: Ledger, cluster: ClusterName) -> None:
    """Refuse a cluster of which nothing was ever recorded: that nothing is wrong with it is not known.

    Raises:
        ConfigurationError: it is such a one.
    """
    if (await ledger.standpoint(cluster)).last_number == 0 and not await ledger.tickets(cluster):
        there = ", ".join(sorted({t.cluster for t in await ledger.tickets()}))
        hint = f"; there are tickets of {there}" if there else ""
        raise ConfigurationError(f"--cluster is {cluster!r}, of which nothing is recorded{hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """A ticket with what is known of it.

    Attributes:
        diagnosis: the newest.
        moves: who took it to which state, and why; a diagnosis that took it on is not among them.
        silences: those that cover one of its violations and counted in its time.
        origin: where it was imported from; None when it was recorded here.
        now: on its cluster's clock.
        others: the newest diagnosis of every other diagnoser.
    """

    ticket: Ticket
    readings: tuple[Reading, ...]
    notes: tuple[NoteAdded, ...]
    diagnosis: Diagnosis | None
    moves: tuple[MoveTicket | HoldTicket, ...]
    silences: tuple[Silence, ...]
    origin: IncidentImported | None
    now: datetime
    others: tuple[Diagnosis, ...] = ()


async def origin_of(ledger: Ledger, ticket: Ticket) -> IncidentImported | None:
    """Where an imported ticket comes from; None of one that was recorded here."""
    from operator_ledger.bundles import is_imported

    if not is_imported(ticket.cluster):
        return None
    entries = (r.entry for r in await ledger.history(ticket.cluster))
    return next((e for e in entries if isinstance(e, IncidentImported)), None)


async def rechecked(diagnosis: Diagnosis, ledger: Ledger) -> Diagnosis:
    """A stored diagnosis, its claims held against the record once more."""
    from operator_diagnosis.review import evidence_readings, recheck

    recorded = await ledger.readings(diagnosis.cluster, evidence_readings(diagnosis))
    return recheck(diagnosis, {r.id: r for r in recorded})


def silences_of(ticket: Ticket, silences: Sequence[Silence], *, now: datetime) -> tuple[Silence, ...]:
    """The silences that cover one of a ticket's violations and counted while it was open."""
    start, end = min(v.since for v in ticket.violations), ticket.resolved_at or now
    return tuple(
        s
        for s in silences
        if s.starts <= end
        and min(s.ends, s.ended_at or s.ends) > start
        and any(s.scope.covers(v.key) for v in ticket.violations)
    )


async def read_ticket(record: Record, ident: int) -> TicketFile:
    """Everything about one ticket.

    Raises:
        ConfigurationError: there is no such ticket.
    """
    ledger = record.ledger
    ticket = await ticket_of(ledger, ident)
    now = record.now(ticket.cluster)
    entries = [r.entry for r in await ledger.history(ticket=ticket.id)]
    cited = [i for v in ticket.violations for i in v.readings]
    made = [e.diagnosis for e in entries if isinstance(e, DiagnosisMade)]
    of_others = {d.diagnoser: d for d in made if d.diagnoser != made[-1].diagnoser}
    return TicketFile(
        ticket=ticket,
        readings=await ledger.readings(ticket.cluster, cited),
        notes=tuple(e for e in entries if isinstance(e, NoteAdded)),
        diagnosis=await rechecked(made[-1], ledger) if made else None,
        others=tuple([await rechecked(d, ledger) for d in of_others.values()]),
        moves=tuple(e for e in entries if isinstance(e, MoveTicket | HoldTicket)),
        silences=silences_of(ticket, await ledger.silences(ticket.cluster), now=now),
        origin=await origin_of(ledger, ticket),
        now=now,
    )
