"""Taking turns: of all who could reason about a ticket one does, and what a dead one left is taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from operator_core.errors import LeaseLost, LedgerError
from operator_core.ports import Clock, Lease, TicketLeases
from operator_core.tickets import Ticket, TicketId

from operator_cli.exits import flat

T = TypeVar("T")

PATIENCE = timedelta(seconds=15)
"""How long others have to see no sign of life before they may take a ticket over."""

BEAT = timedelta(seconds=4)
GIVEN_UP_WITHIN = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class _Seen:
    lease: Lease
    since: datetime


class Turns:
    """The tickets that this process has, and what it has seen of those of others.

    Args:
        leases: where they are.
        holder: who we are; no other process has the same word.
        clock: ours; no other is compared with it.
    """

    def __init__(self, leases: TicketLeases, *, holder: str, clock: Clock) -> None:
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._seen: dict[TicketId, _Seen] = {}

    async def take(self, ticket: Ticket) -> Lease | None:
        """Take a ticket that nobody has, or whose holder has shown no sign of life for his patience; else None."""
        there = await self._leases.ticket_lease(ticket.cluster, ticket.id)
        if there is not None and not self._has_lapsed(ticket.id, there):
            return None
        self._seen.pop(ticket.id, None)
        return await self._leases.take_ticket(
            ticket.cluster, ticket.id, holder=self._holder, patience=PATIENCE, over=there
        )

    async def wait(self, ticket: Ticket, every: timedelta = timedelta(seconds=1)) -> Lease | None:
        """The same, but who has it is given time to show whether he lives; None as soon as he does."""
        first = await self._leases.ticket_lease(ticket.cluster, ticket.id)
        while (mine := await self.take(ticket)) is None:
            there = await self._leases.ticket_lease(ticket.cluster, ticket.id)
            if there is not None and there != first:
                return None
            await self._clock.sleep(every)
        return mine

    def _has_lapsed(self, ident: TicketId, there: Lease) -> bool:
        now = self._clock.now()
        seen = self._seen.get(ident)
        if seen is None or seen.lease != there:
            self._seen[ident] = _Seen(there, now)
            return False
        return now - seen.since >= there.patience

    async def holding(self, lease: Lease, work: Coroutine[Any, Any, T]) -> T:
        """Await work on a ticket while it is ours; given up whatever comes of it.

        Raises:
            LeaseLost: somebody else has taken it; the work was broken off.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                beating = tasks.create_task(self._beat(lease), name=f"beat of ticket {lease.ticket}")
                working = tasks.create_task(work, name=f"ticket {lease.ticket}")
                working.add_done_callback(lambda _: beating.cancel())
        except ExceptionGroup as e:
            first, *others = flat(e)
            if others:
                raise
            raise first from None  # one error is told as itself
        finally:
            await self._give_up(lease)
        return working.result()

    async def _beat(self, lease: Lease) -> None:
        while True:
            await self._clock.sleep(BEAT)
            with suppress(LedgerError):  # a record that does not answer takes nothing from us
                if await self._leases.beat(lease) is None:
                    break
        raise LeaseLost(f"somebody else has taken ticket {lease.ticket} of {lease.cluster}")

    async def _give_up(self, lease: Lease) -> None:
        # Who comes next would else have to wait until he may think us dead; that is all that is lost by failing.
        with suppress(LedgerError, TimeoutError):
            async with self._clock.deadline(GIVEN_UP_WITHIN):
                await self._leases.release(lease)
