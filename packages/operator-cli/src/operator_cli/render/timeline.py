"""How a time line looks: a line for each thing that happened, and the course of signals under it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from operator_core.components import ComponentRef
from operator_core.readings import Reading, ReadingId

from operator_cli.render.console import clock_time, full_time
from operator_cli.render.figures import age, amount
from operator_cli.render.layout import grid, heading
from operator_cli.render.lines import escaped, ticket_line
from operator_cli.use_cases.happenings import Happening, What

if TYPE_CHECKING:
    from rich.console import RenderableType

    from operator_cli.use_cases.timeline import LogLook, SignalCourse, Timeline

COLOUR = {
    What.SIGN: "yellow",
    What.UNKNOWN: "dim",
    What.HOLDS: "green",
    What.LOG: "cyan",
    What.FINDING: "blue",
    What.OPENED: "bold red",
    What.JOINED: "red",
    What.ENDED: "green",
    What.DIAGNOSED: "bold cyan",
    What.APPROVED: "magenta",
    What.ACTION: "magenta",
    What.SILENCED: "magenta",
    What.HELD: "magenta",
    What.UNHELD: "magenta",
    What.ESCALATED: "bold magenta",
    What.REOPENED: "bold red",
    What.MOVED: "bold",
    What.RESOLVED: "bold green",
    What.NOTE: "bold",
    What.IMPORTED: "dim",
}

QUOTED = 3
"""Readings that one line quotes with their values."""


def offset(since: timedelta) -> str:
    """The time since the opening: ``+00:12``, ``-01:05``, ``+2:03:04``, ``+1d 02:03:04``."""
    seconds = round(abs(since.total_seconds()))
    sign = "-" if since < timedelta(0) and seconds else "+"
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    if days:
        return f"{sign}{days}d {hours:02}:{minutes:02}:{seconds:02}"
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes:02}:{seconds:02}"


def page(told: Timeline, *, width: int | None) -> Iterator[RenderableType]:
    """The time line, part by part.

    Args:
        told: what happened.
        width: columns of the terminal; None where there is none, and whatever happened keeps to one line.
    """
    ticket = told.ticket
    yield ticket_line(ticket)
    over = f", resolved after {age(ticket.resolved_at - ticket.opened_at)}" if ticket.resolved_at else ""
    yield f"{escaped(ticket.cluster)}, opened {full_time(ticket.opened_at)}{over}"
    readings = {r.id: r for r in told.readings}
    for day, happened in groupby(told.happenings, key=lambda h: h.at.astimezone().date()):
        yield heading(f"{day:%Y-%m-%d}")
        yield grid((_row(h, ticket.opened_at, readings, one_line=width is None) for h in happened), right=0)
    if told.logs:
        yield f"\n[dim]{escaped(logs_line(told.logs))}[/]"
    for signal, courses in groupby(told.courses, key=lambda c: c.signal):
        yield f"\n[bold cyan]{escaped(signal)}[/]"
        yield from courses_page(list(courses), opened_at=ticket.opened_at, width=width or 80)


def _row(
    happening: Happening, opened_at: datetime, readings: Mapping[ReadingId, Reading], *, one_line: bool
) -> tuple[str, ...]:
    by = f"[dim]{escaped(happening.by)}:[/] " if happening.by else ""
    quoted = f"[dim]{escaped(happening.quote)}[/]" if happening.quote else ", ".join(_quoted(happening, readings))
    return (
        f"[bold]{offset(happening.at - opened_at)}[/]",
        f"[dim]{clock_time(happening.at)}[/]",
        f"[{COLOUR[happening.what]}]{happening.what.value}[/]",
        f"{by}{escaped(happening.says)}" + (f"{'  ' if one_line else chr(10)}{quoted}" if quoted else ""),
    )


def _quoted(happening: Happening, readings: Mapping[ReadingId, Reading]) -> Iterator[str]:
    """The readings that it rests on, with their values as far as they are recorded.

    What opens or joins rests on the same sign that was told just before.
    """
    if happening.what in (What.OPENED, What.JOINED):
        return
    recorded = [readings[i] for i in happening.readings if i in readings]
    earliest = {(r.signal, r.component, r.toward): r for r in sorted(recorded, key=lambda r: r.at, reverse=True)}
    firsts = [r for r in recorded if earliest[r.signal, r.component, r.toward] is r]
    gone = [i for i in happening.readings if i not in readings]
    quoted = [
        *(_value(r, happening.component) for r in firsts),
        *(f"[dim]{escaped(ident)} is gone[/]" for ident in gone),
    ]
    yield from quoted[:QUOTED]
    if (more := len(happening.readings) - len(quoted[:QUOTED])) > 0:
        yield f"[dim]and {more} more[/]"


def _value(reading: Reading, about: ComponentRef | None) -> str:
    from operator_diagnosis.prose import quantity

    of = "" if reading.component == about else f" of {reading.component}"
    toward = f" toward {reading.toward}" if reading.toward else ""
    return (
        f"[dim]{escaped(f'{reading.signal}{of}{toward}')}[/] {escaped(quantity(reading.value, reading.unit))}"
        f" [dim]\\[{escaped(reading.id)}][/]"
    )


def logs_line(looks: Sequence[LogLook]) -> str:
    """Which logs were read, how far back they go where that is not far enough, and which could not be read."""
    read = [f"{look.component}{_from(look)}" for look in looks if not look.why]
    by_why: defaultdict[str, list[str]] = defaultdict(list)
    for look in looks:
        if look.why:
            by_why[look.why].append(str(look.component))
    unread = [f"{', '.join(components)} ({why})" for why, components in by_why.items()]
    return "; ".join(
        [
            *([f"logs read: {', '.join(read)}"] if read else []),
            *([f"logs not read: {', '.join(unread)}"] if unread else []),
        ]
    )


def _from(look: LogLook) -> str:
    if look.first is None:
        return " (no line has the format of its logs)"
    return "" if look.is_whole else f" (only from {clock_time(look.first)} on)"


def courses_page(courses: Sequence[SignalCourse], *, opened_at: datetime, width: int) -> Iterator[RenderableType]:
    """One signal's course at several components, drawn under each other.

    Args:
        courses: of the same looks.
        opened_at: the instant that is marked.
        width: columns that there are.
    """
    points = courses[0].points
    if not points:
        yield "  [dim]nothing is recorded of that time[/]"
        return
    first, last = points[0].at, points[-1].at
    if any(isinstance(p.value, str) for c in courses for p in c.points):
        yield grid((escaped(str(c.component)), ", ".join(_spells(c))) for c in courses)
        return
    drawn_width = max(10, width - 44)
    marked = sum(p.at < opened_at for p in points) // _looks_in_a_cell(len(points), drawn_width)
    most = max((p.value for c in courses for p in c.points if isinstance(p.value, float | int)), default=0.0)
    yield grid(
        [
            ("", f"[dim]{' ' * marked}▼ {clock_time(opened_at)}[/]", ""),
            *((escaped(str(c.component)), _bars(c, drawn_width, most), _extremes(c)) for c in courses),
        ]
    )
    yield f"  [dim]from {clock_time(first)} to {clock_time(last)}; · is where nothing was seen[/]"


def _looks_in_a_cell(looks: int, width: int) -> int:
    each = 1
    while (looks - 1) // each + 1 > width:
        each *= 2
    return each


def _bars(course: SignalCourse, width: int, most: float) -> str:
    from operator_cli.render.course import Course, bars, cells

    values = tuple(None if p.value is None or isinstance(p.value, str) else float(p.value) for p in course.points)
    return bars(cells(Course(unit=course.unit, values=values), width), most)


def _extremes(course: SignalCourse) -> str:
    """The lowest and the highest of it, with the readings that say so."""
    seen = [(p.value, p) for p in course.points if p.value is not None and not isinstance(p.value, str)]
    if not seen:
        return "[dim]not seen[/]"
    (low, _), (high, at) = min(seen, key=lambda s: s[0]), max(seen, key=lambda s: s[0])
    if low == high:
        return f"{amount(low, course.unit)} [dim]all along[/]"
    return f"{amount(low, course.unit)} to {amount(high, course.unit)} [dim]at {clock_time(at.at)} \\[{at.reading}][/]"


def _spells(course: SignalCourse) -> Iterator[str]:
    """``“answered” from 12:01:10, “refused” from 12:03:05 [o12.7]``."""
    for value, points in groupby(course.points, key=lambda p: p.value):
        began = next(points)
        word = "[dim]not seen[/]" if value is None else f"“{escaped(str(value))}”"
        cited = f" [dim]\\[{began.reading}][/]" if began.reading else ""
        yield f"{word} from {clock_time(began.at)}{cited}"
