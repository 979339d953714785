"""What a lease can be of, and what is said when it is lost: the same for every kind of ledger."""

from __future__ import annotations

from dataclasses import dataclass

from operator_core.errors import LeaseLost
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.tickets import TicketId


@dataclass(frozen=True, slots=True)
class Place:
    """What a lease is of: the watch of a cluster, or one of its tickets."""

    cluster: ClusterName
    ticket: TicketId | None = None

    @classmethod
    def of(cls, lease: Lease) -> Place:
        return cls(lease.cluster, lease.ticket)

    def __str__(self) -> str:
        return f"the watch of {self.cluster}" if self.ticket is None else f"ticket {self.ticket} of {self.cluster}"


def lost(place: Place, held: Lease | None, lease: Lease) -> LeaseLost:
    """That somebody else has it now."""
    return LeaseLost(f"{held.holder if held else 'nobody'} has {place} now, not {lease.holder}")
