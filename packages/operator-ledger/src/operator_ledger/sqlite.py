"""Everything that is peculiar to SQLite, and nothing else: files, locks, durability, its errors in our words.

What is put here has its counterpart in a module of its own when another database comes; the statements elsewhere
are plain Core and run on any.

Durability: WAL with ``synchronous=FULL`` syncs the log at every commit (https://sqlite.org/pragma.html#pragma_synchronous),
so what was acknowledged outlives a crash of the machine.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from operator_core.errors import LedgerError
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_WRITES = "operator_writes"

_WORDS = {
    sqlite3.SQLITE_BUSY: "another process has it locked",
    sqlite3.SQLITE_LOCKED: "another connection has it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
}


class _Cursor(Protocol):
    def execute(self, operation: str) -> object: ...
    def fetchone(self) -> tuple[object, ...] | None: ...
    def close(self) -> None: ...


class _DriverConnection(Protocol):
    def cursor(self) -> _Cursor: ...


def path_of(path_or_url: str | os.PathLike[str]) -> Path:
    """The file that a path or a ``sqlite:///`` URL names.

    Raises:
        LedgerError: it is a URL of another database, or names no file.
    """
    text = os.fspath(path_or_url)
    if "://" not in text:
        if text in ("", ":memory:"):
            raise LedgerError(f"{text!r} names no file")
        return Path(text).expanduser()
    try:
        url = make_url(text)
    except ArgumentError as e:
        raise LedgerError(f"{text!r} is not a database URL") from e
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() != "sqlite":
        raise LedgerError(f"{shown}: only SQLite files can be opened, not {url.get_backend_name()}")
    if not url.database or url.database == ":memory:":
        raise LedgerError(f"{shown} names no file")
    return Path(url.database).expanduser()


def make_file(path: Path) -> None:
    """Create the file and the folders above it so that only their owner can read them; what is there is left alone.

    The modes do not depend on the umask. SQLite gives ``-wal`` and ``-shm`` the mode of the file they belong to.

    Raises:
        LedgerError: the file system says no.
    """
    try:
        missing = [f for f in path.parents if not f.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            folder.chmod(_FOLDER_MODE)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        except FileExistsError:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise LedgerError(f"{path}: it is not a regular file")
            finally:
                os.close(descriptor)
        else:
            os.fchmod(descriptor, _FILE_MODE)
            os.close(descriptor)
    except OSError as e:
        raise LedgerError(f"{path}: {e.strerror or e}") from e


def is_locked(error: BaseException | None) -> bool:
    """Whether an error says that somebody else has the database locked."""
    while error is not None:
        if isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return True
        error = error.__cause__ or error.__context__
    return False


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None  # the low byte is the primary code, the rest its extension


def _reason(error: BaseException) -> str:
    driver = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    seen: BaseException | None = driver
    while seen is not None:
        code = _code(seen)
        if code in _WORDS:
            return _WORDS[code]
        seen = seen.__cause__ or seen.__context__
    return (str(driver) or type(driver).__name__).partition("\n")[0]


class SqliteFile:
    """One database file with its connections.

    Args:
        patience: how long a statement waits for another process to let go of the file.
    """

    def __init__(self, path: Path, *, patience: timedelta) -> None:
        self.path = path
        self.patience = patience
        self.engine: AsyncEngine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(path)),
            connect_args={"isolation_level": None, "timeout": patience.total_seconds()},
            pool_timeout=patience.total_seconds(),
            pool_size=4,
            max_overflow=0,
        )
        event.listen(self.engine.sync_engine, "connect", _prepare)
        event.listen(self.engine.sync_engine, "begin", _begin)

    @contextmanager
    def errors_told(self) -> Generator[None]:
        """Turn what the database or the file system says into a LedgerError that names the file."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as e:
            raise LedgerError(f"{self.path}: {_reason(e)}") from e
        except OSError as e:
            raise LedgerError(f"{self.path}: {e.strerror or e}") from e

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that holds the write lock from its beginning: all of it is kept, or nothing."""
        with self.errors_told():
            async with self.engine.execution_options(**{_WRITES: True}).begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that sees one state of the database throughout and hinders no writer."""
        with self.errors_told():
            async with self.engine.begin() as connection:
                yield connection

    async def close(self) -> None:
        with self.errors_told():
            await self.engine.dispose()


def _prepare(connection: _DriverConnection, _record: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
        mode = cursor.fetchone()
        if mode is None or mode[0] != "wal":
            raise sqlite3.OperationalError("its file system cannot hold a write-ahead log")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    # The driver would begin a transaction only before the first write, and then fail rather than wait when another
    # process wrote in between; so it is told to leave that to us.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def open_file(path_or_url: str | os.PathLike[str], *, patience: timedelta) -> SqliteFile:
    """The database file of that name, created when it is not there; nothing in it has been touched.

    Raises:
        LedgerError: it cannot be had.
    """
    path = path_of(path_or_url)
    await asyncio.to_thread(make_file, path)
    return SqliteFile(path, patience=patience)
