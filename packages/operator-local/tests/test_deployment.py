import json
from collections.abc import Callable
from pathlib import Path

import pytest
from operator_core.components import AddressMap
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Deployment
from operator_local import LocalDeployment

Says = Callable[..., None]

_CONFIG = json.dumps(
    {
        "services": {
            "oven": {"image": "oven:$GREETING"},
            "kiln0": {
                "image": "kiln:1",
                "labels": {"operator.component": "kiln/kiln0", "operator.advertised.heat": "kiln0:8080"},
                "ports": [{"target": 8080, "published": "18080", "host_ip": "127.0.0.1"}],
            },
        }
    }
)


@pytest.fixture
def compose_file(tmp_path: Path) -> Path:
    file = tmp_path / "docker-compose.yaml"
    file.write_text("services: {}")
    return file


@pytest.fixture
def deployment(docker_says: Says, compose_file: Path) -> LocalDeployment:
    docker_says("compose version", out="5.0.0")
    docker_says("config --format json", out=_CONFIG)
    return LocalDeployment(name="pottery", compose_files=(compose_file,))


@pytest.mark.parametrize("name", ["", "Local", "-x", "two words", "a/b", "x\n"])
def test_a_name_that_compose_would_not_take_is_refused_at_once(name: str):
    with pytest.raises(ConfigurationError, match="is no name for a deployment"):
        LocalDeployment(name=name)


@pytest.mark.parametrize("name", ["local", "x", "0-a_b"])
def test_a_name_that_compose_takes_is_taken(name: str):
    assert LocalDeployment(name=name).clock().now().tzinfo is not None


def test_a_subject_without_data_is_refused_by_its_name():
    with pytest.raises(ConfigurationError, match="'pottery' is not installed; install operator_subject_pottery"):
        LocalDeployment(subject="pottery")


async def test_nothing_is_looked_at_before_the_first_operation(docker_says: Says, tmp_path: Path):
    docker_says("compose version", out="5.0.0")
    deployment: Deployment = LocalDeployment(compose_files=(tmp_path / "nono.yaml",))

    with pytest.raises(DeploymentError, match=r"there is no compose file .*nono\.yaml"):
        await deployment.endpoints()


async def test_endpoints_need_no_daemon(deployment: LocalDeployment):
    endpoints = await deployment.endpoints()

    assert [str(e.component) for e in endpoints] == ["kiln0"]
    assert AddressMap.of(endpoints).by_advertised == {"kiln0:8080": "127.0.0.1:18080"}


async def test_an_invalid_file_is_said_in_one_line(docker_says: Says, compose_file: Path):
    docker_says("compose version", out="5.0.0")
    docker_says("config", err=f"validating {compose_file}: services.a.imag false schema\n")

    with pytest.raises(DeploymentError, match=r"^docker compose config: the compose file is not valid: [^\n]+$"):
        await LocalDeployment(compose_files=(compose_file,)).endpoints()


async def test_an_unknown_service_is_refused_with_the_ones_there_are(deployment: LocalDeployment, docker_says: Says):
    docker_says("version --format", out="20.10.24")

    with pytest.raises(ConfigurationError, match=r"deployment pottery has no service 'klin0'; it has kiln0, oven"):
        await deployment.restart("klin0", lambda _: None)
    with pytest.raises(ConfigurationError, match="no service 'klin0'"):
        _ = [line async for line in deployment.logs("klin0", follow=False, tail=None)]


async def test_containers_are_asked_for_by_the_project_label_and_missing_ones_are_listed(
    deployment: LocalDeployment, docker_says: Says
):
    docker_says("version --format", out="20.10.24")
    docker_says("container list -q --no-trunc --all --filter label=com.docker.compose.project=operator-pottery")

    status = await deployment.status()

    assert [(s.name, s.health.value) for s in status.services] == [("kiln0", "missing"), ("oven", "missing")]
    assert not status.is_up
    assert not status.is_healthy


async def test_a_daemon_that_is_down_is_an_error_and_not_an_empty_status(
    deployment: LocalDeployment, docker_says: Says
):
    docker_says("version --format", err="Cannot connect to the Docker daemon at unix:///no.sock. Is it running?")

    with pytest.raises(DeploymentError, match="does not answer"):
        await deployment.status()


async def test_variables_that_are_given_win_over_the_process_own(
    docker_says: Says, compose_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GREETING", "process")
    docker_says("compose version", out="5.0.0")
    docker_says("config --format json", out=_CONFIG)
    docker_says("version --format", out="20.10.24")
    docker_says("image inspect oven:given", err="Error: No such image: oven:given")
    docker_says("image inspect kiln:1", err="Error: No such image: kiln:1")
    docker_says("image pull", err="Error response from daemon: manifest for kiln:1 not found: manifest unknown")
    deployment = LocalDeployment(compose_files=(compose_file,), environment={"GREETING": "given"})

    with pytest.raises(DeploymentError, match="image kiln:1: there is no image kiln:1"):
        await deployment.up(lambda _: None)
