"""A fault journal that forgets, for simulated clusters that end with their process, and for tests."""

from __future__ import annotations

from datetime import datetime

from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultId, FaultState, JournalEntry, Undo

from operator_ledger.fault_states import after_healing, after_injection


class MemoryFaultJournal:
    """A FaultJournal that lives as long as its process."""

    def __init__(self) -> None:
        self._entries: dict[FaultId, JournalEntry] = {}

    async def plan(self, deployment: str, fault: Fault, undo: Undo, at: datetime) -> FaultId:
        ident = FaultId(len(self._entries) + 1)
        self._entries[ident] = JournalEntry(
            id=ident, deployment=deployment, fault=fault, undo=undo, state=FaultState.PLANNED, planned_at=at
        )
        return ident

    async def injected(self, ident: FaultId, at: datetime) -> None:
        self._entries[ident] = after_injection(self._entry(ident), at)

    async def healed(self, ident: FaultId, at: datetime) -> None:
        self._entries[ident] = after_healing(self._entry(ident), at)

    async def entries(self, deployment: str | None = None, *, unhealed_only: bool = False) -> tuple[JournalEntry, ...]:
        return tuple(
            e
            for e in self._entries.values()
            if (deployment is None or e.deployment == deployment)
            and (e.state is not FaultState.HEALED or not unhealed_only)
        )

    def _entry(self, ident: FaultId) -> JournalEntry:
        if ident not in self._entries:
            raise LedgerError(f"there is no fault {ident} in the journal")
        return self._entries[ident]
