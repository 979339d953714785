"""The fault journal in a database file of its own: what diagnoses is never given it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultId, FaultState, JournalEntry, Undo
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operator_ledger.codec import FORMAT, from_json, to_json
from operator_ledger.fault_states import after_healing, after_injection
from operator_ledger.fault_tables import FAULTS
from operator_ledger.migrations.faults import SCHEMA
from operator_ledger.on_file import OnFile


class SqlFaultJournal(OnFile):
    """A FaultJournal in a database file."""

    _schema = SCHEMA

    async def plan(self, deployment: str, fault: Fault, undo: Undo, at: datetime) -> FaultId:
        values = {
            "deployment": deployment,
            "format": FORMAT,
            "fault": to_json(fault),
            "undo": to_json(undo),
            "state": FaultState.PLANNED.value,
            "planned_at": at,
        }
        async with self._file.writing() as connection:
            added = await connection.execute(insert(FAULTS).values(values))
            assert added.inserted_primary_key is not None
            return FaultId(added.inserted_primary_key[0])

    async def injected(self, ident: FaultId, at: datetime) -> None:
        async with self._file.writing() as connection:
            await self._save(connection, after_injection(await self._entry(connection, ident), at))

    async def healed(self, ident: FaultId, at: datetime) -> None:
        async with self._file.writing() as connection:
            await self._save(connection, after_healing(await self._entry(connection, ident), at))

    async def entries(self, deployment: str | None = None, *, unhealed_only: bool = False) -> tuple[JournalEntry, ...]:
        query = select(FAULTS).order_by(FAULTS.c.id)
        if deployment is not None:
            query = query.where(FAULTS.c.deployment == deployment)
        if unhealed_only:
            query = query.where(FAULTS.c.state != FaultState.HEALED.value)
        async with self._file.reading() as connection:
            return tuple(self._from_row(row) for row in await connection.execute(query))

    async def _entry(self, connection: AsyncConnection, ident: FaultId) -> JournalEntry:
        row = (await connection.execute(select(FAULTS).where(FAULTS.c.id == ident).with_for_update())).one_or_none()
        if row is None:
            raise LedgerError(f"there is no fault {ident} in the journal")
        return self._from_row(row)

    @staticmethod
    async def _save(connection: AsyncConnection, entry: JournalEntry) -> None:
        values = {"state": entry.state.value, "injected_at": entry.injected_at, "healed_at": entry.healed_at}
        await connection.execute(update(FAULTS).where(FAULTS.c.id == entry.id).values(values))

    def _from_row(self, row: Row[*tuple[Any, ...]]) -> JournalEntry:
        if row.format > FORMAT:
            raise LedgerError(
                f"{self._file.path}: fault {row.id} has format {row.format}; this program reads up to {FORMAT}"
            )
        return JournalEntry(
            id=FaultId(row.id),
            deployment=row.deployment,
            fault=from_json(Fault, row.fault),
            undo=from_json(Undo, row.undo),
            state=FaultState(row.state),
            planned_at=row.planned_at,
            injected_at=row.injected_at,
            healed_at=row.healed_at,
        )
