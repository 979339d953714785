"""Where the record is: chosen by option, variable or file; whatever is shown of it is without its secrets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from operator_cli.exits import last_word
from operator_cli.places import place_of, without_secrets
from operator_core.errors import ConfigurationError, LedgerError

Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "s3cr:et/@x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://anna:pw@db:5432/operator", "postgresql://anna:***@db:5432/operator"),
        (f"postgresql://anna:{SECRET}@db/operator", "postgresql://anna:***@db/operator"),
        ("postgresql+asyncpg://anna:pw@db/operator", "postgresql+asyncpg://anna:***@db/operator"),
        ("postgresql://db/operator?user=anna&password=pw&sslmode=require", None),
        ("postgresql://anna@db/operator", "postgresql://anna@db/operator"),
        ("sqlite:////var/lib/operator.db", "sqlite:////var/lib/operator.db"),
        ("/var/lib/operator:1@2.db", "/var/lib/operator:1@2.db"),
    ],
)
def test_a_place_is_shown_without_its_password_and_else_as_it_is(url: str, shown: str | None) -> None:
    text = without_secrets(url)
    if shown is None:
        assert "pw" not in text
        assert "user=anna" in text
        assert text.endswith("&sslmode=require")
    else:
        assert text == shown
    place = place_of(url, of="--ledger")
    assert place.location == url
    assert "pw" not in f"{place} {place!r}"
    assert SECRET not in f"{place} {place!r}"


@pytest.mark.parametrize("text", ["", " ", ":memory:", "mysql://anna:pw@db/x", "http://anna:pw@db", "://", "a\0b"])
def test_what_names_no_place_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--ledger is") as refusal:
        place_of(text, of="--ledger")
    assert "pw" not in str(refusal.value)


def test_a_path_is_whole_and_a_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_of("kept/x.db", of="x").file == Path.cwd() / "kept" / "x.db"
    assert place_of("~/x.db", of="x").file == tmp_path / "x.db"
    assert place_of("sqlite:////tmp/x.db", of="x").file == Path("/tmp/x.db")
    assert place_of("postgresql://db/x", of="x").file is None


def test_an_error_is_told_without_the_secrets_of_whoever_raised_it(capsys: pytest.CaptureFixture[str]) -> None:
    last_word(LedgerError("postgresql://anna:hunter2@db:5432/operator: refused, of 'x/y.db'"))
    told = capsys.readouterr().err
    assert "hunter2" not in told
    assert "anna" in told
    assert told.endswith("@db:5432/operator: refused, of 'x/y.db'\n")


def settings(operator: Run) -> dict[str, tuple[str, str]]:
    done = operator("config", "show", "--json")
    found = json.loads(done.stdout)["result"]
    return {o["key"]: (o["value"], o["source"]) for o in found}


def test_the_record_is_in_the_state_directory_unless_a_file_or_a_variable_says_otherwise(
    operator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings(operator)["ledger"] == (str(tmp_path / "state" / "ledger.db"), "default")
    file = tmp_path / "operator.toml"
    file.write_text('ledger = "postgresql://anna:hidden@db/operator"\n[clusters.prod]\npd = ["http://u:hidden@pd:1"]\n')
    monkeypatch.setenv("OPERATOR_CONFIG", str(file))
    shown = settings(operator)
    assert shown["ledger"] == ("postgresql://anna:***@db/operator", str(file))
    assert "hidden" not in str(shown)
    monkeypatch.setenv("OPERATOR_LEDGER", str(tmp_path / "mine.db"))
    assert settings(operator)["ledger"] == (str(tmp_path / "mine.db"), "environment")


def test_a_ledger_that_is_set_wrong_is_named_with_its_file_and_without_its_secrets(
    refused: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "operator.toml"
    file.write_text('ledger = "mysql://anna:hidden@db/operator"\n')
    monkeypatch.setenv("OPERATOR_CONFIG", str(file))
    refused(["config", "show"], str(file), "ledger", "mysql://anna:***@db/operator", "postgresql://")
    file.write_text("ledger = 5\n")
    refused(["config", "show"], str(file), "ledger", "5")


def test_a_ledger_that_an_option_names_must_be_there(
    operator: Run, refused: Callable[..., None], tmp_path: Path, incident: Path
) -> None:
    refused(["tickets", "list", "--ledger", "typo.db"], "--ledger", "typo.db")
    assert not (tmp_path / "typo.db").exists()
    incident.rename(tmp_path / "moved.db")
    done = operator("tickets", "list", "--all", "--ledger", "moved.db")
    assert "store 4" in done.stdout
