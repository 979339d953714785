"""The settings of diagnosis with Claude: what counts, where it came from, and that no key is ever shown."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from operator_cli.claude_settings import ClaudeSettings
from operator_cli.reasoners import Reasoner
from pydantic import ValidationError

KEY = "sk-ant-api03-" + "AbCdEf0123456789" * 5

Run = Callable[..., subprocess.CompletedProcess[str]]
Origins = dict[str, tuple[str, str]]
Put = Callable[[str], Path]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write a settings file, and have the command read it."""

    def put(text: str) -> Path:
        file = tmp_path / "operator.toml"
        file.write_text(text)
        monkeypatch.setenv("OPERATOR_CONFIG", str(file))
        return file

    return put


def origins(done: subprocess.CompletedProcess[str]) -> Origins:
    assert done.returncode == 0, done
    return {row["key"]: (row["value"], row["source"]) for row in json.loads(done.stdout)["result"]}


def test_nothing_set_means_rules_and_no_key(operator: Run) -> None:
    shown = origins(operator("config", "show", "--json"))
    assert shown["claude.with"] == ("rules", "default")
    assert "claude.api_key" not in shown
    claude = ClaudeSettings()
    assert (claude.reasoner, claude.key, claude.url) == (Reasoner.RULES, None, None)


def test_a_key_in_the_environment_asks_no_model(operator: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:8080")
    shown = origins(operator("config", "show", "--json"))
    assert shown["claude.with"] == ("rules", "default")
    assert shown["claude.api_key"] == ("**********", "environment (ANTHROPIC_API_KEY)")
    assert shown["claude.base_url"] == ("http://127.0.0.1:8080", "environment (ANTHROPIC_BASE_URL)")
    key = ClaudeSettings().key
    assert key is not None
    assert key.get_secret_value() == KEY


def test_the_file_comes_before_the_models_own_variables_and_ours_before_the_file(
    operator: Run, settings: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings(
        f'[claude]\nwith = "both"\nmodel = "a-model"\napi_key = "{KEY}"\nlimits = {{ turns = 3, usd = 0.5 }}\n'
    )
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    monkeypatch.setenv("OPERATOR_CLAUDE__LIMITS__TURNS", "9")
    monkeypatch.setenv("OPERATOR_CLAUDE__WITH", "claude")
    shown = origins(operator("config", "show", "--json"))
    assert shown["claude.with"] == ("claude", "environment")
    assert shown["claude.model"] == ("a-model", str(file))
    assert shown["claude.api_key"] == ("**********", str(file))
    assert shown["claude.limits.turns"] == ("9", "environment")
    assert shown["claude.limits.usd"] == ("0.5", str(file))


@pytest.mark.parametrize(
    "given",
    [
        f'[claude]\napi_key = "{KEY} "\n',
        f'claude = "{KEY}"\n',
        f'[claude]\napi_keys = "{KEY}"\n',
        "[claude]\napi_key = 77\n",
    ],
)
def test_what_is_wrong_with_a_key_is_said_without_it(operator: Run, settings: Put, given: str) -> None:
    file = settings(given)
    done = operator("config", "show")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{file}, claude" in line
    assert KEY not in line
    assert "77" not in line.replace(str(file), "")


@pytest.mark.parametrize("name", ["OPERATOR_CLAUDE", "OPERATOR_CLAUDE__API_KEY", "OPERATOR_CLAUDE__LIMITS"])
def test_nor_is_it_said_when_it_stands_in_a_variable(operator: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"{KEY} ")
    done = operator("config", "show")
    assert done.returncode == 2
    assert KEY not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"with": "nobody"}, "with"),
        ({"model": "two words"}, "model"),
        ({"effort": "some"}, "effort"),
        ({"base_url": "ftp://api"}, "base_url"),
        ({"base_url": "http://user:word@api"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"daily_usd": "nan"}, "daily_usd"),
        ({"daily_usd": "-1"}, "daily_usd"),
        ({"limits": {"attempts": 0}}, "attempts"),
        ({"limits": {"wall": "1s"}}, "wall"),
        ({"limits": {"wall": "long"}}, "wall"),
        ({"limits": {"usd": "inf"}}, "usd"),
        ({"prices": {"m": {"tokens_in": 1}}}, "tokens_out"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(given: dict[str, object], names: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ClaudeSettings.model_validate(given)
    assert names in [str(part) for part in refusal.value.errors()[0]["loc"]]


def test_what_can_be_meant_is_taken() -> None:
    claude = ClaudeSettings.model_validate(
        {
            "with": "claude",
            "effort": "high",
            "base_url": "http://127.0.0.1:8080/anthropic",
            "limits": {"wall": "90s"},
            "prices": {"m": {"tokens_in": 1, "tokens_out": "2.5"}},
            "prices_as_of": "2026-11-20",
        }
    )
    assert claude.limits.within.total_seconds() == 90
    assert claude.url == "http://127.0.0.1:8080/anthropic"
