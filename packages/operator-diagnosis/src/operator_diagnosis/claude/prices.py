"""What tokens cost: a table with a date, which settings may override, for prices change without notice.

The table is the list of Anthropic's published prices (`Models & pricing`, platform.claude.com) of its date. Reading
from the cache costs a tenth of sending, writing to it for five minutes a quarter more, by the same page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from operator_diagnosis.claude.limits import Spent

MILLION = Decimal(1_000_000)
CACHE_READ = Decimal("0.1")
CACHE_WRITTEN = Decimal("1.25")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens."""

    tokens_in: Decimal
    tokens_out: Decimal
    cache_read: Decimal
    cache_written: Decimal

    @classmethod
    def listed(cls, tokens_in: str | Decimal, tokens_out: str | Decimal) -> Price:
        """A price of the list, with the list's factors for the cache."""
        sent = Decimal(tokens_in)
        return cls(
            tokens_in=sent,
            tokens_out=Decimal(tokens_out),
            cache_read=sent * CACHE_READ,
            cache_written=sent * CACHE_WRITTEN,
        )

    def of(self, spent: Spent) -> Decimal:
        """What these tokens cost."""
        return (
            self.tokens_in * spent.tokens_in
            + self.tokens_out * spent.tokens_out
            + self.cache_read * spent.cache_read
            + self.cache_written * spent.cache_written
        ) / MILLION


LISTED_ON = date(2026, 11, 1)
# claude-haiku-5-5 is listed with the lowest of its prices only ("from"), which no limit in money could rest on
LISTED: Mapping[str, Price] = {
    "claude-fable-5-2": Price.listed("8", "40"),
    "claude-opus-5-5": Price.listed("4", "20"),
    "claude-sonnet-5-5": Price.listed("2", "10"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices by model id, and the day on which they were looked up."""

    as_of: date = LISTED_ON
    by_model: Mapping[str, Price] = field(default_factory=lambda: dict(LISTED))

    def of(self, model: str) -> Price | None:
        """The price of a model; of one with a date in its id (``…-20251001``), the price of the id without it.

        None when it is not known: then nothing can be said about money, and a limit in money cannot be kept.
        """
        if found := self.by_model.get(model):
            return found
        plain, _, day = model.rpartition("-")
        return self.by_model.get(plain) if len(day) == len("20251001") and day.isdigit() else None

    def overridden(self, by_model: Mapping[str, Price], *, as_of: date) -> Prices:
        """These prices with some of them replaced or added."""
        return Prices(as_of=as_of, by_model={**self.by_model, **by_model})
