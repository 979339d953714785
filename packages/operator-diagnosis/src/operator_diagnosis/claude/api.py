"""The line to the Messages API, through the `anthropic` SDK (2.x). The only place that knows it.

The SDK repeats nothing by itself here: whoever holds the budget decides on every attempt.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import anthropic
import httpx2
from anthropic.lib.streaming import AsyncMessageStream
from anthropic.types import Message, ModelInfo
from operator_core.ports import Clock

from operator_diagnosis.claude.budget import tokens_of
from operator_diagnosis.claude.failures import Failure, FailureKind, kind_of
from operator_diagnosis.claude.json_values import Json
from operator_diagnosis.claude.limits import Spent
from operator_diagnosis.claude.line import Delivery, Heard, Introduced, ModelFacts
from operator_diagnosis.claude.spoken import one_line

BASE_URL = "https://api.anthropic.com"

PATIENCE = httpx2.Timeout(connect=10.0, read=120.0, write=30.0, pool=10.0)
"""Seconds. Between two events of a stream nothing is ever so long in coming: the API sends pings."""

_ON_THE_WAY = (anthropic.AnthropicError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, TimeoutError, OSError)
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What the SDK's reader of streams raises over events that are not the API's; it has no error of its own for them."""


class ApiLine:
    """One connection to the API; closed by whoever opened it."""

    def __init__(self, *, key: str, base_url: str | None, clock: Clock) -> None:
        self._clock = clock
        self._client = anthropic.AsyncAnthropic(
            api_key=key, base_url=base_url or BASE_URL, max_retries=0, timeout=PATIENCE, open_telemetry=False
        )

    async def close(self) -> None:
        await self._client.close()

    async def rest(self, wait: timedelta) -> timedelta:
        began = self._clock.now()
        await self._clock.sleep(wait)
        return self._clock.now() - began

    async def introduce(self, model: str, *, within: timedelta) -> Introduced:
        began = self._clock.now()
        facts: ModelFacts | None = None
        failure: Failure | None = None
        try:
            async with self._clock.deadline(within):
                facts = _facts(await self._client.models.retrieve(model))
        except (*_ON_THE_WAY, *_UNREADABLE) as e:
            failure = _failure(e)
        return Introduced(used=Spent(attempts=1, wall=self._clock.now() - began), facts=facts, failure=failure)

    async def send(self, request: Json, *, within: timedelta, heard: Heard) -> Delivery:
        began = self._clock.now()
        reading = _Reading()
        failure: Failure | None = None
        is_in_doubt = True
        coming = self._stream(request)
        try:
            async with self._clock.deadline(within), coming as stream:
                await reading.read(stream, heard)
        except (*_ON_THE_WAY, *_UNREADABLE) as e:
            failure = _failure(e)
            is_in_doubt = _may_have_cost(e)
        used = reading.used(attempts=1, wall=self._clock.now() - began)
        if is_in_doubt and reading.message is None:
            used = replace(used, cache_written=tokens_of(len(json.dumps(request, ensure_ascii=False))))
        if failure is None and not reading.is_whole:
            failure = Failure(kind=FailureKind.CUT, said="the stream ended before the message did")
        message = None if failure is not None or reading.message is None else reading.message.to_dict()
        return Delivery(used=used, message=message, failure=failure)

    def _stream(self, request: Json) -> Any:  # noqa: ANN401 (the SDK's type has a parameter that is of no use here)
        stream = cast("Callable[..., Any]", self._client.messages.stream)
        with warnings.catch_warnings():
            # what is said of a model's end is asked of the API and told to a person
            warnings.simplefilter("ignore", DeprecationWarning)
            return stream(**request)


class _Reading:
    """A stream as far as it has come."""

    def __init__(self) -> None:
        self.message: Message | None = None
        self.is_whole = False
        self._letters = 0
        self._is_counted = False

    async def read(self, stream: AsyncMessageStream[Any], heard: Heard) -> None:
        async for event in stream:
            match event.type:
                case "message_start":
                    self.message = stream.current_message_snapshot
                case "content_block_start":
                    heard(event.content_block.type)
                case "content_block_delta":
                    delta = event.delta.to_dict()
                    self._letters += sum(len(v) for v in delta.values() if isinstance(v, str))
                case "message_delta":
                    self._is_counted = True
                case "message_stop":
                    self.is_whole = True
                case _:
                    pass

    def used(self, *, attempts: int, wall: timedelta) -> Spent:
        if self.message is None:
            return Spent(attempts=attempts, wall=wall)
        usage = self.message.usage
        told = usage.output_tokens
        return Spent(
            attempts=attempts,
            turns=int(self.is_whole),
            tokens_in=usage.input_tokens,
            tokens_out=told if self._is_counted else max(told, tokens_of(self._letters)),
            cache_read=usage.cache_read_input_tokens or 0,
            cache_written=usage.cache_creation_input_tokens or 0,
            wall=wall,
        )


def _facts(told: ModelInfo) -> ModelFacts:
    able = told.capabilities
    efforts = None
    if able is not None and able.effort.supported:
        levels = {
            "low": able.effort.low,
            "medium": able.effort.medium,
            "high": able.effort.high,
            "xhigh": able.effort.xhigh,
            "max": able.effort.max,
        }
        efforts = tuple(name for name, level in levels.items() if level is not None and level.supported)
    return ModelFacts(
        id=told.id,
        lifecycle=told.lifecycle,
        retires_at=told.retires_at,
        max_input_tokens=told.max_input_tokens,
        max_tokens=told.max_tokens,
        has_structured_outputs=None if able is None else able.structured_outputs.supported,
        efforts=() if able is not None and not able.effort.supported else efforts,
    )


def _may_have_cost(error: Exception) -> bool:
    """Whether the request may have been read though nothing of its answer came: it is booked as if it had been."""
    is_answered = isinstance(error, anthropic.APIStatusError) and error.status_code >= 400
    never_left = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.InvalidURL)
    return not is_answered and not isinstance(error.__cause__ or error, never_left)


def _failure(error: Exception) -> Failure:
    match error:
        case anthropic.APIStatusError():
            said = one_line(error.api_message or "")
            return Failure(
                kind=kind_of(error.status_code, error.type, said),
                status=error.status_code if error.status_code >= 400 else None,
                said=said,
                retry_after=_retry_after(error.response.headers),
            )
        case anthropic.APITimeoutError() | httpx2.TimeoutException() | TimeoutError():
            return Failure(kind=FailureKind.SILENT)
        case anthropic.APIConnectionError() | httpx2.HTTPError() | OSError():
            return Failure(kind=FailureKind.CUT)
        case _:
            return Failure(kind=FailureKind.GARBLED)


def _retry_after(headers: httpx2.Headers) -> timedelta | None:
    """What the server asks for, in seconds or milliseconds; an HTTP date is not used by this API."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return timedelta(seconds=float(headers[name]) * unit)
        except (KeyError, ValueError, OverflowError):
            continue
    return None
