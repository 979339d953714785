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
from busy_machine import succeeded, until
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


def watched(operator: Run, cycles: int, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The tickets after some cycles of a monitor, or after a few times as many where that was not enough."""

    def watch_on() -> list[dict[str, Any]]:
        done(operator("monitor", "--cycles", str(cycles)))
        return tickets(operator)

    return until(watch_on, enough, most=3)


def of_store_4(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [t for t in found if t["component"] == {"kind": "store", "id": "4"}]


@pytest.mark.sampled(0)
def test_a_held_ticket_is_left_alone_and_one_given_back_resolves(cluster: Run) -> None:
    done(until(lambda: cluster("chaos", "kill-store", "4"), succeeded))
    watched(cluster, 4, bool)
    done(cluster("tickets", "hold", "1", "--because", "I am at it"))
    done(cluster("chaos", "heal"))
    (ticket,) = watched(cluster, 12, lambda found: all(v["ended_at"] for t in found for v in t["violations"]))
    assert all(v["ended_at"] for v in ticket["violations"]), "it is over"
    assert ticket["state"] != "resolved", "and a person still has it"
    done(cluster("tickets", "unhold", "1", "--because", "done"))
    (ticket,) = watched(cluster, 2, lambda found: all(t["state"] == "resolved" for t in found))
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
    done(until(lambda: cluster("chaos", "kill-store", "4"), succeeded))
    done(cluster("monitor", "--cycles", "5"))
    assert of_store_4(tickets(cluster)) == []
    done(cluster("silence", "expire", str(stated["id"])))
    (ticket,) = of_store_4(watched(cluster, 2, lambda found: bool(of_store_4(found))))
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
