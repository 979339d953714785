"""What a record needs of a database, whichever it is.

Whatever reads or writes tables is a plain function of a connection. One call of it is one transaction; a database may
run it in a thread, or in the event loop, or more than once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from sqlalchemy import AdaptedConnection, Connection

T = TypeVar("T")

_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+asyncpg://")

PATIENCE = timedelta(seconds=5)
"""How long an operation waits for somebody else to let go of what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much room a record takes.

    Attributes:
        used: bytes that hold something.
        on_disk: bytes of its files; what was given up and not yet given back counts.
    """

    used: int
    on_disk: int


class Database(Protocol):
    """A place where tables are. Every method raises LedgerError, in words that name it, when it says no."""

    @property
    def name(self) -> str:
        """How it is called in messages; never with a password."""
        ...

    @property
    def patience(self) -> timedelta:
        """How long an operation waits for somebody else to let go of what it needs."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run it in a transaction: all that it wrote is kept, or nothing; what is acknowledged outlives a crash.

        When the transaction surely kept nothing and another try may succeed, the work is run again.
        """
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run it in a transaction that sees one state throughout and hinders nobody who writes."""
        ...

    def alone(self, connection: Connection) -> None:
        """Wait until nobody else changes the schema; nobody will before the transaction ends."""
        ...

    def is_busy(self, error: BaseException) -> bool:
        """Whether an error says that somebody else is in the way, so that another try may succeed."""
        ...

    def next_sequences(self, connection: Connection, count: int) -> Sequence[int]:
        """Numbers for so many new entries, each higher than every one before it in the same chain."""
        ...

    def size(self, connection: Connection) -> Size: ...

    async def give_back(self) -> None:
        """Give room that is no longer used back to whoever it came from."""
        ...

    async def close(self) -> None: ...


def apart(connection: Connection, work: Callable[[], T]) -> T:
    """Run what only computes, and for long, so that the event loop goes on meanwhile.

    Args:
        connection: that of the work which calls it.
    """
    driver = connection.connection.dbapi_connection
    if isinstance(driver, AdaptedConnection):  # this runs in the event loop
        return driver.run_async(lambda _: asyncio.to_thread(work))
    return work()


async def open_database(name: str | os.PathLike[str], *, patience: timedelta) -> Database:
    """The database of that name: a file, ``sqlite:///path``, or ``postgresql://user:password@host:port/database``.

    Raises:
        LedgerError: it cannot be had.
    """
    if os.fspath(name).startswith(_POSTGRESQL):
        from operator_ledger.postgres import open_server  # noqa: PLC0415 - most never need its driver

        return await open_server(os.fspath(name), patience=patience)
    from operator_ledger.sqlite import open_file  # noqa: PLC0415 - likewise

    return await open_file(name, patience=patience)
