"""What the record says of tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.ports import Ledger
from operator_core.readings import Reading
from operator_core.record import DiagnosisMade, NoteAdded
from operator_core.tickets import Ticket

from operator_cli.wiring import open_ledger

if TYPE_CHECKING:
    from operator_cli.settings import Loaded


async def ticket_of(ledger: Ledger, ident: int) -> Ticket:
    """The ticket of that number.

    Raises:
        ConfigurationError: there is none.
    """
    for ticket in await ledger.tickets():
        if ticket.id == ident:
            return ticket
    raise ConfigurationError(f"there is no ticket {ident}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """A ticket with what is known of it."""

    ticket: Ticket
    readings: tuple[Reading, ...]
    notes: tuple[NoteAdded, ...]
    diagnosis: Diagnosis | None


async def list_tickets(loaded: Loaded, *, open_only: bool) -> tuple[Ticket, ...]:
    """Tickets of every cluster, oldest first."""
    async with open_ledger(loaded) as ledger:
        return await ledger.tickets(open_only=open_only)


async def _rechecked(diagnosis: Diagnosis, ledger: Ledger) -> Diagnosis:
    """A stored diagnosis, its claims held against the record once more."""
    from operator_diagnosis.review import evidence_readings, recheck

    recorded = await ledger.readings(diagnosis.cluster, evidence_readings(diagnosis))
    return recheck(diagnosis, {r.id: r for r in recorded})


async def read_ticket(ident: int, loaded: Loaded) -> TicketFile:
    """Everything about one ticket.

    Raises:
        ConfigurationError: there is no such ticket.
    """
    async with open_ledger(loaded) as ledger:
        ticket = await ticket_of(ledger, ident)
        history = await ledger.history(ticket=ticket.id)
        cited = [i for v in ticket.violations for i in v.readings]
        readings = await ledger.readings(ticket.cluster, cited)
        made = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
        latest = await _rechecked(made[-1], ledger) if made else None
    return TicketFile(
        ticket=ticket,
        readings=readings,
        notes=tuple(r.entry for r in history if isinstance(r.entry, NoteAdded)),
        diagnosis=latest,
    )
