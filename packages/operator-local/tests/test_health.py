from dataclasses import replace
from datetime import UTC, datetime

import pytest
from operator_core.ports import DeploymentStatus, ServiceHealth
from operator_local.compose_file import Service
from operator_local.health import ContainerState, service_status

_SERVICE = Service(name="kiln0", image="kiln:1", may_pull=True, component=None)
_STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
_FINISHED = datetime(2026, 3, 1, 13, tzinfo=UTC)
_RUNNING = ContainerState(status="running", health="healthy", started_at=_STARTED)
_EXITED = ContainerState(status="exited", exit_code=137, started_at=_STARTED, finished_at=_FINISHED)


@pytest.mark.parametrize(
    ("state", "health"),
    [
        (_RUNNING, ServiceHealth.RUNNING),
        (replace(_RUNNING, health=None), ServiceHealth.RUNNING),
        (replace(_RUNNING, health="starting"), ServiceHealth.STARTING),
        (replace(_RUNNING, health="unhealthy"), ServiceHealth.UNHEALTHY),
        (replace(_RUNNING, status="restarting"), ServiceHealth.UNHEALTHY),
        (replace(_RUNNING, status="paused"), ServiceHealth.PAUSED),
        (_EXITED, ServiceHealth.STOPPED),
        (replace(_EXITED, status="dead"), ServiceHealth.STOPPED),
        (replace(_EXITED, status="created"), ServiceHealth.STOPPED),
        (replace(_EXITED, status="removing"), ServiceHealth.STOPPED),
        (None, ServiceHealth.MISSING),
    ],
)
def test_what_docker_says_has_one_meaning(state: ContainerState | None, health: ServiceHealth):
    assert service_status(_SERVICE, state).health is health


@pytest.mark.parametrize("state", [_EXITED, None, replace(_RUNNING, health="unhealthy")])
def test_one_service_that_is_not_running_makes_the_deployment_unhealthy(state: ContainerState | None):
    fine, ill = service_status(_SERVICE, _RUNNING), service_status(_SERVICE, state)

    assert DeploymentStatus(name="x", services=(fine,)).is_healthy
    assert not DeploymentStatus(name="x", services=(fine, ill)).is_healthy


@pytest.mark.parametrize(
    ("state", "since"),
    [
        (_RUNNING, _STARTED),
        (_EXITED, _FINISHED),
        (replace(_EXITED, status="created", finished_at=datetime(1, 1, 1, tzinfo=UTC)), None),
        (None, None),
    ],
)
def test_since_is_when_it_became_so(state: ContainerState | None, since: datetime | None):
    assert service_status(_SERVICE, state).since == since


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        (_RUNNING, ""),
        (_EXITED, "exit code 137"),
        (
            replace(_EXITED, is_oom_killed=True),
            "killed, out of memory; give it more in the compose file, or Docker more as a whole",
        ),
        (replace(_EXITED, status="created", error="port is already allocated"), "port is already allocated"),
        (replace(_EXITED, status="created"), "it was never started"),
        (replace(_RUNNING, status="restarting", exit_code=1), "keeps restarting, exit code 1"),
        (replace(_RUNNING, health="unhealthy", last_probe="bash: connect:\nrefused\n"), "bash: connect: refused"),
        (replace(_RUNNING, health="unhealthy"), "its health check fails"),
    ],
)
def test_the_detail_says_why_in_one_line(state: ContainerState, detail: str):
    assert service_status(_SERVICE, state).detail == detail


def test_what_the_engine_said_of_a_container_that_did_not_start_is_one_line_that_says_what_to_do():
    error = (
        "driver failed programming external connectivity on endpoint kiln0-1 (9e39): Bind for 127.0.0.1:2379 failed: "
        "port is already allocated"
    )

    status = service_status(_SERVICE, ContainerState(status="created", error=error))

    assert status.detail.startswith("port 127.0.0.1:2379 is taken by another container; stop that one")


def test_image_and_restarts_are_those_of_the_container_or_what_the_file_says():
    there = service_status(_SERVICE, replace(_RUNNING, image="kiln:0", restarts=2))
    gone = service_status(_SERVICE, None)

    assert (there.image, there.restarts) == ("kiln:0", 2)
    assert (gone.image, gone.restarts) == ("kiln:1", None)
