"""Everything that is peculiar to SQLite, and nothing else: files, locks, durability, its errors in our words.

Durability: WAL with ``synchronous=FULL`` syncs the log at every commit
(https://sqlite.org/pragma.html#pragma_synchronous), so what was acknowledged outlives a crash of the machine.

SQLite has one writer at a time, so all that this process writes goes through one thread, in turn; readers have
threads of their own and see the last commit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from operator_core.errors import LedgerError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from operator_ledger.database import Size
from operator_ledger.tables import ENTRIES

T = TypeVar("T")

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
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


class _Call:
    """One piece of work, from the outside."""

    is_abandoned = False


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
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")

    @property
    def name(self) -> str:
        return str(self.path)

    @contextmanager
    def errors_told(self) -> Generator[None]:
        """Turn what the database or the file system says into a LedgerError that names the file."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as e:
            raise LedgerError(f"{self.path}: {_reason(e)}") from e
        except OSError as e:
            raise LedgerError(f"{self.path}: {e.strerror or e}") from e

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._in_thread(self._writer, work, writes=True)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._in_thread(self._readers, work, writes=False)

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[Connection], T], *, writes: bool) -> T:
        call = _Call()

        def run() -> T:
            with self.errors_told():
                engine = self.engine.execution_options(**{_WRITES: writes, _CALL: call})
                with engine.begin() as connection:
                    return work(connection)

        return await _finished(threads, run, call)

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
        call = _Call()

        def vacuum(pages: int) -> int:
            with self.errors_told(), self.engine.connect() as connection:
                raw: Any = connection.connection.dbapi_connection
                if raw.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
                    raw.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
                    raw.execute("VACUUM")
                raw.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
                left: int = raw.execute("PRAGMA freelist_count").fetchone()[0]
                if not left:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return left

        while await _finished(self._writer, lambda: vacuum(_PAGES_AT_ONCE), call):
            pass

    async def close(self) -> None:
        def close() -> None:
            self._writer.shutdown()
            self._readers.shutdown()
            with self.errors_told():
                self.engine.dispose()

        await asyncio.to_thread(close)


async def _finished(threads: ThreadPoolExecutor, run: Callable[[], T], call: _Call) -> T:
    """What it gives; who is cancelled while it runs waits until it has stopped, so that it is over or undone."""
    running = threads.submit(run)
    waiting = asyncio.wrap_future(running)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        call.is_abandoned = True
        running.cancel()
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
    if isinstance(call, _Call) and call.is_abandoned:
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
