"""Health and metrics over HTTP, as a person, a load balancer and a Prometheus ask for them."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from watch_process import PATIENCE, Watch


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


@pytest.mark.sampled(0)
def test_health_and_metrics_are_served_also_while_standing_by(watch: Callable[..., Watch]) -> None:
    doors = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    first = watch("--interval", "1s", "--listen", doors[0])
    first.until("#", times=2)
    second = watch("--interval", "1s", "--listen", doors[1])
    second.until("standing by:")
    second.until(f"health and metrics: http://{doors[1]}/healthz")
    status, health = got(f"http://{doors[0]}/healthz")
    assert (status, json.loads(health)["watching"]) == (200, 1)
    status, health = got(f"http://{doors[1]}/healthz")
    assert (status, json.loads(health)["standing_by"]) == (200, 1)
    metrics = got(f"http://{doors[0]}/metrics")[1]
    assert 'operator_watch_held{cluster="embedded:default"} 1.0' in metrics
    assert "operator_ledger_size_bytes " in metrics
    assert 'operator_watch_held{cluster="embedded:default"} 0.0' in got(f"http://{doors[1]}/metrics")[1]


@pytest.mark.sampled(0)
def test_a_port_that_is_taken_is_named_and_nothing_is_watched(watch: Callable[..., Watch]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        door = f"127.0.0.1:{server.getsockname()[1]}"
        watching = watch("--listen", door)
        assert watching.process.wait(PATIENCE) == 2
    assert watching.process.stderr is not None
    (line,) = watching.process.stderr.read().decode().splitlines()
    assert door in line
    assert watching.said == b""
