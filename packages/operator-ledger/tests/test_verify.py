"""A ledger proves that it is as it was written; whatever is changed in it is found."""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation
from operator_core.record import NoteAdded, ObservationKept
from operator_core.tickets import TicketId, Violation
from operator_ledger import SqlLedger
from operator_ledger.chain import encoded
from operator_ledger.tables import METADATA

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
At = Callable[[float], datetime]
Fill = Callable[[Ledger], Awaitable[None]]

STATES = {"progress", "leases"}
"""Rows that take the place of others: what one says is protected, but not that there is one."""


async def test_an_empty_ledger_holds(stored: SqlLedger) -> None:
    proof = await stored.verify()
    assert proof.holds
    assert proof.clusters == ()


async def test_a_ledger_that_nobody_has_touched_holds_and_says_what_is_there(stored: SqlLedger, fill: Fill) -> None:
    await fill(stored)
    proof = await stored.verify()
    assert proof.holds, proof
    assert [c.cluster for c in proof.clusters] == [NORTH, SOUTH]
    for cluster in proof.clusters:
        assert (cluster.entries, cluster.head) == await stored.head(cluster.cluster)
        assert cluster.observations == 100
        assert cluster.pruned == ()
    assert (await stored.verify(NORTH)).clusters == proof.clusters[:1]


@pytest.mark.sampled(0)
async def test_it_holds_in_every_moment_while_others_write(
    stored: SqlLedger, t: At, violation: Callable[..., Violation], observation: Callable[..., Observation]
) -> None:
    async def write(cluster: ClusterName) -> None:
        for n in range(1, 90):
            entries = [
                ObservationKept(observation=observation(n, at=n, cluster=cluster)),
                OpenTicket(cluster=cluster, at=t(n), violations=(violation(str(n)),)),
                NoteAdded(ticket=TicketId(-1), at=t(n), by="Ada", text="here"),
            ]
            await stored.append(cluster, entries, at=t(n))

    async with asyncio.TaskGroup() as tg:
        writers = [tg.create_task(write(cluster)) for cluster in (NORTH, SOUTH)]
        proofs = 0
        while not all(w.done() for w in writers):
            proof = await stored.verify()
            assert proof.holds, proof
            proofs += 1
    assert proofs > 1
    assert [c.observations for c in (await stored.verify()).clusters] == [89, 89]


@pytest.mark.sampled(0)
async def test_it_holds_though_a_cluster_is_another_in_every_look(
    stored: SqlLedger, t: At, observation: Callable[..., Observation]
) -> None:
    for n in range(1, 100):
        seen = observation(n, at=n)
        other = replace(seen, components=tuple(replace(c, version=f"1.{n}") for c in seen.components))
        await stored.append(NORTH, [ObservationKept(observation=other)], at=t(n))
        proof = await stored.verify()
        assert proof.holds, (n, proof)


async def test_a_head_that_was_kept_elsewhere_is_found_and_another_is_not(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    _, head = await stored.head(NORTH)
    await stored.append(NORTH, [NoteAdded(ticket=TicketId(1), at=t(1500), by="Ada", text="more")], at=t(1500))
    assert (await stored.verify(heads={NORTH: head})).holds
    proof = await stored.verify(heads={NORTH: "00" * 32})
    assert [c.defects for c in proof.clusters][1:] == [()]
    (defect,) = proof.clusters[0].defects
    assert defect.startswith("the head 0000")
    proof = await stored.verify(heads={ClusterName("west"): head})
    assert [(c.cluster, len(c.defects)) for c in proof.clusters] == [(NORTH, 0), (SOUTH, 0), ("west", 1)]


class Vandal:
    """Somebody who has the file and knows its tables."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def at_work(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection

    def columns(self) -> list[tuple[str, str]]:
        tables = [*METADATA.tables, "ledger_versions"]
        with self.at_work() as connection:
            return [(table, row[1]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]


def otherwise(value: object, chance: random.Random) -> object:
    """A value with one byte changed."""
    match value:
        case None:
            return chance.choice(["2026-03-01T12:00:00.000000Z", 1, b"\0" * 32])
        case int():
            return value + chance.choice([-1, 1, 256])
        case bytes():
            place = chance.randrange(len(value))
            return value[:place] + bytes([value[place] ^ (1 << chance.randrange(8))]) + value[place + 1 :]
        case str() if value:
            place = chance.randrange(len(value))
            return value[:place] + chance.choice([c for c in "aZ09 \t" if c != value[place]]) + value[place + 1 :]
        case _:
            return "x"


async def is_caught(ledger: SqlLedger) -> bool:
    try:
        return not (await ledger.verify()).holds
    except LedgerError:
        return True


@pytest.mark.sampled(0)
@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 20))])
async def test_whatever_byte_of_whatever_column_is_changed_is_caught(filled: Path, seed: int) -> None:
    chance = random.Random(seed)
    vandal = Vandal(filled)
    async with await SqlLedger.open(vandal.path) as ledger:
        tried = 0
        for table, column in vandal.columns():
            if (table, column) == ("ledger_versions", "applied_at"):
                continue  # when a step was applied proves nothing, and nothing rests on it
            with vandal.at_work() as connection:
                rows = connection.execute(f'SELECT rowid, "{column}" FROM {table}').fetchall()
                if not rows:
                    continue
                rowid, before = chance.choice(rows)
                after = otherwise(before, chance)
                try:
                    connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (after, rowid))
                except sqlite3.IntegrityError:
                    continue
                moved = after if column in ("id", "sequence", "version") else rowid
            tried += 1
            assert await is_caught(ledger), (seed, table, column, rowid, before, after)
            with vandal.at_work() as connection:
                connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (before, moved))
        assert tried > 70
        assert (await ledger.verify()).holds


async def test_a_row_that_is_taken_out_anywhere_is_caught(filled: Path) -> None:
    vandal = Vandal(filled)
    chance = random.Random(7)
    async with await SqlLedger.open(vandal.path) as ledger:
        for table in sorted({table for table, _ in vandal.columns()} - STATES):
            for _ in range(2):
                with vandal.at_work() as connection:
                    rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
                    if not rows:
                        continue
                    rowid, *values = chance.choice(rows)
                    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
                assert await is_caught(ledger), (table, values)
                with vandal.at_work() as connection:
                    marks = ",".join("?" * len(values))
                    connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)
        assert (await ledger.verify()).holds


DEEDS = {
    "UPDATE entries SET body = (SELECT body FROM entries e WHERE e.cluster = 'south' AND e.position = entries.position)"
    " WHERE cluster = 'north' AND position = 4": "entry 4: its digest is not the one of what it says",
    "DELETE FROM entries WHERE cluster = 'north' AND position = 3": "entry 3: it is not there",
    "DELETE FROM segments WHERE cluster = 'north' AND position = 1": "no entry says that it was pruned",
    "UPDATE segments SET body = (SELECT body FROM segments s WHERE s.cluster = 'north' AND s.position = 2)"
    " WHERE cluster = 'north' AND position = 1": "entry 1: its segment is not the one that was sealed",
    "UPDATE segments SET last = 99 WHERE cluster = 'north' AND position = 1": "the segment of entry 1: its last is 99",
    "INSERT INTO pruned VALUES ('north', 1, 9)": "entry 1: its segment is marked as pruned, and is there",
    "INSERT INTO segments SELECT cluster, 4, first, last, observations, starts, ends, format, coding, body"
    " FROM segments WHERE cluster = 'north' AND position = 1": "entry 4: there is a segment of observations for it",
    "DELETE FROM pending WHERE cluster = 'north' AND ordinal = 2": "where the 2. should be",
    "UPDATE pending SET number = number + 1000 WHERE cluster = 'north'": "the head of the chain: its pending digest",
    "DELETE FROM shapes WHERE cluster = 'north'": "is not there",
    "DELETE FROM chains WHERE cluster = 'north'": "the head of the chain is not there",
    "UPDATE tickets SET severity = 'info' WHERE id = 1": "ticket 1: its severity is 'info' and should be 'warning'",
    "UPDATE tickets SET state = 'open', resolved_at = NULL WHERE id = 1": "ticket 1: its state is 'open'",
    "DELETE FROM violations WHERE ticket = 1 AND ordinal = 1": "ticket 1: it shows 1 violations and should show 2",
    "DELETE FROM open_violations WHERE cluster = 'north'": "lasts, and the table of what lasts does not say so",
    "INSERT INTO open_violations VALUES ('north', 'node-answers', 'node/7', 1)": "node/7 does not last",
    "INSERT INTO tickets SELECT 77, cluster, state, title, component, severity, concern, opened_at, resolved_at, hold"
    " FROM tickets WHERE id = 1": "ticket 77: no entry opens it",
    "DELETE FROM tickets WHERE id = 1": "ticket 1: it is not in the table of tickets",
    "UPDATE silences SET ends = '2036-03-01T12:00:00.000000Z' WHERE id = 1": "silence 1: its ends is '2036-",
    "UPDATE silences SET ended_at = NULL WHERE id = 2": "silence 2: its ended at is None",
    'INSERT INTO silences SELECT 9, cluster, scope, starts, ends, "by", because, ended_at FROM silences'
    " WHERE id = 1": "silence 9: no entry states it",
    "UPDATE progress SET number = 5 WHERE cluster = 'north'": "how far its monitor has come is not",
    "UPDATE leases SET term = 9 WHERE cluster = 'north'": "its lease is not as it was written",
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("deed", "says"), DEEDS.items(), ids=range(len(DEEDS)))
async def test_a_deed_is_told_with_its_place_and_only_of_its_cluster(filled: Path, deed: str, says: str) -> None:
    vandal = Vandal(filled)
    async with await SqlLedger.open(vandal.path) as ledger:
        with vandal.at_work() as connection:
            assert connection.execute(deed).rowcount > 0
        proof = await ledger.verify()
        assert any(says in defect for defect in proof.clusters[0].defects), proof
        assert proof.clusters[1].defects == ()


async def test_an_end_that_was_cut_off_cleanly_is_caught_by_a_head_that_was_kept(filled: Path) -> None:
    vandal = Vandal(filled)
    async with await SqlLedger.open(vandal.path) as ledger:
        heads = {c.cluster: c.head for c in (await ledger.verify()).clusters}
        with vandal.at_work() as connection:
            (last,) = connection.execute("SELECT max(position) FROM entries WHERE cluster = 'north'").fetchone()
            connection.execute("DELETE FROM entries WHERE cluster = 'north' AND position = ?", (last,))
            connection.execute(
                "UPDATE chains SET position = position - 1, digest = (SELECT digest FROM entries e"
                " WHERE e.cluster = 'north' ORDER BY position DESC LIMIT 1) WHERE cluster = 'north'"
            )
        assert (await ledger.verify()).holds  # a chain cannot show it by itself
        proof = await ledger.verify(heads=heads)
        (defect,) = proof.clusters[0].defects
        assert "its end was cut off" in defect
        assert proof.clusters[1].defects == ()


async def test_violations_of_no_ticket_and_steps_that_are_none_are_caught(filled: Path) -> None:
    vandal = Vandal(filled)
    async with await SqlLedger.open(vandal.path) as ledger:
        with vandal.at_work() as connection:
            connection.execute("UPDATE violations SET ticket = 99 WHERE ticket = 1")
            connection.execute("UPDATE ledger_versions SET title = 'last' WHERE version = 2")
        proof = await ledger.verify()
        assert any("ticket 99: there are violations of it" in d for d in proof.defects)
        assert any("steps of the schema" in d for d in proof.defects)


def test_no_two_lists_of_fields_look_the_same() -> None:
    lists = [
        (),
        (None,),
        ("",),
        (b"",),
        (0,),
        ("0",),
        (b"0",),
        (0.0,),
        ("a", "b"),
        ("ab",),
        ("a", None, "b"),
        ("as1:b",),
    ]
    assert len({encoded(fields) for fields in lists}) == len(lists)


def test_a_component_of_any_name_can_be_in_a_chain() -> None:
    assert encoded((ComponentRef(Kind("node"), "\udc80").key,)) != encoded((ComponentRef(Kind("node"), "?").key,))
