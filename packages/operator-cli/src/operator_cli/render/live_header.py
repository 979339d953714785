"""The head of a picture: what is watched, how it is in one word, how old that is, and who watches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from operator_core.components import CLUSTER_KIND
from operator_core.judgements import Concern, Severity, Verdict
from operator_monitor import Outcome, outcome
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.figures import age, short_time
from operator_cli.render.lines import summary
from operator_cli.render.live_layout import Part, cut, spread
from operator_cli.render.live_view import ClusterView


def header(view: ClusterView, *, now: datetime, up_for: timedelta | None, interval: timedelta, width: int) -> Part:
    """Two lines: what is watched, how it is and how old that is; the counts, and who watches.

    Args:
        up_for: how long we watch already; None when we look only once.
    """

    def draw(rows: int) -> Sequence[Text]:
        what = Text.assemble(verdict_of(view), "  ", (plain(view.name), "bold"), "  ", (subject_of(view), "dim"))
        first = spread(cut(what, width), look_age(view, now, interval), width)
        counts = Text.from_markup(summary(view.judgements)) if view.judgements else Text()
        if up_for is None:
            return [first, cut(counts, width)][:rows]
        who = Text.assemble(watch_of(view), (f"; up {age(up_for)}", "dim"))
        return [first, spread(counts, who, width) if view.is_ours else cut(who, width)][:rows]

    return Part(name="header", wants=2, least=1, weight=0, draw=draw)


def verdict_of(view: ClusterView) -> Text:
    """The cluster in one word, the gravest that is true."""
    wrong = [j for j in view.judgements if j.verdict is Verdict.VIOLATED and j.concern is Concern.SUBJECT]
    if view.worst is Severity.CRITICAL:
        return Text(" CRITICAL ", "bold white on red")
    if view.failed is not None:
        return Text(" BLIND ", "bold black on yellow")
    if view.looked_at is None:
        return Text(" LOOKING ", "reverse dim")
    if view.worst is not None:
        return Text(f" {view.worst.value.upper()} ", "bold black on yellow")
    if wrong:
        return Text(" VIOLATED ", "bold black on yellow")  # seen, and not yet for as long as its grace
    if view.unseen_since or _is_blind(view):
        return Text(" UNSURE ", "bold black on yellow")
    return Text(" WELL ", "bold black on green")


def _is_blind(view: ClusterView) -> bool:
    """Whether a look like this one, made once, would say so too: what not every cluster tells may be unknown."""
    if view.knowledge is None or view.observation is None:
        return True
    return outcome(view.judgements, view.knowledge.invariants, view.observation) is Outcome.BLIND


def subject_of(view: ClusterView) -> str:
    """What sort of system it is, and the versions of its components."""
    kinds = () if view.knowledge is None else view.knowledge.kinds
    title = next((k.title for k in kinds if k.kind == CLUSTER_KIND), "")
    seen = () if view.observation is None else view.observation.components
    versions = sorted({c.version for c in seen if c.version is not None})
    return plain(f"{title} {versions[0] + ' … ' + versions[-1] if len(versions) > 1 else ''.join(versions)}".strip())


def look_age(view: ClusterView, now: datetime, interval: timedelta, *, with_time: bool = True) -> Text:
    """Number and age of the newest look; old is said loudly, for a still picture looks like a calm one."""
    head = f"{short_time(now, now=now)}  " if with_time else ""
    if view.looked_at is None:
        return Text(f"{head}no look yet", "dim")
    old = now - view.looked_at
    style = "bold red" if old > 3 * interval + timedelta(seconds=5) else "dim"
    return Text(f"{head}look {view.number}, {age(old)} ago", style)


def watch_of(view: ClusterView) -> Text:
    """Who has the watch."""
    if view.is_ours:
        return Text("we have the watch", "dim")
    return Text.assemble(("STANDING BY", "bold yellow"), (plain(f": {view.watch}"), "yellow"))
