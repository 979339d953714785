"""Stretches in which nothing is wrong, and what was opened all the same; and the first fault after a start."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.components import ComponentRef
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket

from operator_cli.logs import configure
from operator_cli.trials.log import listening
from operator_cli.trials.single import WARM_UP
from operator_cli.trials.stage import INTERVAL, stage

if TYPE_CHECKING:
    from operator_simulator import ClusterConfig

KILLED_AFTER = timedelta(seconds=30)
"""From the monitor's start to the fault."""
TOLD_WITHIN = timedelta(seconds=60)
"""How long the ticket is waited for."""


async def _healthy(seed: int, lasting: timedelta, config: ClusterConfig | None, begins: timedelta) -> tuple[str, ...]:
    clock = VirtualClock()
    async with stage(clock, seed=seed, config=config) as on:
        await clock.sleep(begins)
        async with listening(on.monitor, clock) as log:
            await clock.sleep(lasting)
    return log.titles


def run_healthy(seed: int, lasting: timedelta) -> tuple[str, ...]:
    """Titles of the tickets that a healthy stretch opened, the monitor's start included; none is right."""
    configure()
    begins = random.Random(seed).random() * WARM_UP
    return run_virtual(_healthy(seed, lasting, None, begins))


def run_coming_up(seed: int, lasting: timedelta) -> tuple[str, ...]:
    """Titles of the tickets opened while a cluster comes up, watched from its first second; none is right.

    With an even seed it is a new cluster's first start, with an odd one all processes start together on their data.
    """
    from operator_simulator import ClusterConfig

    configure()
    config = ClusterConfig(seed=seed, cold_start=seed % 2 == 0, restarted=seed % 2 == 1)
    return run_virtual(_healthy(seed, lasting, config, timedelta(0)))


async def _rolling_restart(seed: int) -> tuple[str, ...]:
    clock = VirtualClock()
    async with stage(clock, seed=seed) as on, listening(on.monitor, clock) as log:
        await clock.sleep(WARM_UP + random.Random(seed).random() * INTERVAL)
        await on.deployment.restart(None, lambda _: None)
        await clock.sleep(WARM_UP)
    return log.titles


def run_rolling_restart(seed: int) -> tuple[str, ...]:
    """Titles of the tickets that an orderly restart of every process, one by one, opened; none is right."""
    configure()
    return run_virtual(_rolling_restart(seed))


async def _killed_soon(seed: int) -> float | None:
    clock = VirtualClock()
    async with stage(clock, seed=seed) as on, listening(on.monitor, clock) as log:
        await clock.sleep(KILLED_AFTER)
        fault = on.fault("kill-store", log.seen)
        entry = await on.inject(fault, log.seen)
        await clock.sleep(TOLD_WITHIN)
    return _first_about(fault.target, log.opened, entry.injected_at or clock.now())


def _first_about(target: ComponentRef, opened: Sequence[tuple[datetime, Ticket]], since: datetime) -> float | None:
    return next(((at - since).total_seconds() for at, t in opened if target in t.components and at > since), None)


def run_killed_soon(seed: int) -> float | None:
    """Seconds from the kill of a store, 30 s after the monitor's start, to its ticket; None when none came."""
    configure()
    return run_virtual(_killed_soon(seed))
