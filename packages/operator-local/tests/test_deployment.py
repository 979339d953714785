import json
from collections.abc import Callable
from pathlib import Path

import pytest
from operator_core.components import AddressMap
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Deployment
from operator_core.runtime import RealClock
from operator_local import LocalDeployment
from operator_local.project import Project

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
    docker_says("info --format", out="8000000000")
    docker_says("image inspect oven:given", err="Error: No such image: oven:given")
    docker_says("image inspect kiln:1", err="Error: No such image: kiln:1")
    docker_says("image pull", err="Error response from daemon: manifest for kiln:1 not found: manifest unknown")
    deployment = LocalDeployment(compose_files=(compose_file,), environment={"GREETING": "given"})

    with pytest.raises(DeploymentError, match="image kiln:1: there is no image kiln:1"):
        await deployment.up(lambda _: None)


_PROFILES = json.dumps(
    {
        "services": {
            "oven": {"image": "oven:1", "mem_reservation": "3221225472"},
            "spare": {"image": "oven:1", "mem_reservation": "3221225472", "profiles": ["more"]},
            "cellar": {"image": "oven:1", "labels": {"operator.holds": "clay"}},
            "window": {
                "image": "oven:1",
                "labels": {"operator.advertised.view": "window:80"},
                "ports": [{"target": 80, "published": "8080", "host_ip": "127.0.0.1"}],
            },
        }
    }
)


def _with_profiles(docker_says: Says, compose_file: Path, *profiles: str) -> LocalDeployment:
    docker_says("compose version", out="5.0.0")
    docker_says("config --format json", out=_PROFILES)
    docker_says("version --format", out="20.10.24")
    docker_says("info --format", out=str(4 << 30))
    return LocalDeployment(name="pottery", compose_files=(compose_file,), profiles=profiles)


async def test_only_the_services_of_the_chosen_profiles_are_expected(docker_says: Says, compose_file: Path):
    deployment = _with_profiles(docker_says, compose_file)
    docker_says("container list -q --no-trunc --all --filter label=com.docker.compose.project=operator-pottery")

    assert [s.name for s in (await deployment.status()).services] == ["cellar", "oven", "window"]
    more = LocalDeployment(name="pottery", compose_files=(compose_file,), profiles=("more",))
    assert [s.name for s in (await more.status()).services] == ["cellar", "oven", "spare", "window"]


async def test_a_profile_that_is_none_is_refused_with_the_ones_there_are(docker_says: Says, compose_file: Path):
    with pytest.raises(ConfigurationError, match=r"no profile 'mroe'; the compose file has more"):
        await _with_profiles(docker_says, compose_file, "mroe").status()


async def test_too_little_memory_is_told_before_anything_is_started(docker_says: Says, compose_file: Path):
    with pytest.raises(DeploymentError, match=r"need 6\.0 GiB of memory, and Docker has 4\.0 GiB; give Docker more"):
        await _with_profiles(docker_says, compose_file, "more").up(lambda _: None)


async def test_enough_memory_is_let_through(docker_says: Says, compose_file: Path):
    deployment = _with_profiles(docker_says, compose_file)
    docker_says("image inspect", err="Error: No such image: oven:1")
    docker_says("image pull", err="Error response from daemon: toomanyrequests: slow down")

    with pytest.raises(DeploymentError, match="rate limit"):
        await deployment.up(lambda _: None)


async def test_what_holds_the_data_of_others_is_not_restarted(docker_says: Says, compose_file: Path):
    with pytest.raises(ConfigurationError, match="cellar holds the data of others in memory"):
        await _with_profiles(docker_says, compose_file).restart("cellar", lambda _: None)


async def test_doors_are_those_of_every_service_and_endpoints_only_the_components(
    docker_says: Says, compose_file: Path
):
    deployment = _with_profiles(docker_says, compose_file)

    assert [(d.service, d.advertised, d.reachable) for d in await deployment.doors()] == [
        ("window", "window:80", "127.0.0.1:8080")
    ]
    assert await deployment.endpoints() == ()


async def test_no_way_of_asking_but_up_forgets_a_service_of_a_profile(docker_says: Says, compose_file: Path):
    docker_says("compose version", out="5.0.0")
    docker_says("--profile * --project-name operator-pottery config --format json", out=_PROFILES)

    deployment = LocalDeployment(name="pottery", compose_files=(compose_file,))

    assert len(await deployment.doors()) == 1


_HELD = (
    "failed to remove network operator-x_default: Error response from daemon: error while removing network: "
    "network operator-x_default id baf7 has active endpoints"
)


@pytest.mark.parametrize("stays", [False, True])
async def test_a_network_that_the_daemon_has_not_cleared_up_is_freed_and_asked_for_again(
    docker_says: Says, compose_file: Path, tmp_path: Path, stays: bool
):
    ends = {"ep-f00": {"Name": "operator-x-tikv0-1"}, "c4fe": {"Name": "of-somebody-else"}}
    docker_says("container list", out="")
    docker_says("compose --file", err=_HELD, once=not stays)
    docker_says("compose --file", out="")
    docker_says("network ls", out="n1")
    docker_says("network inspect", out=json.dumps([{"Id": "n1", "Name": "operator-x_default", "Containers": ends}]))
    freed = tmp_path / "freed"
    docker_says("network disconnect --force n1 operator-x-tikv0-1", out="", leaves=freed)
    project = Project(name="operator-x", files=(compose_file,), environment={}, clock=RealClock(speed=8))

    if stays:
        with pytest.raises(DeploymentError, match="network operator-x_default is still in use"):
            await project.down(volumes=True)
    else:
        await project.down(volumes=True)
    assert freed.exists()
