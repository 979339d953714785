"""A ticket's time line: what happened when, with the readings it rests on, and how a signal went meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from operator_core.claims import Interval
from operator_core.components import ComponentRef
from operator_core.knowledge import Knowledge
from operator_core.ports import Ledger
from operator_core.readings import Observation, Reading, ReadingId, SignalName, Unit, Value
from operator_core.record import DiagnosisMade
from operator_core.signals import Signal
from operator_core.tickets import Ticket

from operator_cli.terms import signal_named
from operator_cli.use_cases.happenings import Happening, happenings, readings_of
from operator_cli.use_cases.tickets import origin_of, rechecked, silences_of, ticket_of
from operator_cli.wiring import Record

AROUND = timedelta(minutes=2)
"""How long before its first violation, and after its end, a ticket's signals are shown: what was normal tells most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A signal at one look.

    Attributes:
        value: None when it was not seen; then there is no reading.
    """

    at: datetime
    value: Value | None
    reading: ReadingId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCourse:
    """How a signal of one component went, look by look, oldest first."""

    signal: SignalName
    component: ComponentRef
    unit: Unit
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What happened to a ticket.

    Attributes:
        readings: those that something rests on, as far as they are still recorded.
        now: on the ticket's cluster's clock.
    """

    ticket: Ticket
    happenings: tuple[Happening, ...]
    readings: tuple[Reading, ...]
    courses: tuple[SignalCourse, ...]
    now: datetime


async def timeline(record: Record, ident: int, known: Knowledge, *, signals: Iterable[str] = ()) -> Timeline:
    """What happened to a ticket, and when.

    Args:
        record: what it is told from.
        ident: the ticket's number.
        known: what the subject knows.
        signals: names of signals whose course over the ticket's time is wanted too.

    Raises:
        ConfigurationError: there is no such ticket, or no such signal.
    """
    ledger = record.ledger
    wanted = [signal_named(name, known.signals, of="--readings") for name in dict.fromkeys(signals)]
    ticket = await ticket_of(ledger, ident)
    now = max(record.now(ticket.cluster), ticket.opened_at)
    history = await ledger.history(ticket=ticket.id)
    origin = await origin_of(ledger, ticket)
    made = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
    told = happenings(
        ticket,
        history,
        silences=silences_of(ticket, await ledger.silences(ticket.cluster), now=now),
        latest=await rechecked(made[-1], ledger) if made else None,
        origin=origin,
        until=now,
    )
    return Timeline(
        ticket=ticket,
        happenings=told,
        readings=await ledger.readings(ticket.cluster, readings_of(told)),
        courses=await _courses(ledger, ticket, wanted) if wanted else (),
        now=now,
    )


async def _courses(ledger: Ledger, ticket: Ticket, signals: Sequence[Signal]) -> tuple[SignalCourse, ...]:
    start = min(v.since for v in ticket.violations) - AROUND
    end = datetime.max.replace(tzinfo=start.tzinfo) if ticket.resolved_at is None else ticket.resolved_at + AROUND
    looks = await ledger.observations(ticket.cluster, span=Interval(start=start, end=end))
    return tuple(course for signal in signals for course in courses_of(signal, ticket, looks))


def courses_of(signal: Signal, ticket: Ticket, looks: Sequence[Observation]) -> tuple[SignalCourse, ...]:
    """A signal's course at the ticket's components; at all there are, when none of the ticket's has it.

    A signal about a pair is left out where it is about the pair, for its course would be many.
    """
    by_look: list[tuple[Observation, Mapping[ComponentRef, Reading]]] = [
        (look, {r.component: r for r in look.of_signal(signal.name) if r.toward is None}) for look in looks
    ]
    there = dict.fromkeys(ref for _, readings in by_look for ref in readings)
    mine = [ref for ref in there if ref in ticket.components]
    return tuple(
        SignalCourse(
            signal=signal.name,
            component=ref,
            unit=signal.unit,
            points=tuple(_point(look, readings.get(ref)) for look, readings in by_look),
        )
        for ref in mine or there
    )


def _point(look: Observation, reading: Reading | None) -> Point:
    if reading is None:
        return Point(at=look.at, value=None, reading=None)
    return Point(at=reading.at, value=reading.value, reading=reading.id)
