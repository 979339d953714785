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
from operator_core.readings import ClusterName, Observation
from operator_core.record import NoteAdded, ObservationKept
from operator_core.runtime import RealClock
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
from sqlalchemy import insert, select, text

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
