"""A ticket's time line: what happened when, with the readings it rests on, and how a signal went meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from operator_core.claims import Interval
from operator_core.components import Component, ComponentRef
from operator_core.knowledge import Knowledge
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation, Reading, ReadingId, SignalName, Unit, Value
from operator_core.record import DiagnosisMade
from operator_core.signals import Signal
from operator_core.tickets import Ticket

from operator_cli.terms import signal_named
from operator_cli.use_cases.happenings import Happening, happenings, readings_of
from operator_cli.use_cases.logs_at_hand import LogSight
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
class LogLook:
    """A log that was looked into.

    Attributes:
        source: the file, or the service of a deployment.
        first: when its oldest line was written; None when there is none, or it could not be read.
        is_whole: it goes back as far as the ticket's time line does.
        why: why it could not be read; empty when it was.
    """

    component: ComponentRef
    source: str
    first: datetime | None
    is_whole: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What happened to a ticket.

    Attributes:
        readings: those that something rests on, as far as they are still recorded.
        logs: those that were looked into.
        now: on the ticket's cluster's clock.
    """

    ticket: Ticket
    happenings: tuple[Happening, ...]
    readings: tuple[Reading, ...]
    courses: tuple[SignalCourse, ...]
    now: datetime
    logs: tuple[LogLook, ...] = ()


class Logs(Protocol):
    """Reads the logs of a cluster's components, as far as they are at hand."""

    def may_have(self, cluster: ClusterName) -> bool: ...

    async def __call__(self, cluster: ClusterName, components: Sequence[Component], /) -> tuple[LogSight, ...]: ...


async def timeline(
    record: Record, ident: int, known: Knowledge, *, signals: Iterable[str] = (), logs: Logs | None = None
) -> Timeline:
    """What happened to a ticket, and when.

    Args:
        record: what it is told from.
        ident: the ticket's number.
        known: what the subject knows.
        signals: names of signals whose course over the ticket's time is wanted too.
        logs: reads what components wrote meanwhile; None when that is not wanted.

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
    span = _span(ticket)
    sights = await _read(logs, ledger, ticket) if logs is not None and logs.may_have(ticket.cluster) else ()
    told = happenings(
        ticket,
        history,
        silences=silences_of(ticket, await ledger.silences(ticket.cluster), now=now),
        latest=await rechecked(made[-1], ledger) if made else None,
        origin=origin,
        logs=[e for s in sights if s.read for e in s.read.events if e.until >= span.start and e.at <= span.end],
        until=now,
    )
    return Timeline(
        ticket=ticket,
        happenings=told,
        readings=await ledger.readings(ticket.cluster, readings_of(told)),
        courses=await _courses(ledger, ticket, wanted) if wanted else (),
        now=now,
        logs=tuple(_look(s, span) for s in sights),
    )


def _span(ticket: Ticket) -> Interval:
    start = min(v.since for v in ticket.violations) - AROUND
    end = datetime.max.replace(tzinfo=start.tzinfo) if ticket.resolved_at is None else ticket.resolved_at + AROUND
    return Interval(start=start, end=end)


def _look(sight: LogSight, span: Interval) -> LogLook:
    first = None if sight.read is None else sight.read.first
    is_whole = first is not None and first <= span.start
    return LogLook(component=sight.component, source=sight.source, first=first, is_whole=is_whole, why=sight.why)


async def _read(logs: Logs, ledger: Ledger, ticket: Ticket) -> tuple[LogSight, ...]:
    looks = await ledger.observations(ticket.cluster, span=_span(ticket), newest=1)
    return await logs(ticket.cluster, looks[-1].components if looks else ())


async def _courses(ledger: Ledger, ticket: Ticket, signals: Sequence[Signal]) -> tuple[SignalCourse, ...]:
    looks = await ledger.observations(ticket.cluster, span=_span(ticket))
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
