"""What happened to a ticket and when, put together from the record and from logs; everything here is pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from operator_core.claims import Comparison
from operator_core.components import ComponentRef
from operator_core.decide import SilenceViolation
from operator_core.diagnosis import Diagnosis
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import JudgementKey, Verdict
from operator_core.log_events import LogEvent
from operator_core.readings import ReadingId
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    DiagnosisMade,
    Entry,
    IncidentImported,
    JudgementChanged,
    NoteAdded,
    Recorded,
)
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketState, Violation


class What(Enum):
    """What sort of thing happened."""

    SIGN = "sign"
    """A verdict turned to violated."""
    UNKNOWN = "unknown"
    """A verdict could not be had any more."""
    HOLDS = "holds"
    """A verdict turned back to holds."""
    LOG = "log"
    """What a component wrote into its own log."""
    FINDING = "finding"
    """What a diagnosis says came about then, by claims that hold."""
    OPENED = "opened"
    JOINED = "joined"
    ENDED = "ended"
    DIAGNOSED = "diagnosed"
    APPROVED = "approved"
    ACTION = "action"
    SILENCED = "silenced"
    HELD = "held"
    UNHELD = "unheld"
    ESCALATED = "escalated"
    REOPENED = "reopened"
    MOVED = "moved"
    """To a state that has no word of its own here."""
    RESOLVED = "resolved"
    NOTE = "note"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened.

    Attributes:
        by: who did it; empty for what the subject did.
        readings: what it rests on.
        quote: of a log, the line as it was written.
    """

    at: datetime
    what: What
    says: str
    component: ComponentRef | None = None
    by: str = ""
    readings: tuple[ReadingId, ...] = ()
    quote: str = ""


_MOVES = {
    TicketState.OPEN: What.REOPENED,
    TicketState.ESCALATED: What.ESCALATED,
    TicketState.RESOLVED: What.RESOLVED,
}
_SEEN = frozenset({What.LOG, What.SIGN, What.UNKNOWN, What.HOLDS, What.FINDING})
"""Of what happened at one instant, what was seen is told before what was made of it; else as it was written."""

_TURNS = {Verdict.VIOLATED: What.SIGN, Verdict.UNKNOWN: What.UNKNOWN, Verdict.HOLDS: What.HOLDS}


def _violated(violation: Violation) -> str:
    return f"{violation.key}, {violation.severity.value}: {violation.because}"


def _of_entry(entry: Entry, keys: frozenset[JudgementKey]) -> Iterator[Happening]:
    match entry:
        case JudgementChanged(judgement=j) if j.key in keys:
            yield Happening(
                at=j.at,
                what=_TURNS[j.verdict],
                says=f"{j.key}: {j.because}",
                component=j.key.component,
                readings=j.readings,
            )
        case OpenTicket(at=at, violations=violations):
            for v in violations:
                yield Happening(
                    at=at, what=What.OPENED, says=_violated(v), component=v.key.component, readings=v.readings
                )
        case JoinTicket(at=at, violation=v):
            yield Happening(at=at, what=What.JOINED, says=_violated(v), component=v.key.component, readings=v.readings)
        case EndInTicket(at=at, key=key):
            yield Happening(at=at, what=What.ENDED, says=f"{key} has held for long enough", component=key.component)
        case SilenceViolation(at=at, silence=silence, violation=v) if v.key in keys:
            yield Happening(
                at=at,
                what=What.SILENCED,
                says=f"silence {silence} covers {_violated(v)}",
                component=v.key.component,
                readings=v.readings,
            )
        case MoveTicket(at=at, to=to, by=by, because=because):
            moved = _MOVES.get(to, What.MOVED)
            says = because if moved is not What.MOVED else f"{to.value}: {because}" if because else to.value
            yield Happening(at=at, what=moved, says=says, by=by)
        case HoldTicket(at=at, hold=hold, by=by, because=because):
            yield Happening(at=at, what=What.HELD if hold else What.UNHELD, says=because, by=by)
        case NoteAdded(at=at, by=by, text=text):
            yield Happening(at=at, what=What.NOTE, says=text, by=by)
        case ActionApproved(at=at, by=by, action=action):
            yield Happening(
                at=at, what=What.APPROVED, says=f"{action.name} of {action.target}", component=action.target, by=by
            )
        case ActionTaken(at=at, action=action, stage=stage, because=because):
            says = f"{action.name} of {action.target} {stage.value}" + (f": {because}" if because else "")
            yield Happening(at=at, what=What.ACTION, says=says, component=action.target)
        case _:
            pass


def _of_diagnosis(diagnosis: Diagnosis, before: Diagnosis | None) -> Happening:
    first = diagnosis.first
    about = f" ({', '.join(map(str, first.components))})" if first.components else ""
    again = before is not None and before.first.mode == first.mode and before.first.components == first.components
    return Happening(
        at=diagnosis.at,
        what=What.DIAGNOSED,
        says=f"{'still ' if again else ''}{first.title}{about}, {first.probability:.0%}",
        by=diagnosis.diagnoser,
    )


def findings(diagnosis: Diagnosis) -> Iterator[Happening]:
    """The steps of a diagnosis's causal path whose claims hold, each at the first instant that shows it.

    A claim of what was not so ("is not silent") may be true of the time before as well: it tells no instant.
    """
    for step in diagnosis.path:
        if step.is_supported:
            telling = [c for c in step.claims if c.comparison is not Comparison.DIFFERS] or step.claims
            first = min(telling, key=lambda c: c.interval.start)
            yield Happening(
                at=first.interval.start,
                what=What.FINDING,
                says=step.says,
                component=first.component,
                by=diagnosis.diagnoser,
                readings=tuple(dict.fromkeys(i for c in telling for i in c.readings)),
            )


def _of_log(event: LogEvent) -> Happening:
    lasting = round((event.until - event.at).total_seconds())
    again = f" ({event.times} times{f' in {lasting} s' if lasting else ''})" if event.times > 1 else ""
    quote = f"{event.level} {event.text}".strip()
    return Happening(
        at=event.at,
        what=What.LOG,
        says=f"{event.component}: {event.says}{again}",
        component=event.component,
        quote=quote,
    )


def _of_silence(silence: Silence, end: datetime) -> Iterator[Happening]:
    yield Happening(
        at=silence.starts,
        what=What.SILENCED,
        says=f"silence {silence.id} of {silence.scope}" + (f": {silence.because}" if silence.because else ""),
        by=silence.by,
    )
    over = min(silence.ends, silence.ended_at or silence.ends)
    if over <= end:
        yield Happening(at=over, what=What.SILENCED, says=f"silence {silence.id} is over")


def happenings(
    ticket: Ticket,
    history: Sequence[Recorded],
    *,
    silences: Sequence[Silence] = (),
    latest: Diagnosis | None = None,
    origin: IncidentImported | None = None,
    logs: Iterable[LogEvent] = (),
    until: datetime,
) -> tuple[Happening, ...]:
    """Everything that happened, in the order in which it did.

    Args:
        ticket: whose it is.
        history: what is recorded about it.
        silences: those that touch it.
        latest: its newest diagnosis, with only the claims that hold.
        origin: where it was imported from.
        logs: what components wrote meanwhile.
        until: the instant up to which it is told.
    """
    keys = frozenset(v.key for v in ticket.violations)
    found: list[Happening] = []
    before: Diagnosis | None = None
    for recorded in history:
        if isinstance(recorded.entry, DiagnosisMade):
            found.append(_of_diagnosis(recorded.entry.diagnosis, before))
            before = recorded.entry.diagnosis
        else:
            found.extend(_of_entry(recorded.entry, keys))
    for silence in silences:
        found.extend(_of_silence(silence, until))
    if latest is not None:
        found.extend(findings(latest))
    if origin is not None:
        says = f"it was ticket {origin.ticket} of {origin.cluster}"
        found.append(Happening(at=origin.at, what=What.IMPORTED, says=says))
    found.extend(map(_of_log, logs))
    return tuple(sorted(found, key=lambda h: (h.at, h.what not in _SEEN)))


def readings_of(told: Sequence[Happening]) -> tuple[ReadingId, ...]:
    """Every reading that something rests on, each once, in order."""
    return tuple(dict.fromkeys(ident for h in told for ident in h.readings))
