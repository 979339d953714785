"""Whether a fault may be done: pure, from the capabilities, the guard and what is not healed yet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from operator_core.actions import Availability, Refused, guard
from operator_core.components import ComponentRef, RedundancyGroup
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import Fault, FaultCapability, JournalEntry


def capability_for(fault: Fault, capabilities: Iterable[FaultCapability]) -> FaultCapability:
    """What a target can do that is this fault.

    Raises:
        ConfigurationError: it can do no such thing to such a component.
    """
    of_kind = [c for c in capabilities if c.kind == fault.target.kind]
    toward = fault.toward.kind if fault.toward is not None else None
    for capability in of_kind:
        if capability.name == fault.name and capability.toward == toward:
            return capability
    known = sorted({c.name if c.toward is None else f"{c.name} from {c.toward}" for c in of_kind})
    can = ", ".join(known) if known else "nothing"
    raise ConfigurationError(f"{fault} cannot be done here; what can be done to a {fault.target.kind}: {can}")


def completed(fault: Fault, capability: FaultCapability) -> Fault:
    """The fault with every parameter that the capability has, the defaults where none was given.

    Raises:
        ConfigurationError: it has a parameter that the capability does not have, or one that is no number.
    """
    for name, value in fault.parameters.items():
        if name not in capability.parameters:
            known = ", ".join(sorted(capability.parameters)) or "none"
            raise ConfigurationError(f"{fault} has no parameter {name!r}; known: {known}")
        if not math.isfinite(value):
            raise ConfigurationError(f"{fault}: {name} is {value}; a finite number is meant")
    return replace(fault, parameters={**capability.parameters, **fault.parameters})


def is_same(left: Fault, right: Fault) -> bool:
    """Whether two faults are the same thing at the same place, however strong."""
    return (left.name, left.target, left.toward) == (right.name, right.target, right.toward)


def with_faults(
    state: Mapping[ComponentRef, Availability],
    unhealed: Iterable[JournalEntry],
    capabilities: Sequence[FaultCapability],
) -> dict[ComponentRef, Availability]:
    """How each component is, those counted as lost that an unhealed fault has taken away.

    A look at the subject is seconds old; the journal knows what was done since. A fault that can no longer be
    told counts as one that takes away.
    """
    after = dict(state)
    for entry in unhealed:
        try:
            takes_away = capability_for(entry.fault, capabilities).takes_away
        except ConfigurationError:
            takes_away = True
        if takes_away:
            after[entry.fault.target] = Availability.UNAVAILABLE
    return after


def refuse_if_unsafe(
    fault: Fault,
    capability: FaultCapability,
    *,
    groups: Iterable[RedundancyGroup],
    state: Mapping[ComponentRef, Availability],
    unhealed: Sequence[JournalEntry],
    capabilities: Sequence[FaultCapability],
    allow_group_loss: bool,
) -> None:
    """Say no to a fault that is already there, or that would cost a group the members it needs.

    Raises:
        ActionRejected: with the reason.
    """
    for entry in unhealed:
        if is_same(entry.fault, fault):
            raise ActionRejected(f"{fault} is already {entry.state.value} as fault {entry.id} and not healed")
    if allow_group_loss:
        return
    verdict = guard(
        fault.target,
        takes_away=capability.takes_away,
        groups=groups,
        state=with_faults(state, unhealed, capabilities),
    )
    if isinstance(verdict, Refused):
        raise ActionRejected(f"{fault}: {verdict.reason}")
