"""The command as a person runs it: a process of its own, with a state folder and a settings file of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from operator_cli.logs import configure

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def surroundings(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which nothing of the machine's user is seen or touched."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPERATOR_")}
    return {
        **kept,
        "OPERATOR_STATE_DIRECTORY": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "NO_COLOR": "1",
    }


@pytest.fixture
def operator(surroundings: Mapping[str, str], tmp_path: Path) -> Run:
    """Run the command with some arguments and give what it said and how it ended."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("operator")), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**surroundings, **(env or {})},
            cwd=tmp_path,
            check=False,
        )

    return run


@pytest.fixture(autouse=True)
def quiet_log() -> None:
    """The program's log as the command sets it up."""
    configure()
