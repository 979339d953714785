"""``operator silence``: stated with a scope and an end, listed while it counts, ended before its time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]
Opens = Callable[..., None]

ADD = ("silence", "add", "--cluster", "prod", "--because", "new disks")


@pytest.fixture(autouse=True)
def prod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of the settings file."""
    file = tmp_path / "operator.toml"
    file.write_text('[clusters.prod]\npd = ["http://127.0.0.1:1"]\n')
    monkeypatch.setenv("OPERATOR_CONFIG", str(file))


def in_force(operator: Run, *arguments: str) -> list[int]:
    document = json.loads(operator("silence", "list", "--json", *arguments).stdout)
    assert document["schema"] == "operator.silences/1"
    return [s["id"] for s in document["result"]["silences"]]


def test_a_silence_is_stated_listed_and_ended(operator: Run, refused: Refused) -> None:
    done = operator(*ADD, "--component", "store 4", "--invariant", "store-reachable", "--for", "2h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("silence 1: store-reachable of store 4 in prod, until ")
    assert done.stdout.endswith("(2 h 0 min); anna: new disks\n")
    assert in_force(operator) == [1]
    head, row = operator("silence", "list").stdout.splitlines()
    assert head.split()[:3] == ["silence", "in", "force"]
    assert row.split()[:2] == ["1", "yes"]
    assert "store-reachable of store 4" in row
    assert row.endswith("new disks")
    assert "silence 1 until" in operator("tickets", "list").stdout, "it is said wherever tickets are"

    assert operator("silence", "expire", "1").stdout.startswith("silence 1 is over: store-reachable of store 4 in prod")
    assert in_force(operator) == []
    assert in_force(operator, "--all") == [1]
    assert operator("silence", "list").stdout == "no silence in force\n"
    assert operator("silence", "list", "--all").stdout.splitlines()[1].split()[:2] == ["1", "no"]
    refused(["silence", "expire", "1"], "silence 1 is over since")


def test_what_nothing_restricts_is_warned_of_and_what_is_open_stays(operator: Run, opens: Opens) -> None:
    opens("disk-space", "append-quick")
    everything = operator(*ADD, "--for", "30m")
    assert "nothing restricts silence 1" in everything.stderr
    assert "ticket 1, 2 already" in everything.stderr
    some = operator(*ADD, "--for", "30m", "--kind", "store", "--invariant", "append-quick")
    assert "nothing restricts" not in some.stderr
    assert "ticket 2 already" in some.stderr
    other = operator(*ADD, "--for", "30m", "--kind", "pd")
    assert other.stderr == ""
    assert in_force(operator, "--cluster", "prod") == [1, 2, 3]


def test_a_component_that_was_not_seen_is_told_those_that_were(operator: Run, incident: Path) -> None:
    del incident
    assert operator(*ADD, "--component", "store 4", "--for", "1h").stderr == ""
    done = operator(*ADD, "--component", "store 44", "--for", "1h")
    assert done.returncode == 0, "it may be one that is to come"
    assert "store 44 was not there at the last look; there were" in done.stderr
    assert "store 4," in done.stderr


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--for", "--until")),
        (("--for", "1h", "--until", "2090-01-01"), ("--for", "--until")),
        (("--for", "soon"), ("--for", "soon")),
        (("--for", "-1h"), ("--for", "-1h")),
        (("--for", "0"), ("--for", "'0'")),
        (("--for", "10y"), ("--for", "10y")),
        (("--until", "2020-01-01"), ("--until", "2020-01-01", "over")),
        (("--until", "9000-01-01"), ("--until", "9000-01-01", "366 days")),
        (("--until", "tomorrow"), ("--until", "tomorrow")),
        (("--for", "1h", "--kind", "stores"), ("--kind", "stores", "store")),
        (("--for", "1h", "--kind", "store", "--component", "pd0"), ("--component pd0", "--kind")),
        (("--for", "1h", "--component", "x"), ("--component", "'x'")),
        (("--for", "1h", "--invariant", "store-reachabel"), ("--invariant", "store-reachabel", "store-reachable?")),
        (("--for", "1h", "--invariant", "store-reachable", "--kind", "pd"), ("store-reachable", "store", "pd")),
        (("--for", "1h", "--by", "monitor"), ("--by", "monitor")),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    operator: Run, refused: Refused, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused([*ADD, *arguments], *words)
    assert in_force(operator, "--all") == []


def test_a_silence_must_say_why_and_of_which_cluster(refused: Refused) -> None:
    refused(["silence", "add", "--cluster", "prod", "--for", "1h"], "--because")
    refused(["silence", "add", "--cluster", "prdo", "--for", "1h", "--because", "x"], "prdo")
    refused(["silence", "add", "--for", "1h", "--because", "x"], "no deployment is up")
    refused(["silence", "expire", "41"], "silence 41")
    refused(["silence", "list", "--cluster", "prdo"], "--cluster", "prdo")
