"""What ``operator status`` shows: the parts of the live picture, once, or again and again with ``--watch``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.errors import LedgerError
from operator_core.ports import Clock
from rich.console import Console
from rich.text import Text

from operator_cli.render.console import clock_time, console, plain
from operator_cli.render.course import Courses
from operator_cli.render.figures import age
from operator_cli.render.live_components import components, course
from operator_cli.render.live_header import header
from operator_cli.render.live_layout import Part, fit
from operator_cli.render.live_lists import none_of, said_of, silences, unseens, verdicts
from operator_cli.render.live_screen import LiveScreen
from operator_cli.render.live_tickets import tickets
from operator_cli.render.live_view import ClusterView
from operator_cli.render.outlet import A_MOMENT, Outlet
from operator_cli.render.shows import opens_live
from operator_cli.wiring import knowledge

if TYPE_CHECKING:
    from operator_cli.use_cases.status import Seen, WatchHeld

WIDTH = 120
"""Columns of a page that goes to no terminal."""

LONGEST = 1000
"""Of a line there that says something."""


class StatusPage:
    """A page about one cluster; looked at again and again it remembers how load and latency went.

    Args:
        pause: from look to look.
    """

    def __init__(self, pause: timedelta) -> None:
        self._pause = pause
        self._view: ClusterView | None = None
        self._record: str | None = None
        self._watch: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self._view is None

    def looked(self, seen: Seen) -> None:
        """Take a look."""
        known = knowledge()
        view = self._view or ClusterView(name=seen.cluster, courses=Courses(interval=self._pause), knowledge=known)
        observation = seen.observation
        for look in seen.look.observations:
            view.courses.add(look.at, look, known.kinds)
        view.observation, view.judgements, view.failed = observation, seen.look.judgements, None
        view.number, view.looked_at = observation.number, observation.at
        failing = {s.source for s in observation.sources if s.failure is not None}
        view.unseen_since = {s: view.unseen_since.get(s, observation.at) for s in failing}
        if isinstance(seen.record, LedgerError):
            self._watch, self._record = (), f"the record cannot be read: {seen.record}"
        else:
            self._record = None
            view.tickets = {o.ticket.id: o.ticket for o in seen.record.tickets}
            view.hypotheses = {o.ticket.id: o.first for o in seen.record.tickets if o.first is not None}
            view.silences = seen.record.silences
            self._watch = watch_words(seen.record.watch, observation.at)
        self._view = view

    def failed(self, why: str, at: datetime) -> None:
        """Take that a look as a whole failed."""
        if self._view is not None:
            self._view.failed = why
            self._view.courses.add(at, None, ())

    def parts(self, now: datetime, width: int, *, may_be_long: bool = False) -> list[Part]:
        """The page, top to bottom.

        Args:
            now: the cluster's instant.
            width: of the page.
            may_be_long: lines that say something may go beyond it.
        """
        view = self._view
        if view is None:
            return []
        made = [header(view, now=now, up_for=None, interval=self._pause, width=width)]
        width = LONGEST if may_be_long else width
        if self._record is None:
            made.append(tickets(view, now=now, width=width))
        else:
            made.append(said_of("tickets", [self._record], width))
        made += verdicts(view, width=width, in_full=True)
        made += components(view, width)
        if view.courses.span > 2 * self._pause:
            made += course(view, min(width, WIDTH) if may_be_long else width)
        made += silences(view, now=now, width=width) or [none_of("silences", "none in force", width)]
        if self._watch:
            made.append(said_of("watch", self._watch, width))
        made += unseens(view, now=now, width=width) or [none_of("unseen", "nothing: every source answered", width)]
        return made


def watch_words(held: WatchHeld, now: datetime) -> tuple[str, ...]:
    """Who has the watch and whether it lives; and how old the newest look on record is."""
    if held.holder is None:
        who = "nobody watches this cluster"
    elif held.is_alive:
        who = f"{held.holder} has the watch"
    else:
        who = f"{held.holder} has the watch and gave no sign of life for {age(held.silent_for)}"
        who += "" if held.patience is None else f" (after {age(held.patience)} another may take it)"
    return (who,) if held.recorded_at is None else (who, f"newest look on record {age(now - held.recorded_at)} ago")


def print_status(seen: Seen, pause: timedelta) -> None:
    """One page on standard output."""
    page = StatusPage(pause)
    page.looked(seen)
    _print(page, console(), seen.observation.at)


def _print(page: StatusPage, out: Console, now: datetime) -> None:
    width = out.width if out.is_terminal else WIDTH
    for line in fit(page.parts(now, width, may_be_long=not out.is_terminal), 10_000):
        line.rstrip()
        out.print(line)


class LinesAgain:
    """A page for each look, one below the other."""

    def __init__(self, outlet: Outlet, out: Console, pause: timedelta) -> None:
        self._outlet = outlet
        self._out = out
        self._page = StatusPage(pause)

    def __enter__(self) -> LinesAgain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._outlet.drain(A_MOMENT)

    def looked(self, seen: Seen) -> None:
        if not self._page.is_empty:
            self._out.print()
        self._page.looked(seen)
        _print(self._page, self._out, seen.observation.at)

    def failed(self, why: str, at: datetime) -> None:
        self._out.print(Text(plain(f"{clock_time(at)} the look failed: {why}")))

    async def shown(self, clock: Clock) -> None:
        """Nothing: a page is printed at once."""


class PictureAgain:
    """One page, drawn anew with each look and as time goes on."""

    def __init__(self, outlet: Outlet, out: Console, pause: timedelta) -> None:
        self._page = StatusPage(pause)
        self._clock: Clock | None = None
        self._why = ""
        self._screen = LiveScreen(outlet, out, self._draw, self._logged)

    def __enter__(self) -> PictureAgain:
        self._screen.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._screen.close()

    def looked(self, seen: Seen) -> None:
        self._page.looked(seen)
        self._screen.change()

    def failed(self, why: str, at: datetime) -> None:
        self._why = why
        self._page.failed(why, at)
        self._screen.change()

    async def shown(self, clock: Clock) -> None:
        self._clock = clock
        await self._screen.show()

    def _logged(self, line: str) -> None:
        self._why = line

    def _draw(self, width: int, height: int) -> Sequence[Text]:
        if self._clock is None or self._page.is_empty:
            return [Text(self._why or "looking …")]
        return fit(self._page.parts(self._clock.now(), width), height)


def status_on(pause: timedelta) -> LinesAgain | PictureAgain:
    """What shows the looks of ``--watch`` on standard output."""
    outlet = Outlet(sys.stdout)
    out = console(through=outlet)
    return PictureAgain(outlet, out, pause) if opens_live(out) else LinesAgain(outlet, out, pause)
