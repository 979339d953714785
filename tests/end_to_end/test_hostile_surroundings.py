"""What a terminal, a pipe, an interruption or a name can do to the command: nothing is misread, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from operator_cli.exits import Exit, last_word
from operator_cli.render.console import console, plain
from operator_cli.render.lines import escaped
from operator_core.errors import ConfigurationError, LedgerError

Run = Callable[..., subprocess.CompletedProcess[str]]

HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eback\u2028line\r\nticket 9 critical forged [red]m[/] [/] \ud800"


def said(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    console().print(text)
    return capsys.readouterr().out


def test_the_name_of_a_deployment_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(f"{escaped('embedded:two')}: 1 hold", capsys) == "embedded:two: 1 hold\n"


def test_hostile_text_stays_on_its_line_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(f"[bold]title[/] {escaped(HOSTILE)}", capsys)
    assert out.count("\n") == 1
    assert "[red]m[/] [/]" in out
    assert out.rstrip("\n").isprintable()


def test_harmless_text_of_any_language_is_left_alone() -> None:
    assert plain("tikv-größe → 店 é") == "tikv-größe → 店 é"


def test_hostile_text_of_any_length_makes_a_line_that_can_be_read() -> None:
    assert len(escaped("x" * 5_000_000)) < 1000


def test_a_bug_is_told_in_one_line_and_is_no_violation(capsys: pytest.CaptureFixture[str]) -> None:
    assert last_word(ExceptionGroup("unhandled", [TypeError("no such thing")])) is Exit.FAILED
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "TypeError: no such thing" in err


def test_of_several_errors_the_gravest_gives_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert last_word(ExceptionGroup("both", [ConfigurationError("a"), LedgerError("b")])) is Exit.FAILED
    assert last_word(ConfigurationError("a")) is Exit.USAGE
    assert capsys.readouterr().err.splitlines() == ["operator: a", "operator: b", "operator: a"]


def test_an_early_interruption_is_an_interruption(surroundings: Mapping[str, str]) -> None:
    code = (
        "import signal, sys, types; import operator_cli.main as m\n"
        "class Tree(types.ModuleType):\n"
        "    def __getattr__(self, name): signal.raise_signal(int(sys.argv[1]))\n"
        "sys.modules['operator_cli.tree'] = Tree('operator_cli.tree'); m.main()"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        done = subprocess.run(
            [sys.executable, "-c", code, str(int(number))],
            capture_output=True,
            text=True,
            env=dict(surroundings),
            check=False,
        )
        assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, "")


def piped_to_nobody(surroundings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [str(Path(sys.executable).with_name("operator")), *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            env=dict(surroundings),
            check=False,
        )
    finally:
        os.close(writer)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("arguments", [("config", "show"), ("config", "path"), ("chaos", "list")])
def test_a_reader_that_goes_away_is_no_violation_and_no_noise(
    surroundings: Mapping[str, str], arguments: tuple[str, ...]
) -> None:
    done = piped_to_nobody(surroundings, *arguments)
    assert (done.returncode, done.stderr) == (Exit.FAILED, b"")


def test_a_terminal_that_knows_only_ascii_gets_question_marks(operator: Run) -> None:
    done = operator("config", "show", env={"PYTHONIOENCODING": "ascii", "OPERATOR_STATE_DIRECTORY": "/tmp/größe"})
    assert done.returncode == 0, done.stderr
    assert "/tmp/gr" in done.stdout


@pytest.mark.sampled(0)
def test_a_state_folder_may_be_named_by_its_home_and_an_empty_name_is_none(operator: Run, tmp_path: Path) -> None:
    def folder(value: str) -> str:
        done = operator("config", "show", env={"OPERATOR_STATE_DIRECTORY": value, "HOME": str(tmp_path)})
        (row,) = (line for line in done.stdout.splitlines() if line.startswith("state_directory"))
        return row.split()[1]

    assert folder("~/kept") == str(tmp_path / "kept")
    assert folder("kept") == str(tmp_path / "kept")
    assert folder("").startswith(str(tmp_path))
    assert folder("") != str(tmp_path)
