"""Reasoning with a model, with the rules, or with both: which of them says what, and what was done without."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.judgements import Judgement
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Lease, Ledger, TicketLeases
from operator_core.record import DiagnosisMade
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket

from operator_cli.claude_wiring import NO_KEY, Colleague, Told, colleague, limits_of, outward_of, required_colleague
from operator_cli.reasoners import Reasoner
from operator_cli.use_cases.diagnosing import by_rules, case_now, case_of
from operator_cli.use_cases.investigating import NAME, Book, before, checked, digest_of, investigate
from operator_cli.use_cases.monitoring import holder_word
from operator_cli.use_cases.probing import RecordedProber, prober_of, sight_of
from operator_cli.use_cases.tickets import rechecked, ticket_of
from operator_cli.use_cases.turns import Turns
from operator_cli.wiring import Meant, watch

if TYPE_CHECKING:
    from operator_diagnosis.claude import Investigated, Recording

    from operator_cli.claude_settings import ClaudeSettings
    from operator_cli.settings import Loaded


class SharedBook(Book, TicketLeases, Protocol):
    """A ledger in which investigations are kept, and that says whose turn it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a person wants it.

    Attributes:
        reasoner: who reasons.
        again: a case that was paid for already is asked about again.
    """

    reasoner: Reasoner
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned:
    """What came of it.

    Attributes:
        rules: what the rules think; None when they were not asked for, and were not needed.
        claude: what the model thinks; None when it was not asked for, could not be asked, or had nothing to say.
        is_whole: whoever was asked for has given a whole diagnosis.
        recording: of the investigation, when one was held.
        judgements: what was seen, when the look was made for this.
    """

    rules: Diagnosis | None = None
    claude: Diagnosis | None = None
    is_whole: bool = True
    recording: Recording | None = None
    judgements: tuple[Judgement, ...] = ()

    @property
    def first(self) -> Diagnosis | None:
        """What is shown first: the model's where there is one. None when nothing is wrong."""
        return self.claude or self.rules


def _asked(claude: ClaudeSettings, reasoner: Reasoner, told: Told) -> Colleague | None:
    """Who is to be asked beside the rules.

    Raises:
        ConfigurationError: the model alone was asked for, and there is no key.
    """
    match reasoner:
        case Reasoner.RULES:
            return None
        case Reasoner.CLAUDE:
            return required_colleague(claude)
        case Reasoner.BOTH:
            found = colleague(claude)
            if found is None:
                told(f"{NO_KEY}; the rules alone reason")
            return found


async def reason_about_ticket(
    ledger: SharedBook, loaded: Loaded, ident: int, known: Knowledge, wish: Wish, *, told: Told
) -> Reasoned:
    """Reason about a ticket; every whole diagnosis is recorded.

    Raises:
        ConfigurationError: there is no such ticket, nothing was kept of it, there is no key, or somebody else is at it.
        InvestigationFailed: the model alone was asked for, and a person must change something before it can be.
    """
    claude = loaded.settings.claude
    friend = _asked(claude, wish.reasoner, told)
    ticket = await ticket_of(ledger, ident)
    case = await case_of(ledger, ticket, known)
    rules = await by_rules(case)
    if wish.reasoner is not Reasoner.CLAUDE:
        await ledger.append(case.cluster, [DiagnosisMade(diagnosis=rules)], at=rules.at)
    if friend is None:
        return Reasoned(rules=rules)
    if not wish.again and (paid := await paid_before(ledger, ticket, case, claude, told)) is not None:
        return Reasoned(rules=None if wish.reasoner is Reasoner.CLAUDE else rules, claude=paid)
    clock = RealClock()
    turns = Turns(ledger, holder=holder_word(random.Random()), clock=clock)
    if await ledger.ticket_lease(ticket.cluster, ticket.id) is not None:
        told(f"somebody else has taken ticket {ident}; waiting for a sign of life")
    lease = await turns.wait(ticket)
    if lease is None:
        raise ConfigurationError(f"somebody else asks Claude about ticket {ident} at this moment; see what comes of it")

    async def at_work() -> Investigated | None:
        async with sight_of(ticket, loaded, ledger) as sight:
            if sight.prober is None:
                told(f"the cluster itself is not asked: {sight.because}")
            return await _investigated(
                friend, case, rules, ledger, sight.prober, told, lease=lease, reasoner=wish.reasoner
            )

    return _reasoned(await turns.holding(lease, at_work()), rules, wish.reasoner)


async def _investigated(
    friend: Colleague,
    case: Case,
    rules: Diagnosis,
    ledger: Book,
    prober: RecordedProber | None,
    told: Told,
    *,
    reasoner: Reasoner,
    lease: Lease | None = None,
) -> Investigated | None:
    from operator_diagnosis.claude import InvestigationFailed

    try:
        found = await investigate(friend, case, rules, ledger=ledger, prober=prober, told=told, lease=lease)
    except InvestigationFailed as e:
        if reasoner is Reasoner.CLAUDE:
            raise
        told(f"Claude could not be asked, the rules alone reason: {e}")
        return None
    for warning in found.warnings:
        told(warning)
    if found.is_partial:
        told(f"this diagnosis is partial: {found.because}")
    return found


def _reasoned(
    found: Investigated | None, rules: Diagnosis, reasoner: Reasoner, judgements: tuple[Judgement, ...] = ()
) -> Reasoned:
    """What is shown of an investigation; where the model gave no diagnosis of its own, it is the rules'."""
    if found is None:
        return Reasoned(rules=rules, is_whole=False, judgements=judgements)
    is_models = found.diagnosis.diagnoser == NAME
    wants_rules = reasoner is not Reasoner.CLAUDE
    return Reasoned(
        rules=rules if wants_rules and is_models else None if is_models else found.diagnosis,
        claude=found.diagnosis if is_models else None,
        is_whole=is_models,
        recording=found.recording,
        judgements=judgements,
    )


async def paid_before(ledger: Book, ticket: Ticket, case: Case, claude: ClaudeSettings, told: Told) -> Diagnosis | None:
    """The whole diagnosis that the model gave of the same case before; None when there is none."""
    if not (await before(ledger, ticket.cluster, digest_of(case, model=claude.model))).is_closed:
        return None
    history = await ledger.history(ticket.cluster, ticket=ticket.id)
    made = [r.entry.diagnosis for r in history if isinstance(r.entry, DiagnosisMade)]
    mine = [d for d in made if d.diagnoser == NAME]
    if not mine:
        return None
    when = f"{mine[-1].at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    told(f"nothing else is violated than at Claude's diagnosis of {when}, so it is not paid for again (--again does)")
    return await rechecked(mine[-1], ledger)


async def reason_about_now(ledger: Book, loaded: Loaded, meant: Meant, wish: Wish, *, told: Told) -> Reasoned:
    """Reason about what is happening now; of that only what probes gave and what it cost is recorded.

    Raises:
        ConfigurationError: there is no key.
        InvestigationFailed: as for a ticket.
    """
    friend = _asked(loaded.settings.claude, wish.reasoner, told)
    async with watch(meant) as watched:
        judgements, case = await case_now(watched)
        if case is None:
            return Reasoned(judgements=judgements)
        rules = await by_rules(case)
        if friend is None:
            return Reasoned(rules=rules, judgements=judgements)
        prober = await prober_of(watched, loaded, ledger, case.observations[-1], since=case.trouble_since or case.at)
        found = await _investigated(friend, case, rules, ledger, prober, told, reasoner=wish.reasoner)
    return _reasoned(found, rules, wish.reasoner, judgements)


async def prompt_of_ticket(ledger: Book, loaded: Loaded, ident: int, known: Knowledge) -> str:
    """Exactly what would be sent first about a ticket; nothing is sent.

    Raises:
        ConfigurationError: there is no such ticket, or nothing was kept of it.
    """
    ticket = await ticket_of(ledger, ident)
    case = await case_of(ledger, ticket, known)
    async with sight_of(ticket, loaded, ledger) as sight:
        return _prompt(loaded.settings.claude, case, await by_rules(case), sight.prober)


async def prompt_of_now(ledger: Book, loaded: Loaded, meant: Meant) -> str | None:
    """Exactly what would be sent first about what is happening now; None when nothing is."""
    async with watch(meant) as watched:
        _, case = await case_now(watched)
        if case is None:
            return None
        prober = await prober_of(watched, loaded, ledger, case.observations[-1], since=case.trouble_since or case.at)
        return _prompt(loaded.settings.claude, case, await by_rules(case), prober)


def _prompt(claude: ClaudeSettings, case: Case, rules: Diagnosis, prober: RecordedProber | None) -> str:
    from operator_diagnosis.claude import prompt

    return prompt(
        case,
        model=claude.model,
        effort=claude.effort,
        limits=limits_of(claude),
        probes=() if prober is None else prober.probes,
        second_opinion=rules if claude.second_opinion else None,
        outward=outward_of(claude, case),
    )


async def replay_ticket(ledger: Ledger, ident: int, known: Knowledge, recording: Recording) -> Diagnosis:
    """Hold a recorded investigation of a ticket again; nothing is sent, paid or recorded.

    Raises:
        ConfigurationError: there is no such ticket, nothing was kept of it, or the recording is of something else.
    """
    from operator_diagnosis.claude import replay

    try:
        at = datetime.fromisoformat(str(recording.about.get("at")))
        until = at if at.tzinfo is not None else None
    except ValueError:
        until = None  # whoever replays it says what is wrong with it
    case = await case_of(ledger, await ticket_of(ledger, ident), known, until=until)
    return checked(await replay(recording, case), case).diagnosis
