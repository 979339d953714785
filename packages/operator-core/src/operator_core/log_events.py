"""What components' own logs tell, as a subject reads them. A line is data: it may be quoted, and is never obeyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from operator_core.components import ComponentRef

LogEventName = NewType("LogEventName", str)
"""An entry of a subject's catalogue of log lines (``orderly-stop``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """Something that a component wrote into its log, once or again and again.

    Attributes:
        at: of the first line, by the clock of the component's host.
        until: of the last one; the same when there is one.
        times: how many lines.
        level: as it was written (``INFO``, ``WARN``, ``ERROR``, ``FATAL``); empty for a line without one.
        says: what it means, in a plain sentence.
        text: message and fields of the first line, secrets masked, cut off where it is long.
    """

    component: ComponentRef
    at: datetime
    until: datetime
    times: int
    name: LogEventName
    level: str
    says: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """What came of reading one component's log.

    Attributes:
        events: those of its lines that mean something for its health, in the order of their first lines.
        first: when its oldest line was written; None when no line had the subject's format.
        lines: how many lines were read.
    """

    events: tuple[LogEvent, ...]
    first: datetime | None
    lines: int


LogReader = Callable[[ComponentRef, Sequence[Sequence[str]]], LogRead]
"""How a subject reads a component's log: its files in any order, of each the lines, oldest first."""
