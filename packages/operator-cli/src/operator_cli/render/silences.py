"""How silences look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_core.silences import Silence, SilenceScope

from operator_cli.render.console import full_time
from operator_cli.render.figures import age
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


def table(found: SilenceList) -> RenderableType:
    """Silences, a row each."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("silence", "from", "until"):
        made.add_column(column, no_wrap=True)
    for column in ("cluster", "what", "because"):
        made.add_column(column, overflow="fold")
    for s in found.silences:
        ends = min(s.ends, s.ended_at or s.ends)
        counts = s.id in found.in_force
        made.add_row(
            f"[bold]{s.id}[/]" if counts else f"[dim]{s.id}[/]",
            full_time(s.starts),
            full_time(ends) if counts else f"[dim]{full_time(ends)}, over[/]",
            escaped(s.cluster),
            escaped(str(s.scope)),
            f"[dim]{escaped(s.by)}:[/] {escaped(s.because)}",
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
