"""An invented subject with a script, a ledger that can be made to fail, and a clock that costs no time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from operator_core.actions import RiskClass
from operator_core.components import Component, ComponentRef, Kind, RedundancyGroup
from operator_core.diagnosis import Diagnosis, Hypothesis, Option
from operator_core.errors import LedgerError
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE, ComponentKind, Knowledge
from operator_core.ports import Case, Lease, Probe, Standpoint
from operator_core.readings import (
    Cause,
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Unseen,
)
from operator_core.record import Entry, Progress, Recorded
from operator_core.runtime import VirtualClock
from operator_core.sight import lost_sight
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId
from operator_ledger import MemoryLedger
from operator_monitor import CycleReport, Monitor, Report, StandingBy, Watch

T = TypeVar("T")

NORTH = ClusterName("north")
STATE = SignalName("state")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GRACE, STABILITY = timedelta(seconds=10), timedelta(seconds=15)

Look = Mapping[str, str] | Exception | timedelta
"""What a node's state is, by node ("?" was not seen, "?source" its source failed); or how the look fails."""


def _check(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs("node"):
        reading = observation.reading(STATE, ref)
        if reading is None:
            yield CheckResult(component=ref, verdict=Verdict.UNKNOWN, because=f"{ref} was not seen")
        elif reading.value == "up":
            yield CheckResult(component=ref, verdict=Verdict.HOLDS, because=f"{ref} is up", readings=(reading.id,))
        else:
            yield CheckResult(
                component=ref,
                verdict=Verdict.VIOLATED,
                because=f"{ref} is {reading.value}",
                readings=(reading.id,),
                severity=Severity.CRITICAL if reading.value == "gone" else None,
            )


@dataclass
class ToySubject:
    """Nodes in groups of three (1-3, 4-6 …) whose states follow a script; its last look lasts for ever.

    With `since` and `each` the script goes on by time and not by looks, whoever looks.
    """

    script: Sequence[Look]
    clock: VirtualClock
    slow: timedelta = timedelta(0)
    since: datetime | None = None
    each: timedelta = timedelta(seconds=5)
    looks: list[tuple[int, datetime]] = field(default_factory=list[tuple[int, datetime]])

    async def observe(self, number: int) -> Observation:
        at = self.clock.now()
        turn = len(self.looks) if self.since is None else (at - self.since) // self.each
        look = self.script[min(turn, len(self.script) - 1)]
        self.looks.append((number, at))
        await self.clock.sleep(self.slow)
        if isinstance(look, Exception):
            raise look
        states: Mapping[str, str] = {}
        if isinstance(look, timedelta):
            await self.clock.sleep(look)
        else:
            states = look
        refs = {node: ComponentRef(Kind("node"), node) for node in states}
        seen = {node: state for node, state in states.items() if not state.startswith("?")}
        groups: dict[int, list[ComponentRef]] = {}
        for node, ref in refs.items():
            groups.setdefault((int(node) - 1) // 3, []).append(ref)
        return Observation(
            cluster=NORTH,
            number=number,
            at=at,
            components=tuple(Component(ref=r) for r in refs.values()),
            groups=tuple(RedundancyGroup(name=f"group {n}", members=tuple(m), needed=2) for n, m in groups.items()),
            readings=tuple(
                Reading(
                    id=ReadingId(f"o{number}.{node}"),
                    component=refs[node],
                    signal=STATE,
                    value=state,
                    unit=Unit("state"),
                    at=at,
                    source=f"GET /{node}",
                )
                for node, state in seen.items()
            ),
            unseens=tuple(
                Unseen(
                    component=refs[node],
                    signal=STATE,
                    cause=Cause.TOO_EARLY if state == "?early" else Cause.SILENT,
                    detail="no answer",
                    at=at,
                    source=f"node {node}",
                )
                for node, state in states.items()
                if node not in seen
            ),
            sources=tuple(
                SourceLook(
                    source=f"node {node}",
                    component=refs[node],
                    required=False,
                    failure=Cause.SILENT if state == "?source" else None,
                )
                for node, state in states.items()
            ),
        )

    async def knowledge(self) -> Knowledge:
        answers = Invariant(
            name=InvariantName("node-is-up"),
            title="every node is up",
            check=_check,
            grace=GRACE,
            stability=STABILITY,
            required=True,
        )
        return Knowledge(
            version="1",
            kinds=(ComponentKind(kind=Kind("node"), title="node"),),
            signals=(),
            invariants=(answers, lost_sight(grace=GRACE, stability=STABILITY)),
            signs=(),
            modes=(),
            unknown=(),
        )

    async def probes(self) -> Sequence[Probe]:
        return ()

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        return None

    async def close(self) -> None:
        pass


class ToyLedger(MemoryLedger):
    """A ledger that can fail or take its time, and shows what it holds without being asked.

    `before` and `after` are awaited around each append and may raise; `asked` is awaited before each other call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[Sequence[Entry]], Awaitable[None]] | None = None
        self.after: Callable[[Sequence[Entry]], Awaitable[None]] | None = None
        self.asked: Callable[[str], Awaitable[None]] | None = None
        self.book: dict[TicketId, Ticket] = {}
        self.appends: list[tuple[str, tuple[Entry, ...]]] = []
        self.progress: Progress | None = None

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        if self.before is not None:
            await self.before(entries)
        touched = await super().append(cluster, entries, at=at, lease=lease)
        self.appends.append((lease.holder if lease else "", tuple(entries)))
        self.progress = next((e for e in reversed(entries) if isinstance(e, Progress)), self.progress)
        self.book = {t.id: t for t in await super().tickets(cluster)}
        if self.after is not None:
            await self.after(entries)
        return touched

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        await self._ask("standpoint")
        return await super().standpoint(cluster)

    async def tickets(self, cluster: ClusterName | None = None, **terms: Any) -> tuple[Ticket, ...]:
        await self._ask("tickets")
        return await super().tickets(cluster, **terms)

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        await self._ask("silences")
        return await super().silences(cluster)

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        await self._ask("history")
        return await super().history(cluster, ticket=ticket)

    async def observations(self, cluster: ClusterName, **terms: Any) -> tuple[Observation, ...]:
        await self._ask("observations")
        return await super().observations(cluster, **terms)

    async def _ask(self, what: str) -> None:
        if self.asked is not None:
            await self.asked(what)

    def entries(self, kind: type[T]) -> list[T]:
        """What was written, of one kind, in order."""
        return [e for _, entries in self.appends for e in entries if isinstance(e, kind)]

    async def say(self, entry: Entry, at: datetime) -> None:
        """A person writes."""
        await super().append(NORTH, [entry], at=at)
        self.book = {t.id: t for t in await super().tickets(NORTH)}


class Line:
    """One process's connection to a ledger: it can be cut, or frozen, and then nothing gets through until it thaws."""

    def __init__(self, ledger: ToyLedger) -> None:
        self._ledger = ledger
        self.is_cut = False
        self.is_open = asyncio.Event()
        self.is_open.set()

    def freeze(self) -> None:
        self.is_open.clear()

    def thaw(self) -> None:
        self.is_open.set()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **terms: Any) -> object:
            await self.is_open.wait()
            if self.is_cut:
                raise LedgerError("the line is cut")
            return await getattr(self._ledger, name)(*args, **terms)

        return call


class Process:
    """A program that watches the cluster and may be killed, frozen, or ended cleanly."""

    def __init__(self, holder: str, ledger: ToyLedger, subject: ToySubject, clock: VirtualClock, **terms: Any) -> None:
        self.holder, self.clock = holder, clock
        self.line: Any = Line(ledger)
        self.monitor = Monitor(cluster=NORTH, subject=subject, ledger=self.line, clock=clock, **terms)
        self.watch = Watch(self.monitor, leases=self.line, holder=holder)
        self.reports: list[tuple[datetime, Report]] = []
        self.task: asyncio.Task[None] | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self.task = tasks.create_task(self._run(), name=self.holder)

    async def _run(self) -> None:
        async with aclosing(self.watch.cycles()) as told:
            async for report in told:
                self.reports.append((self.clock.now(), report))

    async def end(self) -> None:
        """As Ctrl-C does."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def die(self) -> None:
        """Nothing more of it reaches the ledger, no farewell either."""
        self.line.is_cut = True
        self.line.thaw()
        await self.end()

    def stood_by(self) -> list[StandingBy]:
        return [r for _, r in self.reports if isinstance(r, StandingBy)]

    def looked(self) -> list[CycleReport]:
        return [r for _, r in self.reports if isinstance(r, CycleReport)]


@dataclass
class ToyDiagnoser:
    """Says "unknown" to everything; an answer in the script that is an error is raised, a time is waited."""

    clock: VirtualClock
    script: Sequence[Exception | timedelta | None] = (None,)
    cases: list[Case] = field(default_factory=list[Case])
    name: str = "toy"

    async def diagnose(self, case: Case) -> Diagnosis:
        answer = self.script[min(len(self.cases), len(self.script) - 1)]
        self.cases.append(case)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, timedelta):
            await self.clock.sleep(answer)
        return Diagnosis(
            cluster=case.cluster,
            at=case.at,
            diagnoser=self.name,
            knowledge=case.knowledge.version,
            summary="nothing is known",
            hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=1.0),),
            path=(),
            options=(Option(name=DO_NOTHING, does="Do nothing.", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="nothing is known",
        )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def ledger() -> ToyLedger:
    return ToyLedger()


@pytest.fixture
def subject(clock: VirtualClock) -> Callable[..., ToySubject]:
    """A subject that follows a script."""

    def make(*script: Look, slow: timedelta = timedelta(0)) -> ToySubject:
        return ToySubject(script=script, clock=clock, slow=slow)

    return make


@pytest.fixture
def diagnoser(clock: VirtualClock) -> Callable[..., ToyDiagnoser]:
    """A diagnoser that follows a script."""

    def make(*script: Exception | timedelta | None) -> ToyDiagnoser:
        return ToyDiagnoser(clock=clock, script=script or (None,))

    return make


@pytest.fixture
def process(ledger: ToyLedger, clock: VirtualClock) -> Callable[..., Process]:
    """A process that watches the cluster together with others."""

    def make(holder: str, *script: Look, **terms: Any) -> Process:
        return Process(holder, ledger, ToySubject(script=script or ({"1": "up"},), clock=clock), clock, **terms)

    return make


@pytest.fixture(scope="session")
def party() -> Callable[[Sequence[str]], tuple[VirtualClock, ToyLedger, list[Process]]]:
    """A clock, a ledger and some processes for a test that makes its own event loop."""

    def make(holders: Sequence[str]) -> tuple[VirtualClock, ToyLedger, list[Process]]:
        clock, ledger = VirtualClock(NOON), ToyLedger()
        subject = ToySubject(script=({"1": "up"},), clock=clock)
        return clock, ledger, [Process(h, ledger, subject, clock) for h in holders]

    return make


@pytest.fixture(scope="session")
def stage() -> Callable[[Sequence[Look]], tuple[VirtualClock, ToyLedger, ToySubject, ToyDiagnoser]]:
    """A clock, a ledger, a subject that follows a script by time and a diagnoser, for its own event loop."""

    def make(script: Sequence[Look]) -> tuple[VirtualClock, ToyLedger, ToySubject, ToyDiagnoser]:
        clock = VirtualClock(NOON)
        subject = ToySubject(script=script, clock=clock, since=NOON)
        return clock, ToyLedger(), subject, ToyDiagnoser(clock=clock)

    return make


@pytest.fixture
def led() -> Callable[[Monitor | Watch, int], Awaitable[list[Report]]]:
    """Leads a monitor through some reports, and lets go of it cleanly."""

    async def lead(monitor: Monitor | Watch, count: int) -> list[Report]:
        reports: list[Report] = []
        async with aclosing(monitor.cycles()) as told:
            async for report in told:
                reports.append(report)
                if len(reports) == count:
                    break
        return reports

    return lead
