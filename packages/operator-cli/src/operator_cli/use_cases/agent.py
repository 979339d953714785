"""The agent: takes tickets that nobody has diagnosed, one after the other or several at once, and diagnoses them.

Where the model cannot be asked (no key, no money left for the day, an API that does not answer), the rules do it, and
the agent says so. A ticket whose case was paid for is left alone until something else of it is violated.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError, DiagnoserError, LeaseLost, LedgerError, SubjectError
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, Clock, Lease
from operator_core.record import DiagnosisMade
from operator_core.runtime import RealClock
from operator_core.tickets import Ticket, TicketId

from operator_cli.claude_wiring import NO_KEY, Colleague, Told, colleague, has_price
from operator_cli.reasoners import Reasoner
from operator_cli.use_cases.diagnosing import by_rules, case_of
from operator_cli.use_cases.investigating import NAME, before, investigate, ticket_digest
from operator_cli.use_cases.monitoring import holder_word
from operator_cli.use_cases.probing import sight_of
from operator_cli.use_cases.purse import Purse
from operator_cli.use_cases.reasoning import SharedBook
from operator_cli.use_cases.turns import Turns
from operator_cli.wiring import cluster_clock, knowledge, open_ledger

if TYPE_CHECKING:
    from operator_cli.settings import Loaded

EVERY = timedelta(seconds=3)
"""How often the record is asked for tickets."""

SETTLED = timedelta(seconds=20)
"""How long nothing has joined a ticket before it is looked at: a trouble shows itself piece by piece."""

TRIES = 2
"""How often a case is investigated that came to no whole diagnosis."""

LATER = timedelta(minutes=1)
"""How long a ticket is left alone that could not be diagnosed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTerms:
    """How the agent works.

    Attributes:
        reasoner: who diagnoses.
        parallel: how many tickets at the same time.
        once: it ends when nothing is left to do.
        ledger: the record's place, when it is not the one of the settings.
    """

    reasoner: Reasoner
    parallel: int = 1
    once: bool = False
    ledger: str | None = None


class AgentShows(Protocol):
    """Is told what the agent does."""

    def said(self, text: str) -> None:
        """Something about the agent itself."""
        ...

    def progressed(self, ticket: Ticket, text: str) -> None: ...

    def diagnosed(self, ticket: Ticket, diagnosis: Diagnosis, remark: str) -> None:
        """A diagnosis stands in the record; the remark says what was unusual about it, if anything."""
        ...


async def run_agent(loaded: Loaded, terms: AgentTerms, shows: AgentShows) -> int:
    """Diagnose tickets as they come, until it is cancelled or, once, nothing is left; gives how many it diagnosed.

    Raises:
        ConfigurationError: the option names a record that is not there.
        LedgerError: the record cannot be opened.
    """
    async with open_ledger(loaded, terms.ledger) as ledger:
        agent = Agent(ledger, loaded, terms, shows, known=knowledge(), clock=RealClock())
        await agent.work()
        return agent.diagnosed


class Agent:
    """One agent.

    Args:
        ledger: where the tickets are.
        loaded: the settings.
        terms: how it works.
        shows: is told what it does.
        known: what the subject knows.
        clock: the wall clock.
    """

    def __init__(
        self,
        ledger: SharedBook,
        loaded: Loaded,
        terms: AgentTerms,
        shows: AgentShows,
        *,
        known: Knowledge,
        clock: Clock,
    ) -> None:
        claude = loaded.settings.claude
        self._ledger = ledger
        self._loaded = loaded
        self._terms = terms
        self._shows = shows
        self._known = known
        self._clock = clock
        self._turns = Turns(ledger, holder=holder_word(random.Random()), clock=clock)
        self._purse = Purse(ledger, daily=claude.daily_usd, clock=clock)
        self._later: dict[TicketId, datetime] = {}
        self._done: dict[TicketId, str] = {}
        self._working: dict[TicketId, asyncio.Task[None]] = {}
        self._ruled: set[TicketId] = set()
        self._is_broke = False
        self._friend = self._found() if terms.reasoner.asks_a_model else None
        self.diagnosed = 0

    def _found(self) -> Colleague | None:
        claude = self._loaded.settings.claude
        friend = colleague(claude)
        if friend is None:
            self._shows.said(f"{NO_KEY}; the rules alone diagnose")
        elif not has_price(claude):
            self._shows.said(
                f"what {claude.model} costs is not known, so no limit in money could be kept; say it under"
                " [claude.prices]. The rules alone diagnose"
            )
            return None
        return friend

    async def work(self) -> None:
        """Go on until cancelled, or until nothing is left to do."""
        claude = self._loaded.settings.claude
        who = "by the rules" if self._friend is None else f"with {claude.model}, {claude.daily_usd} USD a day at most"
        self._shows.said(f"diagnosing {who}, {self._terms.parallel} at a time")
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    is_idle = await self._round(tasks)
                except LedgerError as e:
                    if self._terms.once:
                        raise
                    self._shows.said(f"the record does not answer: {e}")
                    is_idle = False
                if self._terms.once and is_idle and not self._working:
                    return
                await self._until_something(EVERY)

    async def _until_something(self, within: timedelta) -> None:
        """Wait for a ticket to be done, and not for long."""
        if not self._working:
            if not self._terms.once:
                await self._clock.sleep(within)
            return
        try:
            async with self._clock.deadline(within):
                await asyncio.wait(self._working.values(), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass

    async def _round(self, tasks: asyncio.TaskGroup) -> bool:
        """Begin with what is to be done, as far as hands are free; whether nothing was."""
        self._working = {i: t for i, t in self._working.items() if not t.done()}
        is_idle = True
        if self._friend is not None:
            async with self._purse.share(self._loaded.settings.claude.limits.usd) as usd:
                self._say_broke(usd)
        for ticket in await self._ledger.tickets(open_only=True):
            if len(self._working) >= self._terms.parallel:
                return False
            if ticket.id in self._working or not await self._is_due(ticket):
                continue
            lease = await self._turns.take(ticket)
            if lease is None:
                continue  # somebody else is at it
            is_idle = False
            self._working[ticket.id] = tasks.create_task(self._attend(ticket, lease), name=f"agent {ticket.id}")
        return is_idle

    async def _is_due(self, ticket: Ticket) -> bool:
        from operator_ledger.bundles import is_imported

        now = self._clock.now()
        if is_imported(ticket.cluster) or self._done.get(ticket.id) == self._digest(ticket):
            return False
        if ticket.id in self._later and now < self._later[ticket.id]:
            return False
        here = cluster_clock(ticket.cluster, self._loaded).now()
        if not self._terms.once and here - max(v.opened_at for v in ticket.violations) < SETTLED:
            return False
        if await self._wants_model(ticket) or not await self._is_diagnosed(ticket):
            return True
        if not self._is_broke:
            self._done[ticket.id] = self._digest(ticket)
        return False

    def _digest(self, ticket: Ticket) -> str:
        return ticket_digest(ticket, model=self._loaded.settings.claude.model, knowledge=self._known.version)

    async def _wants_model(self, ticket: Ticket) -> bool:
        """Whether the model is to be asked about a ticket: it never was about this case, or came to no end."""
        if self._friend is None or self._is_broke:
            return False
        was = await before(self._ledger, ticket.cluster, self._digest(ticket))
        return not was.is_closed and was.tries < TRIES

    def _say_broke(self, usd: Decimal | None) -> None:
        if usd is None and not self._is_broke:
            daily = self._loaded.settings.claude.daily_usd
            self._shows.said(f"{daily} USD were spent in the last 24 hours, the day's limit; the rules alone diagnose")
        if usd is not None and self._is_broke:
            self._shows.said("there is money for Claude again")
        self._is_broke = usd is None

    async def _is_diagnosed(self, ticket: Ticket) -> bool:
        """Whether anybody has diagnosed it."""
        if ticket.id not in self._ruled:
            history = await self._ledger.history(ticket.cluster, ticket=ticket.id)
            if any(isinstance(r.entry, DiagnosisMade) for r in history):
                self._ruled.add(ticket.id)
        return ticket.id in self._ruled

    async def _attend(self, ticket: Ticket, lease: Lease) -> None:
        """Diagnose one ticket; whatever goes wrong with it, the others go on."""
        try:
            await self._turns.holding(lease, self._diagnose(ticket, lease))
        except (ConfigurationError, DiagnoserError, LedgerError, SubjectError) as e:
            says = "somebody else has it now" if isinstance(e, LeaseLost) else str(e)
            self._shows.progressed(ticket, f"not diagnosed: {says}")
            self._put_off(ticket)

    def _put_off(self, ticket: Ticket) -> None:
        self._later[ticket.id] = self._clock.now() + LATER
        if self._terms.once:
            self._done[ticket.id] = self._digest(ticket)

    async def _diagnose(self, ticket: Ticket, lease: Lease) -> None:
        case = await case_of(self._ledger, ticket, self._known)
        rules = await by_rules(case)
        if await self._wants_model(ticket):
            if self._terms.reasoner is Reasoner.BOTH and not await self._is_diagnosed(ticket):
                await self._keep(ticket, rules, lease, "")
            if await self._ask(ticket, case, rules, lease):
                return
        if not await self._is_diagnosed(ticket):
            await self._keep(ticket, rules, lease, "")

    async def _keep(self, ticket: Ticket, rules: Diagnosis, lease: Lease, remark: str) -> None:
        await self._ledger.append(ticket.cluster, [DiagnosisMade(diagnosis=rules)], at=rules.at, lease=lease)
        self._tell(ticket, rules, remark)

    def _tell(self, ticket: Ticket, diagnosis: Diagnosis, remark: str) -> None:
        self.diagnosed += 1
        self._shows.diagnosed(ticket, diagnosis, remark)

    async def _ask(self, ticket: Ticket, case: Case, rules: Diagnosis, lease: Lease) -> bool:
        """Ask the model; whether there is a diagnosis of it, or in its place, in the record."""
        from operator_diagnosis.claude import InvestigationFailed

        friend = self._friend
        assert friend is not None
        told: Told = self._teller(ticket)
        async with self._purse.share(friend.claude.limits.usd) as usd:
            self._say_broke(usd)
            if usd is None:
                return False
            async with sight_of(ticket, self._loaded, self._ledger) as sight:
                if sight.prober is None:
                    told(f"the cluster itself is not asked: {sight.because}")
                try:
                    found = await investigate(
                        friend,
                        case,
                        rules,
                        ledger=self._ledger,
                        prober=sight.prober,
                        told=told,
                        lease=lease,
                        usd=usd,
                    )
                except InvestigationFailed as e:
                    if self._friend is not None:
                        self._shows.said(f"Claude cannot be asked, the rules alone diagnose: {e}")
                    self._friend = None
                    return False
        if found.is_partial:
            self._put_off(ticket)
        remark = f"partial: {found.because}" if found.is_partial else ""
        if found.diagnosis.diagnoser != NAME:
            remark = f"by the rules, for Claude gave none: {found.because}"
        self._tell(ticket, found.diagnosis, remark)
        return True

    def _teller(self, ticket: Ticket) -> Callable[[str], None]:
        return lambda text: self._shows.progressed(ticket, text)
