"""The consoles. Colour, live views and wrapping only on a terminal."""

from __future__ import annotations

import io
import re
import sys
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_BLANKS = re.compile(r" +(?=\n)")
_CONTROL = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def plain(text: str) -> str:
    """Text from a subject, made harmless for a terminal: no control characters."""
    return text.translate(_CONTROL)


class _Trimmed(io.TextIOBase):
    """Standard output without the blanks that a layout leaves at the ends of lines."""

    def write(self, text: str, /) -> int:
        sys.stdout.write(_BLANKS.sub("", text))
        return len(text)

    def flush(self) -> None:
        sys.stdout.flush()


def console(*, is_table: bool = False) -> Console:
    """Standard output; where it is no terminal, lines are not wrapped and the cells of tables not cut."""
    from rich.console import Console

    made = Console(highlight=False)
    if made.is_terminal:
        return made
    width = 1000 if is_table else 120
    return Console(file=_Trimmed(), highlight=False, width=width, soft_wrap=True)  # pyright: ignore[reportArgumentType]


def local_zone() -> tzinfo:
    """The zone in which times are shown."""
    from datetime import UTC

    return datetime.fromtimestamp(0, UTC).astimezone().tzinfo or UTC


def clock_time(at: datetime) -> str:
    """``12:03:10`` in the local zone."""
    return at.astimezone().strftime("%H:%M:%S")


def full_time(at: datetime) -> str:
    """``2026-01-01 12:03:10 CET``."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
