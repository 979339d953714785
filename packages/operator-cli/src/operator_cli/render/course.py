"""How readings went over time, as a row of small bars.

What was not seen is a gap, never a low bar: a line that falls to nothing and a line that we lost look different.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.components import ComponentRef
from operator_core.knowledge import ComponentKind
from operator_core.readings import Observation, SignalName, Unit

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Where nothing was seen; before the first look there is nothing at all."""

KEEP = 180
"""Looks that are remembered: a quarter of an hour at five seconds each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One signal of one component, look by look.

    Attributes:
        values: oldest first; None where it was not seen.
        first: how many looks there were before the first of these, so that what is drawn together stays together.
    """

    unit: Unit
    values: tuple[float | None, ...]
    first: int = 0

    @property
    def seen(self) -> tuple[float, ...]:
        return tuple(v for v in self.values if v is not None)

    @property
    def now(self) -> float | None:
        return self.values[-1] if self.values else None


def cells(course: Course, width: int) -> tuple[float | None, ...]:
    """At most so many cells for a course: each the highest of its looks, or None where most of them saw nothing.

    As time goes on a cell holds 1, 2, 4, 8 … looks, and one look stays with the same others from then on: the picture
    moves to the left, it does not dance.
    """
    if width < 1 or not course.values:
        return ()
    each, last = 1, course.first + len(course.values) - 1
    while last // each - course.first // each + 1 > width:
        each *= 2
    drawn: list[float | None] = []
    for number in range(course.first // each, last // each + 1):
        start = max(0, number * each - course.first)
        looks = course.values[start : (number + 1) * each - course.first]
        there = [v for v in looks if v is not None]
        drawn.append(max(there) if 2 * len(there) >= len(looks) else None)
    return tuple(drawn)


def bars(drawn: Sequence[float | None], most: float) -> str:
    """Cells as bars between zero and a highest value; what is above zero is never drawn as nothing."""
    return "".join(GAP if v is None else BARS[_level(v, most)] for v in drawn)


def _level(value: float, most: float) -> int:
    if most <= 0:
        return 0
    return min(len(BARS) - 1, max(0, round(value / most * (len(BARS) - 1))))


class Courses:
    """The courses of one cluster's components, all as long as each other at their newer end.

    Args:
        interval: the time from look to look; where much more than that passed without one, there is a gap.
    """

    def __init__(self, *, interval: timedelta, keep: int = KEEP) -> None:
        self._interval = interval
        self._keep = keep
        self._values: dict[tuple[SignalName, ComponentRef], deque[float | None]] = {}
        self._units: dict[SignalName, Unit] = {}
        self._looks = 0
        self._last: datetime | None = None

    @property
    def span(self) -> timedelta:
        """The time that is remembered."""
        return self._interval * min(self._looks, self._keep)

    def add(self, at: datetime, observation: Observation | None, kinds: Iterable[ComponentKind]) -> None:
        """Take what one look saw; nothing at all when it failed."""
        if self._last is not None:
            for _ in range(min(self._missed(at - self._last), self._keep)):
                self._take({})
        self._last = at
        seen: dict[tuple[SignalName, ComponentRef], float] = {}
        for kind in kinds if observation is not None else ():
            for signal in kind.course:
                for reading in observation.of_signal(signal) if observation is not None else ():
                    if reading.toward is None and not isinstance(reading.value, str):
                        seen[signal, reading.component] = reading.value
                        self._units[signal] = reading.unit
        self._take(seen)

    def _missed(self, passed: timedelta) -> int:
        """How many looks are missing in between; one that came late is not missing."""
        return max(0, round(passed / self._interval) - 1) if passed > 2.5 * self._interval else 0

    def _take(self, seen: dict[tuple[SignalName, ComponentRef], float]) -> None:
        for key in seen.keys() - self._values.keys():
            self._values[key] = deque([None] * min(self._looks, self._keep - 1), maxlen=self._keep)
        self._looks += 1
        for key, values in tuple(self._values.items()):
            values.append(seen.get(key))
            if all(v is None for v in values):
                del self._values[key]

    def most(self, signal: SignalName, refs: Iterable[ComponentRef]) -> float:
        """The highest value of a signal among some components; 0 when none was seen."""
        each = (self._values.get((signal, ref), ()) for ref in refs)
        return max((v for values in each for v in values if v is not None), default=0.0)

    def of(self, signal: SignalName, ref: ComponentRef) -> Course | None:
        """How it went; None when it was not seen in all the time that is remembered."""
        values = self._values.get((signal, ref))
        if values is None:
            return None
        return Course(unit=self._units[signal], values=tuple(values), first=self._looks - len(values))
