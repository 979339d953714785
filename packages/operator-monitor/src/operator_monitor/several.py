"""Several clusters in one process: each has its own loop, and none waits for another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Protocol

from operator_core.errors import ConfigurationError
from operator_core.ports import Clock
from operator_core.readings import ClusterName

from operator_monitor.hearing import heard
from operator_monitor.report import Report, Tell


class Watching(Protocol):
    """Whatever watches one cluster: a Monitor, or a Watch."""

    @property
    def cluster(self) -> ClusterName: ...

    @property
    def interval(self) -> timedelta: ...

    @property
    def clock(self) -> Clock: ...

    async def run(self, tell: Tell[Report], *, after: timedelta = ...) -> None:
        """Watch until cancelled; whatever fails is told."""
        ...


def watch_all(watches: Sequence[Watching]) -> AsyncGenerator[tuple[ClusterName, Report]]:
    """The reports of all, as they come; their first cycles are spread over the interval.

    It ends like :meth:`operator_monitor.Monitor.cycles`, all at the same time.

    Raises:
        ConfigurationError: a cluster is there twice.
    """
    twice = sorted(name for name, count in Counter(w.cluster for w in watches).items() if count > 1)
    if twice:
        raise ConfigurationError(f"to be watched twice by one process: {', '.join(twice)}")

    async def run(tell: Tell[tuple[ClusterName, Report]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, watch in enumerate(watches):
                after = watch.interval * number / len(watches)
                tasks.create_task(_run(watch, tell, after), name=f"watch {watch.cluster}")

    return heard(run, name="watch all", ahead=max(1, len(watches)))


async def _run(watch: Watching, tell: Tell[tuple[ClusterName, Report]], after: timedelta) -> None:
    async def told(report: Report) -> None:
        await tell((watch.cluster, report))

    await watch.run(told, after=after)
