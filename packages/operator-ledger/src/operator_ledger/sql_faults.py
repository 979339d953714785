"""The fault journal in a database file of its own: what diagnoses is never given it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from operator_core.errors import LedgerError
from operator_core.faults import Fault, FaultId, FaultState, JournalEntry, Undo
from sqlalchemy import Connection, Row, insert, select, update

from operator_ledger.codec import FORMAT, from_json, to_json
from operator_ledger.database import Database
from operator_ledger.fault_states import after_healing, after_injection
from operator_ledger.fault_tables import FAULTS
from operator_ledger.migrations.faults import SCHEMA
from operator_ledger.sqlite import open_file
from operator_ledger.stored import Stored


class SqlFaultJournal(Stored):
    """A FaultJournal in a file beside the deployment that it is about."""

    _schema = SCHEMA

    @classmethod
    async def _find(cls, name: str | os.PathLike[str], patience: timedelta) -> Database:
        return await open_file(name, patience=patience)

    async def plan(self, deployment: str, fault: Fault, undo: Undo, at: datetime) -> FaultId:
        values = {
            "deployment": deployment,
            "format": FORMAT,
            "fault": to_json(fault),
            "undo": to_json(undo),
            "state": FaultState.PLANNED.value,
            "planned_at": at,
        }

        def write(connection: Connection) -> FaultId:
            added = connection.execute(insert(FAULTS).values(values))
            assert added.inserted_primary_key is not None
            return FaultId(added.inserted_primary_key[0])

        return await self._database.write(write)

    async def injected(self, ident: FaultId, at: datetime) -> None:
        await self._change(ident, lambda entry: after_injection(entry, at))

    async def healed(self, ident: FaultId, at: datetime) -> None:
        await self._change(ident, lambda entry: after_healing(entry, at))

    async def entries(self, deployment: str | None = None, *, unhealed_only: bool = False) -> tuple[JournalEntry, ...]:
        query = select(FAULTS).order_by(FAULTS.c.id)
        if deployment is not None:
            query = query.where(FAULTS.c.deployment == deployment)
        if unhealed_only:
            query = query.where(FAULTS.c.state != FaultState.HEALED.value)
        return await self._database.read(lambda connection: tuple(map(self._from_row, connection.execute(query))))

    async def _change(self, ident: FaultId, change: Callable[[JournalEntry], JournalEntry]) -> None:
        def write(connection: Connection) -> None:
            row = connection.execute(select(FAULTS).where(FAULTS.c.id == ident).with_for_update()).one_or_none()
            if row is None:
                raise LedgerError(f"there is no fault {ident} in the journal")
            after = change(self._from_row(row))
            values = {"state": after.state.value, "injected_at": after.injected_at, "healed_at": after.healed_at}
            connection.execute(update(FAULTS).where(FAULTS.c.id == ident).values(values))

        await self._database.write(write)

    def _from_row(self, row: Row[*tuple[Any, ...]]) -> JournalEntry:
        if row.format > FORMAT:
            raise LedgerError(
                f"{self._database.name}: fault {row.id} has format {row.format}; this program reads up to {FORMAT}"
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
