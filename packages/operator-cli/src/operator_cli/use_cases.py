"""What the commands await: the rooms driven through their ports."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, assert_never

from operator_core.actions import availability
from operator_core.diagnosis import Diagnosis
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import Fault, JournalEntry, Undo
from operator_core.judgements import Verdict, judge
from operator_core.ports import Case, FaultTarget, Ledger
from operator_core.readings import Observation, Reading
from operator_core.record import DiagnosisMade, NoteAdded, ObservationKept, Recorded
from operator_core.tickets import Ticket, TicketId

from operator_cli.faults import commands_of, default_target, target_named
from operator_cli.wiring import (
    Attached,
    Embedded,
    Local,
    Meant,
    Watched,
    cluster_name,
    diagnoser,
    embedded,
    open_journal,
    open_ledger,
    watch,
)

if TYPE_CHECKING:
    from operator_chaos import Chaos, FaultCommand
    from operator_monitor import CycleReport, Look

    from operator_cli.settings import Loaded

APART = timedelta(seconds=5)
"""Between the two looks that a rate needs."""


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


async def diagnoses_of(ledger: Ledger, ticket: Ticket) -> tuple[Diagnosis, ...]:
    """What was made of a ticket, oldest first."""
    history = await ledger.history(ticket=ticket.id)
    return tuple(r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade))


async def diagnose_ticket(ident: int, loaded: Loaded) -> Diagnosis:
    """Reason again about a ticket, from what the ledger kept of it; the outcome is recorded.

    Raises:
        ConfigurationError: there is no such ticket, or nothing was kept of it.
    """
    from operator_tikv import KNOWLEDGE

    async with open_ledger(loaded) as ledger:
        ticket = await ticket_of(ledger, ident)
        observations = _kept(await ledger.history(ticket=ticket.id))
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


async def diagnose_now(meant: Meant) -> Diagnosis:
    """Look at what is happening now, twice, and reason about it; nothing is recorded."""
    from operator_monitor import look_once

    async with watch(meant) as watched:
        look = await look_once(watched.subject, clock=watched.clock, apart=APART)
        known = await watched.subject.knowledge()
    wrong = [j for o in look.observations for j in judge(known.invariants, o) if j.verdict is Verdict.VIOLATED]
    return await diagnoser().diagnose(
        Case(
            cluster=cluster_name(meant),
            at=look.observations[-1].at,
            observations=look.observations,
            knowledge=known,
            trouble_since=min((j.at for j in wrong), default=None),
        )
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """A fault that would be done, and its undo."""

    fault: Fault
    undo: Undo


async def catalogue() -> tuple[FaultCommand, ...]:
    """Every fault that the deployments of this program can do."""
    from operator_cli.settings import load

    return await commands_of(embedded("default", load()))


def _target(meant: Meant, loaded: Loaded) -> FaultTarget:
    match meant:
        case Embedded(name=name):
            return embedded(name, loaded)
        case Local() | Attached():
            raise ActionRejected(
                f"there is no way yet to break {cluster_name(meant)}; faults are done to embedded deployments"
            )
        case _:
            assert_never(meant)


@asynccontextmanager
async def _chaos(meant: Meant, loaded: Loaded) -> AsyncGenerator[Chaos]:
    from operator_chaos import Chaos

    target = _target(meant, loaded)
    async with open_journal(loaded) as journal:
        yield Chaos(
            deployment=cluster_name(meant),
            target=target,
            journal=journal,
            clock=embedded(meant.name, loaded).clock(),
            expendable=isinstance(meant, Embedded | Local) or meant.settings.expendable,
        )


async def _aim(
    meant: Meant,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
    *,
    allow_group_loss: bool,
) -> tuple[Fault, Look]:
    look = await look_at(meant)
    seen = look.observations[-1]
    ref = (
        target_named(command, target, seen)
        if target is not None
        else default_target(command, seen, look.judgements, chance, allow_group_loss=allow_group_loss)
    )
    return command.on(ref, parameters), look


async def plan_fault(
    meant: Meant,
    loaded: Loaded,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
) -> FaultPlan:
    """What a fault would do and how it would be undone; nothing is changed."""
    async with _chaos(meant, loaded) as chaos:
        fault, _ = await _aim(meant, command, target, parameters, chance, allow_group_loss=True)
        return FaultPlan(fault=fault, undo=await chaos.plan(fault))


async def inject(
    meant: Meant,
    loaded: Loaded,
    command: FaultCommand,
    target: str | None,
    parameters: dict[str, float],
    chance: random.Random,
    *,
    allow_group_loss: bool,
) -> JournalEntry:
    """Do a fault, its undo written down first.

    Raises:
        ActionRejected: the deployment may not be broken, or a group would lose its majority.
    """
    async with _chaos(meant, loaded) as chaos:
        fault, look = await _aim(meant, command, target, parameters, chance, allow_group_loss=allow_group_loss)
        seen = look.observations[-1]
        return await chaos.inject(
            fault,
            groups=seen.groups,
            state=availability(seen.refs(), look.judgements),
            allow_group_loss=allow_group_loss,
        )


async def heal_all(meant: Meant, loaded: Loaded) -> tuple[JournalEntry, ...]:
    """Undo every fault of a deployment that is not healed."""
    async with _chaos(meant, loaded) as chaos:
        return await chaos.heal()


async def unhealed(loaded: Loaded, name: str | None) -> tuple[JournalEntry, ...]:
    """The faults that are not healed, of one deployment or of all, oldest first."""
    async with open_journal(loaded) as journal:
        entries = await journal.entries(unhealed_only=True)
    return tuple(e for e in entries if name is None or e.deployment.split(":")[-1] == name)
