"""Databases that older programs wrote open, and say what they said."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from operator_core.faults import JournalEntry
from operator_core.incidents import MoveTicket
from operator_core.ports import Lease
from operator_core.readings import ClusterName, Observation
from operator_core.record import NoteAdded, ObservationKept
from operator_core.runtime import RealClock
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId, TicketState
from operator_ledger import SqlFaultJournal, SqlLedger
from operator_ledger.codec import from_json, to_json
from operator_ledger.database import PATIENCE
from operator_ledger.migrate import Schema, bring_up
from operator_ledger.migrations.ledger import SCHEMA as LEDGER
from operator_ledger.migrations.ledger import m0001_first
from operator_ledger.postgres import open_server
from operator_ledger.sqlite import open_file
from postgres_server import PostgresServer
from sqlalchemy import MetaData, insert, select, text

HERE = Path(__file__).parent / "old_schemas"


def restored(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The file as it was, and what its program gave back from it."""
    path = folder / name
    connection = sqlite3.connect(path)
    connection.executescript((HERE / f"{name}.sql").read_text())
    connection.close()
    return path, json.loads((HERE / f"{name}.json").read_text())


@pytest.mark.parametrize("times", [1, 2])
async def test_a_ledger_of_the_first_schema_says_what_it_said(tmp_path: Path, times: int) -> None:
    path, said = restored("ledger-1", tmp_path)
    for _ in range(times - 1):
        await (await SqlLedger.open(path)).close()
    async with await SqlLedger.open(path) as ledger:
        tickets = from_json(tuple[Ticket, ...], json.dumps(said["tickets"]))
        assert len(tickets) == 7
        assert await ledger.tickets() == tickets
        for cluster, observations in said["observations"].items():
            expected = from_json(tuple[Observation, ...], json.dumps(observations))
            assert len(expected) == 8
            assert await ledger.observations(ClusterName(cluster)) == expected
            ids = [r.id for o in expected for r in o.readings]
            found = await ledger.readings(ClusterName(cluster), ids)
            assert found == tuple(r for o in expected for r in o.readings)
        history = await ledger.history()
        assert [[r.cluster, to_json(r.at)[1:-1], type(r.entry).__name__] for r in history] == [
            h[:3] for h in said["history"]
        ]
        for recorded, (_, _, _, entry) in zip(history, said["history"], strict=True):
            assert recorded.entry == from_json(type(recorded.entry), json.dumps(entry))
        for cluster, standpoint in said["standpoints"].items():
            stands = await ledger.standpoint(ClusterName(cluster))
            assert stands.last_number == standpoint["last_number"]
            assert (
                sorted([str(k), v.verdict.value, v.is_open] for k, v in stands.tracked.items())
                == (standpoint["tracked"])
            )


async def test_a_ledger_of_the_first_schema_goes_on_in_a_chain_that_holds(tmp_path: Path) -> None:
    path, said = restored("ledger-1", tmp_path)
    async with await SqlLedger.open(path) as ledger:
        proof = await ledger.verify()
        assert proof.holds, proof
        assert [c.observations for c in proof.clusters] == [8, 8]
        assert sum(c.entries for c in proof.clusters) == len(said["history"]) + 16
        (*_, ticket) = await ledger.tickets(open_only=True)
        assert ticket.id == len(said["tickets"])
        assert all(not v.takes_away for v in ticket.violations)
        assert (await ledger.silences(), await ledger.lease(ticket.cluster)) == ((), None)
        (seen,) = await ledger.observations(ticket.cluster, newest=1)
        later = [replace(seen, number=seen.number + n, at=seen.at + n * timedelta(seconds=5)) for n in range(1, 60)]
        await ledger.append(ticket.cluster, [ObservationKept(observation=seen)], at=seen.at)  # again, and no other
        for observation in later:
            await ledger.append(ticket.cluster, [ObservationKept(observation=observation)], at=observation.at)
        assert await ledger.observations(ticket.cluster, newest=60) == (seen, *later)
        assert (await ledger.verify()).holds
        over = MoveTicket(ticket=ticket.id, at=seen.at, to=TicketState.RESOLVED, by="Ada")
        (after,) = await ledger.append(ticket.cluster, [over], at=seen.at)
        assert not after.is_open
        assert (await ledger.verify()).holds


@pytest.mark.postgres
async def test_the_same_on_a_server_becomes_the_same(tmp_path: Path, postgres: PostgresServer) -> None:
    path, said = restored("ledger-1", tmp_path)
    url = postgres.new_url()
    first = Schema(versions=LEDGER.versions, migrations=LEDGER.migrations[:1])
    here, there = await open_file(path, patience=PATIENCE), await open_server(url, patience=PATIENCE)
    try:
        await bring_up(there, first, RealClock())
        for table in m0001_first.METADATA.sorted_tables:
            rows = await here.read(lambda c, table=table: list(map(dict, c.execute(select(table)).mappings())))
            await there.write(lambda c, table=table, rows=rows: c.execute(insert(table), rows) and None)
        for column in ("tickets.id", "entries.sequence"):
            table, name = column.split(".")
            goes_on = text(f"SELECT setval(pg_get_serial_sequence('{table}', '{name}'), max({name})) FROM {table}")
            await there.write(lambda c, goes_on=goes_on: c.execute(goes_on) and None)
    finally:
        await here.close()
        await there.close()
    async with await SqlLedger.open(path) as file, await SqlLedger.open(url) as ledger:
        assert (
            await ledger.tickets() == await file.tickets() == from_json(tuple[Ticket, ...], json.dumps(said["tickets"]))
        )
        assert await ledger.history() == await file.history()
        for cluster in map(ClusterName, said["observations"]):
            assert await ledger.observations(cluster) == await file.observations(cluster)
            assert await ledger.standpoint(cluster) == await file.standpoint(cluster)
            assert await ledger.head(cluster) == await file.head(cluster)  # byte for byte the same record
        assert (await ledger.verify()).holds
        note = NoteAdded(ticket=TicketId(1), at=(await file.tickets())[0].opened_at, by="Ada", text="on")
        await ledger.append(ClusterName("north"), [note], at=note.at)
        assert (await ledger.history())[-1].entry == note
        assert (await ledger.verify()).holds


async def check_second(ledger: SqlLedger, said: dict[str, Any]) -> None:
    """That a ledger says what its program said when its schema was the second."""
    assert (await ledger.verify()).holds
    assert await ledger.tickets() == from_json(tuple[Ticket, ...], json.dumps(said["tickets"]))
    assert await ledger.silences() == from_json(tuple[Silence, ...], json.dumps(said["silences"]))
    assert [[r.cluster, to_json(r.at)[1:-1], type(r.entry).__name__] for r in await ledger.history()] == [
        h[:3] for h in said["history"]
    ]
    for recorded, (_, _, _, entry) in zip(await ledger.history(), said["history"], strict=True):
        assert recorded.entry == from_json(type(recorded.entry), json.dumps(entry))
    for cluster in map(ClusterName, said["numbers"]):
        assert [o.number for o in await ledger.observations(cluster)] == said["numbers"][cluster]
        newest = from_json(tuple[Observation, ...], json.dumps(said["observations"][cluster]))
        assert await ledger.observations(cluster, newest=25) == newest
        assert (await ledger.standpoint(cluster)).last_number == said["last_numbers"][cluster]
        assert list(await ledger.head(cluster)) == said["heads"][cluster]  # byte for byte the same record
        assert await ledger.lease(cluster) == from_json(Lease, json.dumps(said["leases"][cluster]))


async def check_goes_on(ledger: SqlLedger, said: dict[str, Any]) -> None:
    """That what the third schema brought can be used."""
    (*_, ticket) = await ledger.tickets(open_only=True)
    assert await ledger.ticket_lease(ticket.cluster, ticket.id) is None
    lease = await ledger.take_ticket(ticket.cluster, ticket.id, holder="ada", patience=timedelta(seconds=9), over=None)
    assert lease is not None
    note = NoteAdded(ticket=ticket.id, at=ticket.opened_at, by="Ada", text="on")
    await ledger.append(ticket.cluster, [note], at=note.at, lease=lease)
    assert (await ledger.history())[-1].entry == note
    assert await ledger.paid() == ()
    assert (await ledger.verify()).holds


async def test_a_ledger_of_the_second_schema_says_what_it_said_and_goes_on(tmp_path: Path) -> None:
    path, said = restored("ledger-2", tmp_path)
    async with await SqlLedger.open(path) as ledger:
        await check_second(ledger, said)
    async with await SqlLedger.open(path) as ledger:
        await check_second(ledger, said)
        await check_goes_on(ledger, said)


@pytest.mark.postgres
async def test_the_second_schema_on_a_server_goes_on_too(tmp_path: Path, postgres: PostgresServer) -> None:
    path, said = restored("ledger-2", tmp_path)
    url = postgres.new_url()
    second = Schema(versions=LEDGER.versions, migrations=LEDGER.migrations[:2])
    here, there = await open_file(path, patience=PATIENCE), await open_server(url, patience=PATIENCE)
    try:
        await bring_up(there, second, RealClock())
        await there.write(lambda c: c.execute(text("DELETE FROM ledger_versions")) and None)
        tables = MetaData()
        await there.read(tables.reflect)
        for table in tables.sorted_tables:
            every = text(f"SELECT * FROM {table.name}")
            rows = await here.read(lambda c, every=every: list(map(dict, c.execute(every).mappings())))
            booleans = [c.name for c in table.columns if c.type.python_type is bool]
            meant = [{**row, **{name: bool(row[name]) for name in booleans}} for row in rows]
            if meant:
                await there.write(lambda c, table=table, meant=meant: c.execute(insert(table), meant) and None)
        for column in ("tickets.id", "silences.id", "entries.sequence"):
            name, key = column.split(".")
            goes_on = text(f"SELECT setval(pg_get_serial_sequence('{name}', '{key}'), max({key})) FROM {name}")
            await there.write(lambda c, goes_on=goes_on: c.execute(goes_on) and None)
    finally:
        await here.close()
        await there.close()
    async with await SqlLedger.open(url) as ledger:
        await check_second(ledger, said)
        await check_goes_on(ledger, said)


async def test_what_was_changed_in_an_old_file_before_it_was_opened_is_caught_where_tickets_show_it(
    tmp_path: Path,
) -> None:
    path, _ = restored("ledger-1", tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tickets SET severity = 'info' WHERE id = 1")
    async with await SqlLedger.open(path) as ledger:
        proof = await ledger.verify()
        assert [c.defects for c in proof.clusters] == [
            ("ticket 1: its severity is 'info' and should be 'critical'",),
            (),
        ]


async def test_a_fault_journal_of_the_first_schema_says_what_it_said(tmp_path: Path) -> None:
    path, said = restored("faults-1", tmp_path)
    async with await SqlFaultJournal.open(path) as journal:
        entries = from_json(tuple[JournalEntry, ...], json.dumps(said["entries"]))
        assert len(entries) == 3
        assert await journal.entries() == entries
