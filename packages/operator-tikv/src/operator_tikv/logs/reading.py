"""A component's whole log: the lines that mean something, what repeats told once, and how starts came about. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from operator_core.components import ComponentRef, Kind
from operator_core.log_events import LogEvent, LogEventName, LogRead
from operator_core.redaction import redact_text

from operator_tikv.logs.catalogue import CRASH, MEANINGS, START, STARTS_AFTER_NONE, STOP, Meaning
from operator_tikv.logs.lines import LogLine, parse

AGAIN_WITHIN: Final = timedelta(seconds=15)
"""A line that comes back within this is the same event, going on: retries of TiKV are 10 s apart at most."""
GREETS_WITHIN: Final = timedelta(seconds=10)
"""A process says a few things before its greeting; what is older is of the life before."""
LONGEST_TEXT: Final = 300
"""Characters of a line that are quoted."""

_ENDS = frozenset({STOP, CRASH})
_ONE_BY_ONE = frozenset({START, STOP})
_FATAL = frozenset({"FATAL", "PANIC", "DPANIC"})
_DYING = re.compile(r"(panic: |fatal runtime error|fatal error: |terminate called|SIGSEGV|signal SIG)")


def read_log(component: ComponentRef, lines: Iterable[str]) -> LogRead:
    """What a store's or PD member's log tells of its health.

    A line without the format belongs to the line before it, and is passed over unless a dying process wrote it; of what
    the log begins with, nothing is known of the time before.

    Args:
        component: whose log it is; one of another kind tells nothing.
        lines: oldest first.
    """
    book = _Book(component)
    for line in lines:
        book.take(line)
    return LogRead(events=tuple(book.events), first=book.first, lines=book.lines)


@dataclass(frozen=True, slots=True)
class _Known:
    pattern: re.Pattern[str]
    meanings: Mapping[str, Meaning]


def _known(about: Kind) -> _Known:
    meanings = {f"m{n}": m for n, m in enumerate(MEANINGS) if m.about == about}
    return _Known(
        pattern=re.compile("|".join(f"(?P<{group}>{re.escape(m.fragment)})" for group, m in meanings.items())),
        meanings=meanings,
    )


_BY_KIND: Final = {about: _known(about) for about in {m.about for m in MEANINGS}}


class _Book:
    def __init__(self, component: ComponentRef) -> None:
        self._component = component
        self._known = _BY_KIND.get(component.kind)
        self._newest: dict[tuple[LogEventName, str], int] = {}
        self._at: datetime | None = None
        self._has_started = False
        self._has_ended = False
        self.events: list[LogEvent] = []
        self.first: datetime | None = None
        self.lines = 0

    def take(self, text: str) -> None:
        self.lines += 1
        line = parse(text)
        if line is None:
            if self._at is not None and _DYING.search(text[:LONGEST_TEXT]):
                self._add(CRASH, self._at, "", "it died with a message", text)
            return
        if self._known is None:
            return
        found = self._known.pattern.search(line.message)
        meaning = None if found is None else self._known.meanings[found.lastgroup or ""]
        self.first = self.first or line.at
        self._at = line.at
        if meaning is not None:
            self._add(meaning.name, line.at, line.level, self._says(meaning, line), _quoted(line))
        elif line.level in _FATAL:
            self._add(CRASH, line.at, line.level, "it crashed", _quoted(line))

    def _says(self, meaning: Meaning, line: LogLine) -> str:
        if meaning.name == START:
            is_first = not self._has_started and line.at - (self.first or line.at) < GREETS_WITHIN
            return meaning.says if self._has_ended or is_first else STARTS_AFTER_NONE
        told = defaultdict(lambda: "?", line.fields) | {"message": line.message}
        return _short(redact_text(meaning.says.format_map(told)).value)

    def _add(self, name: LogEventName, at: datetime, level: str, says: str, text: str) -> None:
        self._has_started = self._has_started or name == START
        self._has_ended = name != START and (self._has_ended or name in _ENDS or level in _FATAL)
        key = (name, says)
        before = self._newest.get(key)
        if before is not None and name not in _ONE_BY_ONE and at - self.events[before].until <= AGAIN_WITHIN:
            known = self.events[before]
            self.events[before] = replace(known, until=max(at, known.until), times=known.times + 1)
            return
        self._newest[key] = len(self.events)
        self.events.append(
            LogEvent(
                component=self._component,
                at=at,
                until=at,
                times=1,
                name=name,
                level=level,
                says=says,
                text=_short(redact_text(text).value),
            )
        )


def _quoted(line: LogLine) -> str:
    fields = "".join(f" {k}={v}" for k, v in line.fields.items() if k != "thread_id")
    return f"{line.message}{fields}"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_TEXT else f"{one_line[: LONGEST_TEXT - 1]}…"
