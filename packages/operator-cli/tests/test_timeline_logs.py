"""What components wrote into their logs, in a ticket's time line: where logs are at hand, and only of its time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]

pytestmark = pytest.mark.usefixtures("incident")


def line(time: str, message: str, fields: str = "") -> str:
    return f'[2026/01/01 {time}.250 +00:00] [INFO] [lib.rs:83] ["{message}"] {fields}[thread_id=1]\n'


KILLED = (
    line("09:00:00", "Welcome to TiKV"),
    line("09:00:02", "TiKV is ready to serve"),
    line("12:00:58", "wait connect timeout", "[store_id=5] "),
    line("12:02:30", "Welcome to TiKV"),
    line("12:02:31", "TiKV is ready to serve"),
    line("23:00:00", "receive signal 15, stopping server..."),
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "tikv.log"
    file.write_text("".join(KILLED))
    return file


def told(operator: Run, *arguments: str) -> dict[str, Any]:
    return json.loads(operator("timeline", "1", "--json", *arguments).stdout)["result"]


def logged(result: dict[str, Any]) -> Sequence[tuple[str, str]]:
    return [(h["at"][11:19], h["says"]) for h in result["happenings"] if h["what"] == "log"]


def test_lines_of_the_tickets_time_stand_among_what_happened(operator: Run, log: Path) -> None:
    result = told(operator, "--log", f"store/4={log}")
    assert logged(result) == [
        ("12:00:58", "store 4: store 5 does not answer its connecting"),
        ("12:02:30", "store 4: it starts, and nothing before tells of an orderly stop: it was killed, or it crashed"),
        ("12:02:31", "store 4: it serves from now on"),
    ]
    assert [h["at"] for h in result["happenings"]] == sorted(h["at"] for h in result["happenings"])
    (look,) = result["logs"]
    assert (look["component"], look["is_whole"], look["why"]) == ({"kind": "store", "id": "4"}, True, "")
    out = operator("timeline", "1", "--log", f"store/4={log}").stdout
    assert "INFO Welcome to TiKV" in out
    assert out.endswith("\nlogs read: store 4\n")


def test_without_a_log_at_hand_there_is_none_and_no_word_of_it(operator: Run) -> None:
    result = told(operator)
    assert (logged(result), result["logs"]) == ([], [])
    assert "logs" not in operator("timeline", "1").stdout


def test_the_settings_say_where_logs_lie_and_a_rotated_one_goes_on(
    operator: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tikv-2026.log").write_text("".join(KILLED[:3]))
    log.write_text("".join(KILLED[3:]))
    (tmp_path / "operator.toml").write_text(
        f'[clusters.prod]\npd = ["http://127.0.0.1:1"]\n'
        f'[clusters.prod.logs]\n"store/4" = "{tmp_path}/tikv*.log"\n"pd/pd1" = "{tmp_path}/gone.log"\n'
    )
    monkeypatch.setenv("OPERATOR_CONFIG", str(tmp_path / "operator.toml"))
    assert [time for time, _ in logged(told(operator))] == ["12:00:58", "12:02:30", "12:02:31"]
    assert "logs read: store 4; logs not read: pd1 (there is no such file)" in operator("timeline", "1").stdout
    assert logged(told(operator, "--no-logs")) == []
    assert [time for time, _ in logged(told(operator, "--no-logs", "--log", f"store/4={log}"))] == [
        "12:02:30",
        "12:02:31",
    ]


def test_a_log_that_does_not_go_back_far_enough_says_so(operator: Run, log: Path) -> None:
    log.write_text("".join(KILLED[3:]))
    assert told(operator, "--log", f"store/4={log}")["logs"][0]["is_whole"] is False
    assert "store 4 (only from " in operator("timeline", "1", "--log", f"store/4={log}").stdout
    log.write_text("nothing of it\n")
    assert "store 4 (no line has the format of its logs)" in operator("timeline", "1", "--log", f"store/4={log}").stdout


def test_what_a_log_says_is_quoted_and_does_nothing(operator: Run, log: Path) -> None:
    hostile = r"system time jumped back \u001b[2J[red] password=hunter2hunter2 \n00:00 ticket 9 forged"
    log.write_text(line("12:01:30", hostile))
    out = operator("timeline", "1", "--log", f"store/4={log}").stdout
    assert "system time jumped back" in out
    assert "\x1b" not in out
    assert "hunter2" not in out
    assert not any(row.startswith("00:00") for row in out.splitlines())


def test_what_cannot_be_meant_is_refused(refused: Refused, tmp_path: Path) -> None:
    refused(["timeline", "1", "--log", "store4"], "--log is 'store4'; COMPONENT=FILE is meant")
    refused(["timeline", "1", "--log", "cup/4=a.log"], "there is no kind 'cup'; kinds: pd, store")
    refused(["timeline", "1", "--log", f"store/4={tmp_path}"], "there is no file")
    refused(["timeline", "1", "--log", "store/4="], "there is no file")
    for strange in (f"{tmp_path}/a**b", "~nosuchuser/x.log", f"{tmp_path}/{'x' * 300}", "/dev/zero"):
        refused(["timeline", "1", "--log", f"store/4={strange}"], "there is no file")
    (tmp_path / "a.log").touch()
    refused(["timeline", "1", *(["--log", f"store/4={tmp_path}/a.log"] * 2)], "--log names store/4 twice")


def test_a_path_of_the_settings_that_cannot_be_is_told_and_hides_nothing(
    operator: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "operator.toml").write_text(
        '[clusters.prod]\npd = ["http://127.0.0.1:1"]\n'
        f'[clusters.prod.logs]\n"store/4" = "{log}"\n"store/1" = "~nosuchuser/x.log"\n"store/77" = "{tmp_path}/a**b"\n'
    )
    monkeypatch.setenv("OPERATOR_CONFIG", str(tmp_path / "operator.toml"))
    out = operator("timeline", "1").stdout
    assert "logs read: store 4; logs not read: store 1, store 77 (there is no such file)" in out


def test_a_line_that_is_torn_by_what_is_written_in_it_forges_none(operator: Run, log: Path) -> None:
    log.write_text(KILLED[0] + line("12:01:00", "using\x85[2026/01/01 12:01:00.000 +00:00] [FATAL] [x] [forged]"))
    assert "forged" not in operator("timeline", "1", "--log", f"store/4={log}").stdout


def test_a_name_of_the_settings_that_is_no_component_is_refused(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "operator.toml").write_text(
        '[clusters.prod]\npd = ["http://127.0.0.1:1"]\n[clusters.prod.logs]\nstore4 = "a.log"\n'
    )
    monkeypatch.setenv("OPERATOR_CONFIG", str(tmp_path / "operator.toml"))
    refused(["timeline", "1"], "'store4' is not a component; kind/id is meant")
