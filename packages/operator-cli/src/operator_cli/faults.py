"""The chaos commands: made from what a deployment can do and from the subject's kinds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operator_core.actions import availability
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import FaultCapability
from operator_core.ports import FaultTarget

if TYPE_CHECKING:
    from operator_chaos import FaultCommand
    from operator_core.judgements import Judgement
    from operator_core.readings import Observation


BROKEN = ("store", "pd")
"""The kinds of components of the subject that faults are done to; a Prometheus beside them is not one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A fault as a command, and the kinds of deployments that it can be done to."""

    command: FaultCommand
    deployments: tuple[str, ...]


async def commands_of(target: FaultTarget) -> tuple[FaultCommand, ...]:
    """Every fault that can be done to a deployment, as commands."""
    return _commands(await target.capabilities())


def local_commands() -> tuple[FaultCommand, ...]:
    """Every fault that can be done to local deployments, as commands; nothing is asked."""
    from operator_local import possible_faults
    from operator_tikv import KNOWLEDGE

    return _commands(possible_faults(kind.kind for kind in KNOWLEDGE.kinds if kind.kind in BROKEN))


def _commands(capabilities: Iterable[FaultCapability]) -> tuple[FaultCommand, ...]:
    from operator_chaos import fault_commands
    from operator_tikv import KNOWLEDGE

    return fault_commands((c for c in capabilities if c.kind in BROKEN), KNOWLEDGE.kinds)


def merged(catalogues: Mapping[str, Sequence[FaultCommand]]) -> tuple[Offered, ...]:
    """The commands of several kinds of deployments, each name once, with the parameters of all."""
    offered: dict[str, Offered] = {}
    for kind, commands in catalogues.items():
        for command in commands:
            known = offered.get(command.name)
            offered[command.name] = (
                Offered(command=command, deployments=(kind,))
                if known is None
                else Offered(
                    command=replace(known.command, parameters={**command.parameters, **known.command.parameters}),
                    deployments=(*known.deployments, kind),
                )
            )
    return tuple(offered.values())


def command_named(name: str, commands: Sequence[FaultCommand], *, deployment: str) -> FaultCommand:
    """The command of that name among those of a deployment.

    Raises:
        ConfigurationError: there is none.
    """
    for command in commands:
        if command.name == name:
            return command
    raise ConfigurationError(f"{name} cannot be done to {deployment}; it has {', '.join(c.name for c in commands)}")


def default_target(
    command: FaultCommand,
    seen: Observation,
    judgements: Sequence[Judgement],
    chance: random.Random,
    *,
    allow_group_loss: bool = False,
) -> ComponentRef:
    """A component for a command that names none, by chance among those that the guard allows."""
    from operator_chaos import choose_target

    return choose_target(
        command,
        seen.components,
        groups=seen.groups,
        state=availability(seen.refs(), judgements),
        chance=chance,
        allow_group_loss=allow_group_loss,
    )


def target_named(
    command: FaultCommand, kind: Kind, text: str, seen: Observation, services: Mapping[ComponentRef, str]
) -> ComponentRef:
    """The component that a person names: ``4``, ``store 4``, ``store/4``, ``pd0``, or by its service, ``tikv1``.

    Raises:
        ConfigurationError: there is no such component of the kind.
    """
    there = seen.refs(kind)
    for ref in there:
        if text in (ref.id, ref.key, str(ref), services.get(ref)):
            return ref
    known = ", ".join(f"{r.id} ({services[r]})" if r in services and services[r] != r.id else r.id for r in there)
    raise ConfigurationError(f"{command.name}: there is no {kind} {text!r}; there is {known or 'none'}")


def parameters_of(command: FaultCommand, given: Sequence[str]) -> dict[str, float]:
    """The ``name=number`` texts of a person as parameters.

    Raises:
        ConfigurationError: one is not of that form, or the fault has no such parameter.
    """
    parameters: dict[str, float] = {}
    for text in given:
        name, equals, number = text.partition("=")
        if name not in command.parameters:
            known = ", ".join(command.parameters) or "none"
            raise ConfigurationError(f"{command.name} has no parameter {name!r}; it has {known}")
        try:
            parameters[name] = float(number)
        except ValueError:
            raise ConfigurationError(f"--set {text}: {number!r} is no number") from None
        if not equals:
            raise ConfigurationError(f"--set {text}: NAME=NUMBER is meant")
    return parameters
