"""The demo as plain text, for logs, CI and pipes: one line an event, in the order of events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.faults import JournalEntry
from operator_core.tickets import Ticket
from rich.console import Console

from operator_cli.demo.story import Ending, Stage
from operator_cli.demo.words import closing_lines, fault_sentence
from operator_cli.render.console import clock_time, local_zone
from operator_cli.render.lines import cycle_line, escaped, ticket_line

if TYPE_CHECKING:
    from operator_monitor import CycleReport


class PlainTeller:
    """Tells the story line by line."""

    def __init__(self, console: Console) -> None:
        self._out = console

    def chapter(self, stage: Stage, text: str) -> None:
        self._out.print(f"[bold]{stage.value}:[/] {escaped(text)}")

    def cycle(self, report: CycleReport) -> None:
        self._out.print(cycle_line(report))

    def broken(self, entry: JournalEntry, describes: str) -> None:
        at = entry.injected_at or entry.planned_at
        self._out.print(f"[dim]{clock_time(at)}[/] [bold red]fault:[/] {escaped(fault_sentence(entry, describes))}")

    def opened(self, ticket: Ticket, after: timedelta) -> None:
        self._out.print(
            f"[dim]{clock_time(ticket.opened_at)}[/] [bold]opened[/] {after.total_seconds():.0f} s after the fault:"
            f" {ticket_line(ticket)}"
        )

    def diagnosed(self, diagnosis: Diagnosis, *, again: bool) -> None:
        if again:
            first = diagnosis.first
            self._out.print(
                f"[dim]{clock_time(diagnosis.at)}[/] diagnosed again with more to see:"
                f" {escaped(first.title)} {first.probability:.0%}"
            )
            return
        from operator_diagnosis.terminal import render_terminal

        self._out.print(render_terminal(diagnosis, zone=local_zone()))

    def healed(self, entries: tuple[JournalEntry, ...]) -> None:
        for entry in entries:
            at = clock_time(entry.healed_at) if entry.healed_at else ""
            self._out.print(f"[dim]{at}[/] [bold green]undone:[/] {escaped(str(entry.fault))}")

    def resolved(self, ticket: Ticket, after: timedelta) -> None:
        at = clock_time(ticket.resolved_at) if ticket.resolved_at else ""
        self._out.print(
            f"[dim]{at}[/] [bold green]resolved[/] {after.total_seconds():.0f} s after the heal: {ticket_line(ticket)}"
        )

    def ended(self, ending: Ending) -> None:
        self._out.print()
        for line in closing_lines(ending):
            self._out.print(line)
