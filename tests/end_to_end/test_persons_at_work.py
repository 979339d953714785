"""What people say about tickets and maintenance, and what a running monitor makes of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from operator_core.runtime import RealClock

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cluster(operator: Run) -> Iterator[Run]:
    up = operator("deploy", "embedded", "up", "--speed", "4", "--seed", "5")
    assert up.returncode == 0, up.stderr
    yield operator
    assert operator("deploy", "embedded", "down").returncode == 0


def done(finished: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert finished.returncode == 0, finished.stderr
    return finished


def tickets(operator: Run) -> list[dict[str, Any]]:
    return json.loads(done(operator("tickets", "list", "--all", "--json")).stdout)["result"]


@pytest.mark.sampled(0)
def test_a_held_ticket_is_left_alone_and_one_given_back_resolves(cluster: Run) -> None:
    done(cluster("chaos", "kill-store", "4"))
    done(cluster("monitor", "--cycles", "4"))
    done(cluster("tickets", "hold", "1", "--because", "I am at it"))
    done(cluster("chaos", "heal"))
    done(cluster("monitor", "--cycles", "12"))
    (ticket,) = tickets(cluster)
    assert all(v["ended_at"] for v in ticket["violations"]), "it is over"
    assert ticket["state"] != "resolved", "and a person still has it"
    done(cluster("tickets", "unhold", "1", "--because", "done"))
    done(cluster("monitor", "--cycles", "2"))
    (ticket,) = tickets(cluster)
    assert ticket["state"] == "resolved"
    line = json.loads(done(cluster("timeline", "1", "--json")).stdout)["result"]["happenings"]
    told = [h["what"] for h in line if h["what"] in {"opened", "held", "ended", "unheld", "resolved"}]
    assert list(dict.fromkeys(told)) == ["opened", "held", "ended", "unheld", "resolved"], (
        "people's doings stand at the cluster's time, which is four times ours"
    )


@pytest.mark.sampled(0)
def test_announced_maintenance_opens_nothing_until_it_is_over(cluster: Run) -> None:
    silence = ("silence", "add", "--kind", "store", "--for", "1h", "--because", "new disks", "--json")
    stated = json.loads(done(cluster(*silence)).stdout)["result"]
    done(cluster("chaos", "kill-store", "4"))
    done(cluster("monitor", "--cycles", "5"))
    assert [t for t in tickets(cluster) if t["component"] == {"kind": "store", "id": "4"}] == []
    done(cluster("silence", "expire", str(stated["id"])))
    done(cluster("monitor", "--cycles", "2"))
    (ticket,) = [t for t in tickets(cluster) if t["component"] == {"kind": "store", "id": "4"}]
    began = datetime.fromisoformat(ticket["violations"][0]["since"])
    opened = datetime.fromisoformat(ticket["opened_at"])
    assert began < opened
    assert "silence 1" in done(cluster("tickets", "show", str(ticket["id"]))).stdout
    assert "silenced" in done(cluster("timeline", str(ticket["id"]))).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_tickets_ends_within_a_second(surroundings: Mapping[str, str], number: signal.Signals) -> None:
    command = [str(Path(sys.executable).with_name("operator")), "tickets", "list", "--watch"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(surroundings)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "no open ticket\n"
    clock = RealClock()
    asked = clock.now()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert (clock.now() - asked).total_seconds() < 2
