"""The slice of the settings that says whether a model reasons, which one, and what that may cost."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from operator_core.errors import ConfigurationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from operator_cli.durations import parse_duration
from operator_cli.reasoners import KEY_VARIABLE, URL_VARIABLE, Reasoner

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}")


NO_KEY = "one word of plain letters, digits and signs is meant"


class _Slice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("an amount of money is meant")
    return value


Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False), AfterValidator(_finite)]


class LimitSettings(_Slice):
    """What one investigation may cost at most; no limit can be taken away, only widened.

    Attributes:
        attempts: HTTP requests, those that are sent again among them.
        turns: answers of the model.
        tokens_in, tokens_out: sent, and written by the model.
        usd: counted by the table of prices.
        wall: a duration.
    """

    attempts: int = Field(default=30, ge=1, le=1_000)
    turns: int = Field(default=16, ge=1, le=500)
    tokens_in: int = Field(default=1_500_000, ge=1_000, le=100_000_000)
    tokens_out: int = Field(default=60_000, ge=500, le=10_000_000)
    usd: Usd = Decimal(2)
    wall: str = "10m"

    @field_validator("wall")
    @classmethod
    def _lasts(cls, value: str) -> str:
        _wall(value)
        return value

    @property
    def within(self) -> timedelta:
        return _wall(self.wall)


def _wall(text: str) -> timedelta:
    try:
        return parse_duration(text, of="it", least=timedelta(seconds=5), most=timedelta(hours=6))
    except ConfigurationError as e:
        raise ValueError(str(e)) from e


class PriceSettings(_Slice):
    """USD per million tokens; what is left out of the cache's follows from the first."""

    tokens_in: Usd
    tokens_out: Usd
    cache_read: Usd | None = None
    cache_written: Usd | None = None


class ClaudeSettings(_Slice):
    """Diagnosis with Claude.

    Attributes:
        reasoner: ``with`` in the file; who diagnoses when no option says so.
        model: its id as the API knows it.
        effort: how hard the model thinks; its own default when left out.
        api_key: else the variable ANTHROPIC_API_KEY.
        base_url: else the variable ANTHROPIC_BASE_URL, else the API's own address.
        limits: of one investigation.
        daily_usd: what an agent may spend in 24 hours, together with all who write into the same record.
        prices: by model id, instead of or beside those of the built-in table.
        prices_as_of: the day on which they were looked up.
        second_opinion: the model is told what the rules think.
        pseudonyms: addresses and host names are called by other names outside.
    """

    reasoner: Reasoner = Field(default=Reasoner.RULES, alias="with")
    model: str = "claude-sonnet-5-5"
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    api_key: SecretStr | None = None
    base_url: str | None = None
    limits: LimitSettings = Field(default_factory=LimitSettings)
    daily_usd: Usd = Decimal(20)
    prices: dict[str, PriceSettings] = Field(default_factory=dict)
    prices_as_of: date | None = None
    second_opinion: bool = True
    pseudonyms: bool = False

    @field_validator("model")
    @classmethod
    def _named(cls, value: str) -> str:
        if not _MODEL.fullmatch(value):
            raise ValueError("the id of a model is meant, such as claude-sonnet-5-5")
        return value

    @field_validator("base_url")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        if value is not None:
            check_url(value)
        return value

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_key(value.get_secret_value())
        return value

    @property
    def key(self) -> SecretStr | None:
        """The key of the settings, else of the environment; None where there is none.

        Raises:
            ConfigurationError: the variable holds no key.
        """
        if self.api_key is not None:
            return self.api_key
        given = os.environ.get(KEY_VARIABLE, "").strip()
        if not given:
            return None
        try:
            check_key(given)
        except ValueError as e:
            raise ConfigurationError(f"variable {KEY_VARIABLE} cannot be used; {e}") from None
        return SecretStr(given)

    @property
    def url(self) -> str | None:
        """Where the API is, when it is not where it always is.

        Raises:
            ConfigurationError: the variable holds no address.
        """
        given = self.base_url or os.environ.get(URL_VARIABLE, "").strip() or None
        if given is not None:
            try:
                check_url(given)
            except ValueError as e:
                raise ConfigurationError(f"variable {URL_VARIABLE}: {e}") from None
        return given


def check_key(key: str) -> None:
    """Refuse what cannot be sent as a key, without repeating it.

    Raises:
        ValueError: it cannot.
    """
    if not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(NO_KEY)


def check_url(url: str) -> None:
    """Refuse what is no address of an HTTP server.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError:
        named = False
        parts = urlsplit("")
    if not named or parts.scheme not in ("http", "https") or parts.username or parts.password:
        raise ValueError("an address such as https://api.anthropic.com is meant, without user and password")


def from_environment(claude: ClaudeSettings) -> Mapping[str, tuple[str, str]]:
    """What the model's own variables add to the settings: by key, the value as it may be shown, and the variable."""
    found: dict[str, tuple[str, str]] = {}
    if claude.api_key is None and os.environ.get(KEY_VARIABLE, "").strip():
        found["claude.api_key"] = (str(SecretStr("set")), f"environment ({KEY_VARIABLE})")
    if claude.base_url is None and (url := os.environ.get(URL_VARIABLE, "").strip()):
        found["claude.base_url"] = (url, f"environment ({URL_VARIABLE})")
    return found
