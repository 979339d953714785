"""The components in a picture: how each is now, and how its load and latency went."""

from __future__ import annotations

from collections.abc import Sequence

from operator_core.judgements import Verdict
from operator_core.knowledge import ComponentKind
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.course import bars, cells
from operator_cli.render.figures import age, amount, between_of
from operator_cli.render.glance import ComponentRow, component_rows, glance_header, header_of
from operator_cli.render.live_layout import Part, columns, cut
from operator_cli.render.live_view import ClusterView
from operator_cli.verdicts import WORST_FIRST, by_component, verdict_on

_FIGURES = 23
"""Cells beside the bars for the newest value and the range."""
_LEAST_BARS, _MOST_BARS = 10, 60


def components(view: ClusterView, width: int) -> list[Part]:
    """A part for each kind of component that was seen."""
    if view.knowledge is None or view.observation is None:
        return []
    there = {c.ref.kind for c in view.observation.components}
    return [_kind(view, kind, width) for kind in view.knowledge.kinds if kind.kind in there]


def _kind(view: ClusterView, kind: ComponentKind, width: int) -> Part:
    assert view.observation is not None
    rows = component_rows(view.observation, view.judgements, kind)
    head = glance_header(kind)
    if view.is_stale:
        head[1] = Text(f"{kind.title}, as last seen", "bold yellow")
        for cell in (cell for row in rows for cell in row.cells[2:]):
            cell.stylize("dim strike")
    right = range(2, len(head))

    def draw(given: int) -> Sequence[Text]:
        if given > len(rows):
            return columns([head, *(r.cells for r in rows)], width=width, right=right)
        if given < 3:
            return [cut(Text.assemble((f"{kind.title}s: ", "dim"), _counted(rows)), width)]
        worst = sorted(rows, key=lambda r: WORST_FIRST.index(r.verdict))
        shown, left = worst[: given - 2], worst[given - 2 :]
        lines = columns([head, *(r.cells for r in shown)], width=width, right=right)
        return [*lines, cut(Text(f"… and {len(left)} more: {_counted(left)}", "dim"), width)]

    return Part(name=kind.kind, wants=len(rows) + 1, least=1, weight=3, draw=draw)


def _counted(rows: Sequence[ComponentRow]) -> str:
    words = {Verdict.VIOLATED: "violated", Verdict.UNKNOWN: "unknown", Verdict.HOLDS: "well"}
    return ", ".join(f"{n} {words[v]}" for v in WORST_FIRST if (n := sum(r.verdict is v for r in rows)))


def course(view: ClusterView, width: int) -> list[Part]:
    """How load and latency went: a row for each component, a row of bars for each signal."""
    if view.knowledge is None or view.observation is None:
        return []
    return [_course(view, kind, width) for kind in view.knowledge.kinds if kind.course and _has_course(view, kind)]


def _has_course(view: ClusterView, kind: ComponentKind) -> bool:
    seen = view.observation.refs(kind.kind) if view.observation is not None else ()
    return any(view.courses.of(signal, ref) is not None for signal in kind.course for ref in seen)


def _course(view: ClusterView, kind: ComponentKind, width: int) -> Part:
    assert view.observation is not None
    refs = view.observation.refs(kind.kind)
    name_width = max(len("last 15 min"), *(len(str(r)) for r in refs)) + 2
    count = max(1, min(len(kind.course), (width - name_width) // (_FIGURES + _LEAST_BARS)))
    signals = kind.course[:count]
    bar_width = min(_MOST_BARS, max(_LEAST_BARS, (width - name_width) // count - _FIGURES))

    def line(index: int) -> Text:
        ref = refs[index]
        text = Text(plain(str(ref)).ljust(name_width), no_wrap=True)
        for signal, top in zip(signals, most, strict=True):
            found = view.courses.of(signal, ref)
            if found is None:
                text.append("not seen".ljust(bar_width + _FIGURES), "yellow")
                continue
            text.append(bars(cells(found, bar_width), top).rjust(bar_width), "cyan")
            now = "?" if found.now is None else amount(found.now, found.unit)
            text.append(f" {now:>8}", "yellow" if found.now is None else "bold")
            between = between_of(min(found.seen), max(found.seen), found.unit)
            text.append(f" {between}".ljust(_FIGURES - 9)[: _FIGURES - 9], "dim")
        return cut(text, width)

    most = [view.courses.most(signal, refs) for signal in signals]
    judged = by_component(view.judgements)
    order = sorted(range(len(refs)), key=lambda n: WORST_FIRST.index(verdict_on(refs[n], judged.get(refs[n], ()))))

    def draw(given: int) -> Sequence[Text]:
        shown = sorted(order[: given - 1]) if given <= len(refs) else range(len(refs))
        span = f"last {age(view.courses.span)}"
        head = Text(span.ljust(name_width), "dim", no_wrap=True)
        for signal in signals:
            title = header_of(signal, kind)[: bar_width + 1]
            head.append(f"{title:>{bar_width}} {'now':>8} ", "dim")
            head.append("least–most".ljust(_FIGURES - 10), "dim")
        more = f"  (… {len(refs) - len(shown)} more)" if len(shown) < len(refs) else ""
        return [cut(Text.assemble(cut(head, width - len(more)), (more, "dim")), width), *(line(n) for n in shown)]

    return Part(name=f"course of {kind.kind}", wants=len(refs) + 1, least=2, weight=4, draw=draw)
