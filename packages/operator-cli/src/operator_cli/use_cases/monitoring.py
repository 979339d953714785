"""The loop: one monitor, one cluster, until it is told to stop."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from operator_cli.wiring import Meant, Watched, cluster_name, diagnoser, open_ledger, watch

if TYPE_CHECKING:
    from operator_monitor import CycleReport

    from operator_cli.settings import Loaded


class SeesCycles(Protocol):
    """Is told what a monitor does."""

    def started(self, watched: Watched, interval_s: float) -> None: ...

    def cycle(self, report: CycleReport) -> None: ...


async def watch_cluster(
    meant: Meant, loaded: Loaded, *, interval: timedelta, cycles: int | None, seen: SeesCycles
) -> None:
    """The loop, until it is cancelled or has looked often enough.

    Raises:
        ConfigurationError: another monitor watches the cluster already.
    """
    from operator_monitor import Monitor

    from operator_cli.alone import alone

    with alone(cluster_name(meant), loaded.settings.state_directory):
        async with watch(meant) as watched, open_ledger(loaded) as ledger:
            monitor = Monitor(
                cluster=watched.cluster,
                subject=watched.subject,
                ledger=ledger,
                clock=watched.clock,
                diagnoser=diagnoser(),
                interval=interval,
            )
            seen.started(watched, interval.total_seconds())
            done = 0
            async for report in monitor.cycles():
                seen.cycle(report)
                done += 1
                if cycles is not None and done >= cycles:
                    return
