"""A living cluster, a scripted colleague that asks it further, and what is left of that: in the record, in a bundle."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from busy_machine import succeeded, until
from messages_replies import Answer
from messages_server import MessagesServer, serving_in_a_thread
from messages_shapes import Asked
from scripted_minds import asks, claim, closes, closing, evidence, hypothesis, seen

Run = Callable[..., subprocess.CompletedProcess[str]]


async def asks_the_cluster(asked: Asked) -> Answer:
    """Two questions at once, and a diagnosis that cites what came back."""
    if len(asked.messages) == 1:
        return asks(("knock", {"component": "store/4"}), ("stores", {}))
    told = [r for r in seen(asked) if re.match(r"p\d", r.id)]
    first = next(r for r in told if r.component == "store/4" and r.id.startswith("p1."))
    second = next(r for r in told if r.component == "store/4" and r.id.startswith("p2."))
    claims = [claim(r, "is", r.value) for r in (first, second)]
    opinion = re.search(r"([a-z0-9-]+) of store/4, probability", asked.text)
    assert opinion is not None
    assert asked.schema is not None
    option = next(o for o in asked.schema["properties"]["recommended"]["enum"] if "nothing" in o or "wait" in o)
    known = hypothesis(opinion[1], ["store/4"], 0.9, evidence("its doors were knocked at again", *claims))
    return closes(closing(known, summary="It still does not answer.", recommended=option, because="It may come back."))


async def asks_the_logs(asked: Asked) -> Answer:
    """What the dead store and one of the others wrote, and a diagnosis that cites the other."""
    if len(asked.messages) == 1:
        return asks(("log", {"component": "store/4"}), ("log", {"component": "store/1"}))
    told = next(r for r in seen(asked) if r.component == "store/1" and r.signal == "log.connect-timeout")
    opinion = re.search(r"([a-z0-9-]+) of store/4, probability", asked.text)
    assert opinion is not None
    assert asked.schema is not None
    option = next(o for o in asked.schema["properties"]["recommended"]["enum"] if "nothing" in o or "wait" in o)
    true, false = claim(told, "is", told.value), claim(told, "is", "it serves from now on")
    known = hypothesis(
        opinion[1], ["store/4"], 0.9, evidence("the others cannot connect", true), evidence("well", false)
    )
    return closes(closing(known, summary="It does not answer.", recommended=option, because="It may come back."))


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with serving_in_a_thread(asks_the_cluster) as served:
        yield served


def command(folder: Path, **variables: str) -> Run:
    """The command as a person runs it, with a state folder of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPERATOR_", "ANTHROPIC_"))}
    own = {
        "OPERATOR_STATE_DIRECTORY": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "NO_COLOR": "1",
        **variables,
    }

    def run(*arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("operator")), *arguments],
            capture_output=True,
            text=True,
            timeout=900,
            env={**kept, **own},
            cwd=folder,
            check=False,
        )
        assert code in (None, done.returncode), done
        return done

    return run


@contextmanager
def with_a_dead_store(operator: Run) -> Generator[Run]:
    """A cluster whose store 4 has died, which is ticket 1."""
    operator("deploy", "embedded", "up", "--speed", "4", "--seed", "5")
    try:
        assert succeeded(until(lambda: operator("chaos", "kill-store", "4", code=None), succeeded))
        until(lambda: operator("monitor", "--cycles", "5"), lambda done: "opened" in done.stdout, most=3)
        yield operator
    finally:
        operator("deploy", "embedded", "down")


@pytest.fixture
def broken(tmp_path: Path, server: MessagesServer) -> Iterator[Run]:
    operator = command(tmp_path, ANTHROPIC_API_KEY=server.key, ANTHROPIC_BASE_URL=server.base_url)
    with with_a_dead_store(operator):
        yield operator


def cited(shown: str) -> list[str]:
    return re.findall(r'"(p\d+\.\d+)"', shown)


@pytest.mark.sampled(0)
def test_what_probes_gave_is_evidence_that_outlives_the_cluster(
    broken: Run, server: MessagesServer, tmp_path: Path
) -> None:
    made = broken("diagnose", "1", "--with", "claude")
    assert server.refused == server.misfits == []
    assert len(server.calls) == 2
    assert "knock" in made.stderr
    assert [line for line in made.stderr.splitlines() if not line.isprintable()] == []
    shown = broken("tickets", "show", "1", "--json").stdout
    found = json.loads(shown)["result"]["diagnosis"]
    assert (found["diagnoser"], found["struck"]) == ("claude", [])
    assert {i.partition(".")[0] for i in cited(shown)} == {"p1", "p2"}
    broken("ledger", "verify")

    broken("ledger", "export", "1", str(tmp_path / "one.incident"))
    elsewhere = str(tmp_path / "elsewhere.db")
    broken("ledger", "import", str(tmp_path / "one.incident"), "--ledger", elsewhere)
    there = broken("tickets", "show", "1", "--json", "--ledger", elsewhere).stdout
    assert json.loads(there)["result"]["diagnosis"]["struck"] == []
    assert cited(there) == cited(shown)
    assert json.loads(broken("costs", "--json", "--ledger", elsewhere).stdout)["result"]["investigations"] == []
    assert json.loads(broken("costs", "--json").stdout)["result"]["total"]["turns"] == 2


@pytest.mark.sampled(0)
def test_what_components_wrote_into_their_logs_can_be_asked_and_cited(broken: Run, server: MessagesServer) -> None:
    server.model = asks_the_logs
    broken("diagnose", "1", "--with", "claude")
    assert server.refused == server.misfits == []
    shown = broken("tickets", "show", "1", "--json").stdout
    found = json.loads(shown)["result"]["diagnosis"]
    assert "store 4 does not answer its connecting" in shown
    assert [s["claim"]["value"] for s in found["struck"]] == ["it serves from now on"]
    broken("ledger", "verify")


@pytest.mark.sampled(0)
def test_what_is_happening_now_can_be_asked_about_too(broken: Run, server: MessagesServer) -> None:
    made = broken("diagnose", "--with", "both")
    assert len(server.calls) == 2
    assert "They agree on what comes first." in made.stdout
    (one,) = json.loads(broken("costs", "--json").stdout)["result"]["investigations"]
    assert (one["ticket"], one["cluster"], one["ended"]) == (None, "embedded:default", "closed")


@pytest.mark.live
def test_a_real_model_diagnoses_a_dead_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = os.environ.get("ANTHROPIC_API_KEY")
    if not key:
        pytest.skip("no ANTHROPIC_API_KEY")
    given = {n: v for n, v in os.environ.items() if n.startswith(("ANTHROPIC_", "OPERATOR_CLAUDE__"))}
    with with_a_dead_store(command(tmp_path, **given)) as operator:
        made = operator("diagnose", "1", "--with", "claude", "--record", str(tmp_path / "held.json"))
        costs = operator("costs").stdout
        assert operator("diagnose", "1", "--replay", str(tmp_path / "held.json")).stdout == made.stdout
        found = json.loads(operator("tickets", "show", "1", "--json").stdout)["result"]["diagnosis"]
    with capsys.disabled():
        sys.stdout.write(f"\n{made.stderr}\n{made.stdout}\n{costs}\n")
    assert found["diagnoser"] == "claude"
    assert {"kind": "store", "id": "4"} in found["hypotheses"][0]["components"]
