"""Asking on: a question about a ticket's diagnosis, answered from readings and held to the same standard."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from operator_core.knowledge import Knowledge

from operator_cli.claude_wiring import Told, required_colleague
from operator_cli.use_cases.diagnosing import by_rules, case_of
from operator_cli.use_cases.handling import note
from operator_cli.use_cases.investigating import FAILED, INTERRUPTED, Bill, Book, digest_of
from operator_cli.use_cases.probing import sight_of
from operator_cli.use_cases.recalling import newest_diagnosis
from operator_cli.use_cases.tickets import rechecked, ticket_of
from operator_cli.wiring import record_of

if TYPE_CHECKING:
    from operator_diagnosis.claude import Answered

    from operator_cli.settings import Loaded

LONGEST_QUESTION = 4_000


async def ask(
    ledger: Book,
    loaded: Loaded,
    ident: int,
    question: str,
    known: Knowledge,
    *,
    told: Told,
    noted_by: str | None = None,
) -> Answered:
    """Ask Claude about a ticket; what probes gave and what it cost is recorded.

    Args:
        ledger: where the ticket is.
        loaded: the settings.
        ident: the ticket's number.
        question: in a person's words.
        known: what the subject knows.
        told: what is being done.
        noted_by: who puts question and answer to the ticket as a note; None for nobody.

    Raises:
        ConfigurationError: there is no key or no such ticket, or nothing was kept of it.
        InvestigationFailed: a person must change something first.
    """
    from operator_diagnosis.review import evidence_readings

    colleague = required_colleague(loaded.settings.claude)
    ticket = await ticket_of(ledger, ident)
    case = await case_of(ledger, ticket, known)
    rules = await by_rules(case)
    newest = await newest_diagnosis(ledger, ticket)
    diagnosis = rules if newest is None else await rechecked(newest, ledger)
    model = colleague.claude.model
    digest = hashlib.sha256(f"{digest_of(case, model=model)} {question}".encode()).hexdigest()
    bill = Bill(ledger, case.cluster, model=model, case=digest, ticket=ticket.id)
    ended = FAILED
    try:
        async with sight_of(ticket, loaded, ledger) as sight:
            if sight.prober is None:
                told(f"the cluster itself is not asked: {sight.because}")
            investigator = colleague.investigator(case, prober=sight.prober, second=rules, told=told, book=bill.book)
            cited = await ledger.readings(case.cluster, evidence_readings(diagnosis))
            answered = await investigator.answer(case, diagnosis, question, known=cited)
        ended = answered.ended.value
    except asyncio.CancelledError:
        ended = INTERRUPTED
        raise
    finally:
        await bill.close(ended)
    for warning in answered.warnings:
        told(warning)
    if noted_by is not None:
        await note(record_of(ledger, loaded), ident, by=noted_by, text=_note(question, answered))
    return answered


def _note(question: str, answered: Answered) -> str:
    """Question and answer, with the readings that it rests on, for whoever comes later."""
    parts = [f"Asked Claude: {question}", answered.says]
    if ids := dict.fromkeys(i for claim in answered.claims for i in claim.readings):
        parts.append(f"It rests on {', '.join(ids)}.")
    if answered.struck:
        parts.append(f"{len(answered.struck)} of its claims were struck, for the readings do not bear them out.")
    if answered.ended.value != "closed":
        parts.append(f"It is not whole: {answered.because}")
    return "\n\n".join(part for part in parts if part)
