"""A component's whole log: the lines that mean something, what repeats told once, and how starts came about. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from operator_core.components import ComponentRef, Kind
from operator_core.log_events import LogEvent, LogEventName, LogRead
from operator_core.redaction import redact, redact_text

from operator_tikv.logs.catalogue import CRASH, ELECTION, ENDS, MEANINGS, START, STARTS_AFTER_NONE, STOP, Meaning
from operator_tikv.logs.lines import LONGEST, LogLine, parse

AGAIN_WITHIN: Final = timedelta(seconds=15)
"""A line that comes back within this is the same event, going on: retries of TiKV are 10 s apart at most."""
GREETS_WITHIN: Final = timedelta(seconds=10)
"""A process says a few things before its greeting; what is older is of the life before."""
LONGEST_TEXT: Final = 300
"""Characters of a line that are quoted."""

_QUOTED = frozenset(' "=[]')
_FATAL = frozenset({"FATAL", "PANIC"})
_ONE_BY_ONE = frozenset({START, STOP})
_DYING = re.compile(r"(panic: |fatal runtime error|fatal error: |terminate called|SIGSEGV|signal SIG)")
_TOLD_TO_LEAD = "MsgTimeoutNow"
"""What raft-rs writes when the leader itself hands over; the election that follows is no sign of anything."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def read_log(component: ComponentRef, parts: Sequence[Sequence[str]]) -> LogRead:
    """What a store's or PD member's log tells of its health.

    A line without the format belongs to the line before it, and is passed over unless a dying process wrote it; where
    no line with a time stands before it, it cannot be told when that was, and it is passed over too. Of what the log
    begins with, nothing is known of the time before.

    Args:
        component: whose log it is; one of another kind tells nothing.
        parts: its files, in any order; of each the lines, oldest first.
    """
    book = _Book(component)
    for part in sorted(parts, key=_began):
        book.turn()
        for line in part:
            book.take(line)
    return LogRead(events=tuple(book.events), first=book.first, lines=book.lines)


def _began(part: Iterable[str]) -> datetime:
    return next((line.at for line in map(parse, part) if line is not None), _EARLIEST)


_BY_KIND: Final[Mapping[Kind, Sequence[Meaning]]] = {
    about: [m for m in MEANINGS if m.about == about] for about in {m.about for m in MEANINGS}
}


class _Book:
    def __init__(self, component: ComponentRef) -> None:
        self._component = component
        self._meanings = _BY_KIND.get(component.kind)
        self._newest: dict[tuple[LogEventName, str], int] = {}
        self._handed_over: set[str] = set()
        self._at: datetime | None = None
        self._is_dying = False
        self._has_started = False
        self._has_ended = False
        self.events: list[LogEvent] = []
        self.first: datetime | None = None
        self.lines = 0

    def turn(self) -> None:
        """Go on with another file: its first lines belong to none of the file before."""
        self._at = None

    def take(self, text: str) -> None:
        self.lines += 1
        line = parse(text)
        if line is None:
            if self._at is not None and not self._is_dying and _DYING.search(text[:LONGEST_TEXT]):
                self._is_dying = True
                self._add(CRASH, self._at, "", "it died with a message", redact_text(text[:LONGEST]).value)
            return
        if self._meanings is None:
            return
        self.first = line.at if self.first is None else min(self.first, line.at)
        self._at, self._is_dying = line.at, False
        # Substrings one by one are faster than one pattern that has them all.
        meaning = next((m for m in self._meanings if m.fragment in line.message), None)
        if meaning is not None:
            self._meant(meaning, line)
        elif line.level in _FATAL:
            self._add(CRASH, line.at, line.level, "it crashed", _quoted(line))
        elif _TOLD_TO_LEAD in line.message:
            self._handed_over.add(line.fields.get("region_id", ""))

    def _meant(self, meaning: Meaning, line: LogLine) -> None:
        fields: Mapping[str, str] = redact(dict(line.fields)).value
        if meaning.changes is not None and len({fields.get(key) for key in meaning.changes}) == 1:
            return
        if meaning.name == ELECTION and (region := fields.get("region_id", "")) in self._handed_over:
            self._handed_over.discard(region)
            return
        told = defaultdict(lambda: "?", fields) | {"message": line.message}
        says = meaning.says.format_map(told)
        if meaning.name == START and not self._may_start(line.at):
            says = STARTS_AFTER_NONE
        self._add(meaning.name, line.at, line.level, _short(redact_text(says).value), _quoted(line))

    def _may_start(self, at: datetime) -> bool:
        """Whether what stands before explains a start: an end, or only what a process says before its greeting."""
        return self._has_ended or (not self._has_started and at - (self.first or at) < GREETS_WITHIN)

    def _add(self, name: LogEventName, at: datetime, level: str, says: str, text: str) -> None:
        self._has_started = self._has_started or name == START
        self._has_ended = name != START and (self._has_ended or name in ENDS or level in _FATAL)
        if name == START:
            self._newest.clear()
        key = (name, says)
        before = self._newest.get(key)
        if before is not None and name not in _ONE_BY_ONE and abs(at - self.events[before].until) <= AGAIN_WITHIN:
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
                text=_short(text),
            )
        )


def _quoted(line: LogLine) -> str:
    fields: Mapping[str, str] = redact(dict(line.fields)).value
    told = "".join(f" {k}={_written(v)}" for k, v in fields.items() if k != "thread_id")
    return redact_text(f"{line.message}{told}"[:LONGEST]).value


def _written(value: str) -> str:
    """A value as it is written, in quotes where it has to be: a secret of several words is one value."""
    return json.dumps(value, ensure_ascii=False) if _QUOTED & set(value) else value


def _short(text: str) -> str:
    """One line of what can be shown and kept, cut off where it is long."""
    one_line = " ".join("".join(c if c.isprintable() or c.isspace() else "�" for c in text[:LONGEST]).split())
    return one_line if len(one_line) <= LONGEST_TEXT else f"{one_line[: LONGEST_TEXT - 1]}…"
