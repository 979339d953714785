"""What an investigation may cost, and what it has cost: calls, turns, tokens, money, time. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one investigation may cost at most.

    Attributes:
        attempts: HTTP requests to the model's API, those that failed and those that were repeated among them.
        turns: answers of the model.
        tokens_in: tokens sent, whether or not they were read from the cache.
        tokens_out: tokens that the model wrote, its thinking among them.
        usd: None for no limit in money, and for a model whose price is not known.
        wall: from the first request to the last answer.
        answer_tokens: what one answer may have at most (`max_tokens` of a request).
    """

    attempts: int = 30
    turns: int = 16
    tokens_in: int = 1_500_000
    tokens_out: int = 60_000
    usd: Decimal | None = Decimal(2)
    wall: timedelta = timedelta(minutes=10)
    answer_tokens: int = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent; sums of it are meaningful.

    Attributes:
        tokens_in: sent and neither read from nor written to the cache.
        cache_read: sent, and read from the cache.
        cache_written: sent, and written to the cache.
        tokens_out: written by the model.
        usd: None as soon as one of its parts has no known price.
    """

    attempts: int = 0
    turns: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_written: int = 0
    usd: Decimal | None = Decimal(0)
    wall: timedelta = timedelta(0)

    @property
    def sent(self) -> int:
        """All tokens that were sent."""
        return self.tokens_in + self.cache_read + self.cache_written

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            attempts=self.attempts + other.attempts,
            turns=self.turns + other.turns,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cache_read=self.cache_read + other.cache_read,
            cache_written=self.cache_written + other.cache_written,
            usd=None if self.usd is None or other.usd is None else self.usd + other.usd,
            wall=self.wall + other.wall,
        )
