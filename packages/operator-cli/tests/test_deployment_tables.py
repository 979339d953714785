"""What a person sees of a deployment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.render.deployment import show_doors, show_status
from operator_core.components import ComponentRef, Kind
from operator_core.ports import DeploymentStatus, ServiceHealth, ServiceStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KILN = ServiceStatus(
    name="kiln0",
    health=ServiceHealth.RUNNING,
    component=ComponentRef(Kind("kiln"), "kiln0"),
    addresses=("127.0.0.1:1", "127.0.0.1:2"),
    since=NOW - timedelta(minutes=3),
    image="kiln:1",
    restarts=2,
)
WHEEL = ServiceStatus(name="wheel", health=ServiceHealth.MISSING, image="wheel:[red]1")


def _shown(capsys: pytest.CaptureFixture[str], *services: ServiceStatus) -> list[str]:
    show_status(DeploymentStatus(name="pottery", services=services), now=NOW)
    return capsys.readouterr().out.splitlines()


def test_a_service_is_shown_with_ports_age_restarts_and_image(capsys: pytest.CaptureFixture[str]) -> None:
    head, line, end = _shown(capsys, KILN)

    assert head.split() == ["service", "state", "component", "reachable", "at", "for", "restarts", "image"]
    assert line.split() == ["kiln0", "running", "kiln0", "127.0.0.1:1", "127.0.0.1:2", "3", "min", "2", "kiln:1"]
    assert end == "healthy: all 1 services run"


def test_one_that_is_not_there_is_shown_and_makes_the_whole_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    *_, line, end = _shown(capsys, KILN, WHEEL)

    assert line.split() == ["wheel", "missing", "wheel:[red]1"]
    assert end == "not healthy: wheel, of 2 services"


def test_where_there_are_no_images_there_are_no_columns_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    head, *_ = _shown(capsys, ServiceStatus(name="kiln0", health=ServiceHealth.RUNNING))

    assert head.split() == ["service", "state", "component", "reachable", "at", "for"]


def test_a_door_is_shown_with_both_its_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    show_doors([("kiln0", "kiln0", "heat", "kiln0:8080", "127.0.0.1:18080")])

    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == ["kiln0", "kiln0", "heat", "kiln0:8080", "127.0.0.1:18080"]
