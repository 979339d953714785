"""One investigation: what it costs is booked as it is spent, and what comes of it is checked and recorded."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from operator_core.diagnosis import Diagnosis
from operator_core.ports import Case, Clock, Investigations, Lease, Ledger, Prober
from operator_core.readings import ClusterName, by_id
from operator_core.record import DiagnosisMade, InvestigationPaid
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId

from operator_cli.claude_wiring import Colleague, Told

if TYPE_CHECKING:
    from operator_diagnosis.claude import Investigated, Spent

NAME = "claude"

CLOSED = "closed"
FAILED = "failed"
INTERRUPTED = "interrupted"
"""How an investigation ended that came to no end of its own."""


class Book(Ledger, Investigations, Protocol):
    """A ledger in which investigations are kept."""


def case_digest(cluster: ClusterName, violations: Sequence[Mapping[str, str]], *, model: str, knowledge: str) -> str:
    """SHA-256 in hex of what one would ask about."""
    told = {"cluster": cluster, "violations": violations, "model": model, "knowledge": knowledge}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def ticket_digest(ticket: Ticket, *, model: str, knowledge: str) -> str:
    """The same for a ticket: which invariants are violated where, and how gravely, since it was opened.

    That time passes, that a violation ends or comes again, and what a person says of it, make no other case of it.
    """
    marks = {(v.key.invariant, v.key.component.key, v.severity.value) for v in ticket.violations}
    violations = [
        {"ticket": str(ticket.id), "invariant": i, "component": c, "severity": s} for i, c, s in sorted(marks)
    ]
    return case_digest(ticket.cluster, violations, model=model, knowledge=knowledge)


def digest_of(case: Case, *, model: str) -> str:
    """The digest of a case; one that is about no ticket is never the same again."""
    if case.ticket is not None:
        return ticket_digest(case.ticket, model=model, knowledge=case.knowledge.version)
    violations = [{"at": case.at.isoformat()}]
    return case_digest(case.cluster, violations, model=model, knowledge=case.knowledge.version)


class Bill:
    """What one investigation costs, written down as it is spent: who is killed halfway has still paid.

    Args:
        ledger: where to.
        cluster: whose record.
        model: its id.
        case: the digest of what it is about.
        ticket: which it is about.
        clock: the wall clock.
    """

    def __init__(
        self,
        ledger: Book,
        cluster: ClusterName,
        *,
        model: str,
        case: str,
        ticket: TicketId | None,
        clock: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._cluster = cluster
        self._model = model
        self._case = case
        self._ticket = ticket
        self._clock = clock or RealClock()
        self._word = secrets.token_hex(8)

    async def book(self, spent: Spent) -> None:
        """Write down what was spent since the last time."""
        entry = replace(
            self.end(""),
            attempts=spent.attempts,
            turns=spent.turns,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cache_read=spent.cache_read,
            cache_written=spent.cache_written,
            usd=spent.usd,
            wall=spent.wall,
        )
        await self._ledger.append(self._cluster, [entry], at=entry.at)

    def end(self, how: str) -> InvestigationPaid:
        """The entry that says how it ended; it costs nothing more."""
        return InvestigationPaid(
            at=self._clock.now(),
            cluster=self._cluster,
            investigation=self._word,
            case=self._case,
            diagnoser=NAME,
            model=self._model,
            attempts=0,
            turns=0,
            tokens_in=0,
            tokens_out=0,
            cache_read=0,
            cache_written=0,
            usd=Decimal(0),
            wall=timedelta(0),
            ended=how,
            ticket=self._ticket,
        )

    async def close(self, how: str) -> None:
        """Write down how it ended."""
        entry = self.end(how)
        await self._ledger.append(self._cluster, [entry], at=entry.at)


async def investigate(
    colleague: Colleague,
    case: Case,
    rules: Diagnosis,
    *,
    ledger: Book,
    prober: Prober | None,
    told: Told,
    lease: Lease | None = None,
    usd: Decimal | None = None,
) -> Investigated:
    """Have a case investigated; the diagnosis is checked once more against the readings, and recorded.

    Args:
        colleague: who is asked.
        case: what about.
        rules: what the rules think of it.
        ledger: where costs and the diagnosis of a ticket are kept.
        prober: puts questions to the subject.
        told: what is being done.
        lease: of the ticket, under which the diagnosis is written.
        usd: what it may cost at most, when that is less than the settings say.

    Raises:
        InvestigationFailed: a person must change something first.
        LeaseLost: somebody else has the ticket now; the cost is booked, the diagnosis is not.
    """
    ticket = None if case.ticket is None else case.ticket.id
    model = colleague.claude.model
    bill = Bill(ledger, case.cluster, model=model, case=digest_of(case, model=model), ticket=ticket)
    investigator = colleague.investigator(case, prober=prober, second=rules, told=told, book=bill.book, usd=usd)
    ended: str | None = FAILED
    try:
        found = checked(await investigator.investigate(case), case)
        ended = found.ended.value
        if ticket is not None:
            entries = [DiagnosisMade(diagnosis=found.diagnosis), bill.end(ended)]
            await ledger.append(case.cluster, entries, at=found.diagnosis.at, lease=lease)
            ended = None
    except asyncio.CancelledError:
        ended = INTERRUPTED
        raise
    finally:
        if ended is not None:
            await bill.close(ended)
    return found


def checked(found: Investigated, case: Case) -> Investigated:
    """What was found, with every claim struck that neither the case's readings nor the probes' bear out."""
    from operator_diagnosis.review import recheck

    readings = by_id(case.observations) | {r.id: r for r in found.readings}
    diagnosis = recheck(found.diagnosis, readings)
    return replace(found, diagnosis=replace(diagnosis, ticket=None if case.ticket is None else case.ticket.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is on record of investigations of a case.

    Attributes:
        tries: how many came to an end.
        is_closed: whether one of them brought a whole diagnosis.
    """

    tries: int
    is_closed: bool


async def before(ledger: Investigations, cluster: ClusterName, digest: str) -> Before:
    """How often a case was investigated already."""
    ended = [p.ended for p in await ledger.paid(cluster=cluster) if p.case == digest and p.ended]
    return Before(tries=len(ended), is_closed=CLOSED in ended)
