"""One cluster, several monitors: one has the watch, the others stand by and take over when it falls silent.

Who has the watch is a lease in the ledger. Its holder beats from a task of its own, so that a slow look costs nothing;
whoever stands by counts, on its own clock, for how long it has seen no new beat. No two clocks are compared. That only
one writes does not hang on any of this: the ledger refuses an append under a lease that was taken over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from operator_core.ports import Clock, Lease, Leases
from operator_core.readings import ClusterName
from operator_core.record import WatchTaken

from operator_monitor.attempt import Failed, attempt
from operator_monitor.hearing import heard
from operator_monitor.monitor import Monitor
from operator_monitor.report import Report, StandingBy, Tell

T = TypeVar("T")

log = structlog.stdlib.get_logger()

PATIENCE = 2
"""After so many intervals without a beat the others may take the watch; four beats are due in that time."""
RELEASE = timedelta(milliseconds=150)
"""How long giving the lease up may take at the end."""


@dataclass(slots=True, kw_only=True)
class _Silence:
    """For how long nothing new was seen of the holder.

    Attributes:
        sign: its newest sign of life: term and beat.
    """

    sign: tuple[int, int] | None = None
    since: datetime | None = None

    def lasts(self, lease: Lease, now: datetime) -> timedelta:
        """For how long this lease has stood as it does."""
        if self.since is None or self.sign != (lease.term, lease.beat):
            self.sign, self.since = (lease.term, lease.beat), now
        return now - self.since

    def broken(self) -> None:
        """What was not seen was no silence."""
        self.since = None


@dataclass(slots=True, kw_only=True)
class _Turn:
    """The lease while this monitor has it.

    Attributes:
        instead_of: who let it lapse.
    """

    lease: Lease
    instead_of: str | None

    def now(self) -> Lease:
        return self.lease


class Watch:
    """A monitor that takes turns with others on one cluster.

    Args:
        leases: of the ledger that the monitor writes.
        holder: who this is; two processes never have the same word.
    """

    def __init__(self, monitor: Monitor, *, leases: Leases, holder: str) -> None:
        self._monitor = monitor
        self._leases = leases
        self._holder = holder
        self._half = monitor.interval / 2

    @property
    def cluster(self) -> ClusterName:
        return self._monitor.cluster

    @property
    def interval(self) -> timedelta:
        return self._monitor.interval

    @property
    def clock(self) -> Clock:
        return self._monitor.clock

    def cycles(self) -> AsyncGenerator[Report]:
        """Its cycles while it has the watch; while another has, twice an interval that it stands by.

        It ends like :meth:`Monitor.cycles`, and gives the lease up, so that another takes over at once.
        """
        return heard(self.run, name=f"watch {self.cluster}")

    async def run(self, tell: Tell[Report], *, after: timedelta = timedelta(0)) -> None:
        """Stand by, take the watch, keep it while it can be kept, and again, until cancelled.

        Args:
            tell: is given each report; the loop goes on when it has been taken.
            after: when it begins, from now.
        """
        await self.clock.sleep(after)
        lost = ""
        while True:
            turn = await self._stand_by(tell, lost)
            try:
                await self._keep(turn, tell)
            finally:
                await self._attempt(self._leases.release(turn.lease), "giving up the watch", RELEASE)
            lost = f"{self._holder} has lost the watch; "
            log.warning("watch.lost", cluster=self.cluster, holder=self._holder, term=turn.lease.term)

    async def _stand_by(self, tell: Tell[Report], lost: str) -> _Turn:
        silence = _Silence()
        while True:
            found = await self._attempt(self._leases.lease(self.cluster), "reading who has the watch", self._half)
            now = self.clock.now()
            if isinstance(found, Failed):
                silence.broken()
                await tell(self._standing_by(None, timedelta(0), lost, found.why))
                await self.clock.sleep(self._half)
                continue
            quiet = timedelta(0) if found is None else silence.lasts(found, now)
            if found is not None and found.holder == self._holder:
                return _Turn(lease=found, instead_of=None)  # the answer to an earlier taking was lost
            if found is None or quiet >= found.patience:
                taken = await self._take(found)
                if isinstance(taken, Lease):
                    return _Turn(lease=taken, instead_of=found.holder if found else None)
                await tell(self._standing_by(found, quiet, lost, taken.why if taken else None))
                await self.clock.sleep(self._half)
                continue
            await tell(self._standing_by(found, quiet, lost, None))
            await self.clock.sleep(min(self._half, found.patience - quiet))

    async def _take(self, over: Lease | None) -> Lease | Failed | None:
        taking = self._leases.take(self.cluster, holder=self._holder, patience=PATIENCE * self.interval, over=over)
        return await self._attempt(taking, "taking the watch", self._half)

    def _standing_by(self, lease: Lease | None, quiet: timedelta, lost: str, failed: str | None) -> StandingBy:
        seen = f"{lease.holder} has the watch" if lease else "another was faster to take the watch"
        return StandingBy(
            cluster=self.cluster,
            at=self.clock.now(),
            holder=lease.holder if lease else None,
            silent_for=quiet,
            patience=lease.patience if lease else None,
            because=f"{lost}{failed or seen}",
            failed=failed,
        )

    async def _keep(self, turn: _Turn, tell: Tell[Report]) -> None:
        """Watch, and beat beside it; when either finds that the lease is lost, both end."""
        taken = WatchTaken(at=self.clock.now(), holder=self._holder, instead_of=turn.instead_of)
        log.info("watch.taken", cluster=self.cluster, holder=self._holder, term=turn.lease.term)
        async with asyncio.TaskGroup() as tasks:
            both = (
                tasks.create_task(
                    self._monitor.run(tell, lease=turn.now, opening=[taken]), name=f"monitor {self.cluster}"
                ),
                tasks.create_task(self._beat(turn), name=f"beat {self.cluster}"),
            )
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()

    async def _beat(self, turn: _Turn) -> None:
        """Show signs of life until the lease is lost."""
        while True:
            await self.clock.sleep(self._half)
            beaten = await self._attempt(self._leases.beat(turn.lease), "beating", self._half)
            match beaten:
                case None:
                    return
                case Lease():
                    turn.lease = beaten
                case Failed(why=why):
                    log.warning("watch.beat_failed", cluster=self.cluster, why=why)

    async def _attempt(self, step: Awaitable[T], doing: str, within: timedelta) -> T | Failed:
        return await attempt(step, doing=doing, within=within, clock=self.clock)
