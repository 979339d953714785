"""Our values as JSON and back: what stands in the files.

Every entry carries a tag that names its type and the version of this format; a record of a newer format is
refused, not guessed at. What is large (observations, progress) is compressed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TypeVar, cast

from operator_core.decide import SilenceViolation, Tracked
from operator_core.errors import LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import JudgementKey
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    CycleFellShort,
    DiagnosisMade,
    Entry,
    IncidentImported,
    InvestigationPaid,
    JudgementChanged,
    NoteAdded,
    ObservationKept,
    ProbeAsked,
    Progress,
    RecordPruned,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

FORMAT = 1
"""The version of the format that this program writes, and the newest that it reads."""

TAGS: Mapping[str, type[Entry]] = {
    "observation": ObservationKept,
    "judgement": JudgementChanged,
    "progress": Progress,
    "short": CycleFellShort,
    "watch": WatchTaken,
    "diagnosis": DiagnosisMade,
    "probe": ProbeAsked,
    "paid": InvestigationPaid,
    "note": NoteAdded,
    "open": OpenTicket,
    "join": JoinTicket,
    "end": EndInTicket,
    "move": MoveTicket,
    "hold": HoldTicket,
    "silenced": SilenceViolation,
    "silence": SilenceAdded,
    "silence-end": SilenceEnded,
    "approval": ActionApproved,
    "action": ActionTaken,
    "pruned": RecordPruned,
    "imported": IncidentImported,
}
_TAG_OF = {kind: tag for tag, kind in TAGS.items()}
_COMPRESSED = frozenset({"observation", "progress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An entry as it stands in a file.

    Attributes:
        tag: which type of entry it is.
        coding: ``json``, or ``json+zlib`` when it is compressed.
    """

    tag: str
    format: int
    coding: str
    body: bytes

    @property
    def text(self) -> bytes:
        """The JSON.

        Raises:
            LedgerError: it is damaged, or coded in a way this program does not know.
        """
        match self.coding:
            case "json":
                return self.body
            case "json+zlib":
                try:
                    return zlib.decompress(self.body)
                except zlib.error as e:
                    raise LedgerError(f"a compressed entry is damaged: {e}") from e
            case _:
                raise LedgerError(f"an entry has the unknown coding {self.coding!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProgressOnFile:
    """Progress with its mapping as a list of pairs, for JSON has only strings as keys."""

    number: int
    at: datetime
    tracked: tuple[tuple[JudgementKey, Tracked], ...]


def tag_of(entry: Entry) -> str:
    """The tag that names the type of an entry."""
    return _TAG_OF[type(entry)]


def _plain(value: object) -> object:
    """One step toward JSON, for what the encoder does not know; sets are sorted, so equal values give equal text."""
    match value:
        case Enum():
            return cast("object", value.value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return str(value)
        case Mapping():
            return dict(cast("Mapping[str, object]", value))
        case AbstractSet():
            return sorted(cast("AbstractSet[str]", value))
        case _ if is_dataclass(value):
            return {f.name: cast("object", getattr(value, f.name)) for f in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def to_json(value: object) -> str:
    """A value made of our dataclasses, enums, instants, tuples and numbers as JSON."""
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def from_json(kind: type[T], text: str | bytes) -> T:
    """What :func:`to_json` wrote.

    Raises:
        LedgerError: the text is not such a value.
    """
    try:
        return _adapter(kind).validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise LedgerError(f"a recorded {kind.__name__} cannot be read: {place or 'it'}: {first['msg']}") from e


def written(entry: Entry) -> Written:
    """An entry as it is to stand in a file."""
    tag = tag_of(entry)
    value: object = entry
    if isinstance(entry, Progress):
        pairs = sorted(entry.tracked.items(), key=lambda pair: (pair[0].invariant, pair[0].component))
        value = _ProgressOnFile(number=entry.number, at=entry.at, tracked=tuple(pairs))
    body = to_json(value).encode()
    if tag in _COMPRESSED:
        return Written(tag=tag, format=FORMAT, coding="json+zlib", body=zlib.compress(body, 6))
    return Written(tag=tag, format=FORMAT, coding="json", body=body)


def read(there: Written) -> Entry:
    """The entry that stands in a file.

    Raises:
        LedgerError: it was written by a newer program, or is damaged.
    """
    if there.format > FORMAT:
        raise LedgerError(f"an entry has format {there.format}; this program reads up to {FORMAT}")
    kind = TAGS.get(there.tag)
    if kind is None:
        raise LedgerError(f"an entry has the unknown tag {there.tag!r}")
    if kind is Progress:
        on_file = from_json(_ProgressOnFile, there.text)
        return Progress(number=on_file.number, at=on_file.at, tracked=dict(on_file.tracked))
    return from_json(kind, there.text)
