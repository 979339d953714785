"""The cluster at a glance: every component, how it is, and the few readings that tell most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operator_core.components import ComponentRef
from operator_core.judgements import Judgement, Verdict
from operator_core.knowledge import ComponentKind
from operator_core.readings import Observation, Reading, SignalName
from rich.text import Text

from operator_cli.render.console import plain
from operator_cli.render.figures import amount
from operator_cli.verdicts import by_component, verdict_on

MARKS = {Verdict.VIOLATED: ("✗", "red"), Verdict.UNKNOWN: ("?", "yellow"), Verdict.HOLDS: ("✔", "green")}

_USUAL = frozenset({"Up", "answered", "yes", "healthy", "now"})
"""Words that need no attention."""


def shown(reading: Reading | None) -> Text:
    """A reading's value for a cell; what was not seen is a question mark, never a zero."""
    if reading is None:
        return Text("?", "yellow")
    if isinstance(reading.value, str):
        return Text(plain(reading.value)[:20], "" if reading.value in _USUAL else "bold")
    return Text(amount(reading.value, reading.unit))


def header_of(signal: SignalName, kind: ComponentKind) -> str:
    """A signal's name as the head of a column among components of a kind."""
    return str(signal).removeprefix(f"{kind.kind}.").replace("_", " ")


def glance_header(kind: ComponentKind) -> list[Text]:
    """The heads of the columns, as :func:`component_rows` fills them."""
    heads = ("", kind.title, *(header_of(signal, kind) for signal in kind.glance))
    return [Text(head, "dim") for head in heads]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRow:
    """One component at a glance."""

    ref: ComponentRef
    verdict: Verdict
    cells: tuple[Text, ...]


def component_rows(
    observation: Observation, judgements: Sequence[Judgement], kind: ComponentKind
) -> tuple[ComponentRow, ...]:
    """A row for each component of a kind, in the order in which they were seen."""
    judged = by_component(judgements)
    rows: list[ComponentRow] = []
    for component in observation.components:
        if component.ref.kind != kind.kind:
            continue
        verdict = verdict_on(component.ref, judged.get(component.ref, ()))
        name = Text(plain(str(component.ref)))
        if component.roles:
            name.append(f" {', '.join(sorted(component.roles))}", "dim")
        readings = (shown(observation.reading(signal, component.ref)) for signal in kind.glance)
        rows.append(ComponentRow(ref=component.ref, verdict=verdict, cells=(Text(*MARKS[verdict]), name, *readings)))
    return tuple(rows)
