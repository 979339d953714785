"""How tickets look: a table of many, a page of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from operator_core.tickets import Ticket

from operator_cli.render.console import full_time, plain
from operator_cli.render.lines import SEVERITY_COLOUR, escaped, ticket_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from operator_cli.use_cases.tickets import TicketFile


def table(tickets: Sequence[Ticket]) -> RenderableType:
    """Tickets, a row each."""
    from rich.table import Table

    made = Table("ticket", "severity", "state", "opened", "resolved", "cluster", "what", box=None, pad_edge=False)
    for t in tickets:
        made.add_row(
            str(t.id),
            f"[{SEVERITY_COLOUR[t.severity]}]{t.severity.value}[/]",
            t.state.value + (" (held)" if t.hold else ""),
            full_time(t.opened_at),
            full_time(t.resolved_at) if t.resolved_at else "",
            escaped(t.cluster),
            escaped(t.title),
        )
    return made


def page(file: TicketFile) -> Iterator[RenderableType]:
    """One ticket: its violations, the readings they rest on, its notes."""
    from rich.table import Table
    from rich.text import Text

    ticket = file.ticket
    yield ticket_line(ticket)
    over = f", resolved {full_time(ticket.resolved_at)}" if ticket.resolved_at else ""
    yield f"cluster {escaped(ticket.cluster)}, opened {full_time(ticket.opened_at)}{over}"
    yield ""
    violations = Table("violation", "since", "ended", "because", "readings", box=None, pad_edge=False)
    for v in ticket.violations:
        violations.add_row(
            escaped(str(v.key)),
            full_time(v.since),
            full_time(v.ended_at) if v.ended_at else "",
            escaped(v.because),
            ", ".join(v.readings),
        )
    yield violations
    if file.readings:
        yield ""
        readings = Table("reading", "at", "component", "signal", "value", "unit", "source", box=None, pad_edge=False)
        for r in file.readings:
            value = r.value if isinstance(r.value, str) else f"{r.value:.6g}"
            toward = f" → {r.toward}" if r.toward else ""
            readings.add_row(
                r.id,
                full_time(r.at),
                escaped(f"{r.component}{toward}"),
                r.signal,
                escaped(value),
                r.unit,
                escaped(r.source),
            )
        yield readings
    for note in file.notes:
        yield ""
        yield Text(plain(f"{full_time(note.at)} {note.by}: {note.text}"))
