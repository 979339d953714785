"""The cluster at a glance: every component, how it is, and the few readings that tell most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from operator_core.components import ComponentRef
from operator_core.judgements import Concern, Judgement, Verdict
from operator_core.knowledge import ComponentKind, Knowledge
from operator_core.readings import Observation, Reading, SignalName

from operator_cli.render.lines import escaped

if TYPE_CHECKING:
    from rich.console import RenderableType


def shown(reading: Reading | None) -> str:
    """A reading's value for a table cell; what was not seen is a question mark, never a zero."""
    from operator_diagnosis.prose import quantity

    if reading is None:
        return "[yellow]?[/]"
    if isinstance(reading.value, str):
        good = {"Up", "answered", "yes"}
        return escaped(reading.value) if reading.value in good else f"[bold]{escaped(reading.value)}[/]"
    return quantity(reading.value, reading.unit)


def _mark(ref: ComponentRef, judgements: Sequence[Judgement]) -> str:
    verdicts = {j.verdict for j in judgements if j.key.component == ref and j.concern is Concern.SUBJECT}
    if Verdict.VIOLATED in verdicts:
        return "[red]✗[/]"
    if Verdict.UNKNOWN in verdicts or not verdicts:
        return "[yellow]?[/]"
    return "[green]✔[/]"


def _header(signal: SignalName, kind: ComponentKind) -> str:
    return str(signal).removeprefix(f"{kind.kind}.").replace("_", " ")


def cluster_table(observation: Observation, judgements: Sequence[Judgement], knowledge: Knowledge) -> RenderableType:
    """One small table for each kind of component."""
    from rich.console import Group
    from rich.table import Table

    tables: list[RenderableType] = []
    for kind in knowledge.kinds:
        components = [c for c in observation.components if c.ref.kind == kind.kind]
        if not components:
            continue
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("")
        table.add_column(kind.title)
        for signal in kind.glance:
            table.add_column(_header(signal, kind), justify="right")
        for component in components:
            roles = f" [dim]{', '.join(sorted(component.roles))}[/]" if component.roles else ""
            table.add_row(
                _mark(component.ref, judgements),
                f"{escaped(str(component.ref))}{roles}",
                *(shown(observation.reading(signal, component.ref)) for signal in kind.glance),
            )
        tables.append(table)
    return Group(*tables)
