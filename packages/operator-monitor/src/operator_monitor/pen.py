"""The hand that writes the record: one append at a time, under the lease, and never torn by a cancellation.

A monitor that is told to end while an append is on its way waits for its outcome, within bounds; one that takes longer
is given up, and is then written as a whole or not at all, as every ledger promises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from operator_core.ports import Clock, Lease, Ledger
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_core.tickets import Ticket, TicketId

from operator_monitor.attempt import Failed, attempt

ON_ITS_WAY = timedelta(milliseconds=600)
"""How long an append that is on its way is waited for at the end; all that is done then takes less than a second."""


class Pen:
    """Writes for one monitor.

    Args:
        lease: the lease as it is now; None for a monitor that shares its cluster with nobody.
        within: how long an append may take.
        tasks: where the appends run; it must outlive everybody who writes.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        ledger: Ledger,
        clock: Clock,
        lease: Callable[[], Lease | None],
        within: timedelta,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._clock = clock
        self._lease = lease
        self._within = within
        self._tasks = tasks
        self._one_at_a_time = asyncio.Lock()
        self._touched: dict[TicketId, Ticket] = {}
        self.has_lost_the_watch = False

    async def write(
        self, entries: Sequence[Entry], *, doing: str, within: timedelta | None = None
    ) -> tuple[Ticket, ...] | Failed:
        """Append, and remember the tickets that were opened or changed."""
        async with self._one_at_a_time:
            append = self._tasks.create_task(
                attempt(
                    self._ledger.append(self._cluster, entries, at=self._clock.now(), lease=self._lease()),
                    doing=doing,
                    within=within or self._within,
                    clock=self._clock,
                ),
                name=f"append {self._cluster}",
            )
            try:
                result = await asyncio.shield(append)
            except asyncio.CancelledError:
                await self._outcome(append)
                raise
            if isinstance(result, Failed):
                self.has_lost_the_watch = self.has_lost_the_watch or result.lost_the_watch
            else:
                self._touched.update((t.id, t) for t in result)
            return result

    async def _outcome(self, append: asyncio.Task[tuple[Ticket, ...] | Failed]) -> None:
        try:
            async with self._clock.deadline(ON_ITS_WAY):
                await asyncio.wait([append])
        except TimeoutError:
            append.cancel()

    def touched(self) -> dict[TicketId, Ticket]:
        """The tickets that were opened or changed since this was last asked, as they were then."""
        touched, self._touched = self._touched, {}
        return touched

    def touched_before(self, tickets: dict[TicketId, Ticket]) -> None:
        """Give back what was asked for and not used."""
        self._touched = tickets | self._touched
