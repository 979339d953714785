"""Which components a failure mode can be bound to, and how likely each is before anything is seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from operator_core.components import CLUSTER, ComponentRef
from operator_core.knowledge import AllOf, AnyOf, Condition, FailureMode, Scope, Test
from operator_core.readings import SignalName
from operator_core.tickets import Ticket

from operator_diagnosis.conditions import Presence
from operator_diagnosis.signs import Signs


@dataclass(frozen=True, slots=True)
class Binding:
    """The components that a hypothesis is about, and its share of the mode's prior, 0 < share ≤ 1."""

    components: tuple[ComponentRef, ...]
    share: float


MUST = 0.9
"""A mode must show a sign that it is expected to show this often."""


def bindings(mode: FailureMode, signs: Signs, ticket: Ticket | None) -> tuple[Binding, ...]:
    """Everything that a mode can be bound to in this case; nothing when it is not thinkable."""
    if not has_trace(mode, signs):
        return ()
    match mode.scope:
        case Scope.CLUSTER:
            return (Binding((CLUSTER,), 1.0),)
        case Scope.COMPONENT:
            refs = candidates(mode, signs, ticket)
            return tuple(Binding((ref,), share) for ref, share in shares(refs, signs, ticket).items())
        case Scope.GROUP:
            blamed = blamed_by(mode, signs)
            return (Binding(blamed, 1.0),) if blamed else ()


def has_trace(mode: FailureMode, signs: Signs) -> bool:
    """Whether what a mode must show was looked for at all: a part that nobody has cannot have failed.

    A reading that could not be had is a trace; a signal of which no look says anything is none.
    """
    must = [signs.by_name[e.sign] for e in mode.expects if e.probability >= MUST]
    return not must or any(signal in signs.looks.signals for sign in must for signal in signals_of(sign.condition))


def signals_of(condition: Condition) -> Iterator[SignalName]:
    """Every signal that a condition looks at."""
    match condition:
        case Test(signal=signal):
            yield signal
        case AllOf(tests=tests) | AnyOf(tests=tests):
            for test in tests:
                yield from signals_of(test)


def candidates(mode: FailureMode, signs: Signs, ticket: Ticket | None) -> tuple[ComponentRef, ...]:
    """The components of a mode's kind: those that are known, and those that the ticket is about."""
    named = (ref for ref in (ticket.components if ticket else ()) if ref.kind == mode.about)
    return tuple(dict.fromkeys((*signs.looks.components(mode.about), *named)))


def blamed_by(mode: FailureMode, signs: Signs) -> tuple[ComponentRef, ...]:
    """The members that a mode of GROUP scope blames, or none when they are too few for it to be thinkable."""
    members = signs.looks.components(mode.about)
    sign = signs.by_name.get(mode.blames) if mode.blames is not None else None
    if sign is None:
        return ()
    blamed = tuple(ref for ref in members if signs.presence(sign, ref) is Presence.PRESENT)
    least = mode.at_least if mode.at_least >= 0 else len(members) + mode.at_least
    return blamed if blamed and len(blamed) >= least else ()


def shares(refs: Iterable[ComponentRef], signs: Signs, ticket: Ticket | None) -> dict[ComponentRef, float]:
    """How a prior is shared among components; the shares sum to 1.

    The shares of a thousand components must together weigh no more than one hypothesis about the whole. But the
    components are not all alike before the evidence is weighed: something made a person or a monitor ask. The
    suspects (the ticket is about them, or something about them is odd) weigh 1 each, all others together 1.
    """
    everyone = tuple(refs)
    suspects = (set(ticket.components) if ticket else set[ComponentRef]()) | signs.odd_components
    others = sum(1 for ref in everyone if ref not in suspects)
    weights = {ref: 1.0 if ref in suspects else 1.0 / others for ref in everyone}
    total = sum(weights.values())
    return {ref: weight / total for ref, weight in weights.items()}
