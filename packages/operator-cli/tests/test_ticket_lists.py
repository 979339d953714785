"""``operator tickets list`` and ``show``: the right ones, in order, and nothing left out unsaid."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.judgements import Severity

Run = Callable[..., subprocess.CompletedProcess[str]]
Opens = Callable[..., None]

STORE_7 = ComponentRef(Kind("store"), "7")


def numbers(operator: Run, *arguments: str) -> list[int]:
    done = operator("tickets", "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "operator.tickets/1"
    return [t["id"] for t in document["result"]]


def test_an_empty_record_has_no_open_ticket(operator: Run) -> None:
    assert operator("tickets", "list").stdout == "no open ticket\n"
    assert operator("tickets", "list", "--all").stdout == "no ticket\n"


def test_every_filter_lets_through_what_it_means_and_nothing_else(operator: Run, incident: Path, opens: Opens) -> None:
    del incident  # ticket 1: prod, store 4, critical, resolved
    opens("disk-space", component=STORE_7, at=datetime(2026, 1, 2, tzinfo=UTC))
    opens("append-quick", cluster="other", severity=Severity.INFO, at=datetime(2026, 1, 3, tzinfo=UTC))
    operator("tickets", "escalate", "3", "--because", "x")
    assert numbers(operator) == [2, 3]
    assert numbers(operator, "--all") == [1, 2, 3]
    assert numbers(operator, "--state", "resolved") == [1]
    assert numbers(operator, "--state", "open", "--state", "escalated") == [2, 3]
    assert numbers(operator, "--severity", "warning") == [2]
    assert numbers(operator, "--all", "--severity", "warning") == [1, 2]
    assert numbers(operator, "--all", "--component", "store/4") == [1, 3]
    assert numbers(operator, "--component", "store 7") == [2]
    assert numbers(operator, "--cluster", "prod") == [2]
    assert numbers(operator, "--all", "--since", "2026-01-02T00:00Z") == [2, 3]
    assert numbers(operator, "--all", "--since", "2026-01-02T00:00:01Z") == [3]
    assert numbers(operator, "--all", "--limit", "2") == [2, 3]
    assert numbers(operator, "--state", "open", "--limit", "1") == [2]


def test_a_pipe_is_given_every_column_and_is_told_when_there_are_more(operator: Run, opens: Opens) -> None:
    opens(*(f"invariant-{n}" for n in range(52)))
    lines = operator("tickets", "list").stdout.splitlines()
    assert lines[0].split() == ["ticket", "severity", "state", "times", "opened", "resolved", "cluster", "what"]
    assert [int(line.split()[0]) for line in lines[1:51]] == list(range(3, 53))
    assert lines[51] == "the newest 50; there are older ones: --limit N"
    assert len(numbers(operator)) == 52, "a program that reads it is given all"
    assert "older" not in operator("tickets", "list", "--limit", "52").stdout
    assert "no such ticket" in operator("tickets", "list", "--severity", "critical").stdout


def test_what_is_held_silenced_and_came_back_is_said(operator: Run, opens: Opens, tmp_path: Path) -> None:
    opens("disk-space")
    operator("tickets", "hold", "1", "--because", "mine")
    (tmp_path / "operator.toml").write_text('[clusters.prod]\npd = ["http://127.0.0.1:1"]\n')
    done = operator("tickets", "list")
    assert "open, held" in done.stdout
    assert "silence" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--component", "disk 4"), ("--component", "disk 4")),
        (("--since", "soon"), ("--since", "soon")),
        (("--since", "3030-01-01"), ("--since", "3030-01-01")),
        (("--cluster", "prdo"), ("--cluster", "prdo", "prod")),
        (("--limit", "many"), ("--limit", "many")),
        (("--limit", "0"), ("--limit", "0")),
        (("--ledger", "/nowhere/x.db"), ("--ledger", "/nowhere/x.db")),
        (("--ledger", "mysql://u:pw@h/x"), ("--ledger", "mysql://u:***@h/x")),
    ],
)
def test_a_wrong_filter_is_named(
    refused: Callable[..., None], opens: Opens, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    opens("disk-space")
    refused(["tickets", "list", *arguments], *words)


def test_one_ticket_is_shown_with_all_that_is_known_of_it(operator: Run, incident: Path) -> None:
    del incident
    operator("tickets", "note", "1", "cable\nwas loose")
    page = operator("tickets", "show", "1").stdout
    for part in (
        "ticket 1  critical  resolved",
        "store-reachable of store 4",
        "store.status_contact",
        "“refused”",
        "resolved by monitor: every violation has ended",
        "The process of store 4 has died",
        "anna",
        "was loose",
    ):
        assert part in page
    assert "do not hold" not in page, "every stored claim still holds against the record"
    shown = json.loads(operator("tickets", "show", "1", "--json").stdout)
    assert shown["schema"] == "operator.ticket/1"
    assert shown["result"]["notes"][0]["text"] == "cable\nwas loose"


@pytest.mark.parametrize("number", ["41", "0", "99999999999999999999999"])
@pytest.mark.parametrize("command", [("tickets", "show"), ("timeline",), ("diagnose",)])
def test_a_ticket_that_is_not_there_is_named(
    refused: Callable[..., None], incident: Path, command: tuple[str, ...], number: str
) -> None:
    del incident
    refused([*command, number], f"ticket {number}")


@pytest.mark.parametrize("command", [("tickets", "show"), ("timeline",), ("diagnose",), ("ledger", "export")])
def test_what_is_no_number_is_named(refused: Callable[..., None], command: tuple[str, ...]) -> None:
    refused([*command, "four"], "ticket", "'four'")


@pytest.mark.sampled(0)
def test_a_ticket_of_thousands_of_looks_is_shown_without_reading_them(
    operator: Run, incident: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from operator_ledger import SqlLedger

    del incident

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("its observations are not needed")

    monkeypatch.setattr(SqlLedger, "observations", never)
    assert operator("tickets", "show", "1").returncode == 0
    assert operator("timeline", "1").returncode == 0


def test_the_age_of_a_ticket_is_told(operator: Run, opens: Opens) -> None:
    opens("disk-space", at=datetime.now(UTC) - timedelta(hours=3, minutes=5))  # noqa: TID251 - the wall clock is meant
    assert "3 h 5 min ago" in operator("tickets", "show", "1").stdout
