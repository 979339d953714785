"""What a subject knows about itself, as data: signs, failure modes, options.

An engine that knows nothing of the subject evaluates it; people read the same objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

from operator_core.actions import RiskClass
from operator_core.claims import Comparison
from operator_core.components import Kind
from operator_core.judgements import Invariant, InvariantName
from operator_core.readings import SignalName, Value
from operator_core.signals import Signal

SignName = NewType("SignName", str)
ModeName = NewType("ModeName", str)
OptionName = NewType("OptionName", str)

UNKNOWN_MODE = ModeName("unknown")
"""None of the known ways to fail explains what was read."""

DO_NOTHING = OptionName("do-nothing")


class Of(Enum):
    """Whose readings a test looks at, seen from the component that a hypothesis is bound to."""

    SELF = "self"
    OTHERS = "others"
    """The other components of its kind."""
    ALL = "all"
    """Every component of the signal's kind."""
    BY_OTHERS = "by others"
    """What others of the signal's kind measure toward it."""
    TO_OTHERS = "to others"
    """What it measures toward others."""
    CLUSTER = "cluster"
    """The one component that stands for the subject as a whole."""


class Quantifier(Enum):
    """Of how many of the readings looked at the comparison must be true."""

    ALL = "all"
    ANY = "any"
    MOST = "most"
    """More than half."""
    NONE = "none"


class When(Enum):
    """Which of the observations at hand a test looks at."""

    LATEST = "latest"
    """The newest."""
    EVER = "ever"
    """Any of them."""
    BEFORE = "before"
    """Those before trouble began."""
    ACROSS = "across"
    """The first against the last, for a direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One comparison over readings."""

    __test__ = False

    signal: SignalName
    comparison: Comparison
    value: Value
    of: Of = Of.SELF
    quantifier: Quantifier = Quantifier.ALL
    when: When = When.LATEST


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part is true; one that is false makes it false, else one that is unseen makes it unseen."""

    tests: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part is true; else one that is unseen makes it unseen."""

    tests: tuple[Condition, ...]


Condition = Test | AllOf | AnyOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Something that readings can show about a component.

    Attributes:
        about: the kind of component that it is asked about. A mode may expect signs about its own kind, asked of
            each component that it is bound to, and signs about the cluster, asked once.
        says: the sign in plain words with ``{it}`` for the component ("{it} refuses connections").
        says_not: the same when it is absent ("{it} accepts connections").
        base_rate: how often it is seen at a component with which nothing is wrong, 0 < p < 1.
    """

    name: SignName
    about: Kind
    says: str
    says_not: str
    condition: Condition
    base_rate: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How often a sign is seen when a failure mode is at work, 0 < p < 1.

    At 0.9 and above the mode must show it, at 0.1 and below it must not, between it may.
    """

    sign: SignName
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTemplate:
    """Something that could be done about a failure mode; ``{it}`` stands for the component.

    Attributes:
        does: what would be done, in an imperative sentence.
        gains: what it brings.
        costs: what it costs or risks.
        undo: how to take it back; empty when there is nothing to take back.
        takes_away: while it lasts the component does not do its share of its group's work.
        is_action: whether anything of the subject would be changed by it.
        unless: why one would choose another, said when this one is not recommended.
    """

    name: OptionName
    does: str
    gains: str
    costs: str
    risk: RiskClass
    unless: str
    undo: str = ""
    takes_away: bool = False
    is_action: bool = True


class Scope(Enum):
    """What a hypothesis of a failure mode is bound to."""

    COMPONENT = "component"
    GROUP = "group"
    """Those members of a kind for which the mode's `blames` condition is true, together."""
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One step of how the failure unfolds; supported when its sign is present, else said to be inferred."""

    says: str
    sign: SignName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """An invariant that a failure mode violates, and whose.

    Attributes:
        of: seen from the component that the mode is at work in: SELF, OTHERS of its kind, ALL or CLUSTER.
        kind: the kind that OTHERS and ALL range over, where it is not the mode's own.
    """

    invariant: InvariantName
    of: Of = Of.SELF
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMode:
    """A known way to fail.

    Attributes:
        about: the kind of component a hypothesis is bound to.
        summary: what is happening, one sentence with ``{it}``.
        mechanism: the physics, in sentences for a person.
        prior: relative frequency among the modes, > 0.
        blames: for GROUP scope, which members the hypothesis is about.
        at_least: for GROUP scope, how many members must be blamed for the mode to be thinkable;
            a negative number counts from "all but".
        options: in the order in which one would choose them; doing nothing among them.
        violates: the invariants that it breaks, of the component itself and of what depends on it; violations
            that one mode at one component accounts for are one incident.
        source: where this is known from.
    """

    name: ModeName
    title: str
    about: Kind
    summary: str
    mechanism: str
    expects: tuple[Expectation, ...]
    path: tuple[PathStep, ...]
    options: tuple[OptionTemplate, ...]
    dont: tuple[str, ...] = ()
    tells_apart: Mapping[ModeName, str] = field(default_factory=dict[ModeName, str])
    scope: Scope = Scope.COMPONENT
    blames: SignName | None = None
    at_least: int = 2
    prior: float = 1.0
    violates: tuple[Consequence, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentKind:
    """A kind of component and the roles that it can play.

    Attributes:
        glance: the signals that a person wants to see of each such component, most telling first.
        course: the signals whose course over time a person wants to see, such as load and latency.
    """

    kind: Kind
    title: str
    roles: tuple[str, ...] = ()
    glance: tuple[SignalName, ...] = ()
    course: tuple[SignalName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """Everything a subject knows as data.

    Attributes:
        version: changes whenever the knowledge does; recorded with each diagnosis.
        unknown: what to do when no mode explains the readings; doing nothing among them.
    """

    version: str
    kinds: tuple[ComponentKind, ...]
    signals: tuple[Signal, ...]
    invariants: tuple[Invariant, ...]
    signs: tuple[Sign, ...]
    modes: tuple[FailureMode, ...]
    unknown: tuple[OptionTemplate, ...]

    def sign(self, name: SignName) -> Sign:
        """The sign of that name.

        Raises:
            KeyError: there is none.
        """
        for sign in self.signs:
            if sign.name == name:
                return sign
        raise KeyError(name)

    def mode(self, name: ModeName) -> FailureMode:
        """The failure mode of that name.

        Raises:
            KeyError: there is none.
        """
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise KeyError(name)
