"""The story that the demo plays, told to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from operator_core.diagnosis import Diagnosis
from operator_core.errors import DeploymentError
from operator_core.faults import JournalEntry
from operator_core.ports import Clock
from operator_core.tickets import Ticket

from operator_cli.trials.stage import Cast, stage
from operator_cli.trials.truth import is_right

if TYPE_CHECKING:
    from operator_monitor import CycleReport

HEALTHY_LOOKS = 4
"""How many healthy looks the story begins with."""

HEAL_AFTER = timedelta(seconds=35)
"""From the first diagnosis to the heal, in cluster time: long enough to see the cluster help itself."""

GIVE_UP_AFTER = timedelta(minutes=4)
"""In cluster time, when a step of the story does not come about."""


class Stage(Enum):
    """How far the story has come."""

    HEALTHY = "healthy"
    BROKEN = "broken"
    DIAGNOSED = "diagnosed"
    HEALED = "healed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is played.

    Attributes:
        fault: the name of a chaos command (``kill-store``).
        speed: cluster seconds per second.
    """

    fault: str = "kill-store"
    seed: int = 7
    speed: float = 6.0
    stores: int = 3
    pds: int = 3
    interval: timedelta = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class Ending:
    """What came of it; instants are the cluster's."""

    command: str
    entry: JournalEntry | None = None
    ticket: Ticket | None = None
    diagnosis: Diagnosis | None = None
    """The first one, made when the ticket opened."""
    healed_at: datetime | None = None
    resolved_at: datetime | None = None
    early: list[Ticket] = field(default_factory=list[Ticket])
    """Tickets from before the fault: false alarms."""
    stray: list[Ticket] = field(default_factory=list[Ticket])
    """Further tickets of the same incident."""

    @property
    def injected_at(self) -> datetime | None:
        return None if self.entry is None else self.entry.injected_at

    @property
    def is_right(self) -> bool:
        """Whether the first hypothesis was the truth."""
        return (
            self.diagnosis is not None
            and self.entry is not None
            and is_right(self.diagnosis, self.command, self.entry.fault.target)
        )


class Storyteller(Protocol):
    """Shows the story as it happens."""

    def chapter(self, stage: Stage, text: str) -> None: ...

    def cycle(self, report: CycleReport) -> None: ...

    def broken(self, entry: JournalEntry, describes: str) -> None: ...

    def opened(self, ticket: Ticket, after: timedelta) -> None: ...

    def diagnosed(self, diagnosis: Diagnosis, *, again: bool) -> None: ...

    def healed(self, entries: tuple[JournalEntry, ...]) -> None: ...

    def resolved(self, ticket: Ticket, after: timedelta) -> None: ...

    def ended(self, ending: Ending) -> None: ...


async def play(script: Script, teller: Storyteller, clock: Clock) -> Ending:
    """Play the story to its end; whatever happens, the faults are healed and the cluster is taken down.

    Raises:
        ConfigurationError: there is no such fault.
        DeploymentError: a step did not come about in time.
    """
    from operator_simulator import ClusterConfig

    config = ClusterConfig(stores=script.stores, pd=script.pds, seed=script.seed)
    async with stage(clock, seed=script.seed, config=config, interval=script.interval) as cast:
        teller.chapter(
            Stage.HEALTHY,
            f"A cluster of {script.pds} PD and {script.stores} TiKV runs inside this program, under load"
            f" and with noise (seed {script.seed}, {script.speed:g} times real time). Watching it.",
        )
        ending = Ending(command=script.fault)
        at_stage, since = Stage.HEALTHY, clock.now()
        async for report in cast.monitor.cycles():
            _tell(report, ending, teller)
            before = at_stage
            at_stage = await _next(at_stage, report, ending, cast, teller, clock)
            if at_stage is not before:
                since = clock.now()
            if at_stage is Stage.RESOLVED:
                teller.ended(ending)
                return ending
            if clock.now() - since > GIVE_UP_AFTER:
                raise DeploymentError(
                    f"after {GIVE_UP_AFTER.total_seconds():.0f} s of cluster time the story still stood at"
                    f" {at_stage.value!r} (fault {script.fault}, seed {script.seed})"
                )
    raise AssertionError("the monitor's cycles do not end by themselves")


def _tell(report: CycleReport, ending: Ending, teller: Storyteller) -> None:
    teller.cycle(report)
    for ticket in report.opened:
        if ending.injected_at is None:
            ending.early.append(ticket)
        elif ending.ticket is None:
            ending.ticket = ticket
            teller.opened(ticket, ticket.opened_at - ending.injected_at)
        else:
            ending.stray.append(ticket)
    for diagnosis in report.diagnoses:
        if ending.ticket is not None and diagnosis.ticket == ending.ticket.id:
            teller.diagnosed(diagnosis, again=ending.diagnosis is not None)
            ending.diagnosis = ending.diagnosis or diagnosis
    for ticket in report.resolved:
        if ending.ticket is not None and ticket.id == ending.ticket.id:
            ending.ticket = ticket
            over = ending.resolved_at = ticket.resolved_at or report.at
            teller.resolved(ticket, over - (ending.healed_at or over))


async def _next(
    at_stage: Stage, report: CycleReport, ending: Ending, cast: Cast, teller: Storyteller, clock: Clock
) -> Stage:
    match at_stage:
        case Stage.HEALTHY:
            if report.number < HEALTHY_LOOKS:
                return at_stage
            ending.entry = await cast.inject(cast.fault(ending.command, report), report)
            teller.broken(ending.entry, cast.command(ending.command).describes)
            return Stage.BROKEN
        case Stage.BROKEN:
            return Stage.DIAGNOSED if ending.diagnosis is not None else at_stage
        case Stage.DIAGNOSED:
            assert ending.diagnosis is not None
            if clock.now() - ending.diagnosis.at < HEAL_AFTER:
                return at_stage
            entries = await cast.chaos.heal()
            ending.healed_at = clock.now()
            teller.healed(entries)
            return Stage.HEALED
        case Stage.HEALED:
            return Stage.RESOLVED if ending.resolved_at is not None else at_stage
        case Stage.RESOLVED:
            return at_stage
