"""Reasoning: about a ticket, from what was recorded of it, or about what is happening now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from operator_core.claims import Interval
from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.judgements import Judgement, Verdict, judge
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Ledger
from operator_core.readings import ClusterName
from operator_core.record import DiagnosisMade
from operator_core.tickets import Ticket

from operator_cli.moments import parse_past
from operator_cli.use_cases.looking import APART
from operator_cli.use_cases.tickets import check_known, ticket_of
from operator_cli.use_cases.trouble import LOOKS, while_it_lasted
from operator_cli.wiring import Meant, Record, Watched, diagnoser, watch


async def diagnose_ticket(record: Record, ident: int, known: Knowledge, *, at: str | None = None) -> Diagnosis:
    """Reason again about a ticket, from what the ledger kept of it.

    Args:
        record: what is reasoned from; the outcome is recorded, unless it is about an earlier instant.
        ident: the ticket's number.
        known: what the subject knows.
        at: the instant at which one reasons, as a person writes it; nothing later is looked at.

    Raises:
        ConfigurationError: there is no such ticket, or nothing was kept of it.
    """
    ticket = await ticket_of(record.ledger, ident)
    until = None if at is None else parse_past(at, of="--at", now=record.now(ticket.cluster))
    case = await case_of(record.ledger, ticket, known, until=until)
    made = await by_rules(case)
    if at is None:
        await record.ledger.append(case.cluster, [DiagnosisMade(diagnosis=made)], at=made.at)
    return made


async def by_rules(case: Case) -> Diagnosis:
    """What the rules think of a case."""
    made = await diagnoser().diagnose(case)
    return made if case.ticket is None else replace(made, ticket=case.ticket.id)


async def case_of(ledger: Ledger, ticket: Ticket, known: Knowledge, *, until: datetime | None = None) -> Case:
    """What is on record of a ticket, for whoever reasons about it.

    Args:
        ledger: where it is.
        ticket: which one.
        known: what the subject knows.
        until: the instant at which one reasons; nothing later is looked at.

    Raises:
        ConfigurationError: nothing was kept of it.
    """
    observations = await while_it_lasted(ledger, ticket, known, until=until)
    if not observations:
        when = "" if until is None else f" of the time up to {_shown(until)}"
        raise ConfigurationError(f"ticket {ticket.id} has no observation on record{when}")
    return Case(
        cluster=ticket.cluster,
        at=observations[-1].at,
        observations=observations,
        knowledge=known,
        trouble_since=min(v.since for v in ticket.violations),
        ticket=ticket,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is happening, or was at an instant.

    Attributes:
        diagnosis: None when no invariant is violated: then there is nothing to reason about.
    """

    judgements: tuple[Judgement, ...]
    diagnosis: Diagnosis | None


async def diagnose_now(meant: Meant) -> Now:
    """Look at what is happening now, twice, and reason about it; nothing is recorded."""
    async with watch(meant) as watched:
        judgements, case = await case_now(watched)
    return Now(judgements=judgements, diagnosis=None if case is None else await by_rules(case))


async def case_now(watched: Watched) -> tuple[tuple[Judgement, ...], Case | None]:
    """What two looks at a cluster show, and what there is to be reasoned about; None when nothing is violated."""
    from operator_monitor import look_once

    look = await look_once(watched.subject, clock=watched.clock, apart=APART)
    known = await watched.subject.knowledge()
    wrong = [j for o in look.observations for j in judge(known.invariants, o) if j.verdict is Verdict.VIOLATED]
    if not wrong:
        return look.judgements, None
    return look.judgements, Case(
        cluster=watched.cluster,
        at=look.observations[-1].at,
        observations=look.observations,
        knowledge=known,
        trouble_since=min(j.at for j in wrong),
    )


BEFORE = timedelta(minutes=2)
"""How far back one looks for how it began, when an instant of the past is reasoned about."""


async def diagnose_then(record: Record, cluster: ClusterName, at: str, known: Knowledge) -> Now:
    """Reason about what was happening at a past instant, from the observations of the two minutes before.

    Args:
        record: what is reasoned from; nothing is written.
        cluster: by its name in the record.
        at: as a person writes it.
        known: what the subject knows.

    Raises:
        ConfigurationError: it is no instant, or nothing was seen then.
    """
    then = parse_past(at, of="--at", now=record.now(cluster))
    looks = await record.ledger.observations(cluster, span=Interval(start=then - BEFORE, end=then), newest=2 * LOOKS)
    if not looks:
        await check_known(record.ledger, cluster)
        raise ConfigurationError(
            f"--at is {at!r}, and nothing of {cluster} is recorded of the time before {_shown(then)}"
        )
    judged = [judge(known.invariants, look) for look in looks]
    wrong = [{j.key for j in js if j.verdict is Verdict.VIOLATED} for js in judged]
    if not wrong[-1]:
        return Now(judgements=judged[-1], diagnosis=None)
    began = next((n for n in range(len(looks) - 1, 0, -1) if not wrong[n - 1] & wrong[-1]), 0)
    made = await diagnoser().diagnose(
        Case(
            cluster=cluster,
            at=looks[-1].at,
            observations=looks,
            knowledge=known,
            trouble_since=looks[began].at,
        )
    )
    return Now(judgements=judged[-1], diagnosis=made)


def _shown(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
