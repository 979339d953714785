"""The chaos commands: made from what a deployment can do and from the subject's kinds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from operator_core.actions import availability
from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.ports import FaultTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operator_chaos import FaultCommand
    from operator_core.judgements import Judgement
    from operator_core.readings import Observation


async def commands_of(target: FaultTarget) -> tuple[FaultCommand, ...]:
    """Every fault that can be done to a deployment, as commands."""
    from operator_chaos import fault_commands
    from operator_tikv import KNOWLEDGE

    return fault_commands(await target.capabilities(), KNOWLEDGE.kinds)


async def command_named(name: str, target: FaultTarget) -> FaultCommand:
    """The command of that name.

    Raises:
        ConfigurationError: there is none.
    """
    commands = await commands_of(target)
    for command in commands:
        if command.name == name:
            return command
    raise ConfigurationError(f"there is no fault {name!r}; there is {', '.join(c.name for c in commands)}")


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


def target_named(command: FaultCommand, text: str, seen: Observation) -> ComponentRef:
    """The component that a person names: ``4``, ``store 4``, ``store/4``, ``pd0``.

    Raises:
        ConfigurationError: there is no such component of the command's kind.
    """
    there = seen.refs(command.kind)
    for ref in there:
        if text in (ref.id, ref.key, str(ref)):
            return ref
    raise ConfigurationError(
        f"{command.name}: there is no {command.kind} {text!r}; there is {', '.join(r.id for r in there) or 'none'}"
    )


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
