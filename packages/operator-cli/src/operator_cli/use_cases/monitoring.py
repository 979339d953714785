"""The loop: one process, one cluster or several, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from operator_core.components import ComponentRef
from operator_core.knowledge import Knowledge
from operator_core.ports import Clock, Probe, Subject
from operator_core.readings import ClusterName, Observation

from operator_cli.exits import flat
from operator_cli.use_cases.recalling import OnRecord, Recalls
from operator_cli.wiring import (
    Attached,
    Meant,
    Watched,
    cluster_clock,
    cluster_name,
    diagnoser,
    knowledge,
    ledger_place,
    open_ledger,
    watch,
)

if TYPE_CHECKING:
    from operator_monitor import CycleReport, Report, StandingBy, Watch

    from operator_cli.places import Place
    from operator_cli.settings import Loaded

ENDS_WITHIN = timedelta(milliseconds=900)
"""From the signal that ends the watch to the end of the process, whatever it waits for; a crash loses no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that is watched, as those who show it need to know it."""

    name: ClusterName
    clock: Clock
    knowledge: Knowledge


class Shows(Protocol):
    """Is told what the monitors do, and shows it."""

    @property
    def asks_the_record(self) -> bool:
        """Whether it shows what was open before we came."""
        ...

    def started(self, watched: Sequence[Cluster], interval: timedelta, heard_at: str | None) -> None:
        """The watch begins; health and metrics can be asked for at that URL, if at one."""
        ...

    def heard(self, cluster: ClusterName, report: CycleReport) -> None: ...

    def stood_by(self, cluster: ClusterName, report: StandingBy) -> None: ...

    def recalled(self, cluster: ClusterName, record: OnRecord) -> None:
        """What was before we came, or while another has the watch."""
        ...

    async def shown(self) -> None:
        """Goes on showing until it is cancelled, or has nothing to do between reports."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the clusters are watched.

    Attributes:
        interval: between the beginnings of two looks at a cluster.
        jitter: the largest share of the interval by which a look begins early or late.
        cycles: looks at each cluster after which it ends; None when only a person or the system ends it.
        ledger: the record's place, when it is not the one of the settings.
        listen: host and port at which health and metrics are told; None when nowhere.
    """

    interval: timedelta
    jitter: float = 0.1
    cycles: int | None = None
    ledger: str | None = None
    listen: tuple[str, int] | None = None


def holder_word(chance: random.Random) -> str:
    """Who we are among those who watch: the host, the process, and a word that no other process has."""
    return f"{socket.gethostname()}/{os.getpid()}/{chance.randrange(1 << 32):08x}"


async def watch_clusters(meant: Sequence[Meant], loaded: Loaded, terms: Terms, shows: Shows) -> None:
    """Watch every cluster, until it is cancelled or has looked often enough; one that cannot be seen holds up no other.

    Raises:
        ConfigurationError: an address is malformed, or what is to be listened on is taken.
        DeploymentError: the only deployment that is meant does not tell its addresses.
        LedgerError: the record cannot be opened.
    """
    try:
        await _watch_clusters(meant, loaded, terms, shows)
    except ExceptionGroup as e:
        first, *others = flat(e)
        if others:
            raise
        raise first from None  # one error is told as itself


async def _watch_clusters(meant: Sequence[Meant], loaded: Loaded, terms: Terms, shows: Shows) -> None:
    from operator_monitor import Monitor, StandingBy, Watch, watch_all

    chance = random.Random()
    async with open_ledger(loaded, terms.ledger, may_begin=True) as ledger, _opened(meant, loaded) as clusters:
        holder = holder_word(chance)
        watches = [
            Watch(
                Monitor(
                    cluster=c.cluster,
                    subject=c.subject,
                    ledger=ledger,
                    clock=c.clock,
                    diagnoser=diagnoser(),
                    interval=terms.interval,
                    jitter=terms.jitter,
                    chance=chance,
                ),
                leases=ledger,
                holder=holder,
            )
            for c in clusters
        ]
        place = ledger_place(loaded, terms.ledger)
        async with _heard_by(watches, terms.listen, place) as (told, heard_at), asyncio.TaskGroup() as tasks:
            watched = [Cluster(name=c.cluster, clock=c.clock, knowledge=knowledge()) for c in clusters]
            shows.started(watched, terms.interval, heard_at)
            showing = tasks.create_task(shows.shown(), name="shows")
            recalls = Recalls(ledger, shows.recalled, tasks) if shows.asks_the_record else None
            left = {c.cluster: terms.cycles for c in clusters}
            async with aclosing(watch_all(watches)) as reports:
                async for cluster, report in reports:
                    told(cluster, report)
                    if isinstance(report, StandingBy):
                        shows.stood_by(cluster, report)
                        if recalls is not None:
                            recalls.standing_by(cluster)
                        continue
                    shows.heard(cluster, report)
                    if recalls is not None:
                        recalls.heard(cluster, report)
                    many = left[cluster]
                    if many is not None:
                        left[cluster] = max(0, many - 1)
                        if not any(left.values()):
                            break
            if recalls is not None:
                recalls.stop()
            showing.cancel()


@asynccontextmanager
async def _heard_by(
    watches: Sequence[Watch], at: tuple[str, int] | None, record: Place
) -> AsyncGenerator[tuple[Callable[[ClusterName, Report], None], str | None]]:
    """What is to be told every report, so that health and metrics can be asked for; and where they can be."""
    if at is None:
        yield (lambda _cluster, _report: None), None
        return
    from operator_monitor import Vitals, listening

    async def size() -> int:
        assert record.file is not None
        return sum(f.stat().st_size for f in record.file.parent.glob(f"{record.file.name}*"))

    host, port = at
    vitals = Vitals(watches, ledger_bytes=None if record.file is None else size)
    async with listening(vitals, host=host, port=port) as listened:
        yield vitals.heard, f"http://{f'[{host}]' if ':' in host else host}:{listened}"


@asynccontextmanager
async def _opened(meant: Sequence[Meant], loaded: Loaded) -> AsyncGenerator[list[Watched]]:
    """Every cluster ready to be observed; of several, a deployment that does not answer is asked again each look."""
    async with AsyncExitStack() as stack:
        clusters: list[Watched] = []
        for each in meant:
            if isinstance(each, Attached) or len(meant) == 1:
                clusters.append(await stack.enter_async_context(watch(each)))
            else:
                name = cluster_name(each)
                late = LateSubject(each)
                stack.push_async_callback(late.close)
                clusters.append(Watched(cluster=name, subject=late, clock=cluster_clock(name, loaded), meant=each))
        yield clusters


class LateSubject:
    """A cluster whose deployment may not tell its addresses yet: it is asked when something is to be known of it."""

    def __init__(self, meant: Meant) -> None:
        self._meant = meant
        self._stack = AsyncExitStack()
        self._subject: Subject | None = None

    async def _opened(self) -> Subject:
        if self._subject is None:
            self._subject = (await self._stack.enter_async_context(watch(self._meant))).subject
        return self._subject

    async def observe(self, number: int) -> Observation:
        return await (await self._opened()).observe(number)

    async def knowledge(self) -> Knowledge:
        return knowledge()

    async def probes(self) -> Sequence[Probe]:
        return await (await self._opened()).probes()

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        return await (await self._opened()).locate(labels)

    async def close(self) -> None:
        await self._stack.aclose()
