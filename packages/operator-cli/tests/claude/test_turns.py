"""Taking turns at tickets: one has each, a dead one's is taken up, and it is given up whatever happens."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from operator_cli.use_cases.turns import BEAT, PATIENCE, Turns
from operator_core.components import ComponentRef, Kind
from operator_core.errors import LeaseLost
from operator_core.incidents import OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket, Violation
from operator_ledger import MemoryLedger

NORTH = ClusterName("north")


class Table:
    """A ledger with one ticket, and those who want it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.ledger = MemoryLedger()

    async def opened(self) -> Ticket:
        at = self.clock.now()
        violation = Violation(
            key=JudgementKey(invariant=InvariantName("node-answers"), component=ComponentRef(Kind("node"), "1")),
            since=at,
            opened_at=at,
            because="it does not answer",
            severity=Severity.WARNING,
            concern=Concern.SUBJECT,
            readings=(),
        )
        (ticket,) = await self.ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=at, violations=(violation,))], at=at)
        return ticket

    def turns(self, holder: str) -> Turns:
        return Turns(self.ledger, holder=holder, clock=self.clock)

    async def taken(self, turns: Turns, ticket: Ticket) -> Lease:
        lease = await turns.take(ticket)
        assert lease is not None
        return lease


def test_who_lives_keeps_it_however_long_it_takes() -> None:
    async def story() -> None:
        table = Table()
        ticket = await table.opened()
        ada, bob = table.turns("ada"), table.turns("bob")
        lease = await table.taken(ada, ticket)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(ada.holding(lease, table.clock.sleep(20 * PATIENCE)))
            while not working.done():
                assert await bob.take(ticket) is None
                await table.clock.sleep(timedelta(seconds=3.1))
        assert await bob.take(ticket) is not None

    run_virtual(story())


def test_who_shows_no_sign_of_life_is_replaced_after_his_patience_and_not_before() -> None:
    async def story() -> None:
        table = Table()
        ticket = await table.opened()
        bob = table.turns("bob")
        dead = await table.taken(table.turns("ada"), ticket)
        assert await bob.take(ticket) is None
        await table.clock.sleep(PATIENCE - timedelta(seconds=1))
        assert await bob.take(ticket) is None
        await table.clock.sleep(timedelta(seconds=1))
        mine = await bob.take(ticket)
        assert mine is not None
        assert (mine.holder, mine.term) == ("bob", dead.term + 1)

    run_virtual(story())


def test_who_was_replaced_is_broken_off_and_takes_nothing_from_the_other() -> None:
    async def story() -> None:
        table = Table()
        ticket = await table.opened()
        ada = table.turns("ada")
        lease = await table.taken(ada, ticket)
        was_broken_off: list[bool] = []

        async def work() -> None:
            try:
                await table.clock.sleep(20 * PATIENCE)
            except asyncio.CancelledError:
                was_broken_off.append(True)
                raise

        other = await table.ledger.take_ticket(NORTH, ticket.id, holder="bob", patience=PATIENCE, over=lease)
        began = table.clock.now()
        with pytest.raises(LeaseLost, match="somebody else has taken ticket 1 of north"):
            await ada.holding(lease, work())
        assert was_broken_off == [True]
        assert table.clock.now() - began <= BEAT
        assert await table.ledger.ticket_lease(NORTH, ticket.id) == other

    run_virtual(story())


async def _fails() -> None:
    raise ValueError


@pytest.mark.parametrize("ending", ["done", "failed", "cancelled"])
def test_it_is_given_up_whatever_comes_of_the_work(ending: str) -> None:
    async def story() -> None:
        table = Table()
        ticket = await table.opened()
        ada = table.turns("ada")
        lease = await table.taken(ada, ticket)
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "done": lambda: table.clock.sleep(timedelta(seconds=1)),
            "failed": _fails,
            "cancelled": lambda: table.clock.sleep(timedelta(days=1)),
        }
        task = asyncio.create_task(ada.holding(lease, works[ending]()))
        await table.clock.sleep(timedelta(seconds=10))
        task.cancel()
        await asyncio.wait([task])
        assert await table.ledger.ticket_lease(NORTH, ticket.id) is None
        if ending == "failed":
            assert isinstance(task.exception(), ValueError)

    run_virtual(story())


def test_who_waits_for_a_dead_one_gets_it_and_who_waits_for_a_living_one_is_told_soon() -> None:
    async def story() -> None:
        table = Table()
        ticket = await table.opened()
        await table.taken(table.turns("dead"), ticket)
        began = table.clock.now()
        mine = await table.turns("bob").wait(ticket)
        assert mine is not None
        assert table.clock.now() - began <= PATIENCE + timedelta(seconds=2)
        bob = table.turns("bob")
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(bob.holding(mine, table.clock.sleep(timedelta(hours=1))))
            began = table.clock.now()
            assert await table.turns("eve").wait(ticket) is None
            assert table.clock.now() - began <= BEAT + timedelta(seconds=2)
            working.cancel()

    run_virtual(story())
