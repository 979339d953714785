"""Where unrest comes from: everything random is drawn here, from the seed and from nothing else.

Two sorts are needed. What the model lives through (load, elections) is a sequence, drawn tick by tick. What a
single answer suffers (the order of a list, a lost scrape) must not disturb that sequence, nor depend on how many
answers were given before; it is drawn from the instant and the question.
"""

from __future__ import annotations

import math
import random
from enum import Enum


def stream(seed: int, *key: object) -> random.Random:
    """A generator of its own for one purpose; text seeds are hashed, so they do not vary from run to run."""
    return random.Random("/".join(map(str, (seed, *key))))


class Wobble:
    """A factor around 1 that wanders and comes back (Ornstein-Uhlenbeck, in the logarithm).

    Args:
        sigma: standard deviation of the logarithm in the long run.
        memory_s: time in which a deviation decays to 1/e.
    """

    __slots__ = ("_memory_s", "_rng", "_sigma", "_x", "value")

    def __init__(self, rng: random.Random, *, sigma: float, memory_s: float) -> None:
        self._rng = rng
        self._sigma = sigma
        self._memory_s = memory_s
        self._x = rng.gauss(0.0, sigma)
        self.value = math.exp(self._x)

    def step(self, dt: float) -> float:
        if self._sigma > 0:
            keep = math.exp(-dt / self._memory_s)
            self._x = self._x * keep + self._rng.gauss(0.0, self._sigma) * math.sqrt(1 - keep * keep)
            self.value = math.exp(self._x)
        return self.value


class ScrapeFate(Enum):
    """What becomes of one scrape."""

    FINE = "fine"
    SLOW = "slow"
    LOST = "lost"
    RESET = "reset"


def scrape_fate(seed: int, noise: float, process: str, instant_ms: int) -> tuple[ScrapeFate, float]:
    """One scrape in two hundred is slow or lost; the second value is how many seconds a slow one takes."""
    if noise <= 0:
        return ScrapeFate.FINE, 0.0
    rng = stream(seed, "scrape", process, instant_ms)
    luck = rng.random()
    if luck >= 0.005 * noise:
        return ScrapeFate.FINE, 0.0
    kind = (ScrapeFate.SLOW, ScrapeFate.SLOW, ScrapeFate.LOST, ScrapeFate.RESET)[rng.randrange(4)]
    return kind, rng.uniform(1.5, 6.0)
