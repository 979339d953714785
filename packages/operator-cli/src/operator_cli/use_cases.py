"""What the commands await: the rooms driven through their ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.judgements import Judgement, Verdict, judge
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Ledger
from operator_core.readings import Observation, Reading
from operator_core.record import DiagnosisMade, NoteAdded, ObservationKept, Recorded
from operator_core.tickets import Ticket, TicketId

from operator_cli.wiring import (
    Meant,
    Watched,
    cluster_name,
    diagnoser,
    open_ledger,
    watch,
)

if TYPE_CHECKING:
    from operator_monitor import CycleReport, Look

    from operator_cli.settings import Loaded

APART = timedelta(seconds=5)
"""Between the two looks that a rate needs."""

LOOKS = 24
"""How many looks of a ticket's beginning, and as many of its end, are reasoned about."""


async def look_at(meant: Meant) -> Look:
    """Look once, or twice where rates need it, and judge without grace."""
    from operator_monitor import look_once

    async with watch(meant) as watched:
        return await look_once(watched.subject, clock=watched.clock, apart=APART)


class SeesCycles(Protocol):
    """Is told what a monitor does."""

    def started(self, watched: Watched, interval_s: float) -> None: ...

    def cycle(self, report: CycleReport) -> None: ...


async def watch_cluster(
    meant: Meant, loaded: Loaded, *, interval: timedelta, cycles: int | None, seen: SeesCycles
) -> None:
    """The loop, until it is cancelled or has looked often enough.

    Raises:
        ConfigurationError: another monitor watches the cluster already.
    """
    from operator_monitor import Monitor

    from operator_cli.alone import alone

    with alone(cluster_name(meant), loaded.settings.state_directory):
        async with watch(meant) as watched, open_ledger(loaded) as ledger:
            monitor = Monitor(
                cluster=watched.cluster,
                subject=watched.subject,
                ledger=ledger,
                clock=watched.clock,
                diagnoser=diagnoser(),
                interval=interval,
            )
            seen.started(watched, interval.total_seconds())
            done = 0
            async for report in monitor.cycles():
                seen.cycle(report)
                done += 1
                if cycles is not None and done >= cycles:
                    return


def _kept(history: Sequence[Recorded]) -> tuple[Observation, ...]:
    return tuple(r.entry.observation for r in history if isinstance(r.entry, ObservationKept))


async def ticket_of(ledger: Ledger, ident: int) -> Ticket:
    """The ticket of that number.

    Raises:
        ConfigurationError: there is none.
    """
    for ticket in await ledger.tickets():
        if ticket.id == ident:
            return ticket
    raise ConfigurationError(f"there is no ticket {ident}")


def _while_it_lasted(observations: Sequence[Observation], ticket: Ticket, known: Knowledge) -> tuple[Observation, ...]:
    """How it began and how it last was: what came after the trouble was over tells nothing of it."""
    keys = {v.key for v in ticket.violations}

    def shows_it(observation: Observation) -> bool:
        return any(j.key in keys and j.verdict is Verdict.VIOLATED for j in judge(known.invariants, observation))

    last = next((n for n in range(len(observations) - 1, -1, -1) if shows_it(observations[n])), len(observations) - 1)
    lasting = tuple(observations[: last + 1])
    return lasting if len(lasting) <= 2 * LOOKS else (*lasting[:LOOKS], *lasting[-LOOKS:])


async def diagnose_ticket(ident: int, loaded: Loaded) -> Diagnosis:
    """Reason again about a ticket, from what the ledger kept of it; the outcome is recorded.

    Raises:
        ConfigurationError: there is no such ticket, or nothing was kept of it.
    """
    from operator_tikv import KNOWLEDGE

    async with open_ledger(loaded) as ledger:
        ticket = await ticket_of(ledger, ident)
        observations = _while_it_lasted(_kept(await ledger.history(ticket=ticket.id)), ticket, KNOWLEDGE)
        if not observations:
            raise ConfigurationError(f"ticket {ident} has no observation on record")
        diagnosis = await diagnoser().diagnose(
            Case(
                cluster=ticket.cluster,
                at=observations[-1].at,
                observations=observations,
                knowledge=KNOWLEDGE,
                trouble_since=min(v.since for v in ticket.violations),
                ticket=ticket,
            )
        )
        await ledger.append(
            ticket.cluster,
            [DiagnosisMade(diagnosis=replace(diagnosis, ticket=TicketId(ident)))],
            at=observations[-1].at,
        )
    return diagnosis


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is happening now.

    Attributes:
        diagnosis: None when no invariant is violated: then there is nothing to reason about.
    """

    judgements: tuple[Judgement, ...]
    diagnosis: Diagnosis | None


async def diagnose_now(meant: Meant) -> Now:
    """Look at what is happening now, twice, and reason about it; nothing is recorded."""
    from operator_monitor import look_once

    async with watch(meant) as watched:
        look = await look_once(watched.subject, clock=watched.clock, apart=APART)
        known = await watched.subject.knowledge()
    wrong = [j for o in look.observations for j in judge(known.invariants, o) if j.verdict is Verdict.VIOLATED]
    if not wrong:
        return Now(judgements=look.judgements, diagnosis=None)
    made = await diagnoser().diagnose(
        Case(
            cluster=cluster_name(meant),
            at=look.observations[-1].at,
            observations=look.observations,
            knowledge=known,
            trouble_since=min(j.at for j in wrong),
        )
    )
    return Now(judgements=look.judgements, diagnosis=made)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFile:
    """A ticket with what is known of it."""

    ticket: Ticket
    readings: tuple[Reading, ...]
    notes: tuple[NoteAdded, ...]
    diagnosis: Diagnosis | None


async def list_tickets(loaded: Loaded, *, open_only: bool) -> tuple[Ticket, ...]:
    """Tickets of every cluster, oldest first."""
    async with open_ledger(loaded) as ledger:
        return await ledger.tickets(open_only=open_only)


async def _rechecked(diagnosis: Diagnosis, ledger: Ledger) -> Diagnosis:
    """A stored diagnosis, its claims held against the record once more."""
    from operator_diagnosis.review import evidence_readings, recheck

    recorded = await ledger.readings(diagnosis.cluster, evidence_readings(diagnosis))
    return recheck(diagnosis, {r.id: r for r in recorded})


async def read_ticket(ident: int, loaded: Loaded) -> TicketFile:
    """Everything about one ticket.

    Raises:
        ConfigurationError: there is no such ticket.
    """
    async with open_ledger(loaded) as ledger:
        ticket = await ticket_of(ledger, ident)
        history = await ledger.history(ticket=ticket.id)
        cited = [i for v in ticket.violations for i in v.readings]
        readings = await ledger.readings(ticket.cluster, cited)
        made = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
        latest = await _rechecked(made[-1], ledger) if made else None
    return TicketFile(
        ticket=ticket,
        readings=readings,
        notes=tuple(r.entry for r in history if isinstance(r.entry, NoteAdded)),
        diagnosis=latest,
    )
