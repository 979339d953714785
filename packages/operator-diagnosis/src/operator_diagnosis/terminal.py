"""A diagnosis on a terminal: what is happening and what to do first, then why.

It is read at three in the morning, on a hundred columns, perhaps without colour: nothing is said by colour alone.
All text is put in as plain text, never as markup, and without control characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from operator_core.claims import Claim
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from operator_diagnosis.prose import citation, claim_says, clean, localised, names, percent, weight
from operator_diagnosis.review import what_would_change

BAR = 20
"""Cells of a probability's bar."""

WORTH_A_LOOK = 0.02
"""Evidence is shown for the first hypothesis and for those from this probability on."""

BRIEF = 2
"""Pieces of evidence shown of each standing for a hypothesis that is not the first."""

CLAIMS_UNDER_ONE = 3
"""Claims shown under one piece of evidence; the Markdown has all."""

_MARKS = {Standing.FOR: ("+", "green"), Standing.AGAINST: ("−", "red"), Standing.MISSING: ("?", "yellow")}


def render_terminal(diagnosis: Diagnosis, *, zone: tzinfo) -> RenderableType:
    """The diagnosis for a console of about a hundred columns.

    Args:
        zone: in which all times are shown.
    """
    return Group(*_Terminal(diagnosis, zone).parts())


def bar(probability: float) -> str:
    """A probability as a row of cells; what is above 0 always has one."""
    full = max(round(probability * BAR), 1 if probability > 0 else 0)
    return "█" * full + "░" * (BAR - full)


def _rows(*, indent: int = 0) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    if indent:
        table.add_column(width=indent - 1)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.expand = True
    return table


class _Terminal:
    def __init__(self, diagnosis: Diagnosis, zone: tzinfo) -> None:
        self._diagnosis = diagnosis
        self._zone = zone

    def _text(self, text: str, style: str = "") -> Text:
        return Text(clean(localised(text, zone=self._zone, day_of=self._diagnosis.at)), style=style)

    def parts(self) -> Iterator[RenderableType]:
        d = self._diagnosis
        yield from self._head()
        yield from self._recommended()
        yield self._title("Hypotheses")
        for place, hypothesis in enumerate(d.hypotheses):
            yield from self._hypothesis(hypothesis, is_first=place == 0)
        if d.path:
            yield self._title("How it came about")
            yield self._path(d.path)
        yield self._title("Options")
        yield self._options()
        yield from self._list("Do not", [self._text(t) for t in d.dont], "✗", "red")
        yield from self._list("Struck: claimed, and not borne out by the record", list(self._struck()), "✗", "red")
        yield from self._list("What would change this", [self._text(t) for t in what_would_change(d)], "?", "yellow")

    @staticmethod
    def _title(text: str) -> RenderableType:
        return Text(f"\n{text.upper()}", style="bold cyan")

    def _head(self) -> Iterator[RenderableType]:
        d = self._diagnosis
        local = d.at.astimezone(self._zone)
        ticket = "" if d.ticket is None else f", ticket {d.ticket}"
        head = Table.grid(expand=True)
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(
            Text(f"Diagnosis of {clean(d.cluster)}{ticket}", style="bold"),
            Text(f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}, by {clean(d.diagnoser)}", style="dim"),
        )
        yield head
        yield Padding(self._text(d.summary, "bold"), (1, 0, 0, 0))

    def _recommended(self) -> Iterator[RenderableType]:
        d = self._diagnosis
        option = next((o for o in d.options if o.name == d.recommended), None)
        rows = _rows()
        does = self._text(d.recommended if option is None else option.does, "bold green")
        if option is not None:
            does.append(f"   (risk: {option.risk.value})", style="dim")
        rows.add_row(Text("→", style="bold green"), does)
        rows.add_row("", self._text(d.because))
        yield Padding(rows, (1, 0, 0, 0))

    def _hypothesis(self, hypothesis: Hypothesis, *, is_first: bool) -> Iterator[RenderableType]:
        line = Text()
        line.append(f"{percent(hypothesis.probability):>6} ", style="bold" if is_first else "")
        line.append(bar(hypothesis.probability), style="cyan" if is_first else "dim cyan")
        line.append("  ")
        line.append_text(self._text(hypothesis.title, "bold" if is_first else ""))
        if hypothesis.components:
            line.append(f" · {names(hypothesis.components)}")
        yield line
        rows = _rows(indent=8)
        for standing in Standing:
            evidence = hypothesis.standing(standing) if is_first or hypothesis.probability >= WORTH_A_LOOK else ()
            for e in evidence if is_first else evidence[:BRIEF]:
                self._evidence(rows, e, is_first=is_first)
            if not is_first and len(evidence) > BRIEF:
                rows.add_row("", "", Text(f"and {len(evidence) - BRIEF} more {standing.value}", style="dim"))
        if hypothesis.unlike_first:
            rows.add_row("", Text("≠"), self._text(hypothesis.unlike_first, "italic"))
        if rows.row_count:
            yield rows

    def _evidence(self, rows: Table, evidence: Evidence, *, is_first: bool) -> None:
        mark, style = _MARKS[evidence.standing]
        if evidence.standing is Standing.MISSING:
            said = self._text(f"whether {evidence.statement}")
            said.append_text(self._text(f": {evidence.missing_because}", "dim"))
        else:
            said = self._text(evidence.statement)
            if evidence.weight:  # a diagnoser that does not weigh says nothing of it
                said.append(f" ({weight(evidence.weight)})", style="dim")
        rows.add_row("", Text(mark, style=f"bold {style}"), said)
        if is_first:
            for claim in evidence.claims[:CLAIMS_UNDER_ONE]:
                rows.add_row("", "", self._claim(claim))
            more = len(evidence.claims) - CLAIMS_UNDER_ONE
            if more > 0:
                rows.add_row("", "", Text(f"and {more} more of the kind", style="dim"))

    def _claim(self, claim: Claim, style: str = "") -> Text:
        text = Text(claim_says(claim, zone=self._zone, day_of=self._diagnosis.at), style=style)
        text.append(f" {citation(claim)}", style="dim")
        return text

    def _path(self, steps: Sequence[CausalStep]) -> RenderableType:
        rows = _rows(indent=2)
        for place, step in enumerate(steps, 1):
            says = self._text(step.says)
            if step.is_supported:
                cited = tuple(dict.fromkeys(citation(c) for c in step.claims[:CLAIMS_UNDER_ONE]))
                says.append(f" {' '.join(cited)}", style="dim")
            else:
                says.append(" (inferred)", style="italic dim")
            rows.add_row("", f"{place}.", says)
        return rows

    def _options(self) -> RenderableType:
        rows = _rows(indent=2)
        d = self._diagnosis
        for option in sorted(d.options, key=lambda o: o.name != d.recommended):
            is_chosen = option.name == d.recommended
            mark = Text("→", style="bold green") if is_chosen else Text("✗" if option.refused else "·", style="dim")
            does = self._text(option.does, "bold green" if is_chosen else "")
            does.append(f"   (risk: {option.risk.value}{'' if option.is_action else ', changes nothing'})", style="dim")
            rows.add_row("", mark, does)
            for label, text in self._about(option, is_chosen=is_chosen):
                line = Text(f"{label}: ", style="dim")
                line.append_text(self._text(text))
                rows.add_row("", "", line)
        return rows

    @staticmethod
    def _about(option: Option, *, is_chosen: bool) -> Iterator[tuple[str, str]]:
        yield "gains", option.gains
        yield "costs", option.costs
        if option.undo:
            yield "undo", option.undo
        if option.refused is not None:
            yield "refused now", option.refused
        elif not is_chosen:
            yield "why not", option.why_not

    def _struck(self) -> Iterator[Text]:
        for struck in self._diagnosis.struck:
            text = self._claim(struck.claim, "strike")
            text.append_text(self._text(f": {struck.why}"))
            yield text

    def _list(self, title: str, texts: Sequence[Text], mark: str, style: str) -> Iterator[RenderableType]:
        if texts:
            yield self._title(title)
            rows = _rows(indent=2)
            for text in texts:
                rows.add_row("", Text(mark, style=f"bold {style}"), text)
            yield rows
