"""What every ledger does about who watches which cluster."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest
from operator_core.errors import LeaseLost
from operator_core.ports import Leases, Ledger
from operator_core.readings import ClusterName
from operator_core.record import Entry, WatchTaken

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
PATIENCE = timedelta(seconds=12.5)
At = Callable[[float], datetime]


class LedgerWithLeases(Ledger, Leases, Protocol):
    """Both ports in one object, as every ledger here is."""


class TestEveryLedger:
    async def test_what_nobody_holds_can_be_taken_once(self, ledger: LedgerWithLeases) -> None:
        assert await ledger.lease(NORTH) is None
        first = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        assert (first.cluster, first.holder, first.term, first.patience) == (NORTH, "ada", 1, PATIENCE)
        assert await ledger.lease(NORTH) == first
        assert await ledger.take(NORTH, holder="bob", patience=PATIENCE, over=None) is None
        assert await ledger.lease(SOUTH) is None

    async def test_it_is_taken_over_only_as_it_was_seen(self, ledger: LedgerWithLeases) -> None:
        first = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        beaten = await ledger.beat(first)
        assert beaten is not None
        assert beaten == replace(first, beat=first.beat + 1)
        assert await ledger.take(NORTH, holder="bob", patience=PATIENCE, over=first) is None  # its holder lives
        second = await ledger.take(NORTH, holder="bob", patience=2 * PATIENCE, over=beaten)
        assert second is not None
        assert (second.holder, second.term, second.patience) == ("bob", 2, 2 * PATIENCE)
        assert await ledger.beat(beaten) is None
        assert await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=beaten) is None
        assert await ledger.lease(NORTH) == second

    async def test_it_is_released_by_its_holder_alone_and_its_term_never_comes_again(
        self, ledger: LedgerWithLeases
    ) -> None:
        first = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        second = await ledger.take(NORTH, holder="bob", patience=PATIENCE, over=first)
        assert second is not None
        await ledger.release(first)
        assert await ledger.lease(NORTH) == second
        await ledger.release(second)
        assert await ledger.lease(NORTH) is None
        assert await ledger.beat(second) is None
        await ledger.release(second)
        assert await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=second) is None
        third = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        assert third is not None
        assert third.term == 3

    async def test_of_many_who_take_it_at_once_one_has_it(self, ledger: LedgerWithLeases) -> None:
        over = None
        for turn in range(3):
            async with asyncio.TaskGroup() as tg:
                tasks = [
                    tg.create_task(ledger.take(NORTH, holder=f"{turn}-{n}", patience=PATIENCE, over=over))
                    for n in range(6)
                ]
            (over,) = [lease for task in tasks if (lease := task.result()) is not None]
            assert await ledger.lease(NORTH) == over

    async def test_who_lost_it_writes_nothing_and_who_has_it_writes(self, ledger: LedgerWithLeases, t: At) -> None:
        first = await ledger.take(NORTH, holder="ada", patience=PATIENCE, over=None)
        assert first is not None
        entry: list[Entry] = [WatchTaken(at=t(0), holder="ada")]
        await ledger.append(NORTH, entry, at=t(0), lease=first)
        assert await ledger.beat(first) is not None
        await ledger.append(NORTH, entry, at=t(1), lease=first)  # a lease is known by its term, not by its beat
        second = await ledger.take(NORTH, holder="bob", patience=PATIENCE, over=await ledger.lease(NORTH))
        assert second is not None
        with pytest.raises(LeaseLost, match="bob has the watch of north now, not ada"):
            await ledger.append(NORTH, entry, at=t(2), lease=first)
        await ledger.append(NORTH, entry, at=t(3), lease=second)
        await ledger.append(NORTH, entry, at=t(4))  # a person writes without
        await ledger.release(second)
        with pytest.raises(LeaseLost, match="nobody has the watch of north now, not bob"):
            await ledger.append(NORTH, entry, at=t(5), lease=second)
        assert [r.at for r in await ledger.history()] == [t(0), t(1), t(3), t(4)]
