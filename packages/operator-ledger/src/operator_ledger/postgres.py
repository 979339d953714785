"""Everything that is peculiar to PostgreSQL, and nothing else: connections, deadlines, what may be tried again.

Durability: ``synchronous_commit=on`` makes a commit wait until its log is on disk
(https://www.postgresql.org/docs/current/runtime-config-wal.html), so what was acknowledged outlives a crash.

A transaction is run again only when it surely kept nothing: the server said that it gave it up, or the connection
broke before the commit was asked for. One that breaks during the commit is told as not known.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from operator_core.errors import LedgerError
from sqlalchemy import Connection, case, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from operator_ledger.database import Size
from operator_ledger.tables import METADATA

T = TypeVar("T")

_DRIVER: Any = asyncpg  # its own notes on types are few, and some are wrong

_CONNECTIONS = 8
_TRIES = 4
_STATEMENT = 6
"""A statement may take so many times the patience: waiting for a lock ends earlier, by the server."""
_IN_LINE = 12
"""So many times the patience may pass until a connection of ours is free."""
_VACUUM = timedelta(hours=1)
_SCHEMA_LOCK = 0x6F70657261746F72
_ROW = 120
"""About what a row takes beside its body, in bytes: header, numbers, instants, its part of the indexes."""

_GIVEN_UP = ("40001", "40P01")
_WORDS = {
    "25006": "it may not be written; it is a standby, or set to read only",
    "28P01": "it does not accept the password",
    "3D000": "there is no such database",
    "40001": "others changed the same at the same time",
    "40P01": "others waited for each other",
    "53100": "the disk is full",
    "53300": "it has no connection left",
    "55P03": "somebody else has it locked",
    "57014": "it took too long",
    "57P01": "it is shutting down",
    "57P03": "it is not ready",
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def name_of(url: str) -> str:
    """A URL as it may be shown: who is asked for which database, without names and secrets.

    Raises:
        LedgerError: it is none.
    """
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        hosts = parts.netloc.rpartition("@")[2] or ",".join(options.get("host", ["localhost"]))
        database = unquote(parts.path[1:]) or options.get("database", options.get("dbname", [""]))[0]
    except ValueError:
        raise LedgerError("the URL of the PostgreSQL database cannot be read") from None  # it may hold a password
    return f"postgresql://{hosts}/{database}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, the outermost first."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = (error.orig if isinstance(error, DBAPIError) else None) or error.__cause__


def _sqlstate(error: BaseException) -> str:
    states = (getattr(e, "sqlstate", None) for e in _chain(error))
    return next((state for state in states if isinstance(state, str)), "")


def _reason(error: BaseException) -> str:
    if words := _WORDS.get(_sqlstate(error)):
        return words
    told = ""
    for e in _chain(error):
        match e:
            case PoolTimeoutError():
                return "no connection to it came free in time"
            case TimeoutError():
                return "it did not answer in time"
            case socket.gaierror():
                return "its address cannot be found"
            case ConnectionRefusedError():
                return "nobody listens there"
            case OSError() if e.strerror:
                return e.strerror
            case _:
                told = str(e) or type(e).__name__
    return told.partition("\n")[0]


def _is_broken(error: BaseException) -> bool:
    """Whether the connection is gone, so that the server has undone what was not committed, or will."""
    return _sqlstate(error).startswith(("08", "57P")) or any(
        isinstance(e, (ConnectionError, asyncpg.PostgresConnectionError))
        or (isinstance(e, DBAPIError) and e.connection_invalidated)
        for e in _chain(error)
    )


def _may_try_again(error: BaseException) -> bool:
    """Whether nothing was kept, and another try may succeed; not for what was never tried at all."""
    return _sqlstate(error) in _GIVEN_UP or _is_broken(error)


_TROUBLE = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class PostgresServer:
    """One database of a server, with connections to it.

    Args:
        patience: how long it may take to connect, and how long a statement waits for a lock.
    """

    def __init__(self, url: str, *, patience: timedelta) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._name = name_of(self._url)
        self._patience = patience
        self._has_name = "application_name=" in self._url
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_IN_LINE * patience.total_seconds(),
            pool_pre_ping=True,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def patience(self) -> timedelta:
        return self._patience

    async def _connect(self) -> Any:  # noqa: ANN401 - the driver has no types
        patience = self._patience.total_seconds()
        try:
            connection: Any = await _DRIVER.connect(
                dsn=self._url,
                timeout=patience,
                command_timeout=_STATEMENT * patience,
                server_settings={
                    "synchronous_commit": "on",
                    "lock_timeout": f"{patience * 1000:.0f}ms",
                    **({} if self._has_name else {"application_name": "operator"}),
                },
            )
            if await connection.fetchval("SHOW synchronous_commit") != "on":
                await connection.close()
                raise LedgerError(f"{self._name}: it does not wait for its commits to be on disk")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as e:
            raise LedgerError(f"{self._name}: {_reason(e)}") from _without_secrets(e)
        return connection

    @asynccontextmanager
    async def _errors_told(self) -> AsyncGenerator[None]:
        try:
            yield
        except _TROUBLE as e:
            raise LedgerError(f"{self._name}: {_reason(e)}") from e

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._errors_told():
            for attempt in range(1, _TRIES + 1):
                try:
                    return await self._write_once(work)
                except _TROUBLE as e:
                    if attempt == _TRIES or not _may_try_again(e):
                        raise
            raise AssertionError  # the last try returns or raises

    async def _write_once(self, work: Callable[[Connection], T]) -> T:
        async with self.engine.connect() as connection:
            transaction = await connection.begin()
            try:
                done = await connection.run_sync(work)
            except BaseException:
                await _undo(connection)
                raise
            try:
                await transaction.commit()
            except _TROUBLE as e:
                if _is_broken(e) or any(isinstance(x, TimeoutError) for x in _chain(e)):
                    raise LedgerError(
                        f"{self._name}: the connection was lost at the very end ({_reason(e)});"
                        " whether it was written is not known"
                    ) from e
                raise
            return done

    async def read(self, work: Callable[[Connection], T]) -> T:
        engine = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with self._errors_told():
            for attempt in range(1, _TRIES + 1):
                try:
                    async with engine.begin() as connection:
                        return await connection.run_sync(work)
                except _TROUBLE as e:
                    if attempt == _TRIES or not _may_try_again(e):
                        raise
            raise AssertionError  # the last try returns or raises

    def alone(self, connection: Connection) -> None:
        connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))

    def is_busy(self, error: BaseException) -> bool:
        return _sqlstate(error) == "55P03"

    def next_sequences(self, connection: Connection, count: int) -> Sequence[int]:
        if not count:
            return ()
        query = text(
            "SELECT nextval(pg_get_serial_sequence('entries', 'sequence')) FROM generate_series(1, CAST(:count AS int))"
        )
        return sorted(connection.scalars(query, {"count": count}))

    def size(self, connection: Connection) -> Size:
        names = [table.name for table in METADATA.sorted_tables]
        on_disk = text(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(:names)"
        )
        used = 0
        for table in METADATA.sorted_tables:
            body = (
                func.coalesce(func.sum(func.octet_length(table.c.body)), 0)
                if "body" in table.c
                else case((text("true"), 0))
            )
            rows, held = connection.execute(select(func.count(), body).select_from(table)).one()
            used += rows * _ROW + held
        return Size(used=used, on_disk=int(connection.scalar(on_disk, {"names": names}) or 0))

    async def give_back(self) -> None:
        """Make the room free for what is written next, and give back what lies at the end of the files."""
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with self._errors_told(), engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.execute("VACUUM segments, pending", timeout=_VACUUM.total_seconds())

    async def close(self) -> None:
        async with self._errors_told():
            await self.engine.dispose()


async def _undo(connection: AsyncConnection) -> None:
    """Roll back; a connection that is gone has been rolled back by the server."""
    try:
        await connection.rollback()
    except _TROUBLE:
        await connection.invalidate()


def _without_secrets(error: BaseException) -> BaseException | None:
    """The error as a cause that may be shown in a traceback: one about the URL itself could quote it."""
    return None if isinstance(error, (asyncpg.InterfaceError, ValueError)) else error


async def open_server(url: str, *, patience: timedelta) -> PostgresServer:
    """The database of that URL; nothing in it has been touched.

    Raises:
        LedgerError: the URL cannot be read.
    """
    return PostgresServer(url, patience=patience)
