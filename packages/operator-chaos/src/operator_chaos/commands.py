"""The commands that a subject's faults make: names from kinds and roles, and a target when none is named."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from operator_core.actions import Availability, Refused, guard
from operator_core.components import Component, ComponentRef, Kind, RedundancyGroup, Role
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import EVERY, Fault, FaultCapability, FaultName
from operator_core.knowledge import ComponentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCommand:
    """One command of the command line.

    Attributes:
        name: unique among the commands (``kill-node``, ``kill-node-leader``, ``cut-from-arbiter``).
        role: only a component that plays it is meant.
        toward: the kind of the other end, all of it.
        parameters: the name of each parameter and its default.
    """

    name: str
    fault: FaultName
    kind: Kind
    describes: str
    takes_away: bool
    role: Role | None = None
    toward: Kind | None = None
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])

    def on(
        self, target: ComponentRef, parameters: Mapping[str, float] | None = None, toward: ComponentRef | None = None
    ) -> Fault:
        """The fault that the command does to a component; of a link to all of the other kind, unless one is given."""
        if toward is None and self.toward is not None:
            toward = ComponentRef(self.toward, EVERY)
        return Fault(
            name=self.fault, target=target, toward=toward, parameters={**self.parameters, **(parameters or {})}
        )


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def fault_commands(capabilities: Iterable[FaultCapability], kinds: Iterable[ComponentKind]) -> tuple[FaultCommand, ...]:
    """The commands that some capabilities make, in their order; after each, the same for every role of its kind.

    A fault of a link is named for its far end (``cut-from-arbiter``), and for its near end too
    (``cut-witness-from-arbiter``) unless that is the first of the kinds that can have it, in the subject's order.

    Raises:
        ValueError: two commands would have one name.
    """
    capabilities = tuple(capabilities)
    roles = {k.kind: k.roles for k in kinds}
    order = list(roles)
    commands: list[FaultCommand] = []
    for capability in capabilities:
        for role in (None, *roles.get(capability.kind, ())):
            if role is not None and capability.toward is not None:
                continue
            commands.append(
                FaultCommand(
                    name=_name(capability, role, capabilities, order),
                    fault=capability.name,
                    kind=capability.kind,
                    describes=capability.describes,
                    takes_away=capability.takes_away,
                    role=None if role is None else Role(role),
                    toward=capability.toward,
                    parameters=dict(capability.parameters),
                )
            )
    names = [c.name for c in commands]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"more than one fault would be called {', '.join(twice)}")
    return tuple(commands)


def _name(
    capability: FaultCapability, role: str | None, capabilities: Sequence[FaultCapability], order: Sequence[Kind]
) -> str:
    if capability.toward is None:
        return "-".join(_word(part) for part in (capability.name, capability.kind, role or "") if part)
    near = [c.kind for c in capabilities if (c.name, c.toward) == (capability.name, capability.toward)]
    first = min(near, key=lambda kind: order.index(kind) if kind in order else len(order))
    named = _word(capability.name) if capability.kind == first else f"{_word(capability.name)}-{_word(capability.kind)}"
    return f"{named}-from-{_word(capability.toward)}"


def choose_target(
    command: FaultCommand,
    components: Iterable[Component],
    *,
    groups: Sequence[RedundancyGroup],
    state: Mapping[ComponentRef, Availability],
    chance: random.Random,
    allow_group_loss: bool = False,
) -> ComponentRef:
    """A component for a command that names none: by chance, among those that the guard allows.

    One that is known to be down is never taken, for a fault of it would show nothing; one that is surely available
    is preferred to one of which nothing is known.

    Raises:
        ConfigurationError: there is no such component.
        ActionRejected: the guard allows none of them.
    """
    meant = f"{command.kind} with role {command.role}" if command.role is not None else command.kind
    there = sorted(
        c.ref for c in components if c.ref.kind == command.kind and (command.role is None or command.role in c.roles)
    )
    if not there:
        raise ConfigurationError(f"{command.name}: there is no {meant}")
    up = [ref for ref in there if state.get(ref) is not Availability.UNAVAILABLE]
    if not up:
        raise ActionRejected(f"{command.name}: every {meant} is unavailable already")
    verdicts = {ref: guard(ref, takes_away=command.takes_away, groups=groups, state=state) for ref in up}
    allowed = [ref for ref in up if allow_group_loss or not isinstance(verdicts[ref], Refused)]
    if not allowed:
        reasons = dict.fromkeys(v.reason for v in verdicts.values() if isinstance(v, Refused))
        raise ActionRejected(f"{command.name}: {'; '.join(reasons)}")
    return chance.choice([r for r in allowed if state.get(r) is Availability.AVAILABLE] or allowed)
