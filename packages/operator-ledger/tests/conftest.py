"""Every kind of ledger and of journal, and a few values of an invented subject."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.components import Component, ComponentRef, Kind, Role
from operator_core.decide import SilenceViolation, Tracked
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.ports import FaultJournal, Ledger
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
from operator_core.record import (
    Entry,
    JudgementChanged,
    NoteAdded,
    ObservationKept,
    Progress,
    SilenceAdded,
    SilenceEnded,
    WatchTaken,
)
from operator_core.silences import SilenceId, SilenceScope
from operator_core.tickets import PROGRAM, TicketId, TicketState, Violation
from operator_ledger import MemoryFaultJournal, MemoryLedger, SqlFaultJournal, SqlLedger
from postgres_server import PostgresServer

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


def _place(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        return str(folder / "ledger.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_url()


@pytest.fixture(params=["memory", "sqlite", POSTGRES])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    async with await SqlLedger.open(_place(request.param, request, tmp_path)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be that outlives its process; nothing is there yet."""
    return _place(request.param, request, tmp_path)


@pytest.fixture
async def stored(place: str) -> AsyncIterator[SqlLedger]:
    async with await SqlLedger.open(place) as opened:
        yield opened


@pytest.fixture(params=["memory", "sql"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FaultJournal]:
    if request.param == "memory":
        yield MemoryFaultJournal()
        return
    async with await SqlFaultJournal.open(tmp_path / "faults.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def t() -> Callable[[float], datetime]:
    """An instant so many seconds after noon."""
    return lambda seconds: T0 + timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def violation() -> Callable[..., Violation]:
    """A violation of an invented invariant at a node."""

    def make(
        node: str = "1", *, since: float = 0, severity: Severity = Severity.WARNING, invariant: str = "node-answers"
    ) -> Violation:
        return Violation(
            key=JudgementKey(invariant=InvariantName(invariant), component=ComponentRef(Kind("node"), node)),
            since=T0 + timedelta(seconds=since),
            opened_at=T0 + timedelta(seconds=since + 10),
            because=f"node {node} does not answer",
            severity=severity,
            concern=Concern.SUBJECT,
            readings=(ReadingId("o3.1"),),
        )

    return make


@pytest.fixture(scope="session")
def judgement() -> Callable[..., Judgement]:
    """A verdict about an invented invariant at a node."""

    def make(node: str = "1", *, at: float = 0, verdict: Verdict = Verdict.VIOLATED) -> Judgement:
        return Judgement(
            key=JudgementKey(invariant=InvariantName("node-answers"), component=ComponentRef(Kind("node"), node)),
            verdict=verdict,
            at=T0 + timedelta(seconds=at),
            because="it was looked at",
            readings=(ReadingId("o3.1"),),
            grace=timedelta(seconds=10),
            stability=timedelta(seconds=20),
        )

    return make


@pytest.fixture(scope="session")
def observation() -> Callable[..., Observation]:
    """An observation of two nodes, one of which was not seen."""

    def make(number: int, *, at: float = 0, cluster: str = "north", value: float | str = 0.25) -> Observation:
        instant = T0 + timedelta(seconds=at)
        one, two = ComponentRef(Kind("node"), "1"), ComponentRef(Kind("node"), "2")
        return Observation(
            cluster=ClusterName(cluster),
            number=number,
            at=instant,
            components=(Component(ref=one, roles=frozenset({Role("leader"), Role("keeper")})), Component(ref=two)),
            readings=(
                Reading(
                    id=ReadingId(f"o{number}.1"),
                    component=one,
                    signal=SignalName("delay"),
                    value=value,
                    unit=Unit("s"),
                    at=instant,
                    source="GET /delay",
                    toward=two,
                ),
                Reading(
                    id=ReadingId(f"o{number}.2"),
                    component=one,
                    signal=SignalName("state"),
                    value="3",
                    unit=Unit("state"),
                    at=instant,
                    source="GET /state",
                ),
            ),
            unseens=(
                Unseen(
                    component=two,
                    signal=SignalName("delay"),
                    cause=Cause.SILENT,
                    detail="no answer within 2 s",
                    at=instant,
                    source="node 2",
                ),
            ),
            sources=(SourceLook(source="node 2", component=two, required=False, failure=Cause.SILENT),),
        )

    return make


@pytest.fixture(scope="session")
def fill(
    t: Callable[[float], datetime],
    violation: Callable[..., Violation],
    judgement: Callable[..., Judgement],
    observation: Callable[..., Observation],
) -> Callable[[Ledger], Awaitable[None]]:
    """Writes something of everything about two clusters: 100 looks, tickets in several states, what persons say."""

    async def write(ledger: Ledger) -> None:
        for name, first in (("north", 1), ("south", 1001)):
            cluster = ClusterName(name)
            values = ["slow" if n % 30 == 7 else n / 7 for n in range(100)]
            looks = [observation(first + n, at=15 * n, cluster=name, value=v) for n, v in enumerate(values)]
            for start in range(0, 100, 10):
                some = looks[start : start + 10]
                tracked = {judgement().key: Tracked(is_open=start > 50)}
                progress = Progress(number=some[-1].number, at=some[-1].at, tracked=tracked)
                await ledger.append(cluster, [*(ObservationKept(observation=o) for o in some), progress], at=t(start))
            readings = (ReadingId(f"o{first + 20}.1"),)
            (one,) = await ledger.append(
                cluster,
                [
                    JudgementChanged(judgement=judgement("1", at=300)),
                    OpenTicket(
                        cluster=cluster,
                        at=t(310),
                        violations=(replace(violation("1", since=300), readings=readings, takes_away=True),),
                    ),
                    JoinTicket(ticket=TicketId(-1), at=t(320), violation=violation("2", since=310)),
                    NoteAdded(ticket=TicketId(-1), at=t(321), by="Ada", text="“why?”"),
                    EndInTicket(ticket=TicketId(-1), at=t(350), key=violation("1").key),
                    EndInTicket(ticket=TicketId(-1), at=t(350), key=violation("2").key),
                    MoveTicket(ticket=TicketId(-1), at=t(360), to=TicketState.RESOLVED, by=PROGRAM),
                    JudgementChanged(judgement=judgement("1", at=361, verdict=Verdict.HOLDS)),
                ],
                at=t(370),
            )
            assert one.resolved_at == t(360)
            (two,) = await ledger.append(
                cluster, [OpenTicket(cluster=cluster, at=t(1410), violations=(violation("3", since=1400),))], at=t(1410)
            )
            more: list[Entry] = [
                HoldTicket(ticket=two.id, at=t(1415), hold=True, by="Ada"),
                SilenceAdded(at=t(1420), ends=t(5000), scope=SilenceScope(kind=Kind("node")), by="Ada", because="work"),
                SilenceAdded(at=t(1421), ends=t(6000), scope=SilenceScope(), by="Bob"),
                SilenceEnded(silence=SilenceId(-2), at=t(1430), by="Bob"),
                SilenceViolation(at=t(1431), silence=SilenceId(-1), violation=violation("9")),
                WatchTaken(at=t(1440), holder="a:1:x"),
            ]
            await ledger.append(cluster, more, at=t(1440))
            if isinstance(ledger, SqlLedger):
                lease = await ledger.take(cluster, holder="a:1:x", patience=timedelta(seconds=9), over=None)
                assert lease is not None
                await ledger.beat(lease)

    return write


@pytest.fixture(scope="session")
def filled_once(fill: Callable[[Ledger], Awaitable[None]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger's file with something of everything in it."""
    path = tmp_path_factory.mktemp("filled") / "ledger.sqlite"

    async def write() -> None:
        async with await SqlLedger.open(path) as ledger:
            await fill(ledger)

    asyncio.run(write())
    return path.read_bytes()


@pytest.fixture
def filled(filled_once: bytes, tmp_path: Path) -> Path:
    """A file of this test's own with something of everything in it."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(filled_once)
    return path
