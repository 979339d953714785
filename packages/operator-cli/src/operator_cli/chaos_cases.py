"""What the chaos commands await."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from operator_core.actions import availability
from operator_core.components import Component, ComponentRef
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import Fault, JournalEntry, Undo
from operator_core.ports import Clock, FaultJournal, FaultTarget
from operator_core.runtime import RealClock

from operator_cli.faults import (
    Offered,
    command_named,
    commands_of,
    default_target,
    local_commands,
    merged,
    parameters_of,
    target_named,
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a person asks for.

    Attributes:
        fault: the command's name.
        target: which component; None leaves it to chance among those the guard allows.
        toward: which one at the other end; None means all of that kind.
        parameters: ``name=number`` texts.
    """

    fault: str
    target: str | None = None
    toward: str | None = None
    parameters: tuple[str, ...] = ()
    chance: random.Random
    allow_group_loss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A deployment that may be broken, as it is seen at this moment."""

    chaos: Chaos
    commands: tuple[FaultCommand, ...]
    services: Mapping[ComponentRef, str]
    look: Look


async def catalogue() -> tuple[Offered, ...]:
    """Every fault that the deployments of this program can do."""
    from operator_cli.settings import load

    return merged({"embedded": await commands_of(embedded("default", load())), "local": local_commands()})


def _chaos(meant: Meant, target: FaultTarget, journal: FaultJournal, clock: Clock) -> Chaos:
    from operator_chaos import Chaos

    return Chaos(
        deployment=cluster_name(meant),
        target=target,
        journal=journal,
        clock=clock,
        expendable=isinstance(meant, Embedded | Local) or meant.settings.expendable,
    )


@asynccontextmanager
async def _stage(meant: Meant, loaded: Loaded) -> AsyncGenerator[_Stage]:
    _refuse_foreign(meant)
    look = await look_at(meant)
    target, services = await _target(meant, loaded, look.observations[-1].components)
    async with open_journal(loaded) as journal:
        yield _Stage(
            chaos=_chaos(meant, target, journal, _clock(meant, loaded)),
            commands=await commands_of(target),
            services=services,
            look=look,
        )


def _refuse_foreign(meant: Meant) -> None:
    if isinstance(meant, Attached):
        raise ActionRejected(
            f"{cluster_name(meant)} was not brought up by Operator; faults are done to embedded and local deployments"
        )


async def _target(
    meant: Meant, loaded: Loaded, components: Iterable[Component] = ()
) -> tuple[FaultTarget, Mapping[ComponentRef, str]]:
    match meant:
        case Embedded(name=name):
            return embedded(name, loaded), {}
        case Local(name=name):
            from operator_local import LocalFaultTarget

            services = await LocalFaultTarget(name=name).services_of(components)
            return LocalFaultTarget(name=name, services=services), services
        case Attached():
            raise AssertionError(f"{cluster_name(meant)} has been refused")
        case _:
            assert_never(meant)


def _clock(meant: Meant, loaded: Loaded) -> Clock:
    return embedded(meant.name, loaded).clock() if isinstance(meant, Embedded) else RealClock()


def _fault(aim: Aim, meant: Meant, stage: _Stage) -> Fault:
    command = command_named(aim.fault, stage.commands, deployment=cluster_name(meant))
    parameters = parameters_of(command, aim.parameters)
    seen = stage.look.observations[-1]
    if aim.toward is not None and command.toward is None:
        raise ConfigurationError(f"--toward {aim.toward}: {command.name} is done to one component, not to a link")
    return command.on(
        target_named(command, command.kind, aim.target, seen, stage.services)
        if aim.target is not None
        else default_target(command, seen, stage.look.judgements, aim.chance, allow_group_loss=aim.allow_group_loss),
        parameters,
        toward=None
        if aim.toward is None or command.toward is None
        else target_named(command, command.toward, aim.toward, seen, stage.services),
    )


async def plan_fault(meant: Meant, loaded: Loaded, aim: Aim) -> FaultPlan:
    """What a fault would do and how it would be undone; nothing is changed."""
    async with _stage(meant, loaded) as stage:
        fault = _fault(replace(aim, allow_group_loss=True), meant, stage)
        return FaultPlan(fault=fault, undo=await stage.chaos.plan(fault))


async def inject(meant: Meant, loaded: Loaded, aim: Aim) -> JournalEntry:
    """Do a fault, its undo written down first.

    Raises:
        ActionRejected: the deployment may not be broken, or a group would lose its majority.
        ConfigurationError: there is no such fault, component or parameter.
    """
    async with _stage(meant, loaded) as stage:
        seen = stage.look.observations[-1]
        return await stage.chaos.inject(
            _fault(aim, meant, stage),
            groups=seen.groups,
            state=availability(seen.refs(), stage.look.judgements),
            allow_group_loss=aim.allow_group_loss,
        )


async def heal_all(meant: Meant, loaded: Loaded) -> tuple[JournalEntry, ...]:
    """Undo every fault of a deployment that is not healed."""
    _refuse_foreign(meant)
    target, _ = await _target(meant, loaded)
    async with open_journal(loaded) as journal:
        return await _chaos(meant, target, journal, _clock(meant, loaded)).heal()


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
