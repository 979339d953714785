"""What the ledger and the fault journal have in common: a database of their own, opened, brought up and closed."""

from __future__ import annotations

import os
from datetime import timedelta
from types import TracebackType
from typing import ClassVar, Self

from operator_core.ports import Clock
from operator_core.runtime import RealClock

from operator_ledger.database import PATIENCE, Database, open_database
from operator_ledger.migrate import Schema, bring_up


class Stored:
    """A record in a database, shared by as many processes as like. Made by :meth:`open`."""

    _schema: ClassVar[Schema]

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(
        cls, name: str | os.PathLike[str], *, clock: Clock | None = None, patience: timedelta = PATIENCE
    ) -> Self:
        """Open the record of that name; one that is not there is created, as a file readable by its owner alone.

        Args:
            name: a file, ``sqlite:///path``, or, where it may be, ``postgresql://user:password@host:port/database``.
            clock: tells when a migration was applied; the wall clock when left out.
            patience: how long an operation waits for somebody else to let go of what it needs.

        Raises:
            LedgerError: it cannot be opened, is no such record, or was written by a newer program.
        """
        database = await cls._find(name, patience)
        try:
            await bring_up(database, cls._schema, clock or RealClock())
        except BaseException:
            await database.close()
            raise
        return cls(database)

    @classmethod
    async def _find(cls, name: str | os.PathLike[str], patience: timedelta) -> Database:
        return await open_database(name, patience=patience)

    async def close(self) -> None:
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
