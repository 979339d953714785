"""What is remembered of keys and of tickets; pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from operator_core.actions import RiskClass
from operator_core.components import ComponentRef, Kind
from operator_core.decide import FLAP_WINDOW, Tracked
from operator_core.diagnosis import Diagnosis, Hypothesis, Option
from operator_core.incidents import MoveTicket
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, UNKNOWN_MODE
from operator_core.readings import ClusterName
from operator_core.record import DiagnosisMade, Entry, Recorded
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation
from operator_monitor import DiagnosisTerms
from operator_monitor.following import remembered
from operator_monitor.questions import from_record, is_due

NORTH, NOW = ClusterName("north"), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - FLAP_WINDOW - timedelta(seconds=1)
KEY, OTHER = (
    JudgementKey(invariant=InvariantName("node-is-up"), component=ComponentRef(Kind("node"), n)) for n in ("1", "2")
)


@pytest.mark.parametrize(
    ("tracked", "stays"),
    [
        (Tracked(verdict=Verdict.HOLDS), False),
        (Tracked(verdict=Verdict.UNKNOWN), False),
        (Tracked(verdict=Verdict.HOLDS, onsets=(LONG_AGO,)), False),
        (Tracked(verdict=Verdict.HOLDS, onsets=(LONG_AGO, NOW - FLAP_WINDOW)), True),
        (Tracked(verdict=Verdict.HOLDS, is_open=True, violated_since=LONG_AGO, held_since=NOW), True),
        (Tracked(verdict=Verdict.UNKNOWN, violated_since=LONG_AGO, onsets=(LONG_AGO,)), True),
    ],
)
def test_a_key_that_is_judged_no_more_stays_as_long_as_it_matters(tracked: Tracked, *, stays: bool) -> None:
    judgement = Judgement(key=OTHER, verdict=Verdict.HOLDS, at=NOW, because="")
    both = {KEY: tracked, OTHER: Tracked(verdict=Verdict.HOLDS)}
    assert (KEY in remembered(both, [judgement], now=NOW)) is stays
    assert KEY in remembered(both, [judgement, replace(judgement, key=KEY)], now=NOW)


def violation(opened_at: datetime) -> Violation:
    return Violation(
        key=KEY,
        since=opened_at - timedelta(seconds=10),
        opened_at=opened_at,
        because="",
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(),
    )


def diagnosed(at: datetime) -> DiagnosisMade:
    return DiagnosisMade(
        diagnosis=Diagnosis(
            cluster=NORTH,
            at=at,
            diagnoser="toy",
            knowledge="1",
            summary="",
            hypotheses=(Hypothesis(mode=UNKNOWN_MODE, title="", components=(), probability=1.0),),
            path=(),
            options=(Option(name=DO_NOTHING, does="", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="",
            ticket=1,
        )
    )


def test_a_ticket_that_came_back_is_taken_up_as_one_that_began_then() -> None:
    opened_at, back_at = NOW - timedelta(minutes=20), NOW - timedelta(minutes=5)
    ticket = Ticket(
        id=TicketId(1),
        cluster=NORTH,
        state=TicketState.OPEN,
        title="",
        component=KEY.component,
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        opened_at=opened_at,
        violations=(replace(violation(opened_at), ended_at=back_at - timedelta(minutes=1)), violation(back_at)),
    )
    said: list[Entry] = [
        diagnosed(opened_at),
        diagnosed(opened_at + timedelta(seconds=30)),
        MoveTicket(ticket=ticket.id, at=back_at, to=TicketState.OPEN, by=PROGRAM),
    ]

    def taken_up(*later: Entry) -> tuple[int, int, bool]:
        history = [Recorded(sequence=n, cluster=NORTH, at=NOW, entry=e) for n, e in enumerate([*said, *later])]
        file = from_record(ticket, history, ())
        assert (file.began, file.trouble_since(ticket)) == (back_at, back_at - timedelta(seconds=10))
        diagnosed_ticket = replace(ticket, state=TicketState.DIAGNOSED) if later else ticket
        return file.asked, file.known, is_due(file, diagnosed_ticket, NOW, DiagnosisTerms(), lasts=True)

    assert taken_up() == (0, 0, True)
    assert taken_up(diagnosed(back_at)) == (1, 2, True)  # evidence has matured since it came back
    assert taken_up(diagnosed(back_at), diagnosed(back_at + timedelta(seconds=30))) == (2, 2, False)
