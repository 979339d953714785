"""One readable line each: a monitor's cycle, a ticket, a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from operator_core.judgements import Concern, Judgement, Severity, Verdict
from operator_core.tickets import Ticket

from operator_cli.render.console import clock_time

if TYPE_CHECKING:
    from operator_monitor import CycleReport

SEVERITY_COLOUR = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


def escaped(text: str) -> str:
    """Text from a subject, harmless for the terminal and for rich's markup, cut when it is very long."""
    from operator_diagnosis.prose import clean
    from rich.markup import escape

    return escape(clean(text))


def ticket_line(ticket: Ticket) -> str:
    """``ticket 3  critical  diagnosed  store 4 …``, with rich markup."""
    colour = SEVERITY_COLOUR[ticket.severity]
    held = " [magenta](held)[/]" if ticket.hold else ""
    return (
        f"ticket {ticket.id}  [{colour}]{ticket.severity.value}[/]  {ticket.state.value}{held}  {escaped(ticket.title)}"
    )


def summary(judgements: Sequence[Judgement]) -> str:
    """How many invariants hold, are violated, cannot be said; and how many of our sources were not seen."""
    unseen = sum(1 for j in judgements if j.verdict is Verdict.VIOLATED and j.concern is Concern.SIGHT)
    counts = {v: sum(1 for j in judgements if j.verdict is v) for v in Verdict}
    counts[Verdict.VIOLATED] -= unseen
    parts = [f"[green]{counts[Verdict.HOLDS]} hold[/]"]
    if counts[Verdict.VIOLATED]:
        parts.append(f"[red]{counts[Verdict.VIOLATED]} violated[/]")
    if counts[Verdict.UNKNOWN]:
        parts.append(f"[yellow]{counts[Verdict.UNKNOWN]} unknown[/]")
    if unseen:
        parts.append(f"[yellow]{unseen} source{'s' if unseen > 1 else ''} unseen[/]")
    return ", ".join(parts)


def verdict_lines(judgements: Sequence[Judgement]) -> list[str]:
    """What is violated and what cannot be said, one line each, with rich markup."""
    lines: list[str] = []
    for j in judgements:
        match j.verdict:
            case Verdict.VIOLATED:
                word = "unseen" if j.key.invariant and j.concern is Concern.SIGHT else "violated"
                cited = f" [dim]\\[{', '.join(j.readings[:6])}][/]" if j.readings else ""
                lines.append(f"[red]{word}[/]  {escaped(str(j.key))}: {escaped(j.because)}{cited}")
            case Verdict.UNKNOWN:
                lines.append(f"[yellow]unknown[/]   {escaped(str(j.key))}: {escaped(j.because)}")
            case Verdict.HOLDS:
                pass
    return lines


SHORT = 90
"""Characters of a reason that one line of the loop has room for; the ticket says it in full."""


def _short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def cycle_line(report: CycleReport) -> str:
    """The one line that a cycle leaves behind."""
    head = f"[dim]{clock_time(report.at)}[/] #{report.number:<4}"
    if report.failed is not None:
        return f"{head} [red]look failed[/]: {escaped(report.failed)}"
    blind = [s.source for s in report.observation.sources if s.failure is not None]
    unseen = f"  unseen: {escaped(', '.join(blind))}" if blind else ""
    wrong = [j for j in report.judgements if j.verdict is Verdict.VIOLATED and j.concern is Concern.SUBJECT]
    what = f"  {escaped(_short(wrong[0].because))}" if wrong else ""
    more = f" (+{len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{head} {summary(report.judgements)}{what}{more}{unseen}"
