"""Two independent faults at once, on components that do not stand in for each other: two incidents."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from operator_core.components import Role
from operator_core.runtime import VirtualClock, run_virtual

from operator_cli.logs import configure
from operator_cli.trials.log import listening, settled
from operator_cli.trials.single import LASTING, RESOLVE_WITHIN, WARM_UP
from operator_cli.trials.stage import INTERVAL, stage

LEADER = Role("leader")
APART = timedelta(seconds=20)
"""The second fault comes within this of the first."""

PAIRS = (
    ("kill-store", "kill-pd"),
    ("pause-store", "kill-pd"),
    ("isolate-store", "pause-pd"),
    ("kill-store", "isolate-pd"),
    ("pause-store", "kill-pd-leader"),
)
"""Commands that go together; a member of PD that is not named for its role is a follower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """What became of two faults.

    Attributes:
        targets: of the two.
        tickets: the components of each ticket, the ticket's own first.
    """

    commands: tuple[str, str]
    seed: int
    targets: tuple[str, str]
    tickets: tuple[tuple[str, ...], ...]

    @property
    def is_two_tickets(self) -> bool:
        """Whether each fault has one ticket of its own, in which the other's target is not."""
        one, two = self.targets
        mine = [t for t in self.tickets if one in t and two not in t]
        other = [t for t in self.tickets if two in t and one not in t]
        return len(self.tickets) == 2 and len(mine) == len(other) == 1


async def _pair(commands: tuple[str, str], seed: int) -> PairResult:
    clock = VirtualClock()
    chance = random.Random(f"{commands}/{seed}")
    async with stage(clock, seed=seed) as on, listening(on.monitor, clock) as log:
        await clock.sleep(WARM_UP + chance.random() * INTERVAL)
        faults = [on.fault(c, log.seen, sparing=None if c.endswith(LEADER) else LEADER) for c in commands]
        chance.shuffle(faults)
        seen = log.seen
        await on.inject(faults[0], seen)
        await clock.sleep(chance.random() * APART)
        await on.inject(faults[1], seen)
        await clock.sleep(LASTING)
        await on.chaos.heal()
        await settled(log, clock, within=RESOLVE_WITHIN, every=INTERVAL)
    return PairResult(
        commands=commands,
        seed=seed,
        targets=(str(faults[0].target), str(faults[1].target)),
        tickets=tuple(tuple(map(str, log.tickets[t.id].components)) for _, t in log.opened),
    )


def run_pair(commands: tuple[str, str], seed: int) -> PairResult:
    """One trial of two faults, from its seed alone."""
    configure()
    return run_virtual(_pair(commands, seed))
