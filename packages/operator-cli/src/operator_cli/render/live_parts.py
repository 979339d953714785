"""Every part of the picture of one cluster.

Nothing in it is said by colour alone, and nothing unseen looks like something seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from operator_cli.render.live_components import components, course
from operator_cli.render.live_header import header
from operator_cli.render.live_layout import Part
from operator_cli.render.live_lists import events, silences, unseens, verdicts
from operator_cli.render.live_tickets import tickets
from operator_cli.render.live_view import ClusterView


def picture(
    view: ClusterView, *, now: datetime, up_for: timedelta | None, interval: timedelta, width: int
) -> list[Part]:
    """The parts, top to bottom."""
    return [
        header(view, now=now, up_for=up_for, interval=interval, width=width),
        tickets(view, now=now, width=width),
        *verdicts(view, width=width),
        *view.until_changed(("components", width), lambda: (*components(view, width), *course(view, width))),
        *silences(view, now=now, width=width),
        *unseens(view, now=now, width=width),
        *events(view, now=now, width=width),
    ]
