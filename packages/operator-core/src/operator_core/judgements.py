"""Invariants and their three-valued verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NewType

from operator_core.components import ComponentRef, Kind
from operator_core.readings import Observation, ReadingId

InvariantName = NewType("InvariantName", str)


class Verdict(Enum):
    """Unknown never passes for healthy."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


class Severity(Enum):
    """How bad a violation is for those who use the subject."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return ("info", "warning", "critical").index(self.value)


class Concern(Enum):
    """Whose property an invariant is."""

    SUBJECT = "subject"
    SIGHT = "sight"
    """About ourselves: whether we can see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementKey:
    """What a verdict is about; the same from one observation to the next."""

    invariant: InvariantName
    component: ComponentRef

    def __str__(self) -> str:
        return f"{self.invariant} of {self.component}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """An invariant's verdict about one component in one observation.

    Attributes:
        readings: what the verdict rests on; for UNKNOWN what could be read, possibly nothing.
        because: one plain sentence.
        grace: how long it must stay VIOLATED before it counts.
        stability: how long it must HOLD again before it is over.
        takes_away: while it is violated, the component does not do its share of its redundancy group's work.
    """

    key: JudgementKey
    verdict: Verdict
    at: datetime
    because: str
    readings: tuple[ReadingId, ...] = ()
    grace: timedelta = timedelta(0)
    stability: timedelta = timedelta(0)
    severity: Severity = Severity.WARNING
    concern: Concern = Concern.SUBJECT
    takes_away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check says of one component, before the invariant's terms are put to it."""

    component: ComponentRef
    verdict: Verdict
    because: str
    readings: tuple[ReadingId, ...] = ()
    severity: Severity | None = None
    grace: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A property that should hold.

    Attributes:
        title: the property as a plain sentence ("every store can be reached").
        check: pure; gives one result for each component that it can speak of.
        required: without this verdict nothing can be said about the subject's health.
        takes_away: a component that violates it does not do its share of its redundancy group's work.
        about: the kinds of component that it speaks of; empty where nobody has said.
    """

    name: InvariantName
    title: str
    check: Callable[[Observation], Iterable[CheckResult]]
    grace: timedelta
    stability: timedelta
    severity: Severity = Severity.WARNING
    concern: Concern = Concern.SUBJECT
    required: bool = False
    takes_away: bool = False
    about: frozenset[Kind] = frozenset()

    def judge(self, observation: Observation) -> tuple[Judgement, ...]:
        """The invariant's verdicts in one observation."""
        return tuple(
            Judgement(
                key=JudgementKey(invariant=self.name, component=f.component),
                verdict=f.verdict,
                at=observation.at,
                because=f.because,
                readings=f.readings,
                grace=self.grace if f.grace is None else f.grace,
                stability=self.stability,
                severity=f.severity or self.severity,
                concern=self.concern,
                takes_away=self.takes_away,
            )
            for f in self.check(observation)
        )


def judge(invariants: Iterable[Invariant], observation: Observation) -> tuple[Judgement, ...]:
    """All verdicts of some invariants in one observation."""
    return tuple(j for invariant in invariants for j in invariant.judge(observation))
