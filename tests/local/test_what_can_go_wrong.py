"""What a real engine complains of comes out as one line that says what to do."""

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from operator_core.errors import DeploymentError
from operator_local import LocalDeployment
from python_on_whales import DockerClient

pytestmark = pytest.mark.docker

Brings = Callable[..., LocalDeployment]


def _silent(_: str) -> None: ...


async def _failure(deployment: LocalDeployment) -> str:
    with pytest.raises(DeploymentError) as told:
        await deployment.up(_silent)
    message = str(told.value)
    assert "\n" not in message
    return message


async def test_a_port_that_a_program_holds_is_named(brings: Brings, port_offset: int):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 8080 + port_offset))
        taken.listen()

        message = await _failure(brings())

    assert f"port 127.0.0.1:{8080 + port_offset} is taken" in message
    assert "OPERATOR_PORT_OFFSET" in message


async def test_a_port_that_another_deployment_holds_is_named_and_another_offset_helps(brings: Brings, port_offset: int):
    await brings().up(_silent)

    message = await _failure(brings(name="second-pottery"))
    elsewhere = brings(name="second-pottery", environment={"OPERATOR_PORT_OFFSET": str(port_offset + 50)})
    await elsewhere.up(_silent)

    assert f"port 127.0.0.1:{8080 + port_offset} is taken by another container" in message
    assert (await elsewhere.status()).is_healthy


async def test_an_image_whose_registry_cannot_be_found_is_named(brings: Brings):
    image = "registry.invalid/wheel:1"

    message = await _failure(brings(environment={"WHEEL_IMAGE": image, "WHEEL_PULL_POLICY": "missing"}))

    assert message.startswith(f"image {image}: ")
    assert "docker load" in message


async def test_an_image_that_may_not_be_pulled_is_not(brings: Brings):
    message = await _failure(brings(environment={"WHEEL_IMAGE": "wheel:1"}))

    assert message == "image wheel:1 is not on this machine and may not be pulled; build or load it first"


async def test_a_service_that_ends_at_once_is_named_with_its_exit_code(brings: Brings):
    deployment = brings(environment={"WHEEL_PROGRAM": "__import__('sys').exit(3)"})

    message = await _failure(deployment)

    assert "wheel: stopped (exit code 3)" in message


async def test_the_last_lines_of_a_service_that_failed_are_told(brings: Brings):
    told: list[str] = []
    deployment = brings(environment={"WHEEL_PROGRAM": "print('no clay, password=hunter22'); __import__('sys').exit(3)"})

    with pytest.raises(DeploymentError, match=r"wheel: stopped \(exit code 3\)"):
        await deployment.up(told.append)

    assert "wheel | no clay, password=‹redacted:password›" in told
    assert not any(line.startswith("kiln |") for line in told)


async def test_waiting_ends_in_time_and_names_who_was_waited_for(brings: Brings, tmp_path: Path):
    slow = tmp_path / "slow.yaml"
    slow.write_text('services: {kiln: {healthcheck: {test: [CMD, "false"], start_period: 600s}}}')
    pottery = Path(__file__).parent / "stand-ins" / "pottery.yaml"
    told: list[str] = []

    with pytest.raises(DeploymentError, match="kiln: starting, not answering yet"):
        await brings(pottery, slow, answer_within=timedelta(seconds=12)).up(told.append)

    assert "waiting for kiln" in told


async def test_without_waiting_it_is_not_waited(brings: Brings, tmp_path: Path):
    slow = tmp_path / "slow.yaml"
    slow.write_text('services: {kiln: {healthcheck: {test: [CMD, "false"], start_period: 600s}}}')
    pottery = Path(__file__).parent / "stand-ins" / "pottery.yaml"
    deployment = brings(pottery, slow)

    await deployment.up(_silent, wait=False)

    assert [s.health.value for s in (await deployment.status()).services] == ["starting", "running"]


async def test_a_service_that_never_answers_is_named(brings: Brings, tmp_path: Path):
    deaf = tmp_path / "deaf.yaml"
    deaf.write_text(
        'services: {kiln: {healthcheck: {test: [CMD, "false"], interval: 0.2s, retries: 2, start_period: 0s}}}'
    )
    pottery = Path(__file__).parent / "stand-ins" / "pottery.yaml"

    message = await _failure(brings(pottery, deaf))

    assert "kiln: up, but not answering" in message


async def test_a_network_that_somebody_else_has_joined_is_told_with_who_it_is(
    brings: Brings, docker: DockerClient, node_image: str
):
    name = f"test-{uuid4().hex[:8]}"
    deployment = brings(name=name)
    await deployment.up(_silent)
    label = f"com.docker.compose.project=operator-{name}"
    (network,) = [n.name for n in docker.network.list(filters=[("label", label)])]
    guest = docker.run(node_image, ["python3", "-c", "import time; time.sleep(600)"], detach=True, networks=[network])
    try:
        with pytest.raises(DeploymentError) as told:
            await deployment.down(_silent)
        message = str(told.value)
        assert f"network {network}, on which somebody has put {guest.name}" in message
        assert not (await deployment.status()).is_up
        assert guest.state.running
    finally:
        guest.remove(force=True)

    await deployment.down(_silent)
    assert docker.network.list(filters=[("label", label)]) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("services: {a: [", "is not valid: failed to parse"),
        ("services: {a: {imag: x}}", "services.a.imag"),
        ("services: {a: {}}", 'service "a" has neither an image nor a build'),
        ("services: {a: {image: '${NO_SUCH_VARIABLE:?}'}}", "needs the variable NO_SUCH_VARIABLE"),
        ("services: {}", "no service"),
    ],
)
async def test_a_compose_file_that_is_not_valid_is_told_where(
    docker_config: Path, tmp_path: Path, text: str, says: str
):
    file = tmp_path / "docker-compose.yaml"
    file.write_text(text)

    message = await _failure(LocalDeployment(compose_files=(file,), docker_config=docker_config))

    assert says in message


async def test_a_daemon_that_is_not_there_is_an_error_and_not_an_empty_deployment(
    docker_config: Path, node_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("NODE_IMAGE", node_image)
    pottery = Path(__file__).parent / "stand-ins" / "pottery.yaml"

    with pytest.raises(DeploymentError, match=r"does not answer at unix://.*no\.sock; start Docker"):
        await LocalDeployment(compose_files=(pottery,), docker_config=docker_config).status()
