"""What the ledger and the fault journal have in common: a database file of their own, opened, brought up and closed."""

from __future__ import annotations

import os
from datetime import timedelta
from types import TracebackType
from typing import ClassVar, Self

from operator_core.ports import Clock
from operator_core.runtime import RealClock

from operator_ledger.migrate import Schema, bring_up
from operator_ledger.sqlite import SqliteFile, open_file

PATIENCE = timedelta(seconds=5)
"""How long an operation waits for another process to let go of the file."""


class OnFile:
    """A record in a database file, shared by as many processes as like. Made by :meth:`open`."""

    _schema: ClassVar[Schema]

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @classmethod
    async def open(
        cls, path_or_url: str | os.PathLike[str], *, clock: Clock | None = None, patience: timedelta = PATIENCE
    ) -> Self:
        """Open the record of that name; one that is not there is created, readable by its owner alone.

        Args:
            path_or_url: a file, or ``sqlite:///path``.
            clock: tells when a migration was applied; the wall clock when left out.
            patience: how long an operation waits for another process to let go of the file.

        Raises:
            LedgerError: it cannot be opened, is no such record, or was written by a newer program.
        """
        file = await open_file(path_or_url, patience=patience)
        try:
            await bring_up(file, cls._schema, clock or RealClock())
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
