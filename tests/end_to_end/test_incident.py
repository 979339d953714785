"""One incident as a person lives it: every step a command of its own, on a background cluster of real sockets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from busy_machine import succeeded, until

Run = Callable[..., subprocess.CompletedProcess[str]]
SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "diagnosis-1.json"


@pytest.fixture
def cluster(operator: Run) -> Iterator[Run]:
    up = operator("deploy", "embedded", "up", "--speed", "4", "--seed", "5")
    assert up.returncode == 0, up.stderr
    yield operator
    down = operator("deploy", "embedded", "down")
    assert down.returncode == 0, down.stderr


def test_an_incident_from_healthy_to_resolved(cluster: Run) -> None:
    assert until(lambda: cluster("check"), succeeded).returncode == 0
    broken = until(lambda: cluster("chaos", "kill-store", "4"), succeeded)
    assert broken.returncode == 0, broken.stderr
    refused = cluster("chaos", "kill-store", "5")
    assert refused.returncode == 2
    assert "needs 2" in refused.stderr

    watched = until(lambda: cluster("monitor", "--cycles", "5"), lambda done: "opened" in done.stdout, most=3)
    assert watched.returncode == 0, watched.stderr
    assert "opened" in watched.stdout
    assert "The process of store 4 has died" in watched.stdout
    assert cluster("check").returncode == 1
    diagnosis = cluster("diagnose", "1", "--json")
    jsonschema.validate(json.loads(diagnosis.stdout), json.loads(SCHEMA.read_text(encoding="utf-8")))
    shown = cluster("tickets", "show", "1").stdout
    assert "diagnosed" in shown
    assert "status_contact" in shown
    assert "do not hold" not in shown, "every stored claim still holds against the record"

    assert cluster("chaos", "heal").returncode == 0

    def watch_on() -> list[dict[str, object]]:
        assert cluster("monitor", "--cycles", "8").returncode == 0
        return json.loads(cluster("tickets", "list", "--all", "--json").stdout)["result"]

    (over,) = until(watch_on, lambda tickets: all(t["state"] == "resolved" for t in tickets), most=3)
    assert (over["component"], over["state"]) == ({"kind": "store", "id": "4"}, "resolved")
    told = cluster("timeline", "1").stdout
    assert "store 4: it starts, and nothing before tells of an orderly stop" in told
    assert "logs read: pd0, pd1, pd2, store 1, store 4, store 5" in told
    assert "The process of store 4 has died" in cluster("diagnose", "1").stdout, (
        "reasoned from its trouble, not its cure"
    )
    nothing = "nothing to diagnose"
    assert nothing in until(lambda: cluster("diagnose").stdout, lambda told: nothing in told)


@pytest.mark.sampled(0)
def test_a_cluster_that_was_taken_down_takes_its_faults_with_it(operator: Run) -> None:
    assert operator("deploy", "embedded", "up", "--speed", "4").returncode == 0
    assert until(lambda: operator("chaos", "kill-store", "4"), succeeded).returncode == 0
    assert operator("chaos", "status").returncode == 1
    assert operator("deploy", "embedded", "down").returncode == 0
    assert operator("chaos", "status").returncode == 0
