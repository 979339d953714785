"""Reasoning: about a ticket, from what was recorded of it, or about what is happening now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.judgements import Judgement, Verdict, judge
from operator_core.ports import Case
from operator_core.readings import Observation
from operator_core.record import DiagnosisMade, ObservationKept, Recorded
from operator_core.tickets import TicketId

from operator_cli.use_cases.looking import APART
from operator_cli.use_cases.tickets import ticket_of
from operator_cli.use_cases.trouble import while_it_lasted
from operator_cli.wiring import Meant, cluster_name, diagnoser, open_ledger, watch

if TYPE_CHECKING:
    from operator_cli.settings import Loaded


def _kept(history: Sequence[Recorded]) -> tuple[Observation, ...]:
    return tuple(r.entry.observation for r in history if isinstance(r.entry, ObservationKept))


async def diagnose_ticket(ident: int, loaded: Loaded) -> Diagnosis:
    """Reason again about a ticket, from what the ledger kept of it; the outcome is recorded.

    Raises:
        ConfigurationError: there is no such ticket, or nothing was kept of it.
    """
    from operator_tikv import KNOWLEDGE

    async with open_ledger(loaded) as ledger:
        ticket = await ticket_of(ledger, ident)
        observations = while_it_lasted(_kept(await ledger.history(ticket=ticket.id)), ticket, KNOWLEDGE)
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
