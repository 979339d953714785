"""Gathering one incident from a ledger: all that is needed to show it and to reason about it again elsewhere."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from operator_core.claims import Interval
from operator_core.decide import SilenceViolation
from operator_core.errors import ConfigurationError, LedgerError
from operator_core.incidents import JoinTicket, OpenTicket
from operator_core.ports import Ledger
from operator_core.readings import Observation, ReadingId
from operator_core.record import (
    CycleFellShort,
    DiagnosisMade,
    Entry,
    InvestigationPaid,
    JudgementChanged,
    Recorded,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from operator_core.redaction import redact
from operator_core.silences import Silence, SilenceId
from operator_core.tickets import Ticket, TicketId

from operator_ledger.bundles.contents import Bundle, HasHead, Told
from operator_ledger.reading_ids import by_observation
from operator_ledger.ticketing import happened_at, span_of

_FOREVER = datetime.max.replace(tzinfo=UTC)
_TRIES = 5
"""How often it is read anew because somebody changed the ticket meanwhile."""

_NEAR = (timedelta(minutes=1), timedelta(hours=2))
"""How far from its observation a reading is looked for: a look lasts seconds."""


async def export_incident(
    ledger: Ledger, ident: TicketId, *, versions: Mapping[str, str], by: str, at: datetime
) -> Bundle:
    """Everything about one ticket, its secrets masked.

    Args:
        versions: of the program, the knowledge and whatever else tells how it came about, by name.
        by: who exports it.
        at: when.

    Raises:
        ConfigurationError: there is no such ticket.
        LedgerError: the record cannot be read, or does not make this ticket once its secrets are masked.
    """
    for _ in range(_TRIES):
        ticket = await ledger.ticket(ident)
        if ticket is None:
            raise ConfigurationError(f"there is no ticket {ident}")
        cluster = ticket.cluster
        # Before anything else, so that what the head names is no more than what follows.
        position, head = await ledger.head(cluster) if isinstance(ledger, HasHead) else (0, "")
        history = await ledger.history(cluster)
        own = {r.sequence for r in await ledger.history(cluster, ticket=ident)}
        told = _told(history, own, ticket, await ledger.silences(cluster))
        observations = await _observations(ledger, ticket, [t.entry for t in told])
        bundle = Bundle(
            at=at,
            by=by,
            versions=versions,
            cluster=cluster,
            ticket=ident,
            position=position,
            head=head,
            redactions={},
            observations=observations,
            told=told,
        )
        if await ledger.ticket(ident) == ticket:
            return await asyncio.to_thread(_masked, bundle, ticket)
    raise LedgerError(f"ticket {ident} changes faster than it can be read")


def _told(history: Sequence[Recorded], own: set[int], ticket: Ticket, silences: Iterable[Silence]) -> tuple[Told, ...]:
    span = span_of(ticket, until=_FOREVER)
    keys = {v.key for v in ticket.violations}
    numbers = _numbers(silences)
    kept: list[Told] = []
    for recorded in history:
        entry = recorded.entry
        number: SilenceId | None = None
        if isinstance(entry, SilenceAdded):
            number = numbers[_statement(entry)].pop(0)
        kept.append(Told(sequence=recorded.sequence, entry=entry, silence=number))
    used = {
        t.entry.silence for t in kept if isinstance(t.entry, SilenceViolation) and t.entry.violation.key in keys
    } | {s.id for s in silences if _touches(s, ticket, span)}

    def belongs(told: Told, at: datetime) -> bool:
        match told.entry:
            case SilenceAdded():
                return told.silence in used
            case SilenceEnded(silence=silence):
                return silence in used
            case SilenceViolation(violation=violation):
                return violation.key in keys
            case JudgementChanged() | CycleFellShort() | WatchTaken():
                return happened_at(told.entry, at) in span
            case InvestigationPaid():
                return False  # what it cost here tells nothing of the incident, and must not count there again
            case _:
                return told.sequence in own

    return tuple(t for t, r in zip(kept, history, strict=True) if belongs(t, r.at))


def _touches(silence: Silence, ticket: Ticket, span: Interval) -> bool:
    ends = min(silence.ends, silence.ended_at or silence.ends)
    return (
        silence.starts <= span.end and span.start < ends and any(silence.scope.covers(v.key) for v in ticket.violations)
    )


def _statement(said: Silence | SilenceAdded) -> tuple[object, ...]:
    starts = said.starts if isinstance(said, Silence) else said.at
    return (starts, said.ends, said.scope, said.by, said.because)


def _numbers(silences: Iterable[Silence]) -> Mapping[tuple[object, ...], list[SilenceId]]:
    """The numbers of silences by what was stated: the entry that states one does not know its number."""
    found: defaultdict[tuple[object, ...], list[SilenceId]] = defaultdict(list)
    for silence in silences:
        found[_statement(silence)].append(silence.id)
    return found


async def _observations(ledger: Ledger, ticket: Ticket, entries: Sequence[Entry]) -> tuple[Observation, ...]:
    """Those of the ticket's time, and those whose readings are cited."""
    cluster = ticket.cluster
    found = {o.number: o for o in await ledger.observations(cluster, span=span_of(ticket, until=_FOREVER))}
    wanted = by_observation(_cited(entries))
    elsewhere = [i for number, ids in wanted.items() if number not in found for i in ids]
    for reading in await ledger.readings(cluster, elsewhere):
        for near in _NEAR:
            if not by_observation([reading.id]).keys() - found.keys():
                break
            span = Interval(start=reading.at - near, end=reading.at + near)
            found |= {o.number: o for o in await ledger.observations(cluster, span=span) if o.number in wanted}
    return tuple(o for _, o in sorted(found.items()))


def _cited(entries: Iterable[Entry]) -> set[ReadingId]:
    cited: set[ReadingId] = set()
    for entry in entries:
        match entry:
            case OpenTicket(violations=violations):
                cited.update(i for v in violations for i in v.readings)
            case JoinTicket(violation=violation) | SilenceViolation(violation=violation):
                cited.update(violation.readings)
            case JudgementChanged(judgement=judgement):
                cited.update(judgement.readings)
            case DiagnosisMade(diagnosis=diagnosis):
                claims = (*diagnosis.claims(), *(s.claim for s in diagnosis.struck))
                cited.update(i for c in claims for i in c.readings)
            case _:
                pass
    return cited


def _masked(bundle: Bundle, ticket: Ticket) -> Bundle:
    """The bundle without secrets; it must still make the same ticket."""
    clean = redact(bundle)
    after = replace(clean.value, redactions=clean.masked)
    made, meant = after.replayed(), redact(ticket).value
    if replace(made, title="") != replace(meant, title=""):  # a title is made of texts that were masked one by one
        raise LedgerError(f"ticket {ticket.id} cannot be exported: its record does not make the ticket that is shown")
    return after
