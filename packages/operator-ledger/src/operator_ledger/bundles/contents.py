"""What a bundle holds: one incident as it was recorded, secrets masked, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName, Observation
from operator_core.record import Entry
from operator_core.silences import SilenceId
from operator_core.tickets import Ticket, TicketId

from operator_ledger.ticketing import changed, check_single, opened, ticket_of


@runtime_checkable
class HasHead(Protocol):
    """A ledger whose record is a chain; an optional ability."""

    async def head(self, cluster: ClusterName) -> tuple[int, str]:
        """How long a cluster's chain is, and its newest digest as SHA-256 in hex; 0 and "" when it is empty."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry of the original's record.

    Attributes:
        sequence: of the entry in the original ledger.
        silence: the number that the ledger gave, for an entry that states a silence.
    """

    sequence: int
    entry: Entry
    silence: SilenceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One incident.

    Attributes:
        at, by: when it was exported, and who did it.
        versions: of what wrote it, by name.
        cluster, ticket: its names in the original ledger.
        position, head: length and newest digest of the original's chain then; 0 and "" when it had none.
        redactions: what was masked, and how often.
        observations: those of the ticket's time, and those whose readings are cited; by number.
        told: everything else, in the order in which it was recorded.
    """

    at: datetime
    by: str
    versions: Mapping[str, str]
    cluster: ClusterName
    ticket: TicketId
    position: int
    head: str
    redactions: Mapping[str, int]
    observations: tuple[Observation, ...]
    told: tuple[Told, ...]

    def replayed(self) -> Ticket:
        """The ticket that its entries make, by the rules of every ledger.

        Raises:
            LedgerError: they make none.
        """
        return replayed((t.entry for t in self.told), self.ticket)


def replayed(entries: Iterable[Entry], ident: TicketId) -> Ticket:
    """The ticket that entries make.

    Raises:
        LedgerError: they open none, or do not fit it.
    """
    ticket: Ticket | None = None
    for entry in entries:
        if isinstance(entry, OpenTicket):
            if ticket is not None:
                raise LedgerError(f"ticket {ident} is opened twice")
            ticket = opened(entry, ident)
        elif ticket_of(entry) is not None:
            if ticket is None:
                raise LedgerError(f"something is said of ticket {ident} before it is opened")
            ticket = changed(ticket, entry)
        if ticket is not None:
            check_single((v.key for v in ticket.lasting), ticket.cluster)
    if ticket is None:
        raise LedgerError(f"ticket {ident} is never opened")
    return ticket
