"""The demo on a terminal: what happened scrolls above, the cluster as it is now stays below."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.faults import JournalEntry
from operator_core.knowledge import Knowledge
from operator_core.readings import ClusterName
from operator_core.tickets import Ticket
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from operator_cli.demo.story import Ending, Stage
from operator_cli.demo.words import closing_lines, fault_sentence
from operator_cli.render.console import clock_time, local_zone
from operator_cli.render.course import Courses
from operator_cli.render.lines import escaped, summary, ticket_line
from operator_cli.render.live_components import components, course
from operator_cli.render.live_layout import Part, fit
from operator_cli.render.live_tickets import tickets
from operator_cli.render.live_view import ClusterView

if TYPE_CHECKING:
    from operator_monitor import CycleReport

_STEPS = (
    (Stage.HEALTHY, "healthy"),
    (Stage.BROKEN, "broken"),
    (Stage.DIAGNOSED, "diagnosed"),
    (Stage.HEALED, "healed"),
    (Stage.RESOLVED, "resolved"),
)


class LiveTeller:
    """Tells the story with a live picture of the cluster below it."""

    def __init__(self, console: Console, knowledge: Knowledge) -> None:
        self._out = console
        self._view = ClusterView(
            name=ClusterName("demo"), knowledge=knowledge, courses=Courses(interval=timedelta(seconds=5))
        )
        self._live = Live(console=console, auto_refresh=False)
        self._stage = Stage.HEALTHY
        self._started: datetime | None = None
        self._report: CycleReport | None = None

    def __enter__(self) -> LiveTeller:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _say(self, text: str) -> None:
        self._live.console.print(text)

    def _at(self, stage: Stage) -> None:
        self._stage = stage
        self._draw()

    def _draw(self) -> None:
        self._live.update(self._picture(), refresh=True)

    def _progress(self) -> Text:
        text = Text()
        done = True
        for n, (stage, word) in enumerate(_STEPS):
            if n:
                text.append(" ── ", "dim")
            if stage is self._stage:
                text.append(f"● {word}", "bold")
                done = False
            else:
                text.append(f"{'✔' if done else '○'} {word}", "green" if done else "dim")
        return text

    def _picture(self) -> RenderableType:
        report, view = self._report, self._view
        if report is None:
            return Panel(self._progress(), title="operator demo", border_style="dim", width=self._width())
        elapsed = report.at - (self._started or report.at)
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        head.add_row(self._progress(), f"[dim]cluster time +{elapsed.total_seconds():.0f} s[/]")
        inside = self._width() - 4
        parts: list[Part] = [*components(view, inside), *course(view, inside)]
        if view.tickets:
            parts.append(tickets(view, now=report.at, width=inside))
        lines = [Text.from_markup(f"look {report.number}: {summary(report.judgements)}"), *self._fitted(parts)]
        return Panel(
            Group(head, Text(), *lines), title="operator demo", border_style=self._border(), width=self._width()
        )

    def _fitted(self, parts: list[Part]) -> tuple[Text, ...]:
        # Half of the terminal at least is the story's.
        return fit(parts, max(len(parts), self._out.height // 2, self._out.height - 24))

    def _border(self) -> str:
        match self._stage:
            case Stage.HEALTHY | Stage.RESOLVED:
                return "green"
            case Stage.BROKEN | Stage.DIAGNOSED:
                return "red"
            case Stage.HEALED:
                return "yellow"

    def _width(self) -> int:
        # What a terminal writes for Ctrl-C must not wrap into a line that the picture does not count.
        return max(20, self._out.width - 3)

    def chapter(self, stage: Stage, text: str) -> None:
        self._say(f"[bold]{escaped(text)}[/]")
        self._at(stage)

    def cycle(self, report: CycleReport) -> None:
        self._started = self._started or report.at
        self._report = report
        self._view.heard(report)
        self._draw()

    def broken(self, entry: JournalEntry, describes: str) -> None:
        at = entry.injected_at or entry.planned_at
        self._say(f"\n[dim]{clock_time(at)}[/] [bold red]✗ {escaped(fault_sentence(entry, describes))}[/]")
        self._say("         [dim]Nothing that diagnoses is told of this.[/]")
        self._at(Stage.BROKEN)

    def opened(self, ticket: Ticket, after: timedelta) -> None:
        self._say(
            f"[dim]{clock_time(ticket.opened_at)}[/] [bold yellow]! {after.total_seconds():.0f} s after the fault:[/]"
            f" opened {ticket_line(ticket)}\n"
        )
        self._draw()

    def diagnosed(self, diagnosis: Diagnosis, *, again: bool) -> None:
        if again:
            first = diagnosis.first
            self._say(
                f"[dim]{clock_time(diagnosis.at)}[/] diagnosed again with more to see:"
                f" {escaped(first.title)} {first.probability:.0%}"
            )
        else:
            from operator_diagnosis.terminal import render_terminal

            self._live.console.print(render_terminal(diagnosis, zone=local_zone()))
        self._at(Stage.DIAGNOSED)

    def healed(self, entries: tuple[JournalEntry, ...]) -> None:
        what = ", ".join(str(e.fault) for e in entries)
        at = max((e.healed_at for e in entries if e.healed_at is not None), default=None)
        self._say(
            f"\n[dim]{clock_time(at) if at else ''}[/] [bold green]+ undone:[/] {escaped(what)}."
            " Now the cure must be seen before the ticket may close."
        )
        self._at(Stage.HEALED)

    def resolved(self, ticket: Ticket, after: timedelta) -> None:
        at = clock_time(ticket.resolved_at) if ticket.resolved_at else ""
        self._say(f"[dim]{at}[/] [bold green]✔ {after.total_seconds():.0f} s after the heal:[/] {ticket_line(ticket)}")
        self._at(Stage.RESOLVED)

    def ended(self, ending: Ending) -> None:
        self._live.stop()
        _print_all(self._out, closing_lines(ending))


def _print_all(out: Console, lines: Iterable[str]) -> None:
    out.print()
    for line in lines:
        out.print(line)
