"""A process that works on a ledger with others at the same time, as its part bids it, and tells what it did.

``python -m torture.actors PART NAME LEDGER SEED COUNT``: PART is ``monitor``, ``diagnoser`` or ``person``. It says
``ready``, waits for a line, and then says one line for each thing it did.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

from operator_core.actions import Action, ActionName, RiskClass
from operator_core.components import ComponentRef
from operator_core.decide import SilenceViolation
from operator_core.diagnosis import Diagnosis, Hypothesis, Option
from operator_core.errors import LeaseLost, LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE
from operator_core.ports import Lease
from operator_core.readings import ClusterName, Observation
from operator_core.record import (
    ActionApproved,
    ActionStage,
    ActionTaken,
    CycleFellShort,
    DiagnosisMade,
    Entry,
    JudgementChanged,
    NoteAdded,
    ObservationKept,
    Progress,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.runtime import RealClock
from operator_core.silences import SilenceId, SilenceScope
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation
from operator_ledger import SqlLedger

from torture.recorder import Record
from torture.told import Told
from torture.toy import NODE, FlappingSubject

T = TypeVar("T")

CLUSTERS = (ClusterName("north"), ClusterName("south"))
BASE = datetime(2026, 3, 1, tzinfo=UTC)
NODES, INVARIANTS = 6, ("answers", "quick")
PATIENCE = timedelta(seconds=60)
"""Nobody is to be refused because the machine is slow."""


@dataclass
class Actor:
    """Somebody who works on a ledger.

    Attributes:
        done: how much it has done.
    """

    name: str
    ledger: Record
    chance: random.Random
    say: Callable[[str], None]
    done: int = 0
    leases: dict[ClusterName, Lease] = field(default_factory=dict[ClusterName, Lease])
    lost: list[Lease] = field(default_factory=list[Lease])

    @property
    def at(self) -> datetime:
        """An instant that no other thing done has."""
        return BASE + timedelta(seconds=self.done, microseconds=sum(map(ord, self.name)))

    async def do(
        self,
        cluster: ClusterName,
        doing: str,
        step: Awaitable[T],
        *,
        lease: Lease | None,
        entries: tuple[Entry, ...] = (),
    ) -> T | None:
        """Do one thing and tell it; None when it was refused."""
        began = asyncio.get_running_loop().time()
        given: T | None = None
        try:
            given = await step
            outcome = "ok" if given is not None or doing in ("append", "release") else "none"
        except LeaseLost:
            outcome = "lease lost"
        except LedgerError as e:
            outcome = str(e)
        ended = asyncio.get_running_loop().time()
        tickets = cast("tuple[Ticket, ...]", given) if doing == "append" and outcome == "ok" else ()
        term = given.term if isinstance(given, Lease) else 0 if lease is None else lease.term
        told = Told(
            actor=self.name, number=self.done, cluster=cluster, doing=doing, term=term, began=began, ended=ended,
            outcome=outcome, entries=entries, tickets=tickets,
        )  # fmt: skip
        self.say(told.line())
        self.done += 1
        return given

    async def append(self, cluster: ClusterName, *entries: Entry, lease: Lease | None = None) -> None:
        """Append what begins with a mark of this very append."""
        nothing = timedelta(0)
        mark = CycleFellShort(
            number=self.done, at=self.at, took=nothing, interval=nothing, because=f"{self.name} {self.done}"
        )
        everything = (mark, *entries)
        step = self.ledger.append(cluster, everything, at=self.at, lease=lease)
        await self.do(cluster, "append", step, lease=lease, entries=everything)

    # --- what can be said

    def key(self) -> JudgementKey:
        node = ComponentRef(NODE, str(self.chance.randint(1, NODES)))
        return JudgementKey(invariant=InvariantName(self.chance.choice(INVARIANTS)), component=node)

    def violation(self) -> Violation:
        key = self.key()
        return Violation(
            key=key,
            since=self.at - timedelta(seconds=self.chance.randint(0, 90)),
            opened_at=self.at,
            because=f"{key} is not so",
            severity=self.chance.choice(tuple(Severity)),
            concern=Concern.SUBJECT,
            readings=(),
        )

    def some(self, tickets: tuple[Ticket, ...]) -> TicketId:
        """One of some tickets; now and then one that is not there."""
        if not tickets or self.chance.random() < 0.03:
            return TicketId(10**6)
        return self.chance.choice(tickets).id

    def ended(self, tickets: tuple[Ticket, ...]) -> EndInTicket:
        lasting = [(t.id, v.key) for t in tickets for v in t.lasting]
        if not lasting or self.chance.random() < 0.1:
            return EndInTicket(ticket=self.some(tickets), at=self.at, key=self.key())
        ident, key = self.chance.choice(lasting)
        return EndInTicket(ticket=ident, at=self.at, key=key)

    # --- parts

    async def be_monitor(self) -> None:
        """Take the watch, keep it, lose it, and write under it; now and then under one that is lost."""
        cluster = self.chance.choice(CLUSTERS)
        lease = self.leases.get(cluster)
        if lease is None:
            await self._without_watch(cluster)
        elif self.chance.random() < 0.08:
            beaten = await self.do(cluster, "beat", self.ledger.beat(lease), lease=lease)
            self._now_has(cluster, lease, beaten)
        elif self.chance.random() < 0.04:
            await self.do(cluster, "release", self.ledger.release(lease), lease=lease)
            self._now_has(cluster, lease, None)
        else:
            await self._watch(cluster, lease)

    async def _without_watch(self, cluster: ClusterName) -> None:
        stale = [lease for lease in self.lost if lease.cluster == cluster]
        if stale and self.chance.random() < 0.25:
            await self.append(cluster, lease=self.chance.choice(stale))
            return
        seen = await self.ledger.lease(cluster)
        if seen is not None and self.chance.random() < 0.5:
            await RealClock().sleep(timedelta(milliseconds=self.chance.uniform(0, 20)))  # it may be about to lapse
        step = self.ledger.take(cluster, holder=self.name, patience=timedelta(seconds=1), over=seen)
        taken = await self.do(cluster, "take", step, lease=seen)
        if taken is not None:
            self.leases[cluster] = taken

    def _now_has(self, cluster: ClusterName, before: Lease, after: Lease | None) -> None:
        if after is None:
            self.leases.pop(cluster, None)
            self.lost.append(before)
        else:
            self.leases[cluster] = after

    async def _watch(self, cluster: ClusterName, lease: Lease) -> None:
        tickets = await self.ledger.tickets(cluster, open_only=True, newest=12)
        number = (await self.ledger.standpoint(cluster)).last_number + 1
        chance = self.chance
        entries: list[Entry] = []
        if chance.random() < 0.7:
            entries.append(ObservationKept(observation=await self._look(cluster, number)))
        if chance.random() < 0.3:
            judgement = Judgement(key=self.key(), verdict=chance.choice(tuple(Verdict)), at=self.at, because="so it is")
            entries.append(JudgementChanged(judgement=judgement))
        entries.extend(self._command(cluster, tickets) for _ in range(chance.randint(0, 2)))
        if chance.random() < 0.7:
            entries.append(Progress(number=number, at=self.at, tracked={}))
        await self.append(cluster, *entries, lease=lease)
        standing = await self.ledger.lease(cluster)
        if standing is None or standing.term != lease.term:
            self._now_has(cluster, lease, None)

    async def _look(self, cluster: ClusterName, number: int) -> Observation:
        subject = FlappingSubject(cluster=cluster, clock=RealClock(start=BASE), seed=self.done, nodes=NODES)
        seen = await subject.observe(number if self.chance.random() < 0.95 else max(1, number - 1))
        return replace(seen, at=self.at)

    def _command(self, cluster: ClusterName, tickets: tuple[Ticket, ...]) -> Entry:
        chance, ident = self.chance, self.some(tickets)
        match chance.randrange(6):
            case kind if kind == 0 or len(tickets) < 3:
                violations = tuple(self.violation() for _ in range(chance.randint(1, 2)))
                return OpenTicket(cluster=cluster, at=self.at, violations=violations)
            case 1:
                return JoinTicket(ticket=ident, at=self.at, violation=self.violation())
            case 2 | 3:
                return self.ended(tickets)
            case 4:
                to = chance.choice((TicketState.RESOLVED, TicketState.OPEN, TicketState.VERIFYING))
                return MoveTicket(ticket=ident, at=self.at, to=to, by=PROGRAM, because="it is over")
            case _:
                return SilenceViolation(at=self.at, silence=SilenceId(1), violation=self.violation())

    async def be_diagnoser(self) -> None:
        """Say what is wrong with tickets, some of which are not what they were when they were read."""
        cluster = self.chance.choice(CLUSTERS)
        tickets = await self.ledger.tickets(cluster, open_only=self.chance.random() < 0.8, newest=8)
        diagnosis = Diagnosis(
            cluster=cluster,
            at=self.at,
            diagnoser=self.name,
            knowledge="toy",
            summary=f"the {self.done}th",
            hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=1.0),),
            path=(),
            options=(Option(name=DO_NOTHING, does="Do nothing.", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="nothing is known",
            ticket=self.some(tickets) if tickets and self.chance.random() < 0.9 else None,
        )
        await self.append(cluster, DiagnosisMade(diagnosis=diagnosis))

    async def be_person(self) -> None:
        """Hold and give back, note, escalate, resolve, bring back, silence."""
        chance, cluster = self.chance, self.chance.choice(CLUSTERS)
        tickets = await self.ledger.tickets(cluster, newest=10)
        await self.append(cluster, *[await self._word(cluster, tickets) for _ in range(chance.choice((1, 1, 1, 2)))])

    async def _word(self, cluster: ClusterName, tickets: tuple[Ticket, ...]) -> Entry:
        chance, ident, by = self.chance, self.some(tickets), self.name
        action = Action(
            name=ActionName("restart"), target=ComponentRef(NODE, "1"), risk=RiskClass.LOW, takes_away=True, dry_run="-"
        )
        match chance.randrange(9) if tickets else 6:
            case 0 | 1:
                return HoldTicket(ticket=ident, at=self.at, hold=chance.random() < 0.4, by=by)
            case 2:
                return NoteAdded(ticket=ident, at=self.at, by=by, text=f"{self.name} was here, {self.done}")
            case 3 | 4:
                return MoveTicket(ticket=ident, at=self.at, to=chance.choice(tuple(TicketState)), by=by)
            case 5:
                return MoveTicket(ticket=ident, at=self.at, to=TicketState.RESOLVED, by=by)
            case 6:
                scope = SilenceScope(kind=NODE, component=chance.choice((None, ComponentRef(NODE, "1"))))
                ends = self.at + timedelta(seconds=chance.randint(-3, 300))
                return SilenceAdded(at=self.at, ends=ends, scope=scope, by=by, because=f"{self.done}")
            case 7:
                silences = await self.ledger.silences(cluster)
                number = chance.choice(silences).id if silences and chance.random() < 0.9 else SilenceId(10**6)
                return SilenceEnded(silence=number, at=self.at, by=by)
            case _ if chance.random() < 0.5:
                return ActionApproved(ticket=ident, at=self.at, by=by, action=action, until=self.at)
            case _:
                return ActionTaken(ticket=ident, at=self.at, action=action, stage=ActionStage.DONE)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(part: str, name: str, place: str, seed: int, count: int) -> None:
    """Do so many things."""
    async with await SqlLedger.open(place, patience=PATIENCE) as ledger:
        actor = Actor(name=name, ledger=ledger, chance=random.Random(f"{seed} {name}"), say=_say)
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        parts = {"monitor": actor.be_monitor, "diagnoser": actor.be_diagnoser, "person": actor.be_person}
        while actor.done < count:
            await parts[part]()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
