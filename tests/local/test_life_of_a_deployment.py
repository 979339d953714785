"""A deployment on a real engine, from up to down."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from urllib.request import urlopen
from uuid import uuid4

import pytest
from operator_core.errors import DeploymentError
from operator_core.ports import DeploymentStatus, ServiceHealth
from operator_local import LocalDeployment
from python_on_whales import DockerClient

pytestmark = pytest.mark.docker

Brings = Callable[..., LocalDeployment]

_SOON = timedelta(seconds=60)
_A_MOMENT = timedelta(seconds=0.2)


@pytest.fixture
def name() -> str:
    return f"test-{uuid4().hex[:8]}"


@pytest.fixture
async def pottery(brings: Brings, name: str) -> LocalDeployment:
    deployment = brings(name=name)
    await deployment.up(lambda _: None)
    return deployment


def _health(status: DeploymentStatus) -> dict[str, ServiceHealth]:
    return {s.name: s.health for s in status.services}


def _http_status(address: str) -> int:
    with urlopen(f"http://{address}", timeout=5) as answer:
        return answer.status


def _container(docker: DockerClient, project: str, service: str) -> str:
    (container,) = docker.container.list(
        all=True,
        filters=[
            ("label", f"com.docker.compose.project=operator-{project}"),
            ("label", f"com.docker.compose.service={service}"),
        ],
    )
    return container.name


async def test_up_tells_what_it_does_and_ends_when_the_services_answer(brings: Brings):
    told: list[str] = []
    deployment = brings()
    before = await deployment.status()

    await deployment.up(told.append)

    assert not before.is_up
    assert _health(before) == {"kiln": ServiceHealth.MISSING, "wheel": ServiceHealth.MISSING}
    assert (await deployment.status()).is_healthy
    assert told[0] == "bringing up 2 services, and waiting until they answer"
    (door,) = await deployment.endpoints()
    assert _http_status(f"{door.reachable}/") == 200


async def test_up_leaves_a_service_that_is_up_alone(pottery: LocalDeployment):
    before = await pottery.status()

    await pottery.up(lambda _: None)

    assert await pottery.status() == before


async def test_a_killed_service_is_still_listed_and_makes_the_whole_unhealthy(
    pottery: LocalDeployment, docker: DockerClient, name: str
):
    docker.kill(_container(docker, name, "wheel"))

    status = await pottery.status()

    assert _health(status) == {"kiln": ServiceHealth.RUNNING, "wheel": ServiceHealth.STOPPED}
    assert [s.detail for s in status.services] == ["", "exit code 137"]
    assert not status.is_healthy


async def test_a_removed_container_is_a_missing_service_and_not_a_shorter_list(
    pottery: LocalDeployment, docker: DockerClient, name: str
):
    docker.remove(_container(docker, name, "wheel"), force=True)

    assert _health(await pottery.status()) == {"kiln": ServiceHealth.RUNNING, "wheel": ServiceHealth.MISSING}
    with pytest.raises(DeploymentError, match="wheel cannot be restarted, for it is not there; bring it up first"):
        await pottery.restart("wheel", lambda _: None)


async def test_a_service_that_runs_but_does_not_answer_is_unhealthy(
    pottery: LocalDeployment, docker: DockerClient, name: str
):
    docker.execute(_container(docker, name, "kiln"), ["pkill", "-STOP", "-f", "http.server"])
    clock = pottery.clock()
    async with clock.deadline(_SOON):
        while _health(status := await pottery.status())["kiln"] is not ServiceHealth.UNHEALTHY:
            await clock.sleep(_A_MOMENT)

    assert not status.is_healthy
    assert status.services[0].detail


async def test_a_paused_service_goes_on_with_up(pottery: LocalDeployment, docker: DockerClient, name: str):
    docker.pause(_container(docker, name, "wheel"))
    paused = await pottery.status()
    told: list[str] = []

    await pottery.up(told.append)

    assert _health(paused)["wheel"] is ServiceHealth.PAUSED
    assert "wheel: paused; it goes on" in told
    assert (await pottery.status()).is_healthy


async def test_restart_starts_one_service_anew_and_no_other(pottery: LocalDeployment, docker: DockerClient, name: str):
    before = {s.name: s.since for s in (await pottery.status()).services}
    docker.kill(_container(docker, name, "kiln"))

    await pottery.restart("kiln", lambda _: None)

    after = await pottery.status()
    since = {s.name: s.since for s in after.services}
    assert after.is_healthy
    assert since["wheel"] == before["wheel"]
    assert since["kiln"] != before["kiln"]


async def test_logs_of_one_service_are_its_own_lines_and_of_all_say_whose(pottery: LocalDeployment):
    own = [line async for line in pottery.logs("wheel", follow=False, tail=None)]
    all_lines = [line async for line in pottery.logs(None, follow=False, tail=1)]

    assert own == ["turning"]
    assert any(line.startswith("wheel-1") and line.endswith("| turning") for line in all_lines)
    assert {line.split("-1")[0] for line in all_lines} == {"kiln", "wheel"}


async def test_logs_that_are_followed_bring_what_is_written_later(pottery: LocalDeployment):
    (door,) = await pottery.endpoints()
    async with pottery.clock().deadline(_SOON), aclosing(pottery.logs("kiln", follow=True, tail=0)) as lines:
        line = await anext(lines)  # the health check writes one every second
        assert _http_status(f"{door.reachable}/?later") == 200
        while "/?later" not in line:
            line = await anext(lines)


async def test_down_leaves_nothing_and_can_be_done_twice(pottery: LocalDeployment, docker: DockerClient, name: str):
    label = f"com.docker.compose.project=operator-{name}"
    assert docker.volume.list(filters=[("label", label)])

    await pottery.down(lambda _: None)
    await pottery.down(lambda _: None)

    assert not (await pottery.status()).is_up
    assert docker.container.list(all=True, filters=[("label", label)]) == []
    assert docker.volume.list(filters=[("label", label)]) == []
    assert docker.network.list(filters=[("label", label)]) == []


async def test_deployments_with_similar_names_do_not_see_each_other(
    pottery: LocalDeployment, brings: Brings, name: str
):
    other = brings(name=f"{name}-2")

    assert not (await other.status()).is_up
    await other.down(lambda _: None)
    assert (await pottery.status()).is_healthy
