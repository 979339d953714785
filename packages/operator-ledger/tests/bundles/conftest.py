"""A cluster's record with three incidents, the second of which had all there is, and ledgers to take it to."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.actions import Action, ActionName, RiskClass
from operator_core.claims import Claim, Comparison, Interval, Struck
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import Judgement, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE, SignName
from operator_core.readings import ClusterName, Observation, ReadingId, SignalName, Unit
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
    WatchTaken,
)
from operator_core.silences import SilenceId, SilenceScope
from operator_core.tickets import PROGRAM, TicketId, TicketState, Violation
from operator_ledger import MemoryLedger, SqlLedger
from operator_ledger.bundles import Destination, export_incident, write_bundle
from postgres_server import PostgresServer

NORTH = ClusterName("north")
NODE = ComponentRef(Kind("node"), "1")
OWN = TicketId(2)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Look = Callable[..., Observation]
Story = Callable[..., list[Entry]]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def claim(*readings: str) -> Claim:
    return Claim(
        component=NODE,
        signal=SignalName("delay"),
        comparison=Comparison.ABOVE,
        value=0.1,
        unit=Unit("s"),
        interval=Interval(start=at(0), end=at(600)),
        readings=tuple(ReadingId(r) for r in readings),
        toward=ComponentRef(Kind("node"), "2"),
    )


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Destination]:
    """A ledger on another machine, which has incidents of its own."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    place = str(tmp_path / "elsewhere.sqlite")
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        place = server.new_url()
    async with await SqlLedger.open(place) as opened:
        yield opened


@pytest.fixture
def record() -> Callable[..., object]:
    """Write entries into a ledger, each in an append of its own."""

    async def write(ledger: Destination, entries: list[Entry], cluster: ClusterName = NORTH) -> None:
        for n, entry in enumerate(entries):
            await ledger.append(cluster, [entry], at=at(n))

    return write


@pytest.fixture
async def file(story: Story, record: Callable[..., object], tmp_path: Path) -> Path:
    """The incident in a file."""
    ledger = MemoryLedger()
    for n, entry in enumerate(story()):
        await ledger.append(NORTH, [entry], at=at(n))
    bundle = await export_incident(ledger, OWN, versions={"operator": "0.2.0"}, by="ada", at=at(9000))
    return (await write_bundle(tmp_path / "a.bundle", bundle)).path


@pytest.fixture
def story(violation: Callable[..., Violation], judgement: Callable[..., Judgement], observation: Look) -> Story:
    """Everything that is recorded of a cluster with three incidents; the second, OWN, had all there is."""

    def tell(look: Look = observation) -> list[Entry]:
        return _story(violation, judgement, look)

    return tell


def _story(violation: Callable[..., Violation], judgement: Callable[..., Judgement], observation: Look) -> list[Entry]:
    looks = [observation(n, at=60 * n, value=0.01 * n) for n in range(1, 31)]
    action = Action(
        name=ActionName("restart"),
        target=NODE,
        risk=RiskClass.LOW,
        takes_away=True,
        dry_run="POST /restart",
        undo="none",
        parameters={"how": "softly"},
    )
    diagnosis = Diagnosis(
        cluster=NORTH,
        at=at(700),
        diagnoser="toy",
        knowledge="toy-1",
        summary="node 1 is slow",
        hypotheses=(
            Hypothesis(
                mode=UNKNOWN_MODE,
                title="unknown",
                components=(NODE,),
                probability=1.0,
                evidence=(
                    Evidence(
                        standing=Standing.FOR, sign=SignName("slow"), statement="it is slow", claims=(claim("o2.1"),)
                    ),
                    Evidence(
                        standing=Standing.MISSING,
                        sign=SignName("log"),
                        statement="it says so",
                        missing_because="no log",
                    ),
                ),
            ),
        ),
        path=(CausalStep(says="it began", claims=(claim("o12.1"),)),),
        options=(Option(name=DO_NOTHING, does="Do nothing.", gains="", costs="", risk=RiskClass.SAFE, undo="none"),),
        recommended=DO_NOTHING,
        because="nothing is known",
        dont=("Do not restart all of them.",),
        struck=(Struck(claim=claim("o11.2"), why="it says 3"),),
        ticket=OWN,
        observations=(9, 12),
    )
    first = violation("1", since=600)
    return [
        WatchTaken(at=at(0), holder="host-1"),
        OpenTicket(cluster=NORTH, at=at(5), violations=(violation("9", since=1),)),
        SilenceAdded(at=at(6), ends=at(90), scope=SilenceScope(kind=Kind("node")), by="ada", because="over soon"),
        *(ObservationKept(observation=look) for look in looks),
        SilenceAdded(at=at(400), ends=at(900), scope=SilenceScope(component=NODE), by="ada", because="disk is changed"),
        SilenceAdded(at=at(500), ends=at(900), scope=SilenceScope(kind=Kind("rack")), by="ada"),
        JudgementChanged(judgement=judgement("1", at=600)),
        JudgementChanged(judgement=judgement("7", at=620)),
        JudgementChanged(judgement=judgement("1", at=30, verdict=Verdict.HOLDS)),
        SilenceViolation(at=at(610), silence=SilenceId(2), violation=first),
        SilenceEnded(silence=SilenceId(2), at=at(615), by="ada"),
        OpenTicket(cluster=NORTH, at=at(620), violations=(replace(first, readings=(ReadingId("o10.1"),)),)),
        CycleFellShort(number=11, at=at(660), took=timedelta(9), interval=timedelta(5), because="the disk was slow"),
        OpenTicket(cluster=NORTH, at=at(661), violations=(violation("8", since=650),)),
        JoinTicket(ticket=OWN, at=at(670), violation=violation("2", since=660, severity=Severity.CRITICAL)),
        DiagnosisMade(diagnosis=diagnosis),
        NoteAdded(ticket=OWN, at=at(710), by="ada", text="it is the disk again"),
        NoteAdded(ticket=TicketId(3), at=at(711), by="bob", text="of the other"),
        HoldTicket(ticket=OWN, at=at(712), hold=True, by="ada", because="we look into it"),
        ActionApproved(ticket=OWN, at=at(713), by="ada", action=action, until=at(999)),
        MoveTicket(ticket=OWN, at=at(714), to=TicketState.ACTING, by="ada", because="restarting"),
        ActionTaken(ticket=OWN, at=at(715), action=action, stage=ActionStage.DONE, because="it said yes"),
        MoveTicket(ticket=OWN, at=at(716), to=TicketState.VERIFYING, by="ada"),
        HoldTicket(ticket=OWN, at=at(717), hold=False, by="ada"),
        EndInTicket(ticket=OWN, at=at(900), key=first.key),
        EndInTicket(ticket=OWN, at=at(901), key=violation("2").key),
        MoveTicket(ticket=OWN, at=at(902), to=TicketState.RESOLVED, by=PROGRAM, because="every violation has ended"),
        Progress(number=30, at=at(1800), tracked={}),
    ]
