"""The line to the model as the loop sees it: a port, so that a recording can stand in for the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from operator_diagnosis.claude.failures import Failure
from operator_diagnosis.claude.json_values import Json
from operator_diagnosis.claude.limits import Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What the API says of a model; None where it does not say.

    Attributes:
        lifecycle: ``active``, ``deprecated`` or ``retired``.
        efforts: the levels of effort that it takes.
    """

    id: str
    lifecycle: str = "active"
    retires_at: datetime | None = None
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    has_structured_outputs: bool | None = None
    efforts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one request brought: a message, or why there is none.

    Attributes:
        used: attempts, tokens and time; for a stream that was cut, what was told or can be guessed until then.
        message: the model's message in the API's JSON; None when it failed.
    """

    used: Spent
    message: Json | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """What the question for a model's facts brought."""

    used: Spent
    facts: ModelFacts | None = None
    failure: Failure | None = None


Heard = Callable[[str], None]
"""Told which sort of block the model has begun to write: ``thinking``, ``text``, ``tool_use``."""


class Line(Protocol):
    """Sends one request, once. It raises for nothing that can happen on the way."""

    async def introduce(self, model: str, *, within: timedelta) -> Introduced:
        """Ask for a model's facts."""
        ...

    async def send(self, request: Json, *, within: timedelta, heard: Heard) -> Delivery:
        """Send a request of the Messages API and read its stream to the end."""
        ...

    async def rest(self, wait: timedelta) -> timedelta:
        """Wait before the next attempt; gives the time that it took."""
        ...
