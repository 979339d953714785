"""What became of a cycle: its tickets and its diagnoses for the report, and the report in one line; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from operator_core.judgements import Verdict
from operator_core.tickets import Ticket, TicketId

from operator_monitor.desk import Answer
from operator_monitor.report import CycleReport


def with_tickets(
    report: CycleReport, known: Mapping[TicketId, Ticket], touched: Mapping[TicketId, Ticket], earlier: Set[TicketId]
) -> CycleReport:
    """The report with every ticket in the one place where it belongs.

    Args:
        known: tickets as the cycle found them: those that were open, and those resolved a short while ago.
        touched: those that were opened or changed since then, as they are now.
        earlier: ids of those that were changed after the report before, and before the cycle found them.
    """
    before = {ident: known[ident] for ident in earlier if ident in known and known[ident].is_open}
    after = {**before, **touched}
    was_open = {ident for ident, t in known.items() if t.is_open}
    return replace(
        report,
        opened=tuple(t for i, t in sorted(after.items()) if i not in known),
        reopened=tuple(t for i, t in sorted(after.items()) if t.is_open and i in known and i not in was_open),
        changed=tuple(t for i, t in sorted(after.items()) if t.is_open and i in was_open),
        resolved=tuple(t for i, t in sorted(after.items()) if not t.is_open and i in was_open),
        now_open=open_among(known, touched),
    )


def open_among(known: Mapping[TicketId, Ticket], touched: Mapping[TicketId, Ticket]) -> tuple[Ticket, ...]:
    """Every ticket that is open once some were opened or changed."""
    return tuple(t for _, t in sorted({**known, **touched}.items()) if t.is_open)


def with_answers(report: CycleReport, answers: Iterable[Answer]) -> CycleReport:
    """The report with the diagnoses that came in, and with what was to be diagnosed and was not."""
    answers = tuple(answers)
    return replace(
        report,
        diagnoses=tuple(a.diagnosis for a in answers if a.diagnosis is not None),
        undiagnosed={a.ticket: a.undiagnosed for a in answers if a.diagnosis is None},
    )


def summary(report: CycleReport) -> dict[str, object]:
    """The facts of a cycle for one line of a log."""
    return {
        "number": report.number,
        "took_s": round(report.took.total_seconds(), 3),
        "violated": len(report.with_verdict(Verdict.VIOLATED)),
        "unknown": len(report.with_verdict(Verdict.UNKNOWN)),
        "opened": [t.id for t in report.opened],
        "reopened": [t.id for t in report.reopened],
        "changed": [t.id for t in report.changed],
        "resolved": [t.id for t in report.resolved],
        "silenced": len(report.silenced),
        "diagnosed": [d.ticket for d in report.diagnoses],
        "unseen": list(report.unseens),
        "failed": report.failed,
    }
