"""What ``operator monitor`` prints: a line a cycle, and what becomes of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operator_cli.render.console import clock_time, console, local_zone
from operator_cli.render.lines import cycle_line, escaped, ticket_line

if TYPE_CHECKING:
    from operator_monitor import CycleReport

    from operator_cli.wiring import Watched


class Watching:
    """A plain, line by line account of a monitor's run."""

    def __init__(self) -> None:
        self._out = console()

    def started(self, watched: Watched, interval_s: float) -> None:
        self._out.print(f"watching {escaped(watched.cluster)} every {interval_s:g} s; Ctrl-C ends it")

    def cycle(self, report: CycleReport) -> None:
        self._out.print(cycle_line(report))
        for ticket in report.opened:
            self._out.print(f"[dim]{clock_time(report.at)}[/] [bold]opened[/]    {ticket_line(ticket)}")
        for diagnosis in report.diagnoses:
            from operator_diagnosis.terminal import render_terminal

            if any(t.id == diagnosis.ticket for t in report.opened):
                self._out.print(render_terminal(diagnosis, zone=local_zone()))
            else:
                first = diagnosis.first
                self._out.print(
                    f"[dim]{clock_time(report.at)}[/] [bold]diagnosed[/] ticket {diagnosis.ticket}:"
                    f" {escaped(first.title)} {first.probability:.0%}"
                )
        for ident, why in report.undiagnosed.items():
            self._out.print(f"[dim]{clock_time(report.at)}[/] [red]not diagnosed[/] ticket {ident}: {escaped(why)}")
        for ticket in report.resolved:
            self._out.print(f"[dim]{clock_time(report.at)}[/] [bold green]resolved[/]  {ticket_line(ticket)}")
