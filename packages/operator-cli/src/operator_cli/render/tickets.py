"""How many tickets look: a table for a terminal of any width, or whole rows for a pipe; and lines as they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from operator_core.tickets import Ticket, TicketState

from operator_cli.render.console import clock_time, full_time, plain
from operator_cli.render.figures import age, short_time
from operator_cli.render.lines import SEVERITY_COLOUR, escaped, ticket_line
from operator_cli.render.silences import silence_line
from operator_cli.use_cases.following import Change, TicketChange

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from operator_cli.use_cases.tickets import Listed, Wanted


def _severity(ticket: Ticket) -> str:
    return f"[{SEVERITY_COLOUR[ticket.severity]}]{ticket.severity.value}[/]"


def rows(listed: Listed) -> RenderableType:
    """Tickets for a pipe: every column, always in the same order, times in full."""
    from rich.table import Table

    made = Table(
        "ticket", "severity", "state", "times", "opened", "resolved", "cluster", "what", box=None, pad_edge=False
    )
    for t in listed.tickets:
        made.add_row(
            str(t.id),
            _severity(t),
            t.state.value + (", held" if t.hold else ""),
            str(t.occurrences),
            full_time(t.opened_at),
            full_time(t.resolved_at) if t.resolved_at else "",
            escaped(t.cluster),
            escaped(t.title),
        )
    return made


STATE_COLOUR = {
    TicketState.OPEN: "bold",
    TicketState.ESCALATED: "bold magenta",
    TicketState.RESOLVED: "green",
}

ROOM = 40
"""Columns that what is the matter needs beside the facts; with less it stands under them."""


def _facts(listed: Listed, shown: Sequence[Ticket]) -> list[tuple[Text, ...]]:
    """The heads of the columns and the cells of each ticket; what says the same of all is left out."""
    from rich.text import Text

    are_many = len({t.cluster for t in shown}) > 1
    come_back = any(t.occurrences > 1 for t in shown)

    def state(t: Ticket) -> Text:
        made = Text(t.state.value, STATE_COLOUR.get(t.state, ""))
        return made.append(", held", "magenta") if t.hold else made

    heads = ("ticket", "severity", "state", *(["times"] if come_back else []), "opened", "", *(["cluster"] * are_many))
    return [
        tuple(Text(head, "dim") for head in heads),
        *(
            (
                Text(str(t.id), "bold"),
                Text(t.severity.value, SEVERITY_COLOUR[t.severity]),
                state(t),
                *([Text(f"{t.occurrences}×" if t.occurrences > 1 else "")] if come_back else []),
                Text(short_time(t.opened_at, now=listed.now[t.cluster])),
                Text(age(listed.now[t.cluster] - t.opened_at), "dim"),
                *([Text(plain(t.cluster))] if are_many else []),
            )
            for t in shown
        ),
    ]


def table(listed: Listed, *, width: int, most: int | None = None) -> RenderableType:
    """Tickets for a terminal: in rows where there is room, else each with what is the matter under its facts.

    Args:
        listed: the tickets.
        width: columns of the terminal.
        most: so many at most, the newest.
    """
    from operator_diagnosis.prose import clean
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    shown = listed.tickets if most is None else listed.tickets[-most:]
    facts = _facts(listed, shown)
    widths = [max(cell.cell_len for cell in column) for column in zip(*facts, strict=True)]
    indent = widths[0] + 2
    is_roomy = width - sum(widths) - 2 * len(widths) >= ROOM
    made = Table.grid()
    if is_roomy:
        made.add_column(no_wrap=True, min_width=sum(widths) + 2 * len(widths))
    made.add_column(overflow="fold")
    for place, cells in enumerate(facts):
        line = Text()
        for column, (cell, room) in enumerate(zip(cells, widths, strict=True)):
            cell.align("right" if column == 0 else "left", room)
            line.append_text(cell).append("  ")
        what = Text(clean(shown[place - 1].title)) if place else Text("what", "dim")
        if is_roomy:
            made.add_row(line, what)
        else:
            made.add_row(line)
            if place:
                made.add_row(Padding(what, (0, 0, 0, indent)))
    return made


def closing(listed: Listed, wanted: Wanted, *, is_folded: bool) -> Iterator[str]:
    """What stands under the tickets, with rich markup: that there are more, whose they are, what is silenced.

    Args:
        listed: the tickets.
        wanted: what was asked for.
        is_folded: the rows leave out what says the same of all.
    """
    clusters = {t.cluster for t in listed.tickets}
    if not listed.tickets:
        kind = "ticket" if wanted.every else "open ticket"
        of = f" of {escaped(wanted.cluster)}" if wanted.cluster is not None else ""
        yield f"no such ticket{of}" if wanted.is_picky else f"no {kind}{of}"
    elif listed.there_are_more:
        yield f"[dim]the newest {len(listed.tickets)}; there are older ones: --limit N[/]"
    if len(clusters) == 1 and is_folded:
        yield f"[dim]all of {escaped(clusters.pop())}[/]"
    for silence in listed.silences:
        yield silence_line(silence, listed.now[silence.cluster])


_COLOUR = {
    Change.THERE: "dim",
    Change.OPENED: "bold red",
    Change.MOVED: "bold",
    Change.HELD: "magenta",
    Change.GREW: "yellow",
    Change.LEFT: "dim",
}


def change_line(changed: TicketChange) -> str:
    """``12:03:10 opened    ticket 3 …``, with rich markup."""
    match changed.change:
        case Change.MOVED:
            word = changed.ticket.state.value
        case Change.HELD:
            word = "held" if changed.ticket.hold else "unheld"
        case other:
            word = other.value
    colour = "bold green" if word == "resolved" else _COLOUR[changed.change]
    return f"[dim]{clock_time(changed.at)}[/] [{colour}]{word:<9}[/] {ticket_line(changed.ticket)}"
