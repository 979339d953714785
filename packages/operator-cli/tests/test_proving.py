"""``operator ledger verify``: a record as it was written, one that is not, and one that cannot be read."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]
Opens = Callable[..., None]


def change(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def head(operator: Run) -> str:
    document = json.loads(operator("ledger", "verify", "--json").stdout)
    assert document["schema"] == "operator.proof/1"
    assert document["result"]["holds"]
    (cluster,) = document["result"]["clusters"]
    return f"{cluster['cluster']}={cluster['head']}"


def test_a_record_as_it_was_written_holds_and_gives_its_head(operator: Run, incident: Path) -> None:
    done = operator("ledger", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{incident} is as it was written" in done.stdout
    kept = head(operator)
    assert kept.startswith("prod=")
    assert f"--head '{kept}'" in done.stdout
    operator("tickets", "note", "1", "one more")
    assert head(operator) != kept
    assert operator("ledger", "verify", "--head", kept).returncode == 0, "it has only grown since"
    assert operator("ledger", "verify", "--cluster", "prod").returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tickets SET state = 'open'",
        "UPDATE entries SET ticket = NULL WHERE ticket = 1",
        "DELETE FROM entries WHERE position = 3",
    ],
)
def test_what_was_changed_behind_its_back_is_found(operator: Run, incident: Path, statement: str) -> None:
    change(incident, statement)
    done = operator("ledger", "verify")
    assert done.returncode == 1, done
    assert "is not as it was written" in done.stdout
    assert not json.loads(operator("ledger", "verify", "--json").stdout)["result"]["holds"]


def test_a_head_that_is_not_in_the_chain_shows_that_it_is_another(operator: Run, incident: Path) -> None:
    del incident
    assert operator("ledger", "verify", "--head", f"prod={'0' * 64}").returncode == 1
    assert operator("ledger", "verify", "--head", f"elsewhere={'0' * 64}").returncode == 1


def test_a_record_that_cannot_be_read_is_not_called_changed(operator: Run, tmp_path: Path) -> None:
    file = tmp_path / "no.db"
    file.write_bytes(b"this is no database, however long one looks at it" * 99)
    done = operator("ledger", "verify", "--ledger", str(file))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "no.db" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cluster", "prdo"), ("--cluster", "prdo")),
        (("--head", "prod"), ("--head", "'prod'", "CLUSTER=DIGEST")),
        (("--head", "prod=12"), ("--head", "prod=12")),
        (("--head", f"prod={'0' * 64}", "--head", f"prod={'1' * 64}"), ("--head", "another head of prod")),
        (("--cluster", "prod", "--head", f"other={'0' * 64}"), ("--head", "other", "prod")),
        (("--ledger", "typo.db"), ("--ledger", "typo.db")),
    ],
)
def test_what_is_asked_wrongly_is_named(
    refused: Refused, opens: Opens, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    opens("disk-space")
    refused(["ledger", "verify", *arguments], *words)
