"""One line of a log: the unified log format of TiKV and PD (tikv/rfcs, 2018-12-19), as text or as JSON.

``[2025/06/01 10:11:12.123 +08:00] [WARN] [server.rs:1518] ["disk usage …"] [store_id=1] [thread_id=1]``
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

LONGEST = 20_000
"""Characters of one line that are looked at; a backtrace in a field has more."""

_LINE = re.compile(
    r"\[(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d)\] \[(?P<level>[A-Z]+)\] \[[^\]]*\]"
    r' \[(?P<message>"(?:[^"\\]|\\.)*"|[^\]]*)\](?P<fields>.*)',
    re.DOTALL,
)
_FIELD = re.compile(r'\[(?P<key>"(?:[^"\\]|\\.)*"|[^=\]]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\]]*)\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that has the format.

    Attributes:
        at: by the clock of its host, in UTC whatever zone it is written in.
        fields: by key as it was written (``store_id`` in TiKV, ``store-id`` in PD).
    """

    at: datetime
    level: str
    message: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


def parse(text: str) -> LogLine | None:
    """A line of the unified log format; None for one that belongs to the line before it, or to no log."""
    text = text[:LONGEST]
    if text.startswith("{"):
        return _of_json(text)
    found = _LINE.match(text)
    if found is None:
        return None
    at = _instant(found["at"])
    if at is None:
        return None
    fields = {_plain(f["key"]): _plain(f["value"]) for f in _FIELD.finditer(found["fields"])}
    return LogLine(at=at, level=found["level"], message=_plain(found["message"]), fields=fields)


def _of_json(text: str) -> LogLine | None:
    try:
        whole: object = json.loads(text)
    except ValueError:
        return None
    if not isinstance(whole, dict):
        return None
    told = {k: v if isinstance(v, str) else json.dumps(v) for k, v in cast("dict[str, object]", whole).items()}
    at = _instant(told.get("time", ""))
    if at is None or "message" not in told:
        return None
    fields = {k: v for k, v in told.items() if k not in {"time", "level", "caller", "message"}}
    return LogLine(at=at, level=told.get("level", "").upper(), message=told["message"], fields=fields)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat("".join(text.replace("/", "-", 2).rsplit(" ", 1)))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _plain(part: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part, strict=False))
    except ValueError:
        return part.strip('"')
