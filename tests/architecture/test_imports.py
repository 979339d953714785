"""The borders between the rooms are guarded, and the guard sees what it must."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "pyproject.toml"

FREE_OF_SUBJECTS = ("core", "ledger", "monitor", "diagnosis", "chaos", "eval")
"""Rooms that would serve another subject without a changed line."""

SUBJECT_WORDS = re.compile(
    r"tikv|tidb|pingcap|placement.?driver|raft.?store|\braft\b|rocksdb|\bpd\b|\bpd[-_\d]|\btso\b", re.IGNORECASE
)

Lint = Callable[[], tuple[int, str]]
Plant = Callable[[str, str], None]


def roots() -> tuple[str, ...]:
    return tuple(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["root_packages"])


def lint(cwd: Path, path: Sequence[Path]) -> tuple[int, str]:
    """Exit code and words of the linter, run on the packages that are found in these folders."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as m; m()", "--no-cache"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """A tree with the real contracts and empty packages of the real names; ``plant(module, source)`` adds to it."""
    (tmp_path / "pyproject.toml").write_text(PROJECT.read_text(encoding="utf-8"), encoding="utf-8")

    def add(module: str, source: str) -> None:
        path = tmp_path.joinpath("src", *module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    for package in roots():
        add(f"{package}.__init__", "")
    add("operator_core.runtime", "import asyncio\nimport time\n")  # what the contracts let through must exist
    return add


@pytest.fixture
def linted(tmp_path: Path, plant: Plant) -> Lint:
    """Runs the linter on the planted tree."""
    return lambda: lint(tmp_path, [tmp_path / "src"])


def test_the_real_tree_keeps_every_contract() -> None:
    code, words = lint(ROOT, [])
    assert code == 0, words
    assert " 0 broken" in words


def test_a_tree_that_imports_downwards_passes(plant: Plant, linted: Lint) -> None:
    plant("operator_core.words", "import dataclasses\n")
    plant("operator_ledger.rows", "import sqlalchemy\nimport operator_core.words\n")
    plant("operator_cli.main", "import typer\nimport operator_ledger.rows\nimport operator_monitor\n")
    code, words = linted()
    assert code == 0, words


@pytest.mark.parametrize("module", ["httpx", "asyncio", "pydantic", "time", "random", "sqlalchemy", "typer", "rich"])
def test_a_client_a_clock_or_chance_in_the_core_is_caught(module: str, plant: Plant, linted: Lint) -> None:
    plant("operator_core.words", f"import {module}\n")
    code, words = linted()
    assert code == 1
    assert re.search(r"The core is pure.* BROKEN", words), words
    assert f"operator_core.words -> {module}" in words


def test_even_the_clocks_may_not_speak_http(plant: Plant, linted: Lint) -> None:
    plant("operator_core.runtime", "import asyncio\nimport time\nimport httpx\n")
    code, words = linted()
    assert (code, "operator_core.runtime -> httpx" in words) == (1, True)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("operator_diagnosis.peeks", "operator_chaos"),
        ("operator_simulator.copies", "operator_tikv"),
        ("operator_tikv.copies", "operator_simulator"),
        ("operator_monitor.writes", "operator_ledger"),
    ],
)
def test_a_sibling_that_is_imported_is_caught(module: str, imported: str, plant: Plant, linted: Lint) -> None:
    plant(module, f"def f():\n    import {imported}\n")
    code, words = linted()
    assert code == 1
    assert re.search(r"never import each other.* BROKEN", words), words
    assert f"{module} -> {imported}" in words


def test_an_import_upwards_is_caught(plant: Plant, linted: Lint) -> None:
    plant("operator_core.words", "import operator_monitor\n")
    code, words = linted()
    assert code == 1
    assert re.search(r"The command line wires.* BROKEN", words), words


def sources(room: str) -> list[Path]:
    folder = ROOT / "packages" / f"operator-{room}" / "src"
    return [p for p in sorted(folder.rglob("*")) if p.suffix in {".py", ".json", ".toml", ".sql", ".j2", ".md", ".txt"}]


@pytest.mark.parametrize("room", FREE_OF_SUBJECTS)
def test_no_word_of_a_subject_stands_where_any_subject_must_fit(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources(room)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SUBJECT_WORDS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line", ["TiKV", "tikv0:20180", "Placement Driver", "raftstore", "ask PD", "pd1", "a Raft group"]
)
def test_the_words_of_a_subject_are_known(line: str) -> None:
    assert SUBJECT_WORDS.search(line)


@pytest.mark.parametrize("line", ["import pdb", "an updraft", "a draft", "update", "http", "aircraft"])
def test_other_words_are_let_through(line: str) -> None:
    assert not SUBJECT_WORDS.search(line)


def test_the_words_are_looked_for_in_real_files() -> None:
    assert all(len(sources(room)) > 3 for room in ("core", "diagnosis"))


def test_every_package_of_the_workspace_is_under_contract() -> None:
    there = {p.name.replace("-", "_") for p in (ROOT / "packages").iterdir() if (p / "pyproject.toml").is_file()}
    assert there == set(roots())
