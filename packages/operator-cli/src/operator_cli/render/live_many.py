"""Several clusters in one picture: a row for each, and below the worst one in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from operator_core.judgements import Concern, Severity, Verdict
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.lines import summary
from operator_cli.render.live_header import look_age, verdict_of, watch_of
from operator_cli.render.live_layout import Part, columns, cut
from operator_cli.render.live_view import ClusterView


def badness(view: ClusterView) -> int:
    """How much a cluster needs a look: higher is more."""
    wrong = any(j.verdict is Verdict.VIOLATED and j.concern is Concern.SUBJECT for j in view.judgements)
    unsure = bool(view.unseen_since) or any(j.verdict is Verdict.UNKNOWN for j in view.judgements)
    match view.worst:
        case Severity.CRITICAL:
            return 6
        case Severity.WARNING | Severity.INFO:
            return 4
        case None:
            return 5 if view.failed is not None else 3 if wrong else 2 if unsure else 1 if view.looked_at is None else 0


def worst_of(views: Sequence[ClusterView]) -> ClusterView:
    """The cluster that needs a look most; of equals the first."""
    return max(views, key=badness)


def clusters(views: Sequence[ClusterView], *, now: Sequence[datetime], interval: timedelta, width: int) -> Part:
    """A row for each cluster, in their order; when there is no room for all, the worst ones."""
    cells = [_row(view, at, interval) for view, at in zip(views, now, strict=True)]
    heads = [Text(t, "dim") for t in ("", "cluster", "open tickets", "verdicts", "newest look", "watch")]

    def draw(given: int) -> Sequence[Text]:
        if given > len(cells):
            return columns([heads, *cells], width=width)
        order = sorted(range(len(cells)), key=lambda n: -badness(views[n]))
        shown = sorted(order[: max(1, given - 2)])
        left = len(cells) - len(shown)
        lines = columns([heads, *(cells[n] for n in shown)], width=width)
        if given < 3:
            return lines[1:]
        well = sum(badness(views[n]) == 0 for n in order[len(shown) :])
        return [*lines, cut(Text(f"… and {left} more, {well} of them well", "dim"), width)]

    return Part(name="clusters", wants=len(cells) + 1, least=1, weight=1, draw=draw)


def _row(view: ClusterView, now: datetime, interval: timedelta) -> list[Text]:
    counts = {s: sum(t.severity is s for t in view.tickets.values()) for s in reversed(Severity)}
    tickets = ", ".join(f"{n} {s.value}" for s, n in counts.items() if n)
    return [
        verdict_of(view),
        Text(plain(view.name), "bold"),
        Text(tickets or "none", "" if tickets else "dim"),
        Text.from_markup(summary(view.judgements)) if view.judgements else Text("no look yet", "dim"),
        look_age(view, now, interval, with_time=False),
        watch_of(view),
    ]
