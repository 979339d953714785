"""The consoles. Colour, live views and wrapping only on a terminal."""

from __future__ import annotations

import io
import re
import sys
import unicodedata
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

_BLANKS = re.compile(r" +(?=\n)")


def plain(text: str) -> str:
    """Text from a subject as one line, harmless for a terminal.

    It moves no cursor, reverses no writing, begins no line of its own, and can be encoded.
    """
    if text.isascii() and text.isprintable():
        return text
    spaced = "".join(" " if c.isspace() else c for c in text)
    return "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))


class _Trimmed(io.TextIOBase):
    """Standard output without the blanks that a layout leaves at the ends of lines."""

    def __init__(self, through: io.TextIOBase | None) -> None:
        self._through = through

    def write(self, text: str, /) -> int:
        (self._through or sys.stdout).write(_BLANKS.sub("", text))
        return len(text)

    def flush(self) -> None:
        (self._through or sys.stdout).flush()


def console(*, is_table: bool = False, through: io.TextIOBase | None = None) -> Console:
    """Standard output; where it is no terminal, lines are not wrapped and the cells of tables not cut.

    Args:
        is_table: its lines may be long.
        through: what takes the text on its way there.
    """
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - the library would end the process itself, with the code of a violation

    # No emoji: ``embedded:two`` is a name, and no picture of a 2.
    made = Piped(file=cast("TextIO | None", through), highlight=False, emoji=False)
    if made.is_terminal:
        return made
    width = 1000 if is_table else 120
    return Piped(file=_Trimmed(through), highlight=False, emoji=False, width=width, soft_wrap=True)  # pyright: ignore[reportArgumentType]


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
