"""Schemas: what each step makes, what is applied when, and that a newer file is refused."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from operator_core.errors import LedgerError
from operator_core.runtime import RealClock
from operator_ledger import SqlFaultJournal, SqlLedger, fault_tables, tables
from operator_ledger.migrate import Migration, Schema, bring_up, migrate
from operator_ledger.migrations.faults import SCHEMA as FAULTS
from operator_ledger.migrations.ledger import SCHEMA as LEDGER
from operator_ledger.postgres import open_server
from operator_ledger.sqlite import SqliteFile, open_file
from postgres_server import PostgresServer
from sqlalchemy import Connection, MetaData, create_engine, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

At = Callable[[float], datetime]
BOTH = pytest.mark.parametrize(
    ("schema", "metadata"), [(LEDGER, tables.METADATA), (FAULTS, fault_tables.METADATA)], ids=["ledger", "faults"]
)


def shape(connection: Connection) -> dict[str, object]:
    """Everything that a database says of its tables."""
    there = inspect(connection)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in there.get_columns(name)],
            there.get_pk_constraint(name),
            there.get_foreign_keys(name),
            there.get_unique_constraints(name),
            there.get_indexes(name),
        )
        for name in there.get_table_names()
    }


@BOTH
def test_the_steps_make_the_tables_that_the_program_uses(schema: Schema, metadata: MetaData, t: At) -> None:
    migrated, declared = create_engine("sqlite://"), create_engine("sqlite://")
    with migrated.begin() as one, declared.begin() as other:
        migrate(one, schema, "here", t(0))
        metadata.create_all(other)
        found = shape(one)
        del found[schema.versions]
        assert found == shape(other)
        stamps = one.execute(select(schema.table())).all()
        assert [(s.version, s.applied_at) for s in stamps] == [(m.version, t(0)) for m in schema.migrations]
    migrated.dispose()
    declared.dispose()


@BOTH
def test_the_tables_can_be_made_in_postgresql(schema: Schema, metadata: MetaData) -> None:
    dialect = postgresql.dialect()
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in (schema.table(), *metadata.sorted_tables)]
    made += [str(CreateIndex(i).compile(dialect=dialect)) for table in metadata.sorted_tables for i in table.indexes]
    assert not any("AUTOINCREMENT" in statement for statement in made)
    assert any("BIGSERIAL" in statement for statement in made)


@pytest.mark.postgres
async def test_the_steps_make_the_same_tables_on_a_server(postgres: PostgresServer, t: At) -> None:
    found: list[dict[str, object]] = []

    def by_steps(connection: Connection) -> None:
        migrate(connection, LEDGER, "here", t(0))

    for make in (by_steps, tables.METADATA.create_all):
        server = await open_server(postgres.new_url(), patience=timedelta(seconds=5))
        try:
            await server.write(make)
            found.append(await server.read(shape))
        finally:
            await server.close()
    migrated, declared = found
    del migrated[LEDGER.versions]
    assert migrated == declared


def _adds(version: int, statement: str) -> Migration:
    return Migration(version=version, title=f"step {version}", apply=lambda c: c.execute(text(statement)) and None)


async def opened(path: Path, schema: Schema) -> SqliteFile:
    file = await open_file(path, patience=timedelta(seconds=2))
    try:
        await bring_up(file, schema, RealClock())
    except LedgerError:
        await file.close()
        raise
    return file


def steps(*statements: str) -> Schema:
    return Schema(versions="versions", migrations=[_adds(n, s) for n, s in enumerate(statements, 1)])


ONE, TWO = "create table one (a int)", "alter table one add column b int"


async def test_a_file_gets_only_the_steps_that_it_has_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    for schema in (steps(ONE), steps(ONE, TWO), steps(ONE, TWO)):
        file = await opened(path, schema)
        applied = await file.read(lambda c, schema=schema: c.execute(select(schema.table())).all())
        columns = await file.read(lambda c: [x["name"] for x in inspect(c).get_columns("one")])
        await file.close()
        assert [row.version for row in applied] == [m.version for m in schema.migrations]
        assert columns == ["a", "b"][: len(schema.migrations)]


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await (await opened(path, steps(ONE))).close()
    with pytest.raises(LedgerError, match="no such table: nowhere"):
        await opened(path, steps(ONE, TWO, "alter table nowhere add column b int"))
    file = await opened(path, steps(ONE))
    columns = await file.read(lambda c: [x["name"] for x in inspect(c).get_columns("one")])
    await file.close()
    assert columns == ["a"]


async def test_a_file_that_a_newer_program_wrote_is_refused_by_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await (await opened(path, steps(ONE, TWO))).close()
    with pytest.raises(LedgerError, match=r"x\.sqlite: its schema has version 2 .* versions up to 1"):
        await opened(path, steps(ONE))


@pytest.mark.parametrize("kind", [SqlLedger, SqlFaultJournal])
async def test_a_ledger_or_journal_of_a_newer_program_is_refused(kind: type[SqlLedger], tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    async with await kind.open(path):
        pass
    schema = LEDGER if kind is SqlLedger else FAULTS
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text(f"update {schema.versions} set version = 99 where version = {schema.newest}"))
    engine.dispose()
    with pytest.raises(LedgerError, match=f"version 99 .* up to {schema.newest}"):
        await kind.open(path)


def test_gaps_in_the_numbers_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        Schema(versions="versions", migrations=[_adds(1, ONE), _adds(3, TWO)])


@pytest.mark.parametrize("name", ["operator_ledger", "operator_ledger.memory"])
def test_importing_the_package_loads_no_database_library(name: str) -> None:
    code = f"import sys, {name}; print([m for m in ('sqlalchemy', 'pydantic', 'asyncpg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
