"""What a story or a trial is played with: a cluster, who watches it, and who breaks it, wired together."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.components import AddressMap, ComponentRef
from operator_core.judgements import Judgement
from operator_core.ports import Clock
from operator_core.readings import ClusterName, Observation

from operator_cli.wiring import diagnoser

if TYPE_CHECKING:
    from operator_chaos import Chaos, FaultCommand
    from operator_monitor import Monitor
    from operator_simulator import InProcessDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Props:
    """Everything on the stage."""

    deployment: InProcessDeployment
    monitor: Monitor
    chaos: Chaos
    command: FaultCommand
    target: Callable[[Observation, Sequence[Judgement]], ComponentRef]


@asynccontextmanager
async def stage(
    command: str, seed: int, stores: int, pds: int, interval: timedelta, clock: Clock
) -> AsyncGenerator[Props]:
    """Set everything up in this process; faults are healed and the cluster is taken down at the end.

    Raises:
        ConfigurationError: there is no such chaos command.
    """
    from operator_chaos import Chaos
    from operator_ledger import MemoryFaultJournal, MemoryLedger
    from operator_monitor import Monitor
    from operator_simulator import ClusterConfig, InProcessDeployment
    from operator_tikv import TikvSubject, TikvTargets

    from operator_cli.faults import command_named, default_target

    name = ClusterName("demo")
    deployment = InProcessDeployment(name=name, config=ClusterConfig(stores=stores, pd=pds, seed=seed), clock=clock)
    chosen = await command_named(command, deployment)
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
        yield Props(
            deployment=deployment,
            monitor=monitor,
            chaos=chaos,
            command=chosen,
            target=lambda seen, judgements: default_target(chosen, seen, judgements, random.Random(seed)),
        )
    finally:
        await chaos.heal()
        await subject.close()
        await deployment.down(lambda _: None)
