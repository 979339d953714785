"""How faults look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from operator_core.faults import FaultState, JournalEntry

from operator_cli.render.console import full_time
from operator_cli.render.lines import escaped

if TYPE_CHECKING:
    from operator_cli.chaos_cases import FaultPlan

_COLOUR = {FaultState.PLANNED: "yellow", FaultState.INJECTED: "red", FaultState.HEALED: "green"}


def entry_line(entry: JournalEntry) -> str:
    """``fault 3  injected  kill store 4  since …``, with rich markup."""
    at = entry.healed_at or entry.injected_at or entry.planned_at
    state = f"[{_COLOUR[entry.state]}]{entry.state.value}[/]"
    return f"fault {entry.id}  {state}  {escaped(str(entry.fault))}  {full_time(at)}"


def done_line(entry: JournalEntry) -> str:
    """What was done, and how to take it back."""
    return f"{entry_line(entry)}\nundo it with: operator chaos heal"


def plan_lines(plan: FaultPlan) -> Iterator[str]:
    """What would be done, and how it would be undone."""
    yield f"would do: {escaped(str(plan.fault))}"
    for key, value in plan.undo.steps.items():
        yield f"undo:     {escaped(key)} = {escaped(value)}"
