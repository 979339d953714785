"""The same commands on a record in PostgreSQL, whose password is never told."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from operator_core.readings import ClusterName
from operator_core.record import Entry
from operator_ledger import SqlLedger
from postgres_server import PostgresServer

pytestmark = pytest.mark.postgres

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]
Appends = Sequence[tuple[ClusterName, tuple[Entry, ...], datetime]]


@pytest.fixture
def place(postgres: PostgresServer, appends: Appends, monkeypatch: pytest.MonkeyPatch) -> str:
    """The incident in PostgreSQL, where the settings say that the record is."""
    url = postgres.new_url()

    async def write() -> None:
        async with await SqlLedger.open(url) as ledger:
            for cluster, entries, at in appends:
                await ledger.append(cluster, entries, at=at)

    asyncio.run(write())
    monkeypatch.setenv("OPERATOR_LEDGER", url)
    return url


def test_an_incident_is_worked_on_as_in_a_file(
    operator: Run, refused: Refused, place: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    said = ""

    def do(*arguments: str) -> str:
        nonlocal said
        done = operator(*arguments)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
        return done.stdout

    assert "resolved" in do("tickets", "list", "--all")
    assert "The process of store 4 has died" in do("tickets", "show", "1")
    do("tickets", "reopen", "1", "--because", "größe ‹x› 店")
    do("tickets", "note", "1", "a note")
    do("tickets", "resolve", "1", "--because", "done")
    assert "größe ‹x› 店" in do("timeline", "1", "--readings", "store.status_contact")
    assert "The process of store 4 has died" in do("diagnose", "1")
    assert "***" in do("ledger", "verify")
    do("ledger", "prune", "--older-than", "30d", "--dry-run")
    do("ledger", "export", "1", str(tmp_path / "x.gz"))
    assert json.loads(do("ledger", "import", str(tmp_path / "x.gz"), "--json"))["result"]["ticket"]["id"] == 2
    assert "***" in do("config", "show")
    refused(["tickets", "show", "99999999999999999999999"], "ticket 99999999999999999999999")
    for secret in (postgres.password, quote(postgres.password, safe="")):
        assert secret not in said


def test_a_server_that_does_not_let_us_in_is_told_in_a_line(
    operator: Run, place: str, postgres: PostgresServer
) -> None:
    wrong = place.replace(quote(postgres.password, safe=""), "hunter2")
    assert wrong != place
    done = operator("tickets", "list", "--ledger", wrong)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "hunter2" not in done.stderr
