"""What ``operator monitor`` prints where there is no terminal to draw on: a line a look, and what is news in full.

It is read in a journal, days later and through grep: a thing is told when it begins and when it ends, every line says
whose it is, and nothing depends on colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Severity
from operator_core.readings import ClusterName
from operator_core.silences import Silence, SilenceId
from operator_core.tickets import Ticket, TicketId

from operator_cli.journal import CRITICAL, INFO, NOTICE, WARNING
from operator_cli.render.console import clock_time, local_zone, plain
from operator_cli.render.figures import short_time
from operator_cli.render.lines import escaped, summary, ticket_line
from operator_cli.render.outlet import A_MOMENT, Outlet
from operator_cli.render.watching_news import News, Newsroom

if TYPE_CHECKING:
    from operator_monitor import CycleReport, StandingBy
    from rich.console import Console, RenderableType

    from operator_cli.use_cases.monitoring import Cluster
    from operator_cli.use_cases.recalling import OnRecord

REASON = 90
"""Characters of a reason that a look's own line has room for; the ticket says it in full."""

_PRIORITY = {Severity.INFO: NOTICE, Severity.WARNING: WARNING, Severity.CRITICAL: CRITICAL}


class Watching:
    """A plain, line by line account of a monitor's run.

    Args:
        outlet: takes the text on its way to standard output.
        out: lays it out.
        journal: lines are led by their priority, as ``journalctl -p warning`` wants it (sd-daemon(3)).
    """

    asks_the_record = False

    def __init__(self, outlet: Outlet, out: Console, *, journal: bool = False) -> None:
        self._outlet = outlet
        self._out = out
        self._journal = journal
        self._rooms: dict[ClusterName, Newsroom] = {}
        self._silences: dict[ClusterName, dict[SilenceId, Silence]] = {}
        self._told: dict[ClusterName, set[TicketId]] = {}
        self._stories: dict[ClusterName, set[TicketId]] = {}
        self._longest = 0

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._outlet.drain(None if kind is None else A_MOMENT)
        if kind is None:
            self._outlet.write("")  # says what became of what was written before

    def close(self) -> None:
        """Write what is still to be written, if somebody takes it."""
        self._outlet.drain(A_MOMENT)

    def started(self, watched: Sequence[Cluster], interval: timedelta, heard_at: str | None) -> None:
        for cluster in watched:
            self._rooms[cluster.name] = Newsroom()
            self._silences[cluster.name] = {}
            self._told[cluster.name] = set()
            self._stories[cluster.name] = set()
        self._longest = max(len(plain(c.name)) for c in watched)
        names = ", ".join(escaped(c.name) for c in watched)
        how = "; Ctrl-C ends it" if self._out.is_terminal else ""
        self._say(f"watching {names} every {interval.total_seconds():g} s{how}")
        if heard_at is not None:
            self._say(f"health and metrics: {escaped(heard_at)}/healthz and /metrics")

    async def shown(self) -> None:
        """Nothing: what is told is told at once."""

    def recalled(self, cluster: ClusterName, record: OnRecord) -> None:
        """Nothing: a line is about what happens now."""

    def stood_by(self, cluster: ClusterName, report: StandingBy) -> None:
        if self._rooms[cluster].standing(report):
            self._line(cluster, report.at, f"[yellow]standing by:[/] {escaped(report.because)}", WARNING)

    def heard(self, cluster: ClusterName, report: CycleReport) -> None:
        room = self._rooms[cluster]
        news = room.cycle(report)
        if news.taken_over:
            self._line(cluster, report.at, "[green]the watch is ours now[/]", NOTICE)
        self._look(cluster, report, news)
        self._expected(cluster, report)
        self._tickets(cluster, report)

    def _look(self, cluster: ClusterName, report: CycleReport, news: News) -> None:
        """The one line of a look: how many hold; and what is new about it."""
        head = f"#{report.number:<4}"
        if report.failed is not None:
            why = f": {escaped(report.failed)}" if news.failed is not None else ""
            self._line(cluster, report.at, f"{head} [red]failed[/]{why}", WARNING)
            return
        said = [summary(report.judgements), *_new(news)]
        loud = news.begun or news.lost or news.slow
        self._line(cluster, report.at, f"{head} {'; '.join(said)}", WARNING if loud else INFO)

    def _expected(self, cluster: ClusterName, report: CycleReport) -> None:
        before, now = self._silences[cluster], {s.id: s for s in report.silences}
        for silence in now.values() if report.failed is None else ():
            if silence.id not in before:
                until = short_time(silence.ends, now=report.at)
                why = f": {escaped(silence.because)}" if silence.because else ""
                said = (
                    f"silence {silence.id}  {escaped(str(silence.scope))} until {until}, by {escaped(silence.by)}{why}"
                )
                self._line(cluster, report.at, said, NOTICE)
        if report.failed is None:
            for ident in before.keys() - now.keys():
                self._line(cluster, report.at, f"silence {ident}  is over", NOTICE)
            self._silences[cluster] = now
        for violation in report.silenced:
            self._line(cluster, report.at, f"silenced  {escaped(violation.because)}", NOTICE)

    def _tickets(self, cluster: ClusterName, report: CycleReport) -> None:
        told, stories = self._told[cluster], self._stories[cluster]
        new = {t.id for t in (*report.opened, *report.reopened)}
        for ticket in report.now_open or ():
            if ticket.id not in told and ticket.id not in new:
                self._ticket(cluster, report.at, "open     ", ticket)
        for ticket in report.opened:
            self._ticket(cluster, report.at, "opened   ", ticket)
        for ticket in report.reopened:
            self._ticket(cluster, report.at, "came back", ticket)
        stories |= new
        for diagnosis in report.diagnoses:
            if diagnosis.ticket is not None and diagnosis.ticket in stories:
                stories.discard(TicketId(diagnosis.ticket))
                self._story(cluster, diagnosis)
            else:
                first = diagnosis.first
                said = f"diagnosed ticket {diagnosis.ticket}: {escaped(first.title)} {first.probability:.0%}"
                self._line(cluster, report.at, said, NOTICE)
        for ident, why in report.undiagnosed.items():
            self._line(cluster, report.at, f"[red]not diagnosed[/] ticket {ident}: {escaped(why)}", WARNING)
        for ticket in report.resolved:
            self._line(cluster, report.at, f"[green]resolved[/]  {ticket_line(ticket)}", NOTICE)
        if report.now_open is not None:
            self._told[cluster] = {t.id for t in report.now_open}

    def _ticket(self, cluster: ClusterName, at: datetime, word: str, ticket: Ticket) -> None:
        self._line(cluster, at, f"[bold]{word}[/] {ticket_line(ticket)}", _PRIORITY[ticket.severity])

    def _story(self, cluster: ClusterName, diagnosis: Diagnosis) -> None:
        from operator_diagnosis.terminal import render_terminal

        self._say(render_terminal(diagnosis, zone=local_zone()), cluster=cluster, priority=NOTICE)

    def _line(self, cluster: ClusterName, at: datetime, said: str, priority: int) -> None:
        self._say(f"[dim]{clock_time(at)}[/] {said}", cluster=cluster, priority=priority)

    def _say(self, said: RenderableType, *, cluster: ClusterName | None = None, priority: int = INFO) -> None:
        """Print a line or a story, each line led by the cluster's name where there are several, and its priority."""
        several = len(self._rooms) > 1
        lead = f"{plain(cluster).ljust(self._longest)}  " if cluster is not None and several else ""
        mark = f"<{priority}>" if self._journal else ""
        if not lead and not mark:
            self._out.print(said)
            return
        with self._out.capture() as captured:
            if isinstance(said, str):
                self._out.print(said)
            else:  # a story is laid out anew, so that nothing of it is beyond the edge
                self._out.print(said, width=max(40, self._out.width - len(lead)), soft_wrap=False)
        for line in captured.get().splitlines():
            if line.strip() or not self._journal:
                self._outlet.write(f"{mark}{lead}{line}".rstrip() + "\n")


def _new(news: News) -> Iterator[str]:
    """What a look brought that was not so before, in a few words each."""
    if news.begun:
        yield _first([escaped(_short(j.because)) for j in news.begun])
    if news.ended:
        yield f"[green]holds again:[/] {_first([escaped(str(k)) for k in news.ended])}"
    if news.lost:
        causes = [f"{s.source} ({s.failure.value})" for s in news.lost if s.failure is not None]
        yield f"[yellow]not seen:[/] {escaped(_short(', '.join(causes)))}"
    if news.regained:
        yield f"[green]seen again:[/] {escaped(_short(', '.join(news.regained)))}"
    if news.slow is not None:
        yield f"[yellow]{escaped(news.slow)}[/]"


def _first(said: Sequence[str]) -> str:
    return said[0] if len(said) == 1 else f"{said[0]} (+{len(said) - 1} more)"


def _short(text: str) -> str:
    return text if len(text) <= REASON else f"{text[: REASON - 1]}…"
