"""Bringing a database to the schema of this program, one numbered step after the other.

A step that was released is never changed: the next one changes what it made. Which steps a database has seen
stands in a table of its own, with the instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.errors import LedgerError
from operator_core.ports import Clock
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, inspect, select

from operator_ledger.columns import Instant
from operator_ledger.database import Database

_PAUSE = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of a schema; applied in the transaction that also records it."""

    version: int
    title: str
    apply: Callable[[Connection], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """All steps of one kind of database.

    Attributes:
        versions: the name of the table that records them; it also tells one kind of database from another.
        migrations: numbered from 1 without gaps.
    """

    versions: str
    migrations: Sequence[Migration]

    def __post_init__(self) -> None:
        numbers = [m.version for m in self.migrations]
        assert numbers == list(range(1, len(numbers) + 1)), f"migrations of {self.versions} are numbered {numbers}"

    @property
    def newest(self) -> int:
        return self.migrations[-1].version

    def table(self) -> Table:
        """The table of the steps that were applied."""
        return Table(
            self.versions,
            MetaData(),
            Column("version", Integer, primary_key=True, autoincrement=False),
            Column("title", String(200), nullable=False),
            Column("applied_at", Instant, nullable=False),
        )


def version_of(connection: Connection, schema: Schema, where: str) -> int:
    """The last step that a database has seen; 0 when it is empty.

    Raises:
        LedgerError: it belongs to something else, or was written by a newer program.
    """
    tables = inspect(connection).get_table_names()
    if schema.versions not in tables:
        if tables:
            raise LedgerError(f"{where}: it has no table {schema.versions}; it is the database of something else")
        return 0
    there = connection.scalar(select(func.max(schema.table().c.version))) or 0
    if there > schema.newest:
        raise LedgerError(
            f"{where}: its schema has version {there} and this program knows versions up to {schema.newest};"
            " a newer program wrote it"
        )
    return there


def migrate(connection: Connection, schema: Schema, where: str, now: datetime) -> None:
    """Apply the steps that a database has not seen."""
    there = version_of(connection, schema, where)
    table = schema.table()
    table.metadata.create_all(connection)
    for migration in schema.migrations[there:]:
        migration.apply(connection)
        connection.execute(table.insert().values(version=migration.version, title=migration.title, applied_at=now))


async def bring_up(database: Database, schema: Schema, clock: Clock) -> None:
    """Bring a database to the newest schema; one that is there already is only read.

    Raises:
        LedgerError: it cannot be read or written, or is not ours, or is newer than this program.
    """
    start = clock.now()

    def step_up(connection: Connection) -> None:
        database.alone(connection)
        migrate(connection, schema, database.name, clock.now())

    while True:
        try:
            there = await database.read(lambda connection: version_of(connection, schema, database.name))
            if there < schema.newest:
                await database.write(step_up)
        except LedgerError as e:
            # Two first openings can meet; SQLite does not wait for a lock when the log is turned on.
            if not database.is_busy(e) or clock.now() - start >= database.patience:
                raise
            await clock.sleep(_PAUSE)
        else:
            return
