"""The plain account of a watch: a line a look, a thing told when it begins and when it ends, every line findable."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_cli.journal import mark
from operator_cli.render.console import console
from operator_cli.render.outlet import Outlet
from operator_cli.render.watching import Watching
from operator_cli.use_cases.monitoring import Cluster
from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Severity
from operator_core.knowledge import Knowledge
from operator_core.readings import Cause, ClusterName
from operator_core.runtime import VirtualClock
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import Ticket
from operator_monitor import CycleReport, StandingBy

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
STREET, SQUARE = ClusterName("street"), ClusterName("square")
Look = Callable[..., CycleReport]


class Paper(io.StringIO):
    """Takes what an outlet would write."""

    def drain(self, within: timedelta | None) -> bool:
        return True


class Told:
    """A watch that is told line by line."""

    def __init__(self, known: Knowledge, *names: ClusterName, journal: bool = False) -> None:
        self._paper = Paper()
        outlet: Outlet = self._paper  # pyright: ignore[reportAssignmentType]
        self.watching = Watching(outlet, console(through=self._paper), journal=journal)
        clusters = [Cluster(name=n, clock=VirtualClock(), knowledge=known) for n in names]
        self.watching.started(clusters, timedelta(seconds=5), None)
        self.new()

    def new(self) -> list[str]:
        """The lines that came since."""
        lines = self._paper.getvalue().splitlines()
        self._paper.seek(0)
        self._paper.truncate()
        return lines

    def heard(self, report: CycleReport, of: ClusterName = STREET) -> list[str]:
        self.watching.heard(of, report)
        return self.new()


@pytest.fixture
def told(known: Knowledge) -> Told:
    return Told(known, STREET)


def standing(holder: str | None = "db2/7", failed: str | None = None) -> StandingBy:
    return StandingBy(
        cluster=STREET,
        at=START,
        holder=holder,
        silent_for=timedelta(0),
        patience=timedelta(seconds=10),
        because=failed or f"{holder} has the watch",
        failed=failed,
    )


def test_a_look_leaves_one_short_line(told: Told, look: Look) -> None:
    (line,) = told.heard(look(1, {1: 5, 2: 7}))
    assert line.endswith("#1    2 hold")


def test_a_reason_is_told_when_it_begins_and_when_it_ends_and_not_between(told: Told, look: Look) -> None:
    told.heard(look(1, {1: 5, 2: 7}))
    lines = [told.heard(look(n, {1: 5, 2: 7}, dark=(2,) if n < 5 else ())) for n in range(2, 7)]
    assert [len(each) for each in lines] == [1] * 5
    said = [each[0].split("#")[1] for each in lines]
    assert said[0] == "2    1 hold, 1 violated; lamp 2 is dark"
    assert said[1:3] == ["3    1 hold, 1 violated", "4    1 hold, 1 violated"]
    assert said[3] == "5    2 hold; holds again: lit of lamp 2"
    assert said[4] == "6    2 hold"


def test_what_cannot_be_said_meanwhile_neither_ends_a_reason_nor_begins_it_again(told: Told, look: Look) -> None:
    told.heard(look(1, {1: 5}, dark=(1,)))
    assert "holds again" not in told.heard(look(2, {1: 5}, unknown=(1,)))[0]
    assert told.heard(look(3, {1: 5}, dark=(1,)))[0].endswith("0 hold, 1 violated")


def test_several_reasons_are_counted(told: Told, look: Look) -> None:
    assert told.heard(look(1, {1: 5, 2: 7, 3: 1}, dark=(1, 2, 3)))[0].endswith("lamp 1 is dark (+2 more)")


def test_a_source_is_told_when_it_is_lost_and_when_it_is_back(told: Told, look: Look) -> None:
    lines = [
        told.heard(look(n, {1: 5}, failing=f))[0]
        for n, f in enumerate(({}, {"pd": Cause.REFUSED}, {"pd": Cause.REFUSED}, {"pd": Cause.SILENT}), 1)
    ]
    assert [("not seen" in line) for line in lines] == [False, True, False, True]
    assert lines[1].endswith("not seen: pd (refused)")
    assert lines[3].endswith("not seen: pd (silent)")


def test_a_failed_cycle_says_why_once(told: Told, look: Look) -> None:
    why = "reading the ledger did not end within 20 s"
    assert told.heard(look(1, {}, failed=why))[0].endswith(f"failed: {why}")
    assert told.heard(look(2, {}, failed=why))[0].endswith("#2    failed")
    assert told.heard(look(3, {}, failed="another"))[0].endswith("failed: another")
    assert "failed" not in told.heard(look(4, {1: 5}))[0]


def test_the_full_story_comes_when_a_ticket_opens_and_a_line_when_it_is_diagnosed_again(
    told: Told, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    mine = ticket(7)
    lines = told.heard(look(1, {1: 5}, dark=(1,), opened=(mine,), now_open=(mine,)))
    assert len(lines) == 2
    assert lines[1].endswith("opened    ticket 7  critical  open  lamp 1 is dark")
    story = told.heard(look(2, {1: 5}, dark=(1,), diagnoses=(diagnosis(7),), now_open=(mine,)))
    assert any("HYPOTHESES" in line for line in story), "also when the diagnosis took a while"
    again = told.heard(look(3, {1: 5}, dark=(1,), diagnoses=(diagnosis(7),), now_open=(mine,)))
    assert len(again) == 2
    assert again[1].endswith("diagnosed ticket 7: the bulb is gone 90%")
    over = told.heard(look(4, {1: 5}, resolved=(mine,), now_open=()))
    assert "resolved  ticket 7" in over[1]
    back = told.heard(look(5, {1: 5}, dark=(1,), reopened=(mine,), now_open=(mine,), diagnoses=(diagnosis(7),)))
    assert "came back ticket 7" in back[1]
    assert any("HYPOTHESES" in line for line in back)


def test_a_ticket_that_was_open_before_we_came_is_told_once(
    told: Told, look: Look, ticket: Callable[..., Ticket]
) -> None:
    assert "open      ticket 7" in told.heard(look(1, {1: 5}, dark=(1,), now_open=(ticket(7),)))[1]
    assert len(told.heard(look(2, {1: 5}, dark=(1,), now_open=(ticket(7),)))) == 1


def test_a_silence_is_told_when_it_begins_and_when_it_is_over(told: Told, look: Look) -> None:
    silence = Silence(
        id=SilenceId(3),
        cluster=STREET,
        scope=SilenceScope(),
        starts=START,
        ends=START + timedelta(hours=1),
        by="ann",
        because="painting",
    )
    first = told.heard(look(1, {1: 5}, silences=(silence,)))
    assert "silence 3  everything until" in first[1]
    assert first[1].endswith("by ann: painting")
    assert len(told.heard(look(2, {1: 5}, silences=(silence,)))) == 1
    assert len(told.heard(look(3, {}, failed="no ledger"))) == 1
    assert told.heard(look(4, {1: 5}))[1].endswith("silence 3  is over")


def test_standing_by_is_said_once_and_again_when_the_watch_is_taken_over(told: Told, look: Look) -> None:
    told.watching.stood_by(STREET, standing())
    assert [line[9:] for line in told.new()] == ["standing by: db2/7 has the watch"]
    told.watching.stood_by(STREET, standing())
    assert told.new() == []
    told.watching.stood_by(STREET, standing("db3/1"))
    assert len(told.new()) == 1
    lines = told.heard(look(1, {1: 5}))
    assert lines[0].endswith("the watch is ours now")
    assert len(told.heard(look(2, {1: 5}))) == 1


def test_with_several_clusters_every_line_is_led_by_its_name(
    known: Knowledge, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    told = Told(known, STREET, ClusterName("sq"))
    mine = ticket(7)
    story = told.heard(look(1, {1: 5}, dark=(1,), opened=(mine,), diagnoses=(diagnosis(7),), now_open=(mine,)))
    assert len(story) > 5
    assert all(line.split("  ")[0] == "street" for line in story)
    (line,) = told.heard(look(1, {1: 5}), ClusterName("sq"))
    assert line.startswith("sq      ")


def test_a_journal_gets_priorities_and_no_colours(
    known: Knowledge, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    told = Told(known, STREET, journal=True)
    mine = ticket(7, severity=Severity.CRITICAL)
    assert told.heard(look(1, {1: 5}))[0].startswith("<6>")
    lines = told.heard(look(2, {1: 5}, dark=(1,), opened=(mine,), diagnoses=(diagnosis(7),), now_open=(mine,)))
    assert [line[:3] for line in lines[:2]] == ["<4>", "<2>"]
    assert all(line[0] == "<" and line[2] == ">" and line[3:].strip() for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_hostile_text_forges_no_line(told: Told, look: Look, ticket: Callable[..., Ticket]) -> None:
    mine = ticket(7, title="x\n12:00:00 #9 2 hold\x1b[2J[/] [red]")
    lines = told.heard(look(1, {1: 5}, opened=(mine,), now_open=(mine,)))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_what_goes_to_a_journal_and_what_does_not_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("w") as journal, Path(os.devnull).open("w") as elsewhere:
        found = os.fstat(theirs.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert (mark(4, journal), mark(4, elsewhere)) == ("<4>", "")
        monkeypatch.setenv("JOURNAL_STREAM", "1:1")
        assert mark(4, journal) == ""
        monkeypatch.delenv("JOURNAL_STREAM")
        assert mark(4, journal) == ""


def test_nothing_of_a_long_story_is_lost_in_a_journal(
    known: Knowledge, look: Look, ticket: Callable[..., Ticket], diagnosis: Callable[..., Diagnosis]
) -> None:
    told = Told(known, STREET, journal=True)
    mine = ticket(7)
    long = " ".join(f"word{n}" for n in range(50))
    lines = told.heard(look(1, {1: 5}, opened=(mine,), now_open=(mine,), diagnoses=(diagnosis(7, long),)))
    assert "word49" in " ".join(lines)
    assert all(len(line) <= 130 for line in lines)
