"""A real Docker engine, and the image that stands for every service on it."""

import json
import os
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from operator_local import LocalDeployment
from python_on_whales import DockerClient

STAND_INS = Path(__file__).parent / "stand-ins"
ROOT = Path(__file__).parents[2]

Brings = Callable[..., LocalDeployment]


@pytest.fixture(scope="session")
def docker_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration in which docker finds the Compose of this environment."""
    folder = tmp_path_factory.mktemp("docker-config")
    (folder / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [sysconfig.get_path("scripts")]}))
    return folder


@pytest.fixture(scope="session")
def docker(docker_config: Path) -> DockerClient:
    if shutil.which("docker") is None:
        pytest.skip("there is no docker program")
    answer = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=30, check=False)
    if answer.returncode != 0:
        pytest.skip(f"no Docker engine answers: {answer.stderr.strip().splitlines()[-1]}")
    return DockerClient(config=docker_config, client_type="docker")


def _built(folder: str) -> str:
    """The name of an image of docker/, built when it is not there yet, which takes up to a minute."""
    script = ROOT / "docker" / folder / "build-image"
    answer = subprocess.run([str(script)], capture_output=True, text=True, timeout=900, check=False)
    if answer.returncode == 3:
        pytest.skip(answer.stderr.strip())
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.strip()


@pytest.fixture(scope="session")
def node_image(docker: DockerClient) -> str:
    """The image of docker/test-node, which stands for every service."""
    return _built("test-node")


@pytest.fixture(scope="session")
def tools_image(docker: DockerClient) -> str:
    """The image of docker/fault-tools."""
    return _built("fault-tools")


@pytest.fixture(scope="session")
def operator_image(docker: DockerClient) -> str:
    """The image of docker/operator."""
    return _built("operator")


@pytest.fixture(scope="session")
def simulated_images(docker: DockerClient) -> tuple[str, str]:
    """The images of docker/simulated-node and docker/prometheus."""
    return _built("simulated-node"), _built("prometheus")


@pytest.fixture(scope="module")
def port_offsets() -> Iterator[int]:
    """Offsets at which the ports of a whole cluster are free."""
    bases = (2379, 2380, 2381, 3000, 8080, 9090, 9187, *range(20160, 20169), *range(20180, 20189))
    # Processes that start together have numbers close together. Above 32767 the kernel gives ports to whoever connects.
    start = 1_000 + os.getpid() % 10 * 1_100
    return (o for o in range(start, 12_500, 100) if all(_is_free(base + o) for base in bases))


@pytest.fixture
def port_offset(port_offsets: Iterator[int]) -> int:
    return next(port_offsets)


@pytest.fixture
async def brings(docker_config: Path, node_image: str, port_offset: int) -> AsyncIterator[Brings]:
    """Makes deployments, and takes all of them away in the end."""
    made: list[LocalDeployment] = []

    def bring(
        *files: Path,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        profiles: tuple[str, ...] = (),
        answer_within: timedelta = timedelta(minutes=5),
    ) -> LocalDeployment:
        deployment = LocalDeployment(
            name=name or f"test-{uuid4().hex[:8]}",
            compose_files=files or (STAND_INS / "pottery.yaml",),
            docker_config=docker_config,
            profiles=profiles,
            answer_within=answer_within,
            environment={
                "NODE_IMAGE": node_image,
                "STAND_INS": str(STAND_INS),
                "OPERATOR_PORT_OFFSET": str(port_offset),
                **(environment or {}),
            },
        )
        made.append(deployment)
        return deployment

    yield bring
    for deployment in made:
        await deployment.down(lambda _: None)


def _is_free(port: int) -> bool:
    with socket.socket() as door:
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
