import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from operator_core.errors import DeploymentError
from operator_core.runtime import RealClock
from operator_local.engine import Engine

Says = Callable[..., None]


class HastyClock(RealClock):
    """Real time, with deadlines of a tenth of a second."""

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(0.1)


async def test_a_machine_without_docker_is_told_to_install_it(empty_path: Path):
    with pytest.raises(DeploymentError, match=r"no docker program .* install"):
        await Engine(RealClock()).check_compose()


@pytest.mark.parametrize(
    "complaint",
    ["docker: 'compose' is not a docker command.\nSee 'docker --help'", "docker: unknown command: docker compose\n"],
)
async def test_a_docker_without_compose_is_told_which_plugin(docker_says: Says, complaint: str):
    docker_says("compose version", err=complaint)

    with pytest.raises(DeploymentError, match=r"no compose command; install .*docker-compose-plugin") as told:
        await Engine(RealClock()).check_compose()
    assert "docker-compose 1" not in str(told.value)


async def test_compose_1_alone_is_told_that_it_does_not_do(docker_says: Says, empty_path: Path):
    docker_says("compose version", err="docker: 'compose' is not a docker command.")
    (empty_path / "docker-compose").symlink_to(empty_path / "docker")

    with pytest.raises(DeploymentError, match="docker-compose 1 cannot be used"):
        await Engine(RealClock()).check_compose()


@pytest.mark.parametrize("version", ["2.24.0", "v2.29.1", "5.6.1-desktop.1", "dev"])
async def test_a_compose_that_is_new_enough_is_let_through(docker_says: Says, version: str):
    docker_says("compose version --short", out=f"{version}\n")

    await Engine(RealClock()).check_compose()


@pytest.mark.parametrize("version", ["2.23.3", "v2.2.3"])
async def test_a_compose_that_is_too_old_is_named(docker_says: Says, version: str):
    docker_says("compose version --short", out=f"{version}\n")

    with pytest.raises(DeploymentError, match=f"{version.removeprefix('v')} is too old"):
        await Engine(RealClock()).check_compose()


async def test_a_daemon_that_answers_is_let_through(docker_says: Says):
    docker_says("version --format", out="20.10.24\n")

    await Engine(RealClock()).check_daemon()


async def test_a_daemon_that_is_down_is_named_by_its_socket(docker_says: Says):
    docker_says("version", err="Cannot connect to the Docker daemon at unix:///no.sock. Is the docker daemon running?")

    with pytest.raises(DeploymentError, match=r"does not answer at unix:///no\.sock; start Docker"):
        await Engine(RealClock()).check_daemon()


async def test_a_daemon_that_hangs_is_not_waited_for_without_end(docker_says: Says):
    docker_says("version", hangs=True)

    with pytest.raises(DeploymentError, match=r"did not answer `docker version .*restart Docker"):
        await Engine(HastyClock()).check_daemon()


async def test_another_docker_configuration_is_handed_on(docker_says: Says, tmp_path: Path):
    docker_says(f"--config {tmp_path} compose version", out="5.0.0")

    await Engine(RealClock(), docker_config=tmp_path).check_compose()


async def test_memory_is_what_the_daemon_has(docker_says: Says):
    docker_says("info --format", out="25276448768\n")

    assert await Engine(RealClock()).memory_bytes() == 25276448768


async def test_a_daemon_that_does_not_say_its_memory_is_quoted(docker_says: Says):
    docker_says("info --format", out="<no value>\n")

    with pytest.raises(DeploymentError, match="'<no value>' of its memory"):
        await Engine(RealClock()).memory_bytes()


async def test_versions_are_what_both_say_or_why_they_do_not(docker_says: Says):
    docker_says("version --format", out='{"Client": {"Version": "28.2.2"}}')
    docker_says("compose version", err="docker: unknown command: docker compose")

    told = await Engine(RealClock()).versions()

    assert told == {"docker": {"Client": {"Version": "28.2.2"}}, "compose": "unknown command: docker compose"}
