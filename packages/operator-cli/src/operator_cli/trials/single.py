"""One seeded run of a fault, in virtual time, and what was made of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from operator_core.runtime import VirtualClock, run_virtual

from operator_cli.logs import configure
from operator_cli.trials.log import listening, settled
from operator_cli.trials.stage import INTERVAL, stage
from operator_cli.trials.truth import is_right

WARM_UP = timedelta(seconds=60)
LASTING = timedelta(seconds=75)
RESOLVE_WITHIN = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What became of one trial; seconds are the cluster's.

    Attributes:
        opened_after_s: from the fault to the ticket about its target; None when none came while it lasted.
        first: the first hypothesis of its first diagnosis.
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

    @property
    def is_one_ticket(self) -> bool:
        """Whether the incident was one ticket, and nothing else was."""
        return self.opened_after_s is not None and not self.early and not self.stray


async def _trial(command: str, seed: int) -> TrialResult:
    clock = VirtualClock()
    chance = random.Random(f"{command}/{seed}")
    async with stage(clock, seed=seed) as on, listening(on.monitor, clock) as log:
        await clock.sleep(WARM_UP + chance.random() * INTERVAL)
        fault = on.fault(command, log.seen)
        entry = await on.inject(fault, log.seen)
        injected = entry.injected_at or clock.now()
        await clock.sleep(LASTING)
        await on.chaos.heal()
        healed = clock.now()
        await settled(log, clock, within=RESOLVE_WITHIN, every=INTERVAL)
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
