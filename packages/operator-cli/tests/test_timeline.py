"""``operator timeline``: everything that happened, in order, with the readings it rests on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_cli.render.timeline import offset
from operator_cli.use_cases.happenings import What, happenings
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.readings import ClusterName, ReadingId
from operator_core.record import Entry, JudgementChanged, NoteAdded, Recorded
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation

Run = Callable[..., subprocess.CompletedProcess[str]]

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(operator: Run, *arguments: str) -> dict[str, Any]:
    document = json.loads(operator("timeline", "1", "--json", *arguments).stdout)
    assert document["schema"] == "operator.timeline/1"
    return document["result"]


def test_an_incident_is_told_from_its_first_sign_to_its_end(operator: Run, incident: Path) -> None:
    del incident
    line = told(operator)
    happened = [h["what"] for h in line["happenings"]]
    wanted = ["sign", "opened", "diagnosed", "holds", "ended", "resolved"]
    assert [w for w in dict.fromkeys(happened) if w in wanted] == wanted
    assert "finding" in happened
    instants = [datetime.fromisoformat(h["at"]) for h in line["happenings"]]
    assert instants == sorted(instants)
    sign = line["happenings"][0]
    values = {r["id"]: (r["signal"], r["value"]) for r in line["readings"]}
    assert ("store.status_contact", "refused") in [values[i] for i in sign["readings"]]
    found = {h["says"]: h for h in line["happenings"] if h["what"] == "finding"}
    refuses = found["Its host refuses connections."]
    assert refuses["at"].startswith("2026-01-01T12:01:05"), "when it was first seen, not when all was well"
    assert {values[i][1] for i in refuses["readings"]} == {"refused"}


def test_each_thing_that_happened_is_one_line_of_a_pipe(operator: Run, incident: Path) -> None:
    del incident
    operator("tickets", "note", "1", "first line\nsecond line")
    out = operator("timeline", "1").stdout
    rows = [line for line in out.splitlines() if line.startswith("  ")]
    assert len(rows) == len(told(operator)["happenings"])
    (opened,) = [row.split() for row in rows if " opened " in row]
    assert (opened[0], opened[2]) == ("+00:00", "opened")
    (sign,) = [row for row in rows if " sign " in row]
    assert sign.split()[0] == "-00:05"
    assert "store.status_contact “refused” [o" in sign
    assert any("anna: first line second line" in row for row in rows)


def test_the_course_of_a_signal_is_shown_over_the_tickets_time(operator: Run, incident: Path) -> None:
    del incident
    arguments = ("--readings", "store.status_contact", "--readings", "store.leaders", "--readings", "regions.count")
    courses = {
        (c["signal"], c["component"]["kind"], c["component"]["id"]): c for c in told(operator, *arguments)["courses"]
    }
    assert {c[0] for c in courses} == {"store.status_contact", "store.leaders", "regions.count"}
    words = [p["value"] for p in courses["store.status_contact", "store", "4"]["points"]]
    assert [w for n, w in enumerate(words) if n == 0 or words[n - 1] != w] == ["answered", "refused", "answered"]
    out = operator("timeline", "1", *arguments).stdout
    assert "“answered” from" in out
    assert "▼" in out


def test_a_signal_that_there_is_not_is_answered_with_those_that_are_alike(
    refused: Callable[..., None], incident: Path
) -> None:
    del incident
    refused(["timeline", "1", "--readings", "store.leader"], "--readings", "store.leader", "store.leaders")


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(0), "+00:00"),
        (timedelta(seconds=12), "+00:12"),
        (timedelta(seconds=-5), "-00:05"),
        (timedelta(milliseconds=-100), "+00:00"),
        (timedelta(minutes=61, seconds=1), "+1:01:01"),
        (timedelta(days=-2, seconds=-3), "-2d 00:00:03"),
    ],
)
def test_the_time_since_the_opening_is_short(since: timedelta, text: str) -> None:
    assert offset(since) == text


KEY = JudgementKey(invariant=InvariantName("full"), component=ComponentRef(Kind("cup"), "1"))
OTHER = JudgementKey(invariant=InvariantName("full"), component=ComponentRef(Kind("cup"), "2"))
CUPS = ClusterName("cups")


def violation(key: JudgementKey = KEY) -> Violation:
    return Violation(
        key=key,
        since=T0 - timedelta(seconds=4),
        opened_at=T0,
        because="it leaks",
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(ReadingId("o1.1"),),
    )


TICKET = Ticket(
    id=TicketId(1),
    cluster=CUPS,
    state=TicketState.OPEN,
    title="it leaks",
    component=KEY.component,
    severity=Severity.WARNING,
    concern=Concern.SUBJECT,
    opened_at=T0,
    violations=(violation(), violation(OTHER)),
)


def turned(key: JudgementKey, verdict: Verdict, seconds: int) -> Entry:
    at = T0 + timedelta(seconds=seconds)
    return JudgementChanged(judgement=Judgement(key=key, verdict=verdict, at=at, because="so"))


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


ENTRIES: tuple[Entry, ...] = (
    turned(KEY, Verdict.VIOLATED, -4),
    OpenTicket(cluster=CUPS, at=at(0), violations=(violation(),)),
    turned(OTHER, Verdict.VIOLATED, 10),
    JoinTicket(ticket=TicketId(1), at=at(10), violation=violation(OTHER)),
    HoldTicket(ticket=TicketId(1), at=at(20), hold=True, by="anna", because="mine"),
    SilenceViolation(at=at(25), silence=SilenceId(3), violation=violation(OTHER)),
    turned(KEY, Verdict.UNKNOWN, 27),
    turned(KEY, Verdict.HOLDS, 30),
    EndInTicket(ticket=TicketId(1), at=at(40), key=KEY),
    MoveTicket(ticket=TicketId(1), at=at(50), to=TicketState.ESCALATED, by="anna", because="help"),
    MoveTicket(ticket=TicketId(1), at=at(60), to=TicketState.OPEN, by="anna"),
    HoldTicket(ticket=TicketId(1), at=at(61), hold=False, by="anna"),
    NoteAdded(ticket=TicketId(1), at=at(70), by="bert", text="a note"),
    MoveTicket(ticket=TicketId(1), at=at(80), to=TicketState.RESOLVED, by=PROGRAM, because="over"),
)


def recorded(entries: tuple[Entry, ...]) -> tuple[Recorded, ...]:
    return tuple(Recorded(sequence=n, cluster=CUPS, at=T0, entry=e) for n, e in enumerate(entries))


def test_everything_that_is_recorded_of_a_ticket_has_a_word() -> None:
    line = happenings(TICKET, recorded(ENTRIES), until=at(100))
    assert [h.what for h in line] == [
        What.SIGN,
        What.OPENED,
        What.SIGN,
        What.JOINED,
        What.HELD,
        What.SILENCED,
        What.UNKNOWN,
        What.HOLDS,
        What.ENDED,
        What.ESCALATED,
        What.REOPENED,
        What.UNHELD,
        What.NOTE,
        What.RESOLVED,
    ]
    assert [h.by for h in line if h.by] == ["anna", "anna", "anna", "anna", "bert", PROGRAM]


def test_what_is_about_something_else_is_not_told() -> None:
    elsewhere = JudgementKey(invariant=InvariantName("empty"), component=KEY.component)
    entries = (
        turned(elsewhere, Verdict.VIOLATED, 5),
        SilenceViolation(at=at(5), silence=SilenceId(1), violation=violation(elsewhere)),
    )
    assert happenings(TICKET, recorded(entries), until=at(100)) == ()


def test_a_silence_that_touches_it_is_told_with_its_end_once_that_is_past() -> None:
    silence = Silence(
        id=SilenceId(3), cluster=CUPS, scope=SilenceScope(), starts=at(-60), ends=at(60), by="anna", because="work"
    )
    assert [h.says for h in happenings(TICKET, (), silences=(silence,), until=at(59))] == [
        "silence 3 of everything: work"
    ]
    assert [h.at for h in happenings(TICKET, (), silences=(silence,), until=at(61))] == [at(-60), at(60)]


@given(order=st.permutations(ENTRIES))
def test_it_is_told_in_order_of_time_however_it_was_written(order: list[Entry]) -> None:
    line = happenings(TICKET, recorded(tuple(order)), until=at(100))
    assert [h.at for h in line] == sorted(h.at for h in line)
    assert len(line) == len(ENTRIES)
