"""What ``operator monitor`` shows on a terminal: the clusters as they are now, drawn anew as time goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from operator_core.ports import Clock
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from rich.console import Console
from rich.text import Text

from operator_cli.render.course import Courses
from operator_cli.render.figures import age
from operator_cli.render.lines import escaped
from operator_cli.render.live_layout import fit
from operator_cli.render.live_many import clusters, worst_of
from operator_cli.render.live_parts import picture
from operator_cli.render.live_screen import LiveScreen
from operator_cli.render.live_view import ClusterView, Event, Tone
from operator_cli.render.outlet import A_MOMENT, Outlet

if TYPE_CHECKING:
    from operator_monitor import CycleReport, StandingBy

    from operator_cli.use_cases.monitoring import Cluster
    from operator_cli.use_cases.recalling import OnRecord


class LiveWatching:
    """A picture of one cluster, or a row for each of several and the worst of them in full."""

    asks_the_record = True

    def __init__(self, outlet: Outlet, console: Console) -> None:
        self._outlet = outlet
        self._console = console
        self._closed = False
        self._wall = RealClock()
        self._began = self._wall.now()
        self._interval = timedelta(0)
        self._views: dict[ClusterName, ClusterView] = {}
        self._clocks: dict[ClusterName, Clock] = {}
        self._counts = {"opened": 0, "resolved": 0, "looks": 0}
        self._screen = LiveScreen(outlet, console, self._draw, self._logged)

    def __enter__(self) -> LiveWatching:
        self._screen.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back, with a line that says what was seen; once is enough."""
        closed, self._closed = self._closed, True
        if not closed:
            self._screen.close()
            if self._views and not self._outlet.is_behind:
                self._console.print(self._farewell())
                self._outlet.drain(A_MOMENT)

    def started(self, watched: Sequence[Cluster], interval: timedelta, heard_at: str | None) -> None:
        self._interval = interval
        for cluster in watched:
            self._clocks[cluster.name] = cluster.clock
            self._views[cluster.name] = ClusterView(
                name=cluster.name, knowledge=cluster.knowledge, courses=Courses(interval=interval)
            )
            if heard_at is not None:
                said = Event(at=cluster.clock.now(), text=f"health and metrics: {heard_at}/healthz, /metrics")
                self._views[cluster.name].events.append(said)
        self._screen.change()

    def heard(self, cluster: ClusterName, report: CycleReport) -> None:
        self._views[cluster].heard(report)
        self._counts["looks"] += 1
        self._counts["opened"] += len(report.opened)
        self._counts["resolved"] += len(report.resolved)
        self._screen.change()

    def stood_by(self, cluster: ClusterName, report: StandingBy) -> None:
        self._views[cluster].stood_by(report)
        self._screen.change()

    def recalled(self, cluster: ClusterName, record: OnRecord) -> None:
        self._views[cluster].recalled(record)
        self._screen.change()

    async def shown(self) -> None:
        await self._screen.show()

    def _logged(self, line: str) -> None:
        for name, view in self._views.items():
            if len(self._views) == 1 or name in line:
                view.events.append(Event(at=self._clocks[name].now(), text=line, tone=Tone.WARNING))

    def _draw(self, width: int, height: int) -> Sequence[Text]:
        if not self._views:
            return [Text("operator monitor is starting")]
        views = list(self._views.values())
        worst = worst_of(views)
        parts = picture(
            worst,
            now=self._clocks[worst.name].now(),
            up_for=self._wall.now() - self._began,
            interval=self._interval,
            width=width,
        )
        if len(views) > 1:
            now = [self._clocks[v.name].now() for v in views]
            parts.insert(0, clusters(views, now=now, interval=self._interval, width=width))
        return fit(parts, height)

    def _farewell(self) -> str:
        """What stays on the terminal when the picture is gone."""
        lasted = age(self._wall.now() - self._began)
        names = ", ".join(escaped(n) for n in self._views)
        still = sum(len(v.tickets) for v in self._views.values())
        counts = self._counts
        return (
            f"watched {names} for {lasted}: {counts['looks']} looks, {counts['opened']} tickets opened,"
            f" {counts['resolved']} resolved, {still} open"
        )
