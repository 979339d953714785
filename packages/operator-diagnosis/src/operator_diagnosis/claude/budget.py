"""Whether the next request may be sent, and how long its answer may be. Pure: it decides, others send.

What the next request costs is judged at its worst: all that is sent is written to the cache, and the answer is as
long as it may be. The length of the answer is what gives way: it is cut to what tokens and money are left, so that
a run can exceed its limits by no more than a wrong estimate of the one request in flight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

from operator_diagnosis.claude.limits import Limits, Spent
from operator_diagnosis.claude.prices import MILLION, Price

LEAST_ANSWER = 1_000
"""Tokens; an answer that may be no longer than this cannot hold a diagnosis, so it is not asked for."""

LAST_OF_WALL = 0.75
"""Share of the time from which on the model is asked to close."""

LETTERS_PER_TOKEN = 2.5
"""Letters that one token stands for at least in what is sent; tables of numbers are dense, prose has about four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the next request may cost.

    Attributes:
        answer_tokens: what its answer may have at most; 0 when it may not be sent.
        is_last: nothing more may fit after it, so it should bring the closing object.
        because: which limit stands in the way, in one line; empty when none does.
    """

    answer_tokens: int
    is_last: bool = False
    because: str = ""

    @property
    def is_none(self) -> bool:
        return self.answer_tokens == 0


def tokens_of(letters: int) -> int:
    """What text of this length may have in tokens, at the most that is likely."""
    return int(letters / LETTERS_PER_TOKEN) + 1


def room(limits: Limits, spent: Spent, price: Price | None, *, sending: int) -> Room:
    """Whether a request of so many tokens may be sent, and how long its answer may be.

    Args:
        price: None when it is not known; money is then not looked at.
        sending: tokens that are sent, at the most that is likely.
    """
    least = min(LEAST_ANSWER, limits.answer_tokens)
    if spent.attempts >= limits.attempts:
        return _none(f"its {limits.attempts} requests are used up")
    if spent.turns >= limits.turns:
        return _none(f"its {limits.turns} turns are used up")
    if spent.wall >= limits.wall:
        return _none(f"its {limits.wall.total_seconds():g} s are over")
    if spent.sent + sending > limits.tokens_in:
        return _none(f"it has sent {spent.sent} of {limits.tokens_in} tokens and the next request would be too large")
    answer = min(limits.answer_tokens, limits.tokens_out - spent.tokens_out)
    if answer < least:
        return _none(f"the model has written {spent.tokens_out} of {limits.tokens_out} tokens")
    if limits.usd is not None and price is not None and spent.usd is not None:
        answer = min(answer, _affordable(limits.usd - spent.usd, price, sending))
        if answer < least:
            return _none(f"it has cost {spent.usd:.4f} of {limits.usd} USD and the next request might cost too much")
    after = replace(
        worst(spent, price, sending=sending, answer=answer), attempts=spent.attempts + 1, turns=spent.turns + 1
    )
    return Room(answer_tokens=answer, is_last=_is_last(limits, after, price, sending + least))


def worst(spent: Spent, price: Price | None, *, sending: int, answer: int) -> Spent:
    """What will have been spent when the next request costs all that it may."""
    tokens = Spent(cache_written=sending, tokens_out=answer)
    return spent + replace(tokens, usd=price.of(tokens) if price is not None else Decimal(0))


def _is_last(limits: Limits, after: Spent, price: Price | None, next_sending: int) -> bool:
    """Whether the closing object should come now: one more request is kept back for its repair."""
    least = min(LEAST_ANSWER, limits.answer_tokens)
    if after.attempts + 1 >= limits.attempts or after.turns + 1 >= limits.turns:
        return True
    if after.wall >= limits.wall * LAST_OF_WALL or after.sent + next_sending > limits.tokens_in:
        return True
    if limits.tokens_out - after.tokens_out < least:
        return True
    if limits.usd is None or price is None or after.usd is None:
        return False
    return _affordable(limits.usd - after.usd, price, next_sending) < least


def _affordable(usd: Decimal, price: Price, sending: int) -> int:
    """How many tokens an answer may have for this money when so many are sent with it."""
    left = usd - price.of(Spent(cache_written=sending))
    if left <= 0:
        return 0
    return int((left * MILLION / price.tokens_out).to_integral_value(ROUND_FLOOR)) if price.tokens_out else 1 << 30


def _none(because: str) -> Room:
    return Room(answer_tokens=0, because=because)


class Budget:
    """What an investigation has spent so far, and what it may still spend."""

    def __init__(self, limits: Limits, price: Price | None) -> None:
        self.limits = limits
        self.price = price
        self.spent = Spent()

    def room(self, *, sending: int) -> Room:
        """What the next request may cost; see :func:`room`."""
        return room(self.limits, self.spent, self.price, sending=sending)

    def book(self, used: Spent) -> Spent:
        """Add what was used; gives it back with its price."""
        priced = replace(used, usd=None if self.price is None else self.price.of(used))
        self.spent += priced
        return priced
