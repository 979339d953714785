"""What may happen to an entry of the fault journal: pure, the same for every kind of journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from operator_core.errors import LedgerError
from operator_core.faults import FaultState, JournalEntry


def after_injection(entry: JournalEntry, at: datetime) -> JournalEntry:
    """The entry once its fault was done; saying so twice changes nothing.

    Raises:
        LedgerError: the fault is healed already.
    """
    match entry.state:
        case FaultState.PLANNED:
            return replace(entry, state=FaultState.INJECTED, injected_at=at)
        case FaultState.INJECTED:
            return entry
        case FaultState.HEALED:
            raise LedgerError(f"fault {entry.id} ({entry.fault}) is healed; it cannot have been injected after that")


def after_healing(entry: JournalEntry, at: datetime) -> JournalEntry:
    """The entry once its fault was taken back; saying so twice changes nothing."""
    if entry.state is FaultState.HEALED:
        return entry
    return replace(entry, state=FaultState.HEALED, healed_at=at)
