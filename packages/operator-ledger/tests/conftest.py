"""Every kind of ledger and of journal, and a few values of an invented subject."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.components import Component, ComponentRef, Kind, Role
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
from operator_core.tickets import Violation
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


@pytest.fixture
def t() -> Callable[[float], datetime]:
    """An instant so many seconds after noon."""
    return lambda seconds: T0 + timedelta(seconds=seconds)


@pytest.fixture
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


@pytest.fixture
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


@pytest.fixture
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
