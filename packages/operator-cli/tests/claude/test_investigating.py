"""What comes of an investigation is held against the readings once more, by who hands it out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from operator_cli.use_cases.investigating import checked, ticket_digest
from operator_core.actions import RiskClass
from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE, Knowledge, SignName
from operator_core.ports import Case
from operator_core.readings import ClusterName, Observation, Reading, ReadingId, SignalName, Unit
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from operator_diagnosis.claude import Ended, Investigated, Recording, Spent

NORTH = ClusterName("north")
NODE = ComponentRef(Kind("node"), "1")
AT = datetime(2026, 3, 1, tzinfo=UTC)


def reading(ident: str, value: float) -> Reading:
    return Reading(
        id=ReadingId(ident),
        component=NODE,
        signal=SignalName("delay"),
        value=value,
        unit=Unit("s"),
        at=AT,
        source="GET /delay",
    )


def claim(ident: str, value: float) -> Claim:
    return Claim(
        component=NODE,
        signal=SignalName("delay"),
        comparison=Comparison.EQUALS,
        value=value,
        unit=Unit("s"),
        interval=Interval(start=AT, end=AT),
        readings=(ReadingId(ident),),
    )


def found(*claims: Claim, probed: tuple[Reading, ...]) -> Investigated:
    evidence = tuple(
        Evidence(standing=Standing.FOR, sign=SignName("late"), statement="it is late", claims=(c,)) for c in claims
    )
    diagnosis = Diagnosis(
        cluster=NORTH,
        at=AT,
        diagnoser="claude",
        knowledge="1",
        summary="it is late",
        hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=0.5, evidence=evidence),),
        path=(CausalStep(says="it came", claims=claims[:1]),),
        options=(Option(name=DO_NOTHING, does="wait", gains="", costs="", risk=RiskClass.SAFE),),
        recommended=DO_NOTHING,
        because="it passes",
    )
    return Investigated(
        diagnosis=diagnosis,
        spent=Spent(),
        ended=Ended.CLOSED,
        because="",
        is_partial=False,
        recording=Recording(about={}, probes=(), exchanges=(), tools=()),
        readings=probed,
    )


def test_a_claim_that_neither_the_case_nor_a_probe_bears_out_is_struck() -> None:
    look = Observation(cluster=NORTH, number=1, at=AT, readings=(reading("o1.1", 0.5),))
    case = Case(cluster=NORTH, at=AT, observations=(look,), knowledge=Knowledge.__new__(Knowledge))
    true, probed = claim("o1.1", 0.5), claim("p1.1", 0.7)
    false, missing = claim("o1.1", 0.9), claim("p2.1", 0.7)
    after = checked(found(true, probed, false, missing, probed=(reading("p1.1", 0.7),)), case).diagnosis
    assert after.claims() == (true, probed)
    assert {s.claim for s in after.struck} == {false, missing}


def violation(invariant: str, *, since: datetime = AT, ended: bool = False) -> Violation:
    return Violation(
        key=JudgementKey(invariant=InvariantName(invariant), component=NODE),
        since=since,
        opened_at=since,
        because="it does not answer",
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(),
        ended_at=since + timedelta(hours=1) if ended else None,
    )


def test_a_case_is_another_when_something_else_is_violated_and_not_when_time_passes() -> None:
    first = violation("answers")
    ticket = Ticket(
        id=TicketId(1),
        cluster=NORTH,
        state=TicketState.OPEN,
        title="node 1 does not answer",
        component=NODE,
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        opened_at=AT,
        violations=(first,),
    )

    def digest(ticket: Ticket, *, model: str = "a", knowledge: str = "1") -> str:
        return ticket_digest(ticket, model=model, knowledge=knowledge)

    came_again = (violation("answers", ended=True), violation("answers", since=AT + timedelta(hours=2)))
    same = [
        replace(ticket, violations=(violation("answers", ended=True),)),
        replace(ticket, violations=came_again),
        replace(ticket, state=TicketState.DIAGNOSED, hold=True),
    ]
    others = [
        replace(ticket, violations=(first, violation("has-room"))),
        replace(ticket, violations=(replace(first, severity=Severity.CRITICAL),)),
        replace(ticket, id=TicketId(2)),
        replace(ticket, cluster=ClusterName("south")),
    ]
    assert {digest(t) for t in same} == {digest(ticket)}
    assert digest(ticket) not in {digest(t) for t in others}
    assert len({digest(t) for t in others}) == len(others)
    assert len({digest(ticket), digest(ticket, model="b"), digest(ticket, knowledge="2")}) == 3
