"""Holding an investigation again from its recording: the same result, without a model, a subject or a network."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from operator_core.errors import ConfigurationError
from operator_core.ports import Case, Probe, ProbeParameter
from operator_core.readings import Reading, Unseen

from operator_diagnosis.claude.asking import Asked
from operator_diagnosis.claude.json_values import Json, as_list, as_number, as_object, as_text
from operator_diagnosis.claude.limits import Limits, Spent
from operator_diagnosis.claude.line import Delivery, Heard, Introduced
from operator_diagnosis.claude.prices import Price, Prices
from operator_diagnosis.claude.recorder import (
    MICROSECOND,
    RecordingAsking,
    RecordingLine,
    read_asked,
    read_delivery,
    read_introduced,
    read_sight,
)
from operator_diagnosis.claude.recording import Recording
from operator_diagnosis.claude.results import Answered, Investigated
from operator_diagnosis.claude.session import Session
from operator_diagnosis.outward import Outward
from operator_diagnosis.wire import from_json


class RecordedLine:
    """Gives what was given, in the same order."""

    def __init__(self, exchanges: Sequence[Json]) -> None:
        self._rest: Iterator[Json] = iter(exchanges)

    async def introduce(self, model: str, *, within: timedelta) -> Introduced:  # noqa: ARG002
        return read_introduced(self._next("model"))

    async def send(self, request: Json, *, within: timedelta, heard: Heard) -> Delivery:  # noqa: ARG002
        return read_delivery(self._next("message"))

    async def rest(self, wait: timedelta) -> timedelta:  # noqa: ARG002
        return as_number(self._next("rest").get("took_us")) * MICROSECOND

    def _next(self, kind: str) -> Json:
        exchange = next(self._rest, None)
        if exchange is None or exchange.get("kind") != kind:
            raise ConfigurationError("the recording does not fit this case: the investigation takes another course")
        return exchange


class RecordedAsking:
    """Gives what the probes gave, in the same order."""

    def __init__(self, tools: Sequence[Json]) -> None:
        self._rest: Iterator[Json] = iter(tools)

    async def ask(self, probe: str, arguments: Mapping[str, str], *, within: timedelta) -> Asked:  # noqa: ARG002
        tool = next(self._rest, None)
        said = [] if tool is None else [as_list(pair) for pair in as_list(tool.get("arguments"))]
        if tool is None or tool.get("probe") != probe or [list(p) for p in arguments.items()] != said:
            raise ConfigurationError("the recording does not fit this case: another probe was put")
        return read_asked(tool)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProbe:
    """A probe as it was offered; it cannot be put."""

    name: str
    describes: str
    parameters: tuple[ProbeParameter, ...]

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:  # noqa: ARG002
        raise ConfigurationError(f"probe {self.name} stands in a recording; it cannot be put")


async def replay(recording: Recording, case: Case) -> Investigated:
    """The result of a recorded investigation of the same case.

    Raises:
        ConfigurationError: it is the recording of something else.
        InvestigationFailed: as the investigation did.
    """
    session = _session(recording, case, "diagnosis")
    return await session.investigate()


async def replay_answer(recording: Recording, case: Case) -> Answered:
    """The answer to a recorded question about the same case.

    Raises:
        ConfigurationError: it is the recording of something else.
    """
    session = _session(recording, case, "question")
    try:
        diagnosis = from_json(as_text(recording.about.get("diagnosis")))
        sights = [read_sight(as_object(s)) for s in as_list(recording.about.get("known"))]
    except ValueError as e:
        raise ConfigurationError(f"the recording cannot be read: {e}") from e
    known = [s for s in sights if isinstance(s, Reading)]
    return await session.answer(diagnosis, as_text(recording.about.get("question")), known)


def _session(recording: Recording, case: Case, kind: str) -> Session:
    about = recording.about
    if about.get("kind") != kind:
        raise ConfigurationError(f"this is the recording of a {about.get('kind')}, not of a {kind}")
    if about.get("cluster") != case.cluster:
        raise ConfigurationError(f"this is a recording of cluster {about.get('cluster')}, not of {case.cluster}")
    if about.get("at") != case.at.isoformat():
        raise ConfigurationError(f"this recording is of {about.get('at')}, the case of {case.at.isoformat()}")
    try:
        second = about.get("second_opinion")
        hosts = {as_text(as_list(p)[0]): as_text(as_list(p)[1]) for p in as_list(about.get("hosts"))}
        return Session(
            case=case,
            model=as_text(about.get("model")),
            effort=as_text(about.get("effort")) or None,
            limits=_limits(as_object(about.get("limits"))),
            prices=_prices(as_object(about.get("prices")), as_text(about.get("model"))),
            probes=tuple(_probe(p) for p in recording.probes),
            second=None if second is None else from_json(as_text(second)),
            outward=Outward(
                chance=random.Random(0),  # noqa: S311 (nothing is sent)
                pseudonyms=about.get("pseudonyms") is True,
                known=hosts.values(),
                called=hosts,
            ),
            line=RecordingLine(RecordedLine(recording.exchanges)),
            asking=RecordingAsking(RecordedAsking(recording.tools)),
            told=_silent,
            book=_unbooked,
        )
    except (ValueError, LookupError, InvalidOperation) as e:
        raise ConfigurationError(f"the recording cannot be read: {e}") from e


def _silent(_line: str) -> None:
    pass


async def _unbooked(_spent: Spent) -> None:
    pass


def _limits(read: Json) -> Limits:
    usd = read.get("usd")
    return Limits(
        attempts=as_number(read.get("attempts")),
        turns=as_number(read.get("turns")),
        tokens_in=as_number(read.get("in")),
        tokens_out=as_number(read.get("out")),
        usd=None if usd is None else Decimal(as_text(usd)),
        wall=as_number(read.get("wall_us")) * MICROSECOND,
        answer_tokens=as_number(read.get("answer")),
    )


def _prices(read: Json, model: str) -> Prices:
    listed = read.get("usd_per_million")
    as_of = date.fromisoformat(as_text(read.get("as_of")))
    if listed is None:
        return Prices(as_of=as_of, by_model={})
    sent, written, from_cache, to_cache = (Decimal(as_text(p)) for p in as_list(listed))
    price = Price(tokens_in=sent, tokens_out=written, cache_read=from_cache, cache_written=to_cache)
    return Prices(as_of=as_of, by_model={model: price})


def _probe(read: Json) -> Probe:
    return RecordedProbe(
        name=as_text(read.get("name")),
        describes=as_text(read.get("describes")),
        parameters=tuple(
            ProbeParameter(
                name=as_text(p.get("name")),
                describes=as_text(p.get("describes")),
                required=p.get("required") is True,
                choices=tuple(as_text(c) for c in as_list(p.get("choices"))),
            )
            for p in map(as_object, as_list(read.get("parameters")))
        ),
    )
