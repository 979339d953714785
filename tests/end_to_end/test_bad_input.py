"""Bad input: one line that names the thing and the value, exit code 2, nothing changed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("monitor", "--subject", "mysql", "--pd", "http://127.0.0.1:1"), ("subject", "mysql")),
        (("monitor", "--pd", "127.0.0.1:notaport"), ("127.0.0.1:notaport",)),
        (("check", "--pd", "ftp://127.0.0.1:2379"), ("ftp://127.0.0.1:2379",)),
        (("check", "--pd", "http://"), ("http://",)),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", "-3"), ("--interval", "-3")),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", "soon"), ("--interval", "soon")),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", ""), ("--interval", "")),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", "nan"), ("--interval", "nan")),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", "1e12"), ("--interval", "1e12")),
        (("monitor", "--pd", "http://127.0.0.1:1", "--interval", "0.000001"), ("--interval", "0.000001")),
        (
            ("monitor", "--pd", "http://127.0.0.1:1", "--interval", "9999999999999999999h"),
            ("--interval", "9999999999999999999h"),
        ),
        (("monitor",), ("no deployment is up",)),
        (("check", "--name", "nothere"), ("nothere",)),
        (("check", "--cluster", "prod"), ("prod",)),
        (("check", "--cluster", "prod", "--pd", "http://127.0.0.1:1"), ("--cluster", "--pd")),
        (("check", "--prometheus", "http://127.0.0.1:9"), ("--prometheus",)),
        (("tickets", "show", "41"), ("41",)),
        (("diagnose", "41"), ("41",)),
        (("chaos", "kill-store"), ("no deployment is up",)),
        (("deploy", "embedded", "up", "--stores", "99"), ("--stores", "99")),
        (("deploy", "embedded", "up", "--pd", "2"), ("--pd", "2")),
        (("deploy", "embedded", "up", "--speed", "0"), ("--speed", "0")),
        (("deploy", "embedded", "up", "--name", "../x"), ("--name", "../x")),
        (("demo", "--fault", "set-on-fire"), ("--fault", "set-on-fire")),
        (("demo", "--speed", "-1"), ("--speed", "-1")),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_happens(
    operator: Run, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(operator(*arguments), *words)
    assert not list((tmp_path / "state" / "embedded").glob("*.json"))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[clusters.prod]\npd = 5\n", ("clusters.prod.pd", "5")),
        ("[clusters.prod]\npd = []\n", ("clusters.prod.pd",)),
        ('[clusters.prod]\npd = ["http://x:1"]\npds = 3\n', ("clusters.prod.pds", "unknown key")),
        ('[clusters.prod]\nsubject = "mysql"\npd = ["http://x:1"]\n', ("clusters.prod.subject", "mysql")),
        ("intervall = 3\n", ("intervall", "unknown key")),
        ("this is not TOML", ("TOML",)),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(
    operator: Run, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "operator.toml"
    file.write_text(text)
    refused(operator("config", "show", env={"OPERATOR_CONFIG": str(file)}), str(file), *words)


def test_a_wrong_variable_is_named_as_a_variable(operator: Run) -> None:
    refused(operator("config", "show", env={"OPERATOR_CLUSTERS": "{]"}), "OPERATOR_CLUSTERS")


def test_right_settings_are_shown_with_their_origin(operator: Run, tmp_path: Path) -> None:
    file = tmp_path / "operator.toml"
    file.write_text('interval = "7s"\n[clusters.prod]\npd = ["http://127.0.0.1:2379"]\n')
    done = operator("config", "show", env={"OPERATOR_CONFIG": str(file)})
    assert done.returncode == 0
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert str(file) in rows["interval"]
    assert "7s" in rows["interval"]
    assert "environment" in rows["state_directory"]
    assert "default" in rows["clusters.prod.expendable"]
