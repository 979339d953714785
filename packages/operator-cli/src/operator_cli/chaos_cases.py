"""What the chaos commands await."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from operator_core.actions import availability
from operator_core.errors import ActionRejected
from operator_core.faults import Fault, JournalEntry, Undo
from operator_core.ports import FaultTarget
from operator_core.runtime import RealClock

from operator_cli.faults import commands_of, default_target, target_named
from operator_cli.use_cases.looking import look_at
from operator_cli.wiring import Attached, Embedded, Local, Meant, cluster_name, embedded, open_journal

if TYPE_CHECKING:
    from operator_chaos import Chaos, FaultCommand
    from operator_monitor import Look

    from operator_cli.settings import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """A fault that would be done, and its undo."""

    fault: Fault
    undo: Undo


async def catalogue() -> tuple[FaultCommand, ...]:
    """Every fault that the deployments of this program can do."""
    from operator_cli.settings import load

    return await commands_of(embedded("default", load()))


def _target(meant: Meant, loaded: Loaded) -> FaultTarget:
    match meant:
        case Embedded(name=name):
            return embedded(name, loaded)
        case Local() | Attached():
            raise ActionRejected(
                f"there is no way yet to break {cluster_name(meant)}; faults are done to embedded deployments"
            )
        case _:
            assert_never(meant)


@asynccontextmanager
async def _chaos(meant: Meant, loaded: Loaded) -> AsyncGenerator[Chaos]:
    from operator_chaos import Chaos

    target = _target(meant, loaded)
    async with open_journal(loaded) as journal:
        yield Chaos(
            deployment=cluster_name(meant),
            target=target,
            journal=journal,
            clock=embedded(meant.name, loaded).clock(),
            expendable=isinstance(meant, Embedded | Local) or meant.settings.expendable,
        )


async def _aim(
    meant: Meant,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
    *,
    allow_group_loss: bool,
) -> tuple[Fault, Look]:
    look = await look_at(meant)
    seen = look.observations[-1]
    ref = (
        target_named(command, target, seen)
        if target is not None
        else default_target(command, seen, look.judgements, chance, allow_group_loss=allow_group_loss)
    )
    return command.on(ref, parameters), look


async def plan_fault(
    meant: Meant,
    loaded: Loaded,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
) -> FaultPlan:
    """What a fault would do and how it would be undone; nothing is changed."""
    async with _chaos(meant, loaded) as chaos:
        fault, _ = await _aim(meant, command, target, parameters, chance, allow_group_loss=True)
        return FaultPlan(fault=fault, undo=await chaos.plan(fault))


async def inject(
    meant: Meant,
    loaded: Loaded,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
    *,
    allow_group_loss: bool,
) -> JournalEntry:
    """Do a fault, its undo written down first.

    Raises:
        ActionRejected: the deployment may not be broken, or a group would lose its majority.
    """
    async with _chaos(meant, loaded) as chaos:
        fault, look = await _aim(meant, command, target, parameters, chance, allow_group_loss=allow_group_loss)
        seen = look.observations[-1]
        return await chaos.inject(
            fault,
            groups=seen.groups,
            state=availability(seen.refs(), look.judgements),
            allow_group_loss=allow_group_loss,
        )


async def heal_all(meant: Meant, loaded: Loaded) -> tuple[JournalEntry, ...]:
    """Undo every fault of a deployment that is not healed."""
    async with _chaos(meant, loaded) as chaos:
        return await chaos.heal()


async def unhealed(loaded: Loaded, name: str | None) -> tuple[JournalEntry, ...]:
    """The faults that are not healed, of one deployment or of all, oldest first."""
    async with open_journal(loaded) as journal:
        entries = await journal.entries(unhealed_only=True)
    return tuple(e for e in entries if name is None or e.deployment.split(":")[-1] == name)


async def forget_faults(meant: Meant, loaded: Loaded) -> None:
    """Close the faults of a deployment that was taken down: what they were done to is gone, nothing is left to undo."""
    now = RealClock().now()
    async with open_journal(loaded) as journal:
        for entry in await journal.entries(cluster_name(meant), unhealed_only=True):
            await journal.healed(entry.id, now)
