"""Wiring of diagnosis with Claude: from the settings to somebody who can be asked.

What it takes to speak to a model is imported when one is spoken to, and not before.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.ports import Case, Prober
from operator_core.runtime import RealClock

from operator_cli.reasoners import KEY_VARIABLE

if TYPE_CHECKING:
    from operator_diagnosis.claude import Investigator, Limits, Prices, Spent
    from operator_diagnosis.outward import Outward
    from pydantic import SecretStr

    from operator_cli.claude_settings import ClaudeSettings

Told = Callable[[str], None]
"""Told, a line at a time, what is being done."""

Book = Callable[["Spent"], Awaitable[None]]

NO_KEY = f"Claude cannot be asked without a key: set the variable {KEY_VARIABLE}, or api_key under [claude]"


def limits_of(claude: ClaudeSettings, usd: Decimal | None = None) -> Limits:
    """The limits of one investigation.

    Args:
        claude: the settings.
        usd: what it may cost when that is less than the settings say; a day's money may be nearly spent.
    """
    from operator_diagnosis.claude import Limits

    mine = claude.limits
    return Limits(
        attempts=mine.attempts,
        turns=mine.turns,
        tokens_in=mine.tokens_in,
        tokens_out=mine.tokens_out,
        usd=mine.usd if usd is None else min(mine.usd, usd),
        wall=mine.within,
    )


def prices_of(claude: ClaudeSettings) -> Prices:
    """The table of prices, with what the settings say of it."""
    from operator_diagnosis.claude import Price, Prices

    listed = Prices()
    if not claude.prices:
        return listed
    own: dict[str, Price] = {}
    for model, price in claude.prices.items():
        usual = Price.listed(price.tokens_in, price.tokens_out)
        own[model] = Price(
            tokens_in=price.tokens_in,
            tokens_out=price.tokens_out,
            cache_read=usual.cache_read if price.cache_read is None else price.cache_read,
            cache_written=usual.cache_written if price.cache_written is None else price.cache_written,
        )
    return listed.overridden(own, as_of=claude.prices_as_of or listed.as_of)


def has_price(claude: ClaudeSettings) -> bool:
    """Whether it is known what the model costs, so that a limit in money can be kept."""
    return prices_of(claude).of(claude.model) is not None


def prices_date(claude: ClaudeSettings) -> date:
    """The day of the table of prices."""
    return prices_of(claude).as_of


def outward_of(claude: ClaudeSettings, case: Case) -> Outward:
    """The one door through which a case's words leave the process."""
    from operator_diagnosis.outward import Outward

    known = {address for o in case.observations for c in o.components for address in c.addresses.values()}
    return Outward(chance=random.SystemRandom(), pseudonyms=claude.pseudonyms, known=sorted(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A model that can be asked."""

    claude: ClaudeSettings
    key: SecretStr

    def investigator(
        self,
        case: Case,
        *,
        prober: Prober | None,
        second: Diagnosis | None,
        told: Told,
        book: Book,
        usd: Decimal | None = None,
    ) -> Investigator:
        """Somebody who investigates one case.

        Args:
            case: whose words are to leave the process.
            prober: puts questions to the subject; None when it cannot be asked.
            second: what the rules think; the settings say whether the model is told.
            told: what is being done.
            book: awaited with what each attempt cost.
            usd: see :func:`limits_of`.
        """
        from operator_diagnosis.claude import Investigator

        return Investigator(
            model=self.claude.model,
            effort=self.claude.effort,
            key=self.key.get_secret_value(),
            base_url=self.claude.url,
            limits=limits_of(self.claude, usd),
            prices=prices_of(self.claude),
            prober=prober,
            clock=RealClock(),
            told=told,
            second_opinion=second if self.claude.second_opinion else None,
            outward=outward_of(self.claude, case),
            book=book,
        )


def colleague(claude: ClaudeSettings) -> Colleague | None:
    """The model of the settings; None when there is no key.

    Raises:
        ConfigurationError: what is given as a key is none.
    """
    key = claude.key
    return None if key is None else Colleague(claude=claude, key=key)


def required_colleague(claude: ClaudeSettings) -> Colleague:
    """The model of the settings.

    Raises:
        ConfigurationError: there is no key.
    """
    found = colleague(claude)
    if found is None:
        raise ConfigurationError(NO_KEY)
    return found
