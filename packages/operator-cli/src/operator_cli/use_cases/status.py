"""One look at a cluster beside what the record says of it: open tickets, silences, and who has the watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from operator_core.components import ComponentRef
from operator_core.diagnosis import Hypothesis
from operator_core.errors import LedgerError, SubjectError
from operator_core.judgements import Judgement, Verdict
from operator_core.ports import Clock, Leases, Ledger
from operator_core.readings import ClusterName, Observation, Reading, SourceLook
from operator_core.silences import Silence
from operator_core.tickets import Ticket

from operator_cli.exits import flat
from operator_cli.use_cases.looking import APART
from operator_cli.use_cases.recalling import newest_diagnosis
from operator_cli.verdicts import verdict_on
from operator_cli.wiring import Meant, Watched, open_ledger, watch

if TYPE_CHECKING:
    from operator_ledger import SqlLedger
    from operator_monitor import Look

    from operator_cli.settings import Loaded

ENDS_WITHIN = timedelta(milliseconds=900)
"""From the signal that ends it to the end of the process, whatever it waits for."""

GLIMPSE = timedelta(milliseconds=250)
"""Between two readings of the lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHeld:
    """Who has the watch of a cluster, as far as one process can tell.

    Attributes:
        holder: None when nobody has it.
        silent_for: for how long no new sign of life was seen here, on the cluster's clock; it may be longer.
        is_alive: a sign of life was seen since we look.
        patience: after how much silence another may take the watch; None when nobody has it.
        recorded_at: of the newest look on record, on the cluster's clock; None when there is none.
    """

    holder: str | None
    silent_for: timedelta
    is_alive: bool
    patience: timedelta | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """A ticket that is open, and the first hypothesis of its newest diagnosis."""

    ticket: Ticket
    first: Hypothesis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What the record says of a cluster."""

    tickets: tuple[OpenTicket, ...]
    silences: tuple[Silence, ...]
    watch: WatchHeld


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """One component: how it is by the verdicts about it, and what was read of it."""

    component: ComponentRef
    verdict: Verdict
    roles: tuple[str, ...]
    version: str | None
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """How a cluster is.

    Attributes:
        outcome: ``fine``, ``violated`` or ``blind``, as a check would say.
        open: violated or unknown judgements.
        unseen: the sources that did not answer.
        record: None when it could not be read; `record_failed` says why.
    """

    cluster: ClusterName
    at: datetime
    outcome: str
    components: tuple[ComponentStatus, ...]
    open: tuple[Judgement, ...]
    unseen: tuple[SourceLook, ...]
    record: OnRecord | None
    record_failed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A look and what the record says beside it."""

    cluster: ClusterName
    look: Look
    record: OnRecord | LedgerError

    @property
    def observation(self) -> Observation:
        return self.look.observations[-1]

    def status(self) -> ClusterStatus:
        """The same, sorted for a reader who is a program."""
        seen, judgements = self.observation, self.look.judgements
        return ClusterStatus(
            cluster=self.cluster,
            at=seen.at,
            outcome=self.look.outcome.name.lower(),
            components=tuple(
                ComponentStatus(
                    component=c.ref,
                    verdict=verdict_on(c.ref, judgements),
                    roles=tuple(sorted(c.roles)),
                    version=c.version,
                    readings=tuple(r for r in seen.readings if r.component == c.ref and r.toward is None),
                )
                for c in seen.components
            ),
            open=tuple(j for j in judgements if j.verdict is not Verdict.HOLDS),
            unseen=tuple(s for s in seen.sources if s.failure is not None),
            record=None if isinstance(self.record, LedgerError) else self.record,
            record_failed=str(self.record) if isinstance(self.record, LedgerError) else None,
        )


class LeaseGlimpses:
    """Watches who watches: the same lease again and again, on one clock."""

    def __init__(self, leases: Leases, cluster: ClusterName, clock: Clock) -> None:
        self._leases = leases
        self._cluster = cluster
        self._clock = clock
        self._last: tuple[str, int, int] | None = None
        self._since = clock.now()
        self._is_alive = False
        self._patience: timedelta | None = None

    async def look(self) -> None:
        """Read the lease once.

        Raises:
            LedgerError: it cannot be read.
        """
        lease = await self._leases.lease(self._cluster)
        found = None if lease is None else (lease.holder, lease.term, lease.beat)
        if found != self._last:
            self._is_alive = self._last is not None and found is not None
            self._last, self._since = found, self._clock.now()
        self._patience = None if lease is None else lease.patience

    async def until_alive(self) -> None:
        """Look until a sign of life was seen, or for a third of the holder's patience: it beats more often than that.

        Raises:
            LedgerError: the lease cannot be read.
        """
        start = self._clock.now()
        await self.look()
        while not self._is_alive and self._patience is not None and self._clock.now() - start < self._patience / 3:
            await self._clock.sleep(GLIMPSE)
            await self.look()

    def held(self, recorded_at: datetime | None) -> WatchHeld:
        """What was seen so far."""
        silent_for = self._clock.now() - self._since
        lives = self._is_alive and (self._patience is None or silent_for < self._patience)
        return WatchHeld(
            holder=None if self._last is None else self._last[0],
            silent_for=silent_for,
            is_alive=lives,
            patience=self._patience,
            recorded_at=recorded_at,
        )


class StatusOf:
    """A cluster and the record, ready to be looked at, once or again and again."""

    def __init__(self, watched: Watched, ledger: Ledger | LedgerError, leases: Leases | None) -> None:
        self.watched = watched
        self._ledger = ledger
        self._number = 0
        self._glimpses = None if leases is None else LeaseGlimpses(leases, watched.cluster, watched.clock)

    async def look(self) -> Seen:
        """Look once, or twice where rates need it; the record is read meanwhile."""
        from operator_monitor import look_once

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(), name="record")
            look = await look_once(self.watched.subject, clock=self.watched.clock, number=self._number + 1, apart=APART)
        self._number = look.observations[-1].number
        return Seen(cluster=self.watched.cluster, look=look, record=reading.result())

    async def _read(self) -> OnRecord | LedgerError:
        if isinstance(self._ledger, LedgerError) or self._glimpses is None:
            return self._ledger if isinstance(self._ledger, LedgerError) else LedgerError("it has no leases")
        cluster = self.watched.cluster
        try:
            await self._glimpses.until_alive()
            tickets = await self._ledger.tickets(cluster, open_only=True)
            found = [
                OpenTicket(ticket=t, first=made.first if (made := await newest_diagnosis(self._ledger, t)) else None)
                for t in tickets
            ]
            silences = await self._ledger.silences(cluster)
            newest = await self._ledger.observations(cluster, newest=1)
        except LedgerError as e:
            return e
        now = self.watched.clock.now()
        return OnRecord(
            tickets=tuple(found),
            silences=tuple(s for s in silences if s.counts_at(now)),
            watch=self._glimpses.held(newest[-1].at if newest else None),
        )


@asynccontextmanager
async def status_of(meant: Meant, loaded: Loaded, ledger: str | None) -> AsyncGenerator[StatusOf]:
    """A cluster and the record; one that cannot be opened does not hide how the cluster is.

    Raises:
        ConfigurationError: an address is malformed, or `ledger` names no record.
        DeploymentError: the deployment does not tell its addresses.
    """
    async with AsyncExitStack() as stack:
        watched = await stack.enter_async_context(watch(meant))
        opened: SqlLedger | LedgerError
        try:
            opened = await stack.enter_async_context(open_ledger(loaded, ledger))
        except LedgerError as e:
            opened = e
        yield StatusOf(watched, opened, None if isinstance(opened, LedgerError) else opened)


class ShowsStatus(Protocol):
    """Shows one look after the other."""

    def looked(self, seen: Seen) -> None: ...

    def failed(self, why: str, at: datetime) -> None:
        """A look as a whole failed."""
        ...

    async def shown(self, clock: Clock) -> None:
        """Goes on showing until it is cancelled, or has nothing to do between looks."""
        ...


async def look_once_at(meant: Meant, loaded: Loaded, ledger: str | None) -> Seen:
    """One look, and what the record says.

    Raises:
        ConfigurationError: see :func:`status_of`.
        SubjectUnreachable: the look did not end in time.
    """
    async with status_of(meant, loaded, ledger) as status:
        return await status.look()


async def look_again(meant: Meant, loaded: Loaded, ledger: str | None, pause: timedelta, shows: ShowsStatus) -> None:
    """Look again and again, until cancelled; a look that fails is shown as that."""
    async with status_of(meant, loaded, ledger) as status, asyncio.TaskGroup() as tasks:
        clock = status.watched.clock
        tasks.create_task(shows.shown(clock), name="shows")
        while True:
            start = clock.now()
            try:
                shows.looked(await status.look())
            except* SubjectError as e:
                shows.failed("; ".join(str(each) for each in flat(e)), clock.now())
            await clock.sleep(max(timedelta(0), start + pause - clock.now()))
