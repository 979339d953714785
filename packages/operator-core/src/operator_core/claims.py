"""Claims: statements that code can check against recorded readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operator_core.components import ComponentRef
from operator_core.readings import ReadingId, SignalName, Unit, Value


class Comparison(Enum):
    """How a reading relates to the claimed value."""

    EQUALS = "is"
    DIFFERS = "is not"
    ABOVE = "is above"
    BELOW = "is below"
    AT_LEAST = "is at least"
    AT_MOST = "is at most"
    RISES = "rises by at least"
    """From the first to the last cited reading, by at least the value."""
    FALLS = "falls by at least"
    """From the first to the last cited reading, by at least the value."""

    @property
    def is_direction(self) -> bool:
        return self in (Comparison.RISES, Comparison.FALLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed span of aware instants."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A typed statement: at this component, this signal compared so with this value, in this interval.

    It cites every reading that it is about; a claim that cites nothing is worth nothing.
    """

    component: ComponentRef
    signal: SignalName
    comparison: Comparison
    value: Value
    unit: Unit
    interval: Interval
    readings: tuple[ReadingId, ...]
    toward: ComponentRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """A claim that did not hold, and why."""

    claim: Claim
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What became of some claims when they were checked."""

    held: tuple[Claim, ...]
    struck: tuple[Struck, ...]
