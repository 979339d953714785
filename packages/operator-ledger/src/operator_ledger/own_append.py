"""Entries that speak of a ticket or a silence which only their own append brings into being.

The ledger gives out the numbers, so whoever writes such entries cannot know them: he counts downward from -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from operator_core.decide import SilenceViolation
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    DiagnosisMade,
    Entry,
    InvestigationPaid,
    NoteAdded,
    ProbeAsked,
    SilenceEnded,
)
from operator_core.silences import SilenceId
from operator_core.tickets import TicketId


@dataclass(frozen=True, slots=True)
class OwnAppend:
    """The numbers that were given out in an append so far, in order."""

    tickets: list[TicketId] = field(default_factory=list[TicketId])
    silences: list[SilenceId] = field(default_factory=list[SilenceId])

    def named(self, entry: Entry) -> Entry:
        """The entry with the numbers that were given out; the same entry when it speaks of nothing of this append.

        Raises:
            LedgerError: so many were not opened, or not stated.
        """
        match entry:
            case (
                JoinTicket()
                | EndInTicket()
                | MoveTicket()
                | HoldTicket()
                | NoteAdded()
                | ActionApproved()
                | ActionTaken()
            ) if entry.ticket < 0:
                return replace(entry, ticket=TicketId(_given(self.tickets, entry.ticket, "ticket")))
            case ProbeAsked(ticket=ticket) | InvestigationPaid(ticket=ticket) if ticket is not None and ticket < 0:
                return replace(entry, ticket=TicketId(_given(self.tickets, ticket, "ticket")))
            case DiagnosisMade(diagnosis=diagnosis) if diagnosis.ticket is not None and diagnosis.ticket < 0:
                return DiagnosisMade(
                    diagnosis=replace(diagnosis, ticket=_given(self.tickets, diagnosis.ticket, "ticket"))
                )
            case SilenceEnded() | SilenceViolation() if entry.silence < 0:
                return replace(entry, silence=SilenceId(_given(self.silences, entry.silence, "silence")))
            case _:
                return entry


def _given(numbers: Sequence[int], place: int, what: str) -> int:
    if -place > len(numbers):
        raise LedgerError(f"{what} {place} is meant of an append that has made {len(numbers)} so far")
    return numbers[-place - 1]
