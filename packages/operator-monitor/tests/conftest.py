"""An invented subject with a script, a ledger in a few lines, and a clock that costs no time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
import structlog
from operator_core.actions import RiskClass
from operator_core.components import Component, ComponentRef, Kind, RedundancyGroup
from operator_core.decide import EndInTicket, JoinTicket, MoveTicket, OpenTicket, title_of
from operator_core.diagnosis import Diagnosis, Hypothesis, Option
from operator_core.errors import LedgerError
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE, ComponentKind, Knowledge
from operator_core.ports import Case, Probe, Standpoint
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
from operator_core.record import DiagnosisMade, Entry, ObservationKept, Progress, Recorded
from operator_core.runtime import VirtualClock
from operator_core.sight import lost_sight
from operator_core.tickets import Ticket, TicketId, TicketState, gravest, may_move
from structlog.typing import EventDict

T = TypeVar("T")

NORTH = ClusterName("north")
STATE = SignalName("state")
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
    """Nodes in groups of three (1-3, 4-6 …) whose states follow a script; its last look lasts for ever."""

    script: Sequence[Look]
    clock: VirtualClock
    slow: timedelta = timedelta(0)
    looks: list[tuple[int, datetime]] = field(default_factory=list[tuple[int, datetime]])

    async def observe(self, number: int) -> Observation:
        at = self.clock.now()
        look = self.script[min(len(self.looks), len(self.script) - 1)]
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


@dataclass
class ToyLedger:
    """A ledger by the port's words; `before` and `after` are awaited around each append and may raise."""

    book: dict[TicketId, Ticket] = field(default_factory=dict[TicketId, Ticket])
    record: list[Recorded] = field(default_factory=list[Recorded])
    about: list[TicketId | None] = field(default_factory=list[TicketId | None])
    progress: Progress | None = None
    before: Callable[[Sequence[Entry]], Awaitable[None]] | None = None
    after: Callable[[Sequence[Entry]], Awaitable[None]] | None = None

    async def append(self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime) -> tuple[Ticket, ...]:
        if self.before is not None:
            await self.before(entries)
        book, progress = dict(self.book), self.progress
        recorded: list[tuple[Entry, TicketId | None]] = []
        for entry in entries:
            ident: TicketId | None = None
            match entry:
                case Progress():
                    progress = entry
                    continue
                case OpenTicket(violations=violations):
                    ident = TicketId(len(book) + 1)
                    first = gravest(violations)
                    book[ident] = Ticket(
                        id=ident,
                        cluster=cluster,
                        state=TicketState.OPEN,
                        title=title_of(violations),
                        component=first.key.component,
                        severity=first.severity,
                        concern=first.concern,
                        opened_at=entry.at,
                        violations=violations,
                    )
                case JoinTicket(ticket=ident, violation=violation):
                    if any(v.key == violation.key for v in book[ident].lasting):
                        raise LedgerError("it lasts already")
                    violations = (*book[ident].violations, violation)
                    book[ident] = replace(book[ident], violations=violations, title=title_of(violations))
                case EndInTicket(ticket=ident, key=key):
                    ended = tuple(replace(v, ended_at=entry.at) if v.key == key else v for v in book[ident].violations)
                    book[ident] = replace(book[ident], violations=ended)
                case MoveTicket(ticket=ident, to=to):
                    if not may_move(book[ident].state, to):
                        raise LedgerError(f"{book[ident].state} may not become {to}")
                    book[ident] = replace(book[ident], state=to, resolved_at=entry.at if to.is_over else None)
                case DiagnosisMade(diagnosis=diagnosis) if diagnosis.ticket is not None:
                    ident = TicketId(diagnosis.ticket)
                    if book[ident].state is TicketState.OPEN:
                        book[ident] = replace(book[ident], state=TicketState.DIAGNOSED)
                case _:
                    pass
            recorded.append((entry, ident))
        changed = tuple(t for i, t in book.items() if self.book.get(i) != t)
        self.book, self.progress = book, progress
        for entry, ident in recorded:
            self.record.append(Recorded(sequence=len(self.record) + 1, cluster=cluster, at=at, entry=entry))
            self.about.append(ident)
        if self.after is not None:
            await self.after(entries)
        return changed

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        if self.progress is None:
            return Standpoint(last_number=0, tracked={})
        return Standpoint(last_number=self.progress.number, tracked=self.progress.tracked)

    async def tickets(self, cluster: ClusterName | None = None, *, open_only: bool = False) -> tuple[Ticket, ...]:
        return tuple(t for t in self.book.values() if t.is_open or not open_only)

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        return tuple(
            r
            for r, ident in zip(self.record, self.about, strict=True)
            if ident == ticket or isinstance(r.entry, ObservationKept)
        )

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        return ()

    def entries(self, kind: type[T]) -> list[T]:
        return [r.entry for r in self.record if isinstance(r.entry, kind)]


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
    return VirtualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


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


def _dropped(_logger: object, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    structlog.configure(processors=[_dropped])
    yield
    structlog.reset_defaults()
