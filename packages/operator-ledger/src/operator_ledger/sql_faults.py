"""The fault journal in a database file of its own: what diagnoses is never given it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultId, FaultState, JournalEntry, Undo
from operator_core.ports import Clock
from operator_core.runtime import RealClock
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operator_ledger.codec import FORMAT, from_json, to_json
from operator_ledger.fault_states import after_healing, after_injection
from operator_ledger.fault_tables import FAULTS
from operator_ledger.migrate import bring_up
from operator_ledger.migrations.faults import SCHEMA
from operator_ledger.sqlite import SqliteFile, open_file

PATIENCE = timedelta(seconds=5)
"""How long an operation waits for another process to let go of the file."""


class SqlFaultJournal:
    """A FaultJournal in a database file. Made by :meth:`open`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @classmethod
    async def open(
        cls, path_or_url: str | os.PathLike[str], *, clock: Clock | None = None, patience: timedelta = PATIENCE
    ) -> Self:
        """Open the journal of that name; one that is not there is created, readable by its owner alone.

        Raises:
            LedgerError: it cannot be opened, is no fault journal, or was written by a newer program.
        """
        file = await open_file(path_or_url, patience=patience)
        try:
            await bring_up(file, SCHEMA, clock or RealClock())
        except BaseException:
            await file.close()
            raise
        return cls(file)

    async def close(self) -> None:
        await self._file.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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
