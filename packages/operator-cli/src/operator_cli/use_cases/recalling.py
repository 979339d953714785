"""What the record says of a cluster beside the watch: what was open before we came, what another monitor sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.errors import LedgerError
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation
from operator_core.record import DiagnosisMade
from operator_core.runtime import RealClock
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId

if TYPE_CHECKING:
    from operator_monitor import CycleReport

WITHIN = timedelta(seconds=5)
"""How long the record may take to answer; it is asked again with a later report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What the record says of a cluster.

    Attributes:
        tickets: those that are open.
        diagnoses: the newest of each ticket that was not asked for before, where there is one.
        silences: all of the cluster, in force or not; None when they were not asked for.
        observation: the newest; None when it was not asked for, or there is none.
    """

    tickets: tuple[Ticket, ...]
    diagnoses: Mapping[TicketId, Diagnosis]
    silences: tuple[Silence, ...] | None = None
    observation: Observation | None = None


async def newest_diagnosis(ledger: Ledger, ticket: Ticket) -> Diagnosis | None:
    """The last one that was made of a ticket."""
    history = await ledger.history(ticket.cluster, ticket=ticket.id)
    made = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
    return made[-1] if made else None


class Recalls:
    """Asks the record, in tasks of its own, so that a slow one holds up no watch; of a cluster one at a time."""

    def __init__(
        self, ledger: Ledger, recalled: Callable[[ClusterName, OnRecord], None], tasks: asyncio.TaskGroup
    ) -> None:
        self._ledger = ledger
        self._recalled = recalled
        self._tasks = tasks
        self._clock = RealClock()
        self._known: dict[ClusterName, set[TicketId]] = {}
        self._running: dict[ClusterName, asyncio.Task[None]] = {}

    def heard(self, cluster: ClusterName, report: CycleReport) -> None:
        """A cycle told what is open; of what it did not open itself the record knows more."""
        known = self._known.setdefault(cluster, set())
        known |= {t.id for t in report.opened}
        if any(t.id not in known for t in report.now_open or ()):
            self._ask(cluster, everything=False)

    def standing_by(self, cluster: ClusterName) -> None:
        """Another has the watch: all that there is to be known is what it writes down."""
        self._ask(cluster, everything=True)

    def stop(self) -> None:
        """Ask no more."""
        for task in self._running.values():
            task.cancel()

    def _ask(self, cluster: ClusterName, *, everything: bool) -> None:
        running = self._running.get(cluster)
        if running is None or running.done():
            asking = self._recall(cluster, everything=everything)
            self._running[cluster] = self._tasks.create_task(asking, name=f"recall {cluster}")

    async def _recall(self, cluster: ClusterName, *, everything: bool) -> None:
        known = self._known.setdefault(cluster, set())
        try:
            async with self._clock.deadline(WITHIN):
                tickets = await self._ledger.tickets(cluster, open_only=True)
                made = {t.id: await newest_diagnosis(self._ledger, t) for t in tickets if t.id not in known}
                silences = await self._ledger.silences(cluster) if everything else None
                newest = await self._ledger.observations(cluster, newest=1) if everything else ()
        except (LedgerError, TimeoutError):
            return
        # While another watches, a diagnosis may come after its ticket was asked for.
        known |= {i for i, d in made.items() if d is not None or not everything}
        self._recalled(
            cluster,
            OnRecord(
                tickets=tickets,
                diagnoses={i: d for i, d in made.items() if d is not None},
                silences=silences,
                observation=newest[-1] if newest else None,
            ),
        )
