"""How one ticket looks: what is wrong, on which readings that rests, and what people did and said about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from operator_core.incidents import HoldTicket, MoveTicket
from operator_core.readings import Reading
from operator_core.record import NoteAdded
from operator_core.tickets import TicketState, Violation

from operator_cli.render.console import full_time, plain
from operator_cli.render.figures import age, short_time
from operator_cli.render.layout import grid, heading
from operator_cli.render.lines import escaped, ticket_line
from operator_cli.render.silences import past_line, silence_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from operator_cli.use_cases.tickets import TicketFile

VIOLATIONS_SHOWN = 12
READINGS_SHOWN = 40
"""A ticket that flaps for hours has hundreds; the newest tell, and ``--json`` has all."""


WIDE = 120
"""Columns from which on the source of a reading has room beside it."""


def page(file: TicketFile, *, width: int | None) -> Iterator[RenderableType]:
    """One ticket, part by part, each a line or a table.

    Args:
        file: what is known of it.
        width: columns of the terminal; None where there is none.
    """
    ticket, now = file.ticket, file.now
    yield ticket_line(ticket)
    over = f", {age(now - ticket.opened_at)} ago" if now >= ticket.opened_at else ""
    if ticket.resolved_at:
        over = f", resolved {full_time(ticket.resolved_at)} after {age(ticket.resolved_at - ticket.opened_at)}"
    yield f"{escaped(ticket.cluster)}, opened {full_time(ticket.opened_at)}{over}"
    if file.origin is not None:
        was = f"ticket {file.origin.ticket} of {escaped(file.origin.cluster)}"
        yield f"imported {full_time(file.origin.at)}: it was {was}"
    if ticket.occurrences > 1:
        yield f"its trouble began {ticket.occurrences} times"
    yield heading("violations")
    yield from _left_out(len(ticket.violations) - VIOLATIONS_SHOWN)
    yield grid(row for v in ticket.violations[-VIOLATIONS_SHOWN:] for row in _violation(v, now))
    if file.readings:
        yield heading("readings they rest on")
        yield from _left_out(len(file.readings) - READINGS_SHOWN)
        shown = file.readings[-READINGS_SHOWN:]
        is_wide = width is None or width >= WIDE
        yield grid((*_reading(r, now), *([f"[dim]{escaped(r.source)}[/]"] if is_wide else [])) for r in shown)
        if not is_wide:
            yield grid(_sources(shown))
    if file.moves:
        yield heading("what was decided")
        yield grid((_time(m.at, now), f"{_move(m)} by {_who(m.by, m.because)}") for m in file.moves)
    if file.silences:
        yield heading("silences")
        for silence in file.silences:
            yield f"  {silence_line(silence, now) if silence.counts_at(now) else past_line(silence, now)}"
    if file.notes:
        yield heading("notes")
        yield grid(_note(n, now) for n in file.notes)


def _left_out(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  [dim]and {count} earlier: --json[/]"


def _time(at: datetime, now: datetime) -> str:
    return f"[dim]{short_time(at, now=now)}[/]"


def _violation(violation: Violation, now: datetime) -> Iterator[tuple[str, str]]:
    since = short_time(violation.since, now=now)
    if violation.ended_at is None:
        lasts = f", {age(now - violation.since)}" if now >= violation.since else ""
        yield "[red]✗[/]", f"[bold]{escaped(str(violation.key))}[/]  [dim]since {since}{lasts}[/]"
    else:
        lasted = age(violation.ended_at - violation.since)
        ended = short_time(violation.ended_at, now=now)
        yield "[green]✔[/]", f"[bold]{escaped(str(violation.key))}[/]  [dim]from {since} to {ended}, {lasted}[/]"
    cited = f" [dim]\\[{', '.join(map(escaped, violation.readings))}][/]" if violation.readings else ""
    yield "", f"{escaped(violation.because)}{cited}"


def _reading(reading: Reading, now: datetime) -> tuple[str, ...]:
    from operator_diagnosis.prose import quantity

    toward = f" → {reading.toward}" if reading.toward else ""
    return (
        escaped(reading.id),
        _time(reading.at, now),
        escaped(f"{reading.component}{toward}"),
        escaped(reading.signal),
        escaped(quantity(reading.value, reading.unit)),
    )


def _sources(readings: Sequence[Reading]) -> Iterator[tuple[str]]:
    """Where readings came from, each source once."""
    for source in dict.fromkeys(r.source for r in readings):
        ids = ", ".join(r.id for r in readings if r.source == source)
        yield (f"[dim]{escaped(source)}: {escaped(ids)}[/]",)


def _move(move: MoveTicket | HoldTicket) -> str:
    if isinstance(move, MoveTicket):
        return f"[bold]{'reopened' if move.to is TicketState.OPEN else move.to.value}[/]"
    return "[magenta]held[/]" if move.hold else "given back"


def _who(by: str, because: str) -> str:
    return escaped(by) + (f": {escaped(because)}" if because else "")


def _note(note: NoteAdded, now: datetime) -> tuple[RenderableType, ...]:
    from rich.text import Text

    return _time(note.at, now), escaped(note.by), Text("\n".join(plain(line) for line in note.text.splitlines()))
