"""Databases that older programs wrote open, and say what they said."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operator_core.faults import JournalEntry
from operator_core.readings import ClusterName, Observation
from operator_core.tickets import Ticket
from operator_ledger import SqlFaultJournal, SqlLedger
from operator_ledger.codec import from_json, to_json

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


async def test_a_ledger_of_the_first_schema_goes_on(tmp_path: Path) -> None:
    path, said = restored("ledger-1", tmp_path)
    async with await SqlLedger.open(path) as ledger:
        (*_, ticket) = await ledger.tickets(open_only=True)
        assert ticket.id == len(said["tickets"])
        (seen,) = await ledger.observations(ticket.cluster, newest=1)
        assert await ledger.silences() == ()
        assert await ledger.lease(ticket.cluster) is None
        assert all(not v.takes_away for v in ticket.violations)
        assert replace(seen, number=0) != seen


async def test_a_fault_journal_of_the_first_schema_says_what_it_said(tmp_path: Path) -> None:
    path, said = restored("faults-1", tmp_path)
    async with await SqlFaultJournal.open(path) as journal:
        entries = from_json(tuple[JournalEntry, ...], json.dumps(said["entries"]))
        assert len(entries) == 3
        assert await journal.entries() == entries
