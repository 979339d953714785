"""The open tickets in a picture, as much of each as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from operator_core.judgements import Severity
from operator_core.tickets import Ticket, TicketState
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.figures import age
from operator_cli.render.lines import SEVERITY_COLOUR
from operator_cli.render.live_layout import LABEL, Part, cut, labelled
from operator_cli.render.live_view import ClusterView

SEVERITY_SIGN = {Severity.INFO: "i", Severity.WARNING: "!", Severity.CRITICAL: "‼"}


def tickets(view: ClusterView, *, now: datetime, width: int) -> Part:
    """The open tickets, the gravest first, each with the first hypothesis about it."""
    open_ = view.open_tickets
    room = width - LABEL
    full = [ticket_lines(t, view, now=now, width=room) for t in open_]

    def draw(given: int) -> Sequence[Text]:
        if not open_:
            return labelled("tickets", [Text("none open", "dim")], width)
        shown = full if given >= len(full) else full[: given - 1]
        budget = [1] * len(shown)
        for n, lines in enumerate(shown):
            if sum(budget) + (len(full) > len(shown)) + 1 <= given and len(lines) > 1:
                budget[n] = 2
        for n, lines in enumerate(shown):
            while budget[n] < len(lines) and sum(budget) + (len(full) > len(shown)) + 1 <= given:
                budget[n] += 1
        drawn = [line for lines, most in zip(shown, budget, strict=True) for line in _shortened(lines, most, room)]
        if len(shown) < len(full):
            drawn.append(Text(f"… and {len(full) - len(shown)} more open", "dim"))
        return labelled("tickets", drawn, width)

    return Part(name="tickets", wants=max(1, sum(map(len, full))), least=1, weight=1, draw=draw)


def _shortened(lines: Sequence[Text], most: int, width: int) -> Sequence[Text]:
    """A ticket in so many lines: of a long title the beginning, with a sign that there is more; the hypothesis last."""
    if most >= len(lines):
        return lines
    title = lines[: max(1, most - 1)]
    if len(lines) - 1 > len(title):
        title = [*title[:-1], cut(Text.assemble(title[-1], " …"), width)]
    return [*title, lines[-1]] if most > 1 else title


def ticket_lines(ticket: Ticket, view: ClusterView, *, now: datetime, width: int) -> list[Text]:
    """What a ticket says, in full, and the first hypothesis about it in the last line."""
    colour = SEVERITY_COLOUR[ticket.severity]
    marks = [ticket.state.value] if ticket.state not in (TicketState.OPEN, TicketState.DIAGNOSED) else []
    marks += ["held"] if ticket.hold else []
    head = Text.assemble(
        (f"{SEVERITY_SIGN[ticket.severity]} ", f"bold {colour}"),
        (f"{ticket.id}  {ticket.severity.value}", f"bold {colour}"),
        f"  {age(now - ticket.opened_at)}  ",
        (f"({', '.join(marks)})  " if marks else "", "magenta"),
        plain(ticket.title),
    )
    lines = wrapped(head, width, indent=2, most=4)
    first = view.hypotheses.get(ticket.id)
    if first is None:
        return [*lines, Text("  → not diagnosed yet", "dim")]
    from operator_diagnosis.prose import names, percent

    said = f"  → {percent(first.probability)}  {plain(first.title)}: {names(first.components)}"
    return [*lines, cut(Text(said), width)]


def wrapped(text: Text, width: int, *, indent: int, most: int) -> list[Text]:
    """A text over several lines, the further ones indented; at most so many."""
    from rich.console import Console

    folder = Console(width=max(20, width), color_system=None)
    first, *rest = text.wrap(folder, max(10, width - indent)) or [Text()]
    lines = [first, *(Text.assemble(" " * indent, line) for line in rest)]
    if len(lines) > most:
        lines = [*lines[: most - 1], cut(Text.assemble(lines[most - 1], " …"), width)]
    for line in lines:
        line.rstrip()
    return lines
