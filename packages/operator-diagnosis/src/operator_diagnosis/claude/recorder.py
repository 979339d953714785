"""Writing an investigation down while it is held, and the shapes in which its parts are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from operator_core.components import ComponentRef
from operator_core.readings import Cause, Reading, ReadingId, SignalName, Unit, Unseen

from operator_diagnosis.claude.asking import Asked, Asking, Hindrance
from operator_diagnosis.claude.failures import Failure, FailureKind
from operator_diagnosis.claude.json_values import Json, as_list, as_number, as_object, as_text
from operator_diagnosis.claude.limits import Spent
from operator_diagnosis.claude.line import Delivery, Heard, Introduced, Line, ModelFacts

MICROSECOND = timedelta(microseconds=1)


class RecordingLine:
    """A line that writes down what goes over it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.exchanges: list[Json] = []
        self._said: list[object] = []

    async def introduce(self, model: str, *, within: timedelta) -> Introduced:
        got = await self._line.introduce(model, within=within)
        facts = None if got.facts is None else _facts_json(got.facts)
        self.exchanges.append(
            {"kind": "model", "used": _spent(got.used), "facts": facts, "failure": _failure_json(got.failure)}
        )
        return got

    async def send(self, request: Json, *, within: timedelta, heard: Heard) -> Delivery:
        got = await self._line.send(request, within=within, heard=heard)
        self.exchanges.append(
            {
                "kind": "message",
                "request": self._new_of(request),
                "used": _spent(got.used),
                "message": got.message,
                "failure": _failure_json(got.failure),
            }
        )
        return got

    async def rest(self, wait: timedelta) -> timedelta:
        took = await self._line.rest(wait)
        self.exchanges.append({"kind": "rest", "took_us": took // MICROSECOND})
        return took

    def _new_of(self, request: Json) -> Json:
        """The first request whole; of each later one what it does not share with the one before."""
        messages = as_list(request.get("messages"))
        first = not self._said
        same = next((n for n, (a, b) in enumerate(zip(messages, self._said, strict=False)) if a != b), None)
        since = min(len(messages), len(self._said)) if same is None else same
        self._said = messages
        if first:
            return request
        kept = {k: request[k] for k in ("max_tokens", "tool_choice") if k in request}
        return kept | {"messages_from": since, "messages": messages[since:]}


class RecordingAsking:
    """Puts probes and writes down what they gave."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self.tools: list[Json] = []

    async def ask(self, probe: str, arguments: Mapping[str, str], *, within: timedelta) -> Asked:
        got = await self._asking.ask(probe, arguments, within=within)
        self.tools.append(
            {
                "probe": probe,
                "arguments": [[name, value] for name, value in arguments.items()],
                "took_us": got.took // MICROSECOND,
                "hindrance": None if got.hindrance is None else got.hindrance.value,
                "sights": [sight_json(s) for s in got.sights],
            }
        )
        return got


def read_introduced(exchange: Json) -> Introduced:
    """What :class:`RecordingLine` wrote of a model's facts."""
    facts = exchange.get("facts")
    return Introduced(
        used=_read_spent(as_object(exchange.get("used"))),
        facts=None if facts is None else _read_facts(as_object(facts)),
        failure=_read_failure(exchange.get("failure")),
    )


def read_delivery(exchange: Json) -> Delivery:
    """What :class:`RecordingLine` wrote of a message."""
    message = exchange.get("message")
    return Delivery(
        used=_read_spent(as_object(exchange.get("used"))),
        message=None if message is None else as_object(message),
        failure=_read_failure(exchange.get("failure")),
    )


def read_asked(tool: Json) -> Asked:
    """What :class:`RecordingAsking` wrote.

    Raises:
        ValueError: it wrote no such thing.
    """
    hindrance = tool.get("hindrance")
    return Asked(
        took=as_number(tool.get("took_us")) * MICROSECOND,
        sights=tuple(read_sight(as_object(s)) for s in as_list(tool.get("sights"))),
        hindrance=None if hindrance is None else Hindrance(hindrance),
    )


def _spent(spent: Spent) -> Json:
    return {
        "attempts": spent.attempts,
        "turns": spent.turns,
        "in": spent.tokens_in,
        "out": spent.tokens_out,
        "cache_read": spent.cache_read,
        "cache_written": spent.cache_written,
        "wall_us": spent.wall // MICROSECOND,
    }


def _read_spent(read: Json) -> Spent:
    return Spent(
        attempts=as_number(read.get("attempts")),
        turns=as_number(read.get("turns")),
        tokens_in=as_number(read.get("in")),
        tokens_out=as_number(read.get("out")),
        cache_read=as_number(read.get("cache_read")),
        cache_written=as_number(read.get("cache_written")),
        wall=as_number(read.get("wall_us")) * MICROSECOND,
    )


def _failure_json(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    after = None if failure.retry_after is None else failure.retry_after // MICROSECOND
    return {"kind": failure.kind.value, "status": failure.status, "said": failure.said, "retry_after_us": after}


def _read_failure(read: object) -> Failure | None:
    if read is None:
        return None
    members = as_object(read)
    status, after = members.get("status"), members.get("retry_after_us")
    return Failure(
        kind=FailureKind(members.get("kind")),
        status=None if status is None else as_number(status),
        said=as_text(members.get("said")),
        retry_after=None if after is None else as_number(after) * MICROSECOND,
    )


def _facts_json(facts: ModelFacts) -> Json:
    return {
        "id": facts.id,
        "lifecycle": facts.lifecycle,
        "retires_at": None if facts.retires_at is None else facts.retires_at.isoformat(),
        "max_input_tokens": facts.max_input_tokens,
        "max_tokens": facts.max_tokens,
        "has_structured_outputs": facts.has_structured_outputs,
        "efforts": None if facts.efforts is None else list(facts.efforts),
    }


def _read_facts(read: Json) -> ModelFacts:
    retires, able, efforts = read.get("retires_at"), read.get("has_structured_outputs"), read.get("efforts")
    most_in, most = read.get("max_input_tokens"), read.get("max_tokens")
    return ModelFacts(
        id=as_text(read.get("id")),
        lifecycle=as_text(read.get("lifecycle")),
        retires_at=datetime.fromisoformat(as_text(retires)) if retires is not None else None,
        max_input_tokens=None if most_in is None else as_number(most_in),
        max_tokens=None if most is None else as_number(most),
        has_structured_outputs=None if able is None else able is True,
        efforts=None if efforts is None else tuple(as_text(e) for e in as_list(efforts)),
    )


def sight_json(sight: Reading | Unseen) -> Json:
    """What was seen, or not, as it is written down."""
    common: dict[str, Any] = {
        "component": sight.component.key,
        "toward": None if sight.toward is None else sight.toward.key,
        "signal": sight.signal,
        "at": sight.at.isoformat(),
        "source": sight.source,
    }
    match sight:
        case Reading():
            return {"id": sight.id, "value": _value_json(sight.value), "unit": sight.unit, **common}
        case Unseen():
            return {"cause": sight.cause.value, "detail": sight.detail, **common}


def _value_json(value: float | str) -> Json:
    # JSON has no number for NaN and infinity, and a word may look like one
    return {"word": value} if isinstance(value, str) else {"number": repr(float(value))}


def read_sight(read: Json) -> Reading | Unseen:
    """What :func:`sight_json` wrote.

    Raises:
        ValueError: it wrote no such thing.
    """
    toward = read.get("toward")
    component = ComponentRef.parse(as_text(read.get("component")))
    other = None if toward is None else ComponentRef.parse(as_text(toward))
    at = datetime.fromisoformat(as_text(read.get("at")))
    signal, source = SignalName(as_text(read.get("signal"))), as_text(read.get("source"))
    if "cause" in read:
        return Unseen(
            component=component,
            toward=other,
            signal=signal,
            cause=Cause(read.get("cause")),
            detail=as_text(read.get("detail")),
            at=at,
            source=source,
        )
    value = as_object(read.get("value"))
    return Reading(
        id=ReadingId(as_text(read.get("id"))),
        component=component,
        toward=other,
        signal=signal,
        value=as_text(value.get("word")) if "word" in value else float(as_text(value.get("number"))),
        unit=Unit(as_text(read.get("unit"))),
        at=at,
        source=source,
    )
