"""The components in a picture: how each is now, and how its load and latency went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.judgements import Verdict
from operator_core.knowledge import ComponentKind
from operator_core.readings import SignalName
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One component's courses, a cell for each column; None where its kind has no such signal."""

    ref: ComponentRef
    cells: tuple[tuple[SignalName, float] | None, ...]
    """The signal, and the highest value of it among the components of the kind."""


def course(view: ClusterView, width: int) -> list[Part]:
    """How load and latency went, of the cluster as a whole and of its components: a row of bars for each signal."""
    if view.knowledge is None or view.observation is None:
        return []
    kinds = sorted((k for k in view.knowledge.kinds if k.course), key=lambda k: k.kind != CLUSTER_KIND)
    there = [(kind, refs) for kind in kinds if (refs := _with_course(view, kind))]
    if not there:
        return []
    titles = list(dict.fromkeys(header_of(signal, kind) for kind, _ in there for signal in kind.course))
    name_width = max(len("last 15 min"), *(len(str(ref)) for _, refs in there for ref in refs)) + 2
    count = max(1, min(len(titles), (width - name_width) // (_FIGURES + _LEAST_BARS)))
    bar_width = min(_MOST_BARS, max(_LEAST_BARS, (width - name_width) // count - _FIGURES))
    lines = [line for kind, refs in there for line in _lines(view, kind, refs, titles[:count])]
    judged = by_component(view.judgements)
    order = sorted(
        range(len(lines)),
        key=lambda n: (
            lines[n].ref.kind != CLUSTER_KIND,
            WORST_FIRST.index(verdict_on(lines[n].ref, judged.get(lines[n].ref, ()))),
        ),
    )

    def draw(given: int) -> Sequence[Text]:
        shown = sorted(order[: given - 1]) if given <= len(lines) else range(len(lines))
        head = Text(f"last {age(view.courses.span)}".ljust(name_width), "dim", no_wrap=True)
        for title in titles[:count]:
            head.append(f"{title[: bar_width + 1]:>{bar_width}} {'now':>8} ", "dim")
            head.append("least–most".ljust(_FIGURES - 10), "dim")
        more = f"  (… {len(lines) - len(shown)} more)" if len(shown) < len(lines) else ""
        head = cut(Text.assemble(cut(head, width - len(more)), (more, "dim")), width)
        return [head, *(cut(_drawn(view, lines[n], name_width, bar_width), width) for n in shown)]

    return [Part(name="course", wants=len(lines) + 1, least=2, weight=4, draw=draw)]


def _with_course(view: ClusterView, kind: ComponentKind) -> tuple[ComponentRef, ...]:
    """The components of a kind, if anything of it was seen over time."""
    assert view.observation is not None
    refs = (CLUSTER,) if kind.kind == CLUSTER_KIND else view.observation.refs(kind.kind)
    return refs if any(view.courses.of(signal, ref) for signal in kind.course for ref in refs) else ()


def _lines(
    view: ClusterView, kind: ComponentKind, refs: Sequence[ComponentRef], titles: Sequence[str]
) -> Iterator[_Line]:
    by_title = {header_of(signal, kind): (signal, view.courses.most(signal, refs)) for signal in kind.course}
    for ref in refs:
        yield _Line(ref=ref, cells=tuple(by_title.get(title) for title in titles))


def _drawn(view: ClusterView, line: _Line, name_width: int, bar_width: int) -> Text:
    text = Text(plain(str(line.ref)).ljust(name_width), no_wrap=True)
    for cell in line.cells:
        found = None if cell is None else view.courses.of(cell[0], line.ref)
        if cell is None or found is None:
            said = "" if cell is None else "not seen"
            text.append(said.rjust(bar_width).ljust(bar_width + _FIGURES), "yellow")
            continue
        text.append(bars(cells(found, bar_width), cell[1]).rjust(bar_width), "cyan")
        now = "?" if found.now is None else amount(found.now, found.unit)
        text.append(f" {now:>8}", "yellow" if found.now is None else "bold")
        between = between_of(min(found.seen), max(found.seen), found.unit)
        text.append(f" {between}".ljust(_FIGURES - 9)[: _FIGURES - 9], "dim")
    return text
