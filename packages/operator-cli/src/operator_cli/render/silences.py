"""How silences look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from operator_core.silences import Silence, SilenceScope

from operator_cli.render.console import full_time
from operator_cli.render.figures import age, short_time
from operator_cli.render.lines import escaped

if TYPE_CHECKING:
    from rich.console import RenderableType

    from operator_cli.use_cases.silencing import SilenceList, Stated


def added_line(silence: Silence) -> str:
    """``silence 2: every store in prod, until 2026-01-01 14:03:10 CET (2 h 0 min); anna: maintenance``."""
    return (
        f"silence {silence.id}: {escaped(str(silence.scope))} in {escaped(silence.cluster)},"
        f" until {full_time(silence.ends)} ({age(silence.ends - silence.starts)});"
        f" {escaped(silence.by)}: {escaped(silence.because)}"
    )


def silence_line(silence: Silence, now: datetime) -> str:
    """``silence 2 until 14:03:10 (8 min): every store in prod, anna: maintenance``, with rich markup."""
    return (
        f"[yellow]silence {silence.id}[/] until {short_time(silence.ends, now=now)} ({age(silence.ends - now)}):"
        f" {escaped(str(silence.scope))} in {escaped(silence.cluster)}, [dim]{_said(silence)}[/]"
    )


def past_line(silence: Silence, now: datetime) -> str:
    """``silence 2, over since 14:03:10: every store in prod, anna: maintenance``, with rich markup."""
    ends = min(silence.ends, silence.ended_at or silence.ends)
    return (
        f"[dim]silence {silence.id}, over since {short_time(ends, now=now)}: {escaped(str(silence.scope))}"
        f" in {escaped(silence.cluster)}, {_said(silence)}[/]"
    )


def _said(silence: Silence) -> str:
    return escaped(silence.by) + (f": {escaped(silence.because)}" if silence.because else "")


def lines(found: SilenceList) -> Iterator[str]:
    """Silences for a terminal, a line each, with rich markup."""
    for s in found.silences:
        now = found.now[s.cluster]
        yield silence_line(s, now) if s.id in found.in_force else past_line(s, now)


def rows(found: SilenceList) -> RenderableType:
    """Silences for a pipe: every column, times in full."""
    from rich.table import Table

    made = Table("silence", "in force", "from", "until", "cluster", "what", "by", "because", box=None, pad_edge=False)
    for s in found.silences:
        ends = min(s.ends, s.ended_at or s.ends)
        made.add_row(
            str(s.id),
            "yes" if s.id in found.in_force else "no",
            full_time(s.starts),
            full_time(ends),
            escaped(s.cluster),
            escaped(str(s.scope)),
            escaped(s.by),
            escaped(s.because),
        )
    return made


def ended_line(silence: Silence) -> str:
    """What is said of a silence that a person ended."""
    at = silence.ended_at or silence.ends
    left = age(silence.ends - at)
    return (
        f"silence {silence.id} is over: {escaped(str(silence.scope))} in {escaped(silence.cluster)},"
        f" {left} before its time"
    )


def warnings(stated: Stated) -> Iterator[str]:
    """What a person should know about a silence that was added."""
    silence = stated.silence
    if silence.scope == SilenceScope():
        yield (
            f"nothing restricts silence {silence.id}:"
            f" whatever happens in {silence.cluster} opens no ticket until it ends"
        )
    if stated.last_seen:
        there = ", ".join(str(ref) for ref in stated.last_seen)
        yield f"{silence.scope.component} was not there at the last look; there were {there}"
    if stated.open_already:
        tickets = ", ".join(str(ident) for ident in stated.open_already)
        yield f"what it covers is in ticket {tickets} already, which stays open"
