"""When cycles begin: at multiples of the interval from a fixed instant, each a little early or late by chance.

Because every cycle is placed from that instant and not from the one before, nothing adds up; because of the chance,
a thousand monitors that were started together do not ask together for ever. The rule for what was missed is that of
tokio's `MissedTickBehavior::Skip`, but for one thing: two cycles never begin close to each other.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from operator_core.errors import ConfigurationError

NEAREST = 0.5
"""Two cycles begin at least this share of an interval apart, jitter aside: rates need a base."""


class Rhythm:
    """The instants at which cycles begin.

    Args:
        jitter: the largest share of the interval by which a cycle begins early or late; 0 to below 0.5.
        chance: decides the jitter; without it there is none.

    Raises:
        ConfigurationError: the interval or the jitter breaks these terms.
    """

    def __init__(self, interval: timedelta, *, jitter: float = 0.0, chance: random.Random | None = None) -> None:
        if interval <= timedelta(0):
            raise ConfigurationError(f"an interval of {interval.total_seconds():g} s: it must be above 0")
        if not 0 <= jitter < NEAREST:
            raise ConfigurationError(f"a jitter of {jitter:g}: it must be 0 or more, and below {NEAREST:g}")
        self._interval = interval
        self._jitter = jitter
        self._chance = chance
        self._first = datetime.min.replace(tzinfo=UTC)
        self._slot = -1

    def begin(self, first: datetime) -> None:
        """Let the first cycle begin then, without jitter."""
        self._first = first
        self._slot = -1

    def next(self, now: datetime) -> datetime:
        """When the next cycle begins, the one before having ended now.

        Slots that have passed are one cycle, which begins at once, unless the next slot is near: then that one is it.
        """
        self._slot += 1
        if now < self._nominal(self._slot) or self._slot == 0:
            return self._begins(self._slot)
        passed = (now - self._first) // self._interval
        if self._nominal(passed + 1) - now >= NEAREST * self._interval:
            self._slot = passed
            return now
        self._slot = passed + 1
        return self._begins(self._slot)

    def _nominal(self, slot: int) -> datetime:
        return self._first + slot * self._interval

    def _begins(self, slot: int) -> datetime:
        nominal = self._nominal(slot)
        if self._chance is None or slot == 0:
            return nominal
        return nominal + self._chance.uniform(-self._jitter, self._jitter) * self._interval
