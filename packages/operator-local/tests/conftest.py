"""A docker program that answers what a test has written down, and nothing else."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Says = Callable[..., None]

_PROGRAM = """\
#!{python}
import json, os, sys, time
arguments = " ".join(sys.argv[1:])
for number, answer in enumerate(json.load(open({answers!r}))):
    given = {answers!r} + str(number)
    if answer["when"] in arguments and not (answer["once"] and os.path.exists(given)):
        open(given, "w").close()
        if answer["leaves"]:
            open(answer["leaves"], "w").close()
        if answer["hangs"]:
            time.sleep(60)
        sys.stdout.write(answer["out"].replace("$GREETING", os.environ.get("GREETING", "")))
        sys.stderr.write(answer["err"])
        sys.exit(1 if answer["err"] else 0)
sys.stderr.write("the test has no answer for: " + arguments)
sys.exit(9)
"""


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def docker_says(empty_path: Path, tmp_path: Path) -> Says:
    """Writes down what docker answers to a command line that has `when` in it; the first that fits is given.

    One that is given `once` is passed over afterwards; when an answer is given, the file that it `leaves` is there.
    """
    answers: list[dict[str, object]] = []
    book = tmp_path / "answers.json"
    program = empty_path / "docker"
    program.write_text(_PROGRAM.format(python=sys.executable, answers=str(book)))
    program.chmod(0o755)
    (empty_path / "env").symlink_to("/usr/bin/env")

    def says(
        when: str, *, out: str = "", err: str = "", hangs: bool = False, once: bool = False, leaves: Path | None = None
    ) -> None:
        marker = str(leaves) if leaves else ""
        answers.append({"when": when, "out": out, "err": err, "hangs": hangs, "once": once, "leaves": marker})
        book.write_text(json.dumps(answers))

    return says
