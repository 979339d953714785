"""What a person does to tickets: who, what and why go into the record; what may not be is refused with what may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operator_core.errors import ConfigurationError, LedgerError
from operator_core.incidents import HoldTicket, MoveTicket
from operator_core.judgements import JudgementKey
from operator_core.ports import Ledger
from operator_core.record import Entry, NoteAdded
from operator_core.tickets import Ticket, TicketState, may_move

from operator_cli.use_cases.tickets import ticket_of
from operator_cli.wiring import Record


class Deed(Enum):
    """What a person can do to a ticket; the value is the command's name."""

    RESOLVE = "resolve"
    ESCALATE = "escalate"
    REOPEN = "reopen"
    HOLD = "hold"
    UNHOLD = "unhold"

    @property
    def to(self) -> TicketState | None:
        """The state that it leads to; None when it changes none."""
        return _TO.get(self)


_TO = {
    Deed.RESOLVE: TicketState.RESOLVED,
    Deed.ESCALATE: TicketState.ESCALATED,
    Deed.REOPEN: TicketState.OPEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A ticket that a person did something to.

    Attributes:
        still_lasting: of a ticket that was resolved, what has not ended.
        is_held_now: it was put on hold with the same stroke.
    """

    ticket: Ticket
    was: Ticket
    still_lasting: tuple[JudgementKey, ...] = ()
    is_held_now: bool = False


def _is_refused(ticket: Ticket, deed: Deed) -> str | None:
    """Why it cannot be done to a ticket as it is; None when it can."""
    if deed.to is not None:
        if ticket.state is deed.to:
            return f"ticket {ticket.id} is {ticket.state.value} already"
        if not may_move(ticket.state, deed.to):
            return f"ticket {ticket.id} is {ticket.state.value} and may not become {deed.to.value}"
        return None
    if not ticket.is_open:
        return f"ticket {ticket.id} is resolved; there is nothing to hold"
    if ticket.hold is (deed is Deed.HOLD):
        return f"ticket {ticket.id} is {'held already' if ticket.hold else 'not held'}"
    return None


def refused(ticket: Ticket, deed: Deed) -> str | None:
    """Why it cannot be done to a ticket as it is, and what could; None when it can."""
    why = _is_refused(ticket, deed)
    if why is None:
        return None
    possible = [d.value for d in Deed if _is_refused(ticket, d) is None]
    return f"{why}; possible: {', '.join([*possible, 'note'])}"


async def _occupied(ledger: Ledger, ticket: Ticket) -> str | None:
    """Why a resolved ticket cannot come back: what lasts of it is another open one's by now."""
    mine = {v.key for v in ticket.lasting}
    for other in await ledger.tickets(ticket.cluster, open_only=True):
        for violation in other.lasting:
            if other.id != ticket.id and violation.key in mine:
                return f"ticket {ticket.id} cannot be reopened: {violation.key} lasts in ticket {other.id}"
    return None


def _needs_hold(ticket: Ticket, deed: Deed) -> bool:
    """Whether the monitor would at once resolve what a person brings back: nothing of it lasts."""
    return deed is Deed.REOPEN and not ticket.is_open and not ticket.lasting and not ticket.hold


def _entries(ticket: Ticket, deed: Deed, *, at: datetime, by: str, because: str) -> list[Entry]:
    if deed.to is None:
        return [HoldTicket(ticket=ticket.id, at=at, hold=deed is Deed.HOLD, by=by, because=because)]
    move = MoveTicket(ticket=ticket.id, at=at, to=deed.to, by=by, because=because)
    if not _needs_hold(ticket, deed):
        return [move]
    return [move, HoldTicket(ticket=ticket.id, at=at, hold=True, by=by, because="reopened, and nothing of it lasts")]


async def instant_of(record: Record, ticket: Ticket) -> datetime:
    """When something happens to a ticket: now at its cluster, and never before what is recorded of it.

    The clock of a cluster that ran ahead of the wall clock is gone with the cluster.
    """
    history = await record.ledger.history(ticket=ticket.id)
    return max(record.now(ticket.cluster), *(r.at for r in history[-1:]), ticket.opened_at)


async def _handle(record: Record, ticket: Ticket, deed: Deed, *, by: str, because: str) -> Handled:
    at = await instant_of(record, ticket)
    entries = _entries(ticket, deed, at=at, by=by, because=because)
    try:
        touched = await record.ledger.append(ticket.cluster, entries, at=at)
    except LedgerError as e:
        if why := refused(await ticket_of(record.ledger, ticket.id), deed):
            raise ConfigurationError(why) from e  # somebody was faster
        raise
    after = next((t for t in touched if t.id == ticket.id), ticket)
    return Handled(
        ticket=after,
        was=ticket,
        still_lasting=tuple(dict.fromkeys(v.key for v in after.lasting)) if deed is Deed.RESOLVE else (),
        is_held_now=_needs_hold(ticket, deed),
    )


async def handle(record: Record, idents: Sequence[int], deed: Deed, *, by: str, because: str) -> tuple[Handled, ...]:
    """Do it to some tickets, one after the other: all are looked at before the first is touched.

    Raises:
        ConfigurationError: one of them is not there, or it cannot be done to it; nothing was done to any.
        LedgerError: it failed; when some were done before, it says which.
    """
    tickets = [await ticket_of(record.ledger, ident) for ident in dict.fromkeys(idents)]
    for ticket in tickets:
        why = refused(ticket, deed)
        if why is None and deed is Deed.REOPEN and not ticket.is_open:
            why = await _occupied(record.ledger, ticket)
        if why is not None:
            raise ConfigurationError(why)
    done: list[Handled] = []
    for place, ticket in enumerate(tickets):
        try:
            done.append(await _handle(record, ticket, deed, by=by, because=because))
        except (ConfigurationError, LedgerError) as e:
            if not done:
                raise
            left = ", ".join(str(t.id) for t in tickets[place + 1 :])
            before = ", ".join(str(h.ticket.id) for h in done)
            raise LedgerError(f"{e}; done before: {before}" + (f"; not tried: {left}" if left else "")) from e
    return tuple(done)


async def note(record: Record, ident: int, *, by: str, text: str) -> NoteAdded:
    """Put a note to a ticket, whatever state it is in.

    Raises:
        ConfigurationError: there is no such ticket.
    """
    ticket = await ticket_of(record.ledger, ident)
    added = NoteAdded(ticket=ticket.id, at=await instant_of(record, ticket), by=by, text=text)
    await record.ledger.append(ticket.cluster, [added], at=added.at)
    return added
