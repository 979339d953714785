"""``operator ledger export`` and ``import``: an incident leaves as a file, without secrets, and comes in once."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]


@pytest.fixture
def bundle(operator: Run, incident: Path, tmp_path: Path) -> Path:
    """The incident, exported with a note that has a secret in it."""
    del incident
    operator("tickets", "note", "1", "password=hunter2-x9 did not help")
    done = operator("ledger", "export", "1", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert written["schema"] == "operator.bundle/1"
    assert written["result"]["masked"] == {"password": 1}
    assert written["result"]["file"] == str(tmp_path / "ticket-1.jsonl.gz")
    return Path(written["result"]["file"])


def test_an_incident_is_the_same_elsewhere(operator: Run, bundle: Path) -> None:
    assert b"hunter2" not in gzip.decompress(bundle.read_bytes())
    elsewhere = ("--ledger", "elsewhere.db")
    done = operator("ledger", "import", str(bundle), *elsewhere)
    assert done.returncode == 0, done.stderr
    assert "it was ticket 1 of prod" in done.stdout
    page = operator("tickets", "show", "1", *elsewhere).stdout
    assert "it was ticket 1 of prod" in page
    assert "The process of store 4 has died" in page
    assert "do not hold" not in page
    assert operator("timeline", "1", *elsewhere).stdout.endswith("  imported  it was ticket 1 of prod\n")
    assert "The process of store 4 has died" in operator("diagnose", "1", *elsewhere).stdout, "reasoned from its looks"


@pytest.mark.sampled(0)
def test_the_same_file_a_second_time_changes_nothing(operator: Run, bundle: Path) -> None:
    first = json.loads(operator("ledger", "import", str(bundle), "--json").stdout)
    assert (first["schema"], first["result"]["was_there"]) == ("operator.imported/1", False)
    again = json.loads(operator("ledger", "import", str(bundle), "--json").stdout)["result"]
    assert again == first["result"] | {"was_there": True}
    assert "nothing was changed" in operator("ledger", "import", str(bundle)).stdout
    assert len(json.loads(operator("tickets", "list", "--all", "--json").stdout)["result"]) == 2


def test_nothing_is_written_over_what_is_there(operator: Run, refused: Refused, bundle: Path, tmp_path: Path) -> None:
    there = bundle.read_bytes()
    refused(["ledger", "export", "1"], str(bundle), "there already")
    refused(["ledger", "export", "1", str(bundle)], str(bundle), "there already")
    assert bundle.read_bytes() == there
    folder = tmp_path / "kept"
    folder.mkdir()
    assert operator("ledger", "export", "1", str(folder)).returncode == 0
    assert [p.name for p in folder.iterdir()] == ["ticket-1.jsonl.gz"]


def test_what_cannot_be_written_or_read_is_told_in_a_line(operator: Run, refused: Refused, bundle: Path) -> None:
    refused(["ledger", "export", "41"], "ticket 41")
    refused(["ledger", "import", "nowhere.gz"], "nowhere.gz")
    failed = operator("ledger", "export", "1", "no/such/folder/x.gz")
    assert (failed.returncode, failed.stderr.count("\n")) == (4, 1)
    assert "no/such/folder" in failed.stderr
    bundle.write_bytes(bundle.read_bytes()[:-40])
    failed = operator("ledger", "import", str(bundle))
    assert (failed.returncode, failed.stderr.count("\n")) == (4, 1)
    assert bundle.name in failed.stderr
    assert len(json.loads(operator("tickets", "list", "--all", "--json").stdout)["result"]) == 1, "nothing came in"
