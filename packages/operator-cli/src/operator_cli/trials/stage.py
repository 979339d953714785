"""What a story or a trial is played with: a cluster, who watches it, and who breaks it, wired together."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.actions import availability
from operator_core.components import AddressMap, Role
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault, JournalEntry
from operator_core.ports import Clock
from operator_core.readings import ClusterName

from operator_cli.wiring import diagnoser

if TYPE_CHECKING:
    from operator_chaos import Chaos, FaultCommand
    from operator_monitor import CycleReport, Monitor
    from operator_simulator import ClusterConfig, InProcessDeployment

INTERVAL = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everything that takes part."""

    deployment: InProcessDeployment
    monitor: Monitor
    chaos: Chaos
    commands: Mapping[str, FaultCommand]
    chance: random.Random

    def command(self, name: str) -> FaultCommand:
        """The chaos command of that name.

        Raises:
            ConfigurationError: there is none.
        """
        if name not in self.commands:
            raise ConfigurationError(f"there is no fault {name!r}; there is {', '.join(self.commands)}")
        return self.commands[name]

    def fault(self, name: str, seen: CycleReport, *, sparing: Role | None = None) -> Fault:
        """A chaos command on a component by chance, among those that the guard allows.

        Args:
            seen: the newest look.
            sparing: a role whose components are left out.
        """
        from operator_chaos import choose_target

        command = self.command(name)
        observation = seen.observation
        target = choose_target(
            command,
            [c for c in observation.components if sparing is None or sparing not in c.roles],
            groups=observation.groups,
            state=availability(observation.refs(), seen.judgements),
            chance=self.chance,
        )
        return command.on(target)

    async def inject(self, fault: Fault, seen: CycleReport) -> JournalEntry:
        """Do it, as far as the guard allows it."""
        observation = seen.observation
        return await self.chaos.inject(
            fault, groups=observation.groups, state=availability(observation.refs(), seen.judgements)
        )


@asynccontextmanager
async def stage(
    clock: Clock, *, seed: int, config: ClusterConfig | None = None, interval: timedelta = INTERVAL
) -> AsyncGenerator[Cast]:
    """Set everything up in this process; faults are healed and the cluster is taken down at the end.

    Args:
        seed: of the cluster, when no configuration is given, and of the choice of targets.
    """
    from operator_chaos import Chaos
    from operator_ledger import MemoryFaultJournal, MemoryLedger
    from operator_monitor import Monitor
    from operator_simulator import ClusterConfig, InProcessDeployment
    from operator_tikv import TikvSubject, TikvTargets

    from operator_cli.faults import commands_of

    name = ClusterName("demo")
    deployment = InProcessDeployment(name=name, config=config or ClusterConfig(seed=seed), clock=clock)
    commands = {c.name: c for c in await commands_of(deployment)}
    await deployment.up(lambda _: None)
    endpoints = await deployment.endpoints()
    subject = TikvSubject(
        cluster=name,
        targets=TikvTargets(
            pd=tuple(f"http://{e.reachable}" for e in endpoints if e.component.kind == "pd"),
            addresses=AddressMap.of(endpoints),
        ),
        clock=clock,
        transport=deployment.network.transport,
        dialer=deployment.network.dialer,
    )
    chaos = Chaos(deployment=name, target=deployment, journal=MemoryFaultJournal(), clock=clock, expendable=True)
    monitor = Monitor(
        cluster=name,
        subject=subject,
        ledger=MemoryLedger(),
        clock=clock,
        diagnoser=diagnoser(),
        interval=interval,
    )
    try:
        yield Cast(deployment=deployment, monitor=monitor, chaos=chaos, commands=commands, chance=random.Random(seed))
    finally:
        await chaos.heal()
        await subject.close()
        await deployment.down(lambda _: None)
