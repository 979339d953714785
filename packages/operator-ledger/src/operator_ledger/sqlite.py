"""Everything that is peculiar to SQLite, and nothing else: files, locks, durability, its errors in our words.

Durability: WAL with ``synchronous=FULL`` syncs the log at every commit
(https://sqlite.org/pragma.html#pragma_synchronous), so what was acknowledged outlives a crash of the machine.

SQLite has one writer at a time, so all that this process writes goes through one thread; readers have threads of
their own and see the last commit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from operator_core.errors import LedgerError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from operator_ledger.database import Size
from operator_ledger.files import make_file, path_of
from operator_ledger.tables import ENTRIES
from operator_ledger.writer import Call, Writer, answer

T = TypeVar("T")

_WRITES = "operator_writes"
_CALL = "operator_call"
_FULL = 2
_INCREMENTAL = 2
_READERS = 3
_PAGES_AT_ONCE = 2000
"""How many pages are given back in one go, before others may write again: 8 MB."""

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


class _AbandonedError(Exception):
    """Whoever asked for the work has gone."""


class SqliteFile:
    """One database file with its connections.

    Args:
        patience: how long a statement waits for another process to let go of the file.
    """

    def __init__(self, path: Path, *, patience: timedelta) -> None:
        self.path = path
        self.patience = patience
        self.engine: Engine = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"isolation_level": None, "timeout": patience.total_seconds(), "check_same_thread": False},
            pool_size=1 + _READERS,
            max_overflow=0,
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)
        event.listen(self.engine, "before_cursor_execute", _go_on)
        self._writer = Writer(self)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")

    @property
    def name(self) -> str:
        return str(self.path)

    def told(self, error: BaseException) -> BaseException:
        """What the database or the file system says, as a LedgerError that names the file."""
        if isinstance(error, (SQLAlchemyError, sqlite3.Error)):
            words = _reason(error)
        elif isinstance(error, OSError):
            words = error.strerror or str(error)
        else:
            return error
        named = LedgerError(f"{self.path}: {words}")
        named.__cause__ = error
        return named

    async def write(self, work: Callable[[Connection], T]) -> T:
        call = Call(work)
        self._writer.put(call)
        return await _finished(call)

    async def read(self, work: Callable[[Connection], T]) -> T:
        call = Call(work)
        self._readers.submit(self._run, call)
        return await _finished(call)

    def _run(self, call: Call) -> None:
        def read() -> object:
            with self.engine.execution_options(**{_CALL: call}).begin() as connection:
                return call.work(connection)

        if call.future.set_running_or_notify_cancel():
            answer(call, read, self.told)

    def transaction(self, call: Call | None) -> AbstractContextManager[Connection]:
        """One that holds the write lock from its beginning: all of it is kept, or nothing."""
        return self.engine.execution_options(**{_WRITES: True, _CALL: call}).begin()

    def on_behalf_of(self, connection: Connection, call: Call) -> None:
        connection.execution_options(**{_CALL: call})

    def alone(self, connection: Connection) -> None:
        """Whoever writes is alone."""

    def is_busy(self, error: BaseException) -> bool:
        return is_locked(error)

    def next_sequences(self, connection: Connection, count: int) -> Sequence[int]:
        last: int = connection.scalar(select(func.max(ENTRIES.c.sequence))) or 0
        return range(last + 1, last + 1 + count)

    def size(self, connection: Connection) -> Size:
        pages, free, page = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
        files = [self.path, self.path.with_name(self.path.name + "-wal")]
        return Size(used=(pages - free) * page, on_disk=sum(f.stat().st_size for f in files if f.exists()))

    async def give_back(self) -> None:
        """Cut the free pages off the end of the file, some at a time, so that nobody waits for long.

        A file that was made before this was turned on is rewritten once (https://sqlite.org/pragma.html#pragma_auto_vacuum).
        """
        left = await _finished(self._in_line(self._cut_off))
        before = left + 1
        while 0 < left < before:  # whoever writes meanwhile may free pages faster than they are given back
            before, left = left, await _finished(self._in_line(self._cut_off))

    def _cut_off(self) -> int:
        with self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            if raw.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
                raw.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
                raw.execute("VACUUM")
            raw.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
            left: int = raw.execute("PRAGMA freelist_count").fetchone()[0]
            if not left:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return left

    def _in_line(self, work: Callable[[], Any]) -> Call:
        """Something that is no transaction, among those that write."""
        call = Call(lambda _: work())

        def run() -> None:
            if call.future.set_running_or_notify_cancel():
                answer(call, work, self.told)

        self._writer.thread.submit(run)
        return call

    async def close(self) -> None:
        def close() -> None:
            self._writer.thread.shutdown()
            self._readers.shutdown()
            self.engine.dispose()

        try:
            await asyncio.to_thread(close)
        except (SQLAlchemyError, sqlite3.Error) as e:
            raise self.told(e) from e


async def _finished(call: Call) -> Any:  # noqa: ANN401 - what the call gives
    """What it gives; who is cancelled while it runs waits until it has stopped, so that it is over or undone."""
    waiting = asyncio.wrap_future(call.future)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        call.is_abandoned = True
        call.future.cancel()
        while not waiting.done():
            try:
                await asyncio.wait([waiting])
            except asyncio.CancelledError:
                continue
        if not waiting.cancelled():
            waiting.exception()
        raise


def _go_on(connection: Connection, *_: object) -> None:
    call = connection.get_execution_options().get(_CALL)
    if isinstance(call, Call) and call.is_abandoned:
        raise _AbandonedError


def _pragma(connection: Connection, name: str) -> int:
    return connection.scalar(text(f"PRAGMA {name}")) or 0


def _prepare(connection: _DriverConnection, _record: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA page_count")
        if cursor.fetchone() == (0,):  # in a file that holds something it would only wait for a lock
            cursor.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
        cursor.execute("PRAGMA journal_mode=WAL")
        mode = cursor.fetchone()
        if mode is None or mode[0] != "wal":
            raise sqlite3.OperationalError("its file system cannot hold a write-ahead log")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA synchronous")
        if cursor.fetchone() != (_FULL,):
            raise sqlite3.OperationalError("it does not sync its commits")
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
