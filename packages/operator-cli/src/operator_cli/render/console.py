"""The consoles. Colour, live views and wrapping only on a terminal."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def plain(text: str) -> str:
    """Text from a subject, made harmless for a terminal: no control characters."""
    return text.translate(_CONTROL)


def console() -> Console:
    """Standard output; where it is no terminal, lines are not wrapped."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=160, soft_wrap=True)


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
