"""One line of a log: the unified log format of TiKV and PD (tikv/rfcs, 2018-12-19), as text or as JSON.

``[2025/06/01 10:11:12.123 +08:00] [WARN] [server.rs:1518] ["disk usage …"] [store_id=1] [thread_id=1]``
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

LONGEST: Final = 20_000
"""Characters of one line that are looked at; a backtrace in a field has more."""
LONGEST_JSON: Final = 1_000_000
"""Characters of a line in JSON, which is read whole or not at all."""
YEARS: Final = range(1990, 2200)
"""Of an instant that may be meant; what is near the ends of the calendar cannot be shown in every zone."""

# Whoever gathers logs puts a name in front of each line (``tikv0-1  | [2025/…``).
_LINE = re.compile(
    r'[^\[\]"{]{0,120}'
    r"\[(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d)\] \[(?P<level>[A-Z]+)\] \[[^\]]*\]"
    r' \[(?P<message>"(?:[^"\\]|\\.)*"|[^\]]*)\](?P<rest>.*)',
    re.DOTALL,
)
_FIELD = re.compile(r' ?\[(?P<key>"(?:[^"\\]|\\.)*"|[^=\]]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\]]*)\]')
_OWN = frozenset({"time", "level", "caller", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that has the format.

    Attributes:
        at: by the clock of its host, in UTC whatever zone it is written in.
        rest: what stands behind the message, or the whole of a line in JSON.
    """

    at: datetime
    level: str
    message: str
    rest: str = ""

    @property
    def fields(self) -> Mapping[str, str]:
        """By key as it was written (``store_id`` in TiKV, ``store-id`` in PD); up to where the format is left."""
        if self.rest.startswith("{"):
            return {k: v for k, v in (_object(self.rest) or {}).items() if k not in _OWN}
        found: dict[str, str] = {}
        place = 0
        while (field := _FIELD.match(self.rest, place)) is not None:
            found[_plain(field["key"])] = _plain(field["value"])
            place = field.end()
        return found


def parse(text: str) -> LogLine | None:
    """A line of the unified log format; None for one that belongs to the line before it, or to no log."""
    if text.startswith("{"):
        return _of_json(text)
    found = _LINE.match(text[:LONGEST])
    if found is None:
        return None
    at = _instant(found["at"])
    if at is None:
        return None
    return LogLine(at=at, level=found["level"], message=_plain(found["message"]), rest=found["rest"])


def _of_json(text: str) -> LogLine | None:
    told = _object(text) if len(text) <= LONGEST_JSON else None
    at = None if told is None else _instant(told.get("time", ""))
    if told is None or at is None or "message" not in told:
        return None
    return LogLine(at=at, level=told.get("level", "").upper(), message=told["message"], rest=text)


def _object(text: str) -> dict[str, str] | None:
    try:
        whole: object = json.loads(text)
        if not isinstance(whole, dict):
            return None
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in cast("dict[str, object]", whole).items()}
    except (ValueError, RecursionError):
        return None


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat("".join(text.replace("/", "-", 2).rsplit(" ", 1)))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and at.year in YEARS else None


def _plain(part: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part, strict=False))
    except (ValueError, RecursionError):
        return part.strip('"')
