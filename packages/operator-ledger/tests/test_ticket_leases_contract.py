"""What every ledger does about who reasons about which ticket."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from operator_core.errors import LeaseLost, LedgerError
from operator_core.incidents import OpenTicket
from operator_core.ports import Leases, Ledger, TicketLeases
from operator_core.readings import ClusterName
from operator_core.record import Entry, NoteAdded
from operator_core.tickets import TicketId, Violation
from operator_ledger import SqlLedger

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
PATIENCE = timedelta(seconds=12.5)
At = Callable[[float], datetime]


class LedgerWithLeases(Ledger, Leases, TicketLeases, Protocol):
    """All three ports in one object, as every ledger here is."""


async def opened(ledger: Ledger, violation: Violation, at: datetime, cluster: ClusterName = NORTH) -> TicketId:
    entry = OpenTicket(cluster=cluster, at=at, violations=(violation,))
    (ticket,) = await ledger.append(cluster, [entry], at=at)
    return ticket.id


@pytest.fixture
async def one(ledger: LedgerWithLeases, violation: Callable[..., Violation], t: At) -> TicketId:
    return await opened(ledger, violation("1"), t(0))


@pytest.fixture
async def two(ledger: LedgerWithLeases, one: TicketId, violation: Callable[..., Violation], t: At) -> TicketId:
    return await opened(ledger, violation("2"), t(1))


class TestEveryLedger:
    async def test_a_ticket_that_nobody_holds_can_be_taken_once_and_another_one_beside_it(
        self, ledger: LedgerWithLeases, one: TicketId, two: TicketId
    ) -> None:
        assert await ledger.ticket_lease(NORTH, one) is None
        first = await ledger.take_ticket(NORTH, one, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        assert (first.cluster, first.ticket, first.holder, first.term) == (NORTH, one, "ada", 1)
        assert await ledger.ticket_lease(NORTH, one) == first
        assert await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=None) is None
        assert await ledger.take_ticket(NORTH, two, holder="bob", patience=PATIENCE, over=None) is not None

    async def test_the_watch_of_the_cluster_is_another_lease(self, ledger: LedgerWithLeases, one: TicketId) -> None:
        watch = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        ticket = await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=None)
        assert watch is not None
        assert ticket is not None
        await ledger.release(ticket)
        assert await ledger.lease(NORTH) == watch
        await ledger.release(watch)
        again = await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=None)
        assert again is not None
        assert again.term == 2

    async def test_it_is_taken_over_only_as_it_was_seen(self, ledger: LedgerWithLeases, one: TicketId) -> None:
        first = await ledger.take_ticket(NORTH, one, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        beaten = await ledger.beat(first)
        assert beaten == replace(first, beat=first.beat + 1)
        assert await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=first) is None  # she lives
        second = await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=beaten)
        assert second is not None
        assert (second.holder, second.term) == ("bob", 2)
        assert await ledger.beat(first) is None
        await ledger.release(first)
        assert await ledger.ticket_lease(NORTH, one) == second
        await ledger.release(second)
        assert await ledger.ticket_lease(NORTH, one) is None
        third = await ledger.take_ticket(NORTH, one, holder="ada", patience=PATIENCE, over=None)
        assert third is not None
        assert third.term == 3

    async def test_of_many_who_take_it_at_once_one_has_it(self, ledger: LedgerWithLeases, one: TicketId) -> None:
        over = None
        for turn in range(3):
            async with asyncio.TaskGroup() as tg:
                tasks = [
                    tg.create_task(ledger.take_ticket(NORTH, one, holder=f"{turn}-{n}", patience=PATIENCE, over=over))
                    for n in range(6)
                ]
            (over,) = [lease for task in tasks if (lease := task.result()) is not None]
            assert await ledger.ticket_lease(NORTH, one) == over

    async def test_who_lost_it_writes_nothing_and_who_has_it_writes(
        self, ledger: LedgerWithLeases, one: TicketId, t: At
    ) -> None:
        note: list[Entry] = [NoteAdded(ticket=one, at=t(5), by="ada", text="so it is")]
        first = await ledger.take_ticket(NORTH, one, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        await ledger.append(NORTH, note, at=t(5), lease=first)
        second = await ledger.take_ticket(NORTH, one, holder="bob", patience=PATIENCE, over=first)
        assert second is not None
        with pytest.raises(LeaseLost, match=f"bob has ticket {one} of north now, not ada"):
            await ledger.append(NORTH, note, at=t(6), lease=first)
        await ledger.append(NORTH, note, at=t(7), lease=second)
        await ledger.release(second)
        with pytest.raises(LeaseLost, match=f"nobody has ticket {one} of north now, not bob"):
            await ledger.append(NORTH, note, at=t(8), lease=second)
        assert [r.at for r in await ledger.history(ticket=one)] == [t(0), t(5), t(7)]

    async def test_a_ticket_that_is_not_there_or_of_another_cluster_is_refused(
        self, ledger: LedgerWithLeases, one: TicketId
    ) -> None:
        for cluster, ident in ((NORTH, TicketId(99)), (SOUTH, one)):
            with pytest.raises(LedgerError, match=f"there is no ticket {ident} of cluster '{cluster}'"):
                await ledger.take_ticket(cluster, ident, holder="ada", patience=PATIENCE, over=None)


async def test_a_lease_of_a_ticket_that_was_changed_in_the_tables_is_found(
    tmp_path: Path, violation: Callable[..., Violation], t: At
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with await SqlLedger.open(path) as ledger:
        ident = await opened(ledger, violation("1"), t(0))
        await ledger.take_ticket(NORTH, ident, holder="ada", patience=PATIENCE, over=None)
        assert (await ledger.verify()).holds
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ticket_leases SET holder = 'bob'")
    async with await SqlLedger.open(path) as ledger:
        proof = await ledger.verify()
    assert [c.defects for c in proof.clusters] == [(f"the lease of ticket {ident} is not as it was written",)]
