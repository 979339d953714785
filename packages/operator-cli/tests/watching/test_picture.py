"""The picture of a cluster: what is unseen looks unseen, what is old says so, and it fits every terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.render.course import GAP, Courses
from operator_cli.render.live_layout import fit
from operator_cli.render.live_many import clusters, worst_of
from operator_cli.render.live_parts import picture
from operator_cli.render.live_view import ClusterView
from operator_cli.use_cases.recalling import OnRecord
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Invariant, InvariantName, JudgementKey, Severity
from operator_core.knowledge import Knowledge
from operator_core.readings import Cause, ClusterName
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import Ticket, TicketState
from operator_monitor import CycleReport, StandingBy
from rich.cells import cell_len

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=5)
Look = Callable[..., CycleReport]


def drawn(view: ClusterView, *, width: int = 80, height: int = 24, after: float = 0) -> list[str]:
    now = (view.looked_at or START) + timedelta(seconds=after)
    parts = picture(view, now=now, up_for=timedelta(minutes=3), interval=INTERVAL, width=width)
    return [line.plain.rstrip() for line in fit(parts, height)]


def row(lines: list[str], start: str) -> str:
    return next(line for line in lines if line.lstrip("✔✗? ").startswith(start))


def test_a_cluster_that_is_well_says_so_with_its_version_and_the_age_of_the_look(view: ClusterView, look: Look) -> None:
    view.heard(look(1, {1: 5, 2: 7}))
    lines = drawn(view, after=3)
    assert " WELL   street  Street 2.1" in lines[0]
    assert "look 1, 3 s ago" in lines[0]
    assert "2 hold" in lines[1]
    assert "we have the watch; up 3 min" in lines[1]
    assert row(lines, "lamp 1 main").split() == ["✔", "lamp", "1", "main", "On", "5/s", "5", "ms"]
    assert row(lines, "tickets") == "tickets  none open"


def test_what_was_not_seen_is_a_question_mark_and_a_gap_and_nowhere_a_zero(view: ClusterView, look: Look) -> None:
    for number, load in enumerate((5.0, 5.0, None, None), 1):
        failing = {} if load else {"meter of lamp 1": Cause.SILENT}
        view.heard(look(number, {1: load, 2: 7}, unknown=() if load else (1,), failing=failing))
    lines = drawn(view)
    assert " UNSURE " in lines[0]
    assert row(lines, "lamp 1 main").split() == ["?", "lamp", "1", "main", "On", "?", "?"]
    course = next(line for line in lines if line.startswith("lamp 1"))
    assert f"▆▆{GAP}{GAP}        ?" in course
    assert "0" not in course.replace("0 ms", "")
    assert row(lines, "unseen").startswith("unseen   meter of lamp 1: silent for 5 s, 2 readings")


@pytest.mark.parametrize(("required", "word"), [(True, " UNSURE "), (False, " WELL ")])
def test_what_need_not_be_known_leaves_a_cluster_well(
    view: ClusterView, look: Look, *, required: bool, word: str
) -> None:
    lit = Invariant(
        name=InvariantName("lit"), title="", check=lambda _: (), grace=INTERVAL, stability=INTERVAL, required=required
    )
    assert view.knowledge is not None
    view.knowledge = replace(view.knowledge, invariants=(lit,))
    view.heard(look(1, {1: 5, 2: 7}, unknown=(1,)))
    lines = drawn(view)
    assert word in lines[0]
    assert "1 unknown" in lines[1]
    assert row(lines, "lamp 1 main").startswith("?")


def test_the_cluster_as_a_whole_has_a_course_of_its_own_on_a_scale_of_its_own(view: ClusterView, look: Look) -> None:
    for number in range(1, 4):
        view.heard(look(number, {1: 5, 2: 10}))
    lines = drawn(view, width=100)
    head = next(n for n, line in enumerate(lines) if line.startswith("last 15 s"))
    assert lines[head].split() == ["last", "15", "s", "load", "now", "least–most", "heat", "now", "least–most"]
    assert lines[head + 1].split() == ["cluster", "███", "15/s", "15/s"], "it has no heat"
    assert lines[head + 2].split()[:4] == ["lamp", "1", "▅▅▅", "5/s"]
    assert lines[head + 3].split()[:4] == ["lamp", "2", "███", "10/s"]


def test_a_look_that_failed_as_a_whole_leaves_nothing_that_could_be_taken_for_now(
    view: ClusterView, look: Look
) -> None:
    view.heard(look(1, {1: 5}))
    view.heard(look(2, {}, failed="observing did not end within 20 s"))
    lines = drawn(view, height=40, after=40)
    assert " BLIND " in lines[0]
    assert "look 2, 40 s ago" in lines[0]
    assert "Lamp, as last seen" in "\n".join(lines)
    assert "?" in row(lines, "lamp 1 main").split()
    assert "the last cycle failed: observing did not end within 20 s" in row(lines, "unseen")
    view.heard(look(3, {1: 5}))
    assert "as last seen" not in "\n".join(drawn(view))


def test_a_ticket_stands_at_the_top_with_its_age_and_the_first_hypothesis(
    view: ClusterView, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    mine, other = ticket(7), replace(ticket(6, of=2, severity=Severity.WARNING), hold=True, state=TicketState.ESCALATED)
    view.heard(look(1, {1: 5, 2: 7}, dark=(1,), opened=(mine, other), now_open=(other, mine)))
    assert " CRITICAL " in drawn(view)[0]
    assert "not diagnosed yet" in "\n".join(drawn(view))
    view.heard(look(2, {1: 5, 2: 7}, dark=(1,), diagnoses=(diagnosis(7),), now_open=(other, mine)))
    lines = drawn(view, after=60)
    at = lines.index("tickets  ‼ 7  critical  65 s  lamp 1 is dark")
    assert lines[at + 1] == "           → 90 %  the bulb is gone: lamp 1"
    assert lines[at + 2] == "         ! 6  warning  65 s  (escalated, held)  lamp 2 is dark"
    assert at < next(n for n, line in enumerate(lines) if "Lamp" in line)
    view.heard(look(3, {1: 5, 2: 7}, resolved=(mine,), now_open=()))
    assert "none open" in "\n".join(drawn(view))
    assert any("+ ticket 7 resolved" in line for line in drawn(view))


def test_what_is_violated_and_in_no_ticket_yet_is_shown(view: ClusterView, look: Look) -> None:
    view.heard(look(1, {1: 5, 2: 7}, dark=(2,)))
    assert " VIOLATED " in drawn(view)[0]
    assert row(drawn(view), "violated") == "violated ✗ lamp 2 is dark"


def test_a_silence_is_shown_while_it_is_in_force(view: ClusterView, look: Look) -> None:
    scope = SilenceScope(component=ComponentRef(Kind("lamp"), "2"))
    silence = Silence(
        id=SilenceId(3),
        cluster=ClusterName("street"),
        scope=scope,
        starts=START,
        ends=START + timedelta(minutes=10),
        by="ann",
        because="painting",
    )
    view.heard(look(1, {1: 5}, silences=(silence,)))
    assert "lamp 2 until" in row(drawn(view), "silences")
    assert "(9 min left), by ann: painting" in row(drawn(view, width=120, after=30), "silences")
    assert not [line for line in drawn(view, after=700) if line.startswith("silences")]


def test_standing_by_is_said_at_the_top_and_shows_what_the_other_sees(
    view: ClusterView, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    standing = StandingBy(
        cluster=ClusterName("street"),
        at=START,
        holder="db2/7",
        silent_for=timedelta(0),
        patience=timedelta(seconds=10),
        because="db2/7 has the watch",
    )
    view.stood_by(standing)
    assert drawn(view)[1].startswith("STANDING BY: db2/7 has the watch")
    seen = look(9, {1: 5, 2: None}).observation
    mine = ticket(7)
    view.recalled(OnRecord(tickets=(mine,), diagnoses={mine.id: diagnosis(7)}, silences=(), observation=seen))
    lines = drawn(view)
    assert "look 9, 0 s ago" in lines[0]
    assert "lamp 1 is dark" in row(lines, "tickets")
    assert "5/s" in row(lines, "lamp 1 main")
    view.heard(look(10, {1: 5, 2: 7}, now_open=()))
    assert "STANDING BY" not in "\n".join(drawn(view))
    assert any("+ the watch is ours now" in line for line in drawn(view))


def test_what_the_record_says_late_does_not_undo_what_a_report_said(
    view: ClusterView, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    view.heard(look(1, {1: 5}, now_open=(ticket(7),)))
    view.recalled(OnRecord(tickets=(), diagnoses={ticket(7).id: diagnosis(7)}))
    assert "the bulb is gone" in "\n".join(drawn(view))


def test_an_old_look_is_told_by_its_age(view: ClusterView, look: Look) -> None:
    view.heard(look(1, {1: 5}))
    assert "look 1, 2 min ago" in drawn(view, after=130)[0]


SIZES = [(w, h) for w in (20, 40, 80, 120, 200) for h in (1, 2, 5, 10, 24, 50)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_large_and_troubled_cluster_fits_every_terminal(
    view: ClusterView, look: Look, ticket: Callable[..., Ticket], width: int, height: int
) -> None:
    long = "lamp 3 is dark " * 30
    many = tuple(ticket(n, of=n, title=long) for n in range(1, 9))
    for number in range(1, 6):
        view.heard(
            look(
                number,
                {n: None if n % 7 == 0 else n * 1e4 for n in range(1, 101)},
                dark=(3, 4),
                unknown=(7, 14),
                failing={f"meter of lamp {n}": Cause.REFUSED for n in range(1, 20)},
                now_open=many,
                opened=many if number == 2 else (),
            )
        )
    lines = drawn(view, width=width, height=height)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    if height >= 24:
        text = "\n".join(lines)
        assert "… and" in text, "what is left out is said"
        assert "✗" in text, "the worst components are among those shown"


def test_nothing_that_a_cluster_says_can_move_the_cursor(
    view: ClusterView, look: Look, ticket: Callable[..., Ticket]
) -> None:
    hostile = "\x1b[2J\x1b]0;t\x07 [red]x[/] \u202e\r\nforged \x9b1m"
    report = look(1, {1: 5}, opened=(ticket(1, title=hostile),), now_open=(ticket(1, title=hostile),))
    key = JudgementKey(invariant=InvariantName("lit"), component=ComponentRef(Kind("lamp"), hostile))
    view.heard(replace(report, judgements=tuple(replace(j, key=key, because=hostile) for j in report.judgements)))
    for line in drawn(view, width=120, height=40):
        assert line.isprintable(), repr(line)


def test_of_several_clusters_the_worst_is_chosen_and_each_has_a_row(
    known: Knowledge, look: Look, ticket: Callable[..., Ticket]
) -> None:
    well, warned, blind, dark = views = [
        ClusterView(name=ClusterName(n), courses=Courses(interval=INTERVAL), knowledge=known)
        for n in ("well", "warned", "blind", "dark")
    ]
    well.heard(look(1, {1: 5}))
    warned.heard(look(1, {1: 5}, now_open=(ticket(1, severity=Severity.WARNING),)))
    blind.heard(look(1, {}, failed="PD is away"))
    dark.heard(look(1, {1: 5}, now_open=(ticket(2),)))
    assert [worst_of(views[: n + 1]).name for n in range(4)] == ["well", "warned", "blind", "dark"]
    part = clusters(views, now=[START] * 4, interval=INTERVAL, width=100)
    lines = [line.plain for line in part.draw(part.wants)]
    assert [line.split()[0] for line in lines[1:]] == ["WELL", "WARNING", "BLIND", "CRITICAL"]
    assert "1 critical" in lines[4]
    few = [line.plain for line in part.draw(4)]
    assert [line.split()[0] for line in few[1:3]] == ["BLIND", "CRITICAL"]
    assert few[3] == "… and 2 more, 1 of them well"
