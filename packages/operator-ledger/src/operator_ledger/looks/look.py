"""One look: what an observation has beyond its shape, as bytes that are quick to write.

A look is written in the moment it is made and stays so until enough of them have gathered for a segment.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, repeat
from typing import cast

from operator_core.errors import LedgerError
from operator_core.readings import Cause, ClusterName, Observation, Reading, ReadingId, SourceLook, Unseen

from operator_ledger.looks.shape import Shape, component_of, shape_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEAD = struct.Struct("<II")

Text = str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What changes from look to look.

    Attributes:
        at: of the observation, in microseconds since 1970 in UTC.
        values: of the series that are no words, in their order: IEEE 754 doubles, little-endian.
        instants: runs of readings and then of unseens with the same instant: how many, and by how many microseconds
            it is later than the observation's; by turns.
        texts: the values of the series that are words; None when the readings' ids are ``o<number>.1`` and on, else
            all of them as JSON, without ``o<number>`` before a dot, with an equals sign before others; of each unseen
            its cause and its words; of each source its failure and its words.
    """

    number: int
    at: int
    values: bytes
    instants: tuple[int, ...]
    texts: tuple[Text, ...]


def microseconds(at: datetime) -> int:
    """An aware instant as microseconds since 1970 in UTC."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(at: int) -> datetime:
    """What :func:`microseconds` counted, in UTC."""
    return _EPOCH + at * _MICROSECOND


def split(observation: Observation) -> tuple[Shape, Look]:
    """An observation as its shape and its look."""
    shape = shape_of(observation)
    numbers: list[float] = []
    texts: list[Text] = []
    for reading in observation.readings:
        value = reading.value
        if isinstance(value, str):
            texts.append(value)
        else:
            numbers.append(value)
    ids = [r.id for r in observation.readings]
    texts.append(None if ids == _ids(observation.number, len(ids)) else _short(observation.number, ids))
    for unseen in observation.unseens:
        texts += (unseen.cause.value, unseen.detail)
    for source in observation.sources:
        texts += (None if source.failure is None else source.failure.value, source.detail)
    return shape, Look(
        observation.number,
        microseconds(observation.at),
        struct.pack(f"<{len(numbers)}d", *numbers),
        _runs(observation),
        tuple(texts),
    )


def _short(number: int, ids: Iterable[ReadingId]) -> str:
    prefix = f"o{number}."
    return json.dumps([i[len(prefix) - 1 :] if i.startswith(prefix) else "=" + i for i in ids], separators=(",", ":"))


def _long(number: int, short: str) -> list[ReadingId]:
    ids = cast("list[str]", json.loads(short))
    return [ReadingId(f"o{number}{i}" if i[:1] == "." else i[1:]) for i in ids]


def _ids(number: int, count: int) -> list[ReadingId]:
    prefix = f"o{number}."
    return [ReadingId(prefix + n) for n in _ordinals(count)]


@lru_cache(maxsize=64)
def _ordinals(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(1, count + 1)))


def _runs(observation: Observation) -> tuple[int, ...]:
    runs: list[int] = []
    since = observation.at
    last: datetime | None = None
    for fact in chain[Reading | Unseen](observation.readings, observation.unseens):
        at = fact.at
        if at is last or at == last:
            runs[-2] += 1
        else:
            last = at
            runs += (1, (at - since) // _MICROSECOND)
    return tuple(runs)


def joined(cluster: ClusterName, shape: Shape, look: Look) -> Observation:
    """The observation that :func:`split` took apart.

    Raises:
        LedgerError: shape and look do not fit each other.
    """
    try:
        return _joined(cluster, shape, look)
    except (ValueError, TypeError, IndexError, OverflowError, RuntimeError, struct.error) as e:
        raise LedgerError(f"observation {look.number} of cluster {cluster!r} is damaged: {e}") from e


def _joined(cluster: ClusterName, shape: Shape, look: Look) -> Observation:
    words = sum(s.is_word for s in shape.series)
    numbers = iter(struct.unpack(f"<{len(shape.series) - words}d", look.values))
    of_words = iter(look.texts[:words])
    short, told = look.texts[words], iter(look.texts[words + 1 :])
    ids = _ids(look.number, len(shape.series)) if short is None else _long(look.number, short)
    runs = zip(look.instants[::2], look.instants[1::2], strict=True)
    instants = chain.from_iterable(repeat(instant(look.at + later), count) for count, later in runs)
    readings = tuple(
        Reading(
            id=ident,
            component=s.component,
            signal=s.signal,
            value=_text(next(of_words)) if s.is_word else next(numbers),
            unit=s.unit,
            at=next(instants),
            source=s.source,
            toward=s.toward,
        )
        for ident, s in zip(ids, shape.series, strict=True)
    )
    return Observation(
        cluster=cluster,
        number=look.number,
        at=instant(look.at),
        components=tuple(component_of(p) for p in shape.parts),
        groups=shape.groups,
        readings=readings,
        unseens=tuple(
            Unseen(
                component=g.component,
                signal=g.signal,
                cause=Cause(next(told)),
                detail=_text(next(told)),
                at=next(instants),
                source=g.source,
                toward=g.toward,
            )
            for g in shape.gaps
        ),
        sources=tuple(
            SourceLook(
                source=o.source,
                component=o.component,
                required=o.required,
                failure=None if (failure := next(told)) is None else Cause(failure),
                detail=_text(next(told)),
            )
            for o in shape.origins
        ),
    )


def _text(text: Text) -> str:
    if text is None:
        raise ValueError("a text is missing")
    return text


def to_bytes(look: Look) -> bytes:
    """A look without its number and instant, which stand beside it; ASCII, so that any string of Python survives."""
    texts = json.dumps(look.texts, separators=(",", ":")).encode("ascii")
    head = _HEAD.pack(len(look.values), len(look.instants))
    return b"".join((head, look.values, struct.pack(f"<{len(look.instants)}q", *look.instants), texts))


def from_bytes(number: int, at: int, body: bytes) -> Look:
    """What :func:`to_bytes` wrote.

    Raises:
        LedgerError: it is damaged.
    """
    try:
        length, runs = _HEAD.unpack_from(body)
        end = _HEAD.size + length
        instants = struct.unpack_from(f"<{runs}q", body, end)
        texts = cast("list[Text]", json.loads(body[end + 8 * runs :]))
        return Look(number, at, body[_HEAD.size : end], instants, tuple(texts))
    except (ValueError, TypeError, struct.error) as e:
        raise LedgerError(f"look {number} is damaged: {e}") from e
