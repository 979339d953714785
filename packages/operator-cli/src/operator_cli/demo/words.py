"""The sentences that the demo says, the same with a live view and without."""

from __future__ import annotations

from collections.abc import Iterator

from operator_core.faults import JournalEntry

from operator_cli.demo.story import Ending
from operator_cli.render.lines import escaped


def fault_sentence(entry: JournalEntry, describes: str) -> str:
    """What was done, and that it can be taken back."""
    return f"Chaos: {entry.fault} ({describes.rstrip('.')}). The undo was written into the fault journal first."


def closing_lines(ending: Ending) -> Iterator[str]:
    """The account at the end: truth against diagnosis, and the times, in cluster seconds."""
    entry, ticket, diagnosis = ending.entry, ending.ticket, ending.diagnosis
    if entry is None or entry.injected_at is None or ticket is None or diagnosis is None:
        return
    first = diagnosis.first
    verdict = "[green]right[/]" if ending.is_right else "[red]wrong[/]"
    claims = len(diagnosis.claims())
    yield "[bold]What happened, in cluster time[/]"
    yield f"  truth (fault journal)   {escaped(str(entry.fault))}"
    yield (
        f"  first hypothesis        {escaped(first.title)}: {escaped(', '.join(map(str, first.components)))}"
        f" ({first.probability:.0%}), {verdict}"
    )
    yield f"  ticket opened           {(ticket.opened_at - entry.injected_at).total_seconds():.0f} s after the fault"
    if ending.healed_at is not None and ending.resolved_at is not None:
        yield (
            f"  ticket resolved         {(ending.resolved_at - ending.healed_at).total_seconds():.0f} s after the heal,"
            " by itself, once the cure had been seen for a while"
        )
    yield (
        f"  claims                  {claims + len(diagnosis.struck)} re-checked by code against the recorded readings:"
        f" {claims} held, {len(diagnosis.struck)} struck"
    )
    yield f"  false alarms            {len(ending.early)} before the fault, {len(ending.stray)} beside it"
