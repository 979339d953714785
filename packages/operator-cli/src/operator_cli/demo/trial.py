"""One seeded run of a fault, or of a healthy stretch, in virtual time, and what was made of it.

The monitor, the diagnoser and the chaos are the real ones with their default settings; only time is not.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.actions import availability
from operator_core.diagnosis import Diagnosis
from operator_core.faults import Fault, FaultName
from operator_core.ports import Clock
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket

from operator_cli.demo.stage import Props, stage
from operator_cli.demo.truth import is_right
from operator_cli.logs import configure

if TYPE_CHECKING:
    from operator_monitor import CycleReport

INTERVAL = timedelta(seconds=5)
WARM_UP = timedelta(seconds=60)
LASTING = timedelta(seconds=75)
RESOLVE_WITHIN = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What became of one trial; seconds are the cluster's.

    Attributes:
        opened_after_s: from the fault to the ticket about its target; None when none came while it lasted.
        diagnosis: the first one of that ticket.
        resolved_after_s: from the heal to the end of that ticket; negative when it ended before the heal.
        early: titles of tickets from before the fault.
        stray: titles of further tickets.
    """

    command: str
    seed: int
    target: str
    opened_after_s: float | None
    is_right: bool
    first: str
    resolved_after_s: float | None
    early: tuple[str, ...]
    stray: tuple[str, ...]


@dataclass(slots=True)
class _Log:
    """What the monitor has said so far."""

    reports: list[CycleReport] = field(default_factory=list["CycleReport"])
    opened: list[tuple[datetime, Ticket]] = field(default_factory=list[tuple[datetime, Ticket]])
    resolved: dict[int, datetime] = field(default_factory=dict[int, datetime])
    diagnoses: dict[int, Diagnosis] = field(default_factory=dict[int, Diagnosis])

    def add(self, report: CycleReport, now: datetime) -> None:
        self.reports = [report]
        self.opened.extend((now, t) for t in report.opened)
        self.resolved.update({t.id: now for t in report.resolved})
        for diagnosis in report.diagnoses:
            if diagnosis.ticket is not None:
                self.diagnoses.setdefault(diagnosis.ticket, diagnosis)


async def _listen(props: Props, log: _Log, clock: Clock) -> None:
    async for report in props.monitor.cycles():
        log.add(report, clock.now())


async def _trial(command: str, seed: int) -> TrialResult:
    clock = VirtualClock()
    chance = random.Random(f"{command}/{seed}")
    log = _Log()
    async with stage(command, seed, 3, 3, INTERVAL, clock) as props, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(_listen(props, log, clock), name="monitor")
        await clock.sleep(WARM_UP + chance.random() * INTERVAL)
        seen = log.reports[-1]
        fault = props.command.on(props.target(seen.observation, seen.judgements))
        entry = await props.chaos.inject(
            fault,
            groups=seen.observation.groups,
            state=availability(seen.observation.refs(), seen.judgements),
        )
        injected = entry.injected_at or clock.now()
        await clock.sleep(LASTING)
        await props.chaos.heal()
        healed = clock.now()
        while clock.now() - healed < RESOLVE_WITHIN and any(t.id not in log.resolved for _, t in log.opened):
            await clock.sleep(INTERVAL)
        listening.cancel()
    early = [t for at, t in log.opened if at <= injected]
    after = [(at, t) for at, t in log.opened if at > injected]
    ours = next(((at, t) for at, t in after if fault.target in t.components and at <= healed), None)
    diagnosis = log.diagnoses.get(ours[1].id) if ours else None
    over = log.resolved.get(ours[1].id) if ours else None
    first = diagnosis.first if diagnosis else None
    return TrialResult(
        command=command,
        seed=seed,
        target=str(fault.target),
        opened_after_s=(ours[0] - injected).total_seconds() if ours else None,
        is_right=diagnosis is not None and is_right(diagnosis, command, fault.target),
        first=f"{first.mode} of {', '.join(map(str, first.components))} {first.probability:.0%}" if first else "none",
        resolved_after_s=(over - healed).total_seconds() if over else None,
        early=tuple(t.title for t in early),
        stray=tuple(t.title for _, t in after if ours is None or t.id != ours[1].id),
    )


def run_trial(command: str, seed: int) -> TrialResult:
    """One trial of a fault, from its seed alone."""
    configure()
    return run_virtual(_trial(command, seed))


async def _healthy(seed: int, lasting: timedelta) -> tuple[str, ...]:
    clock = VirtualClock()
    log = _Log()
    async with stage("kill-store", seed, 3, 3, INTERVAL, clock) as props, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(_listen(props, log, clock), name="monitor")
        await clock.sleep(lasting)
        listening.cancel()
    return tuple(t.title for _, t in log.opened)


def run_healthy(seed: int, lasting: timedelta) -> tuple[str, ...]:
    """Titles of the tickets that a healthy stretch opened; none is right."""
    configure()
    return run_virtual(_healthy(seed, lasting))


AWAY = {"store": timedelta(seconds=60), "pd": timedelta(seconds=15)}
"""How long each process of a kind stays down in a rolling restart."""
BETWEEN = timedelta(seconds=120)
"""From one process's return to the next one's stop."""


async def _rolling_restart(seed: int) -> tuple[str, ...]:
    clock = VirtualClock()
    log = _Log()
    async with stage("kill-store", seed, 3, 3, INTERVAL, clock) as props, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(_listen(props, log, clock), name="monitor")
        await clock.sleep(WARM_UP + random.Random(seed).random() * INTERVAL)
        for kind, away in AWAY.items():
            for ref in log.reports[-1].observation.refs(kind):
                seen = log.reports[-1]
                await props.chaos.inject(
                    Fault(name=FaultName("stop"), target=ref),
                    groups=seen.observation.groups,
                    state=availability(seen.observation.refs(), seen.judgements),
                )
                await clock.sleep(away)
                await props.chaos.heal()
                await clock.sleep(BETWEEN)
        listening.cancel()
    return tuple(t.title for _, t in log.opened)


def run_rolling_restart(seed: int) -> tuple[str, ...]:
    """Titles of the tickets that an orderly restart of every process, one by one, opened; none is right."""
    configure()
    return run_virtual(_rolling_restart(seed))
