"""The background process: it comes up once, is found again, is missed when it is killed, and goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.faults import Fault, FaultName
from operator_core.ports import ServiceHealth
from operator_core.runtime import RealClock
from operator_simulator import ClusterConfig, EmbeddedDeployment, embedded_deployments
from operator_simulator.state import StateDirectory, process_started

Make = Callable[..., EmbeddedDeployment]
STORE = ComponentRef(Kind("store"), "4")


def quiet(_said: str) -> None:
    """Progress is not wanted."""


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[EmbeddedDeployment] = []

    def deployment(
        name: str = "demo", speed: float = 10.0, directory: Path = tmp_path, *, cold_start: bool = False
    ) -> EmbeddedDeployment:
        config = ClusterConfig(noise=0, regions=12, cold_start=cold_start)
        made.append(EmbeddedDeployment(name=name, state_directory=directory, config=config, speed=speed))
        return made[-1]

    yield deployment
    for each in made:
        await each.down(quiet)


def pid_of(directory: Path, name: str = "demo") -> int:
    state = StateDirectory(directory).read(name)
    assert state is not None
    return state.pid


async def gone(pid: int) -> None:
    clock = RealClock()
    async with clock.deadline(timedelta(seconds=5)):
        while process_started(pid) is not None:
            await clock.sleep(timedelta(milliseconds=10))


async def test_a_life_from_up_to_down(make: Make, tmp_path: Path) -> None:
    deployment, said = make(), list[str]()
    assert not (await deployment.status()).is_up
    await deployment.up(said.append)
    first = pid_of(tmp_path)
    await make().up(said.append)
    assert pid_of(tmp_path) == first
    assert said[-1] == "demo is already up"
    assert embedded_deployments(tmp_path) == ("demo",)
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert (await deployment.status()).is_healthy
    reachable = {str(e.advertised): e.reachable for e in await deployment.endpoints()}
    async with httpx.AsyncClient() as client:
        answered = await client.get(f"http://{reachable['pd1:2379']}/pd/api/v1/stores")
    assert answered.json()["count"] == 3
    await deployment.down(said.append)
    assert process_started(first) is None
    assert embedded_deployments(tmp_path) == ()
    assert not (tmp_path / "demo.json").exists()
    await deployment.down(said.append)
    assert said[-1] == "demo is not up"


async def test_a_killed_process_leaves_a_stale_file_that_is_noticed_and_replaced(make: Make, tmp_path: Path) -> None:
    deployment = make()
    await deployment.up(quiet)
    first = pid_of(tmp_path)
    os.kill(first, signal.SIGKILL)
    await gone(first)
    assert (tmp_path / "demo.json").exists()
    assert embedded_deployments(tmp_path) == ()
    assert not (await deployment.status()).is_up
    with pytest.raises(DeploymentError, match="'demo' is not up"):
        await deployment.endpoints()
    await deployment.up(quiet)
    assert pid_of(tmp_path) != first


async def test_another_program_under_the_old_process_id_is_not_taken_for_it(make: Make, tmp_path: Path) -> None:
    deployment = make()
    await deployment.up(quiet)
    state = json.loads((tmp_path / "demo.json").read_text())
    await deployment.down(quiet)
    (tmp_path / "demo.json").write_text(json.dumps(state | {"pid": os.getpid()}))
    assert embedded_deployments(tmp_path) == ()
    await deployment.down(quiet)  # and we live on
    (tmp_path / "demo.json").write_text("{half a fi")
    assert not (await deployment.status()).is_up


async def test_a_state_file_that_is_no_text_counts_as_spoilt(make: Make, tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_bytes(b"\xff\xfe{}")
    assert embedded_deployments(tmp_path) == ()
    assert not (await make().status()).is_up
    assert not (tmp_path / "demo.json").exists()


@pytest.mark.sampled(0)
@pytest.mark.parametrize(("spoilt", "asked"), [(b"{half a fi", "status"), (b"\xff", "up"), (None, "undo")])
async def test_a_process_whose_state_is_lost_is_found_by_its_lock(
    spoilt: bytes | None, asked: str, make: Make, tmp_path: Path
) -> None:
    deployment, said = make(), list[str]()
    await deployment.up(quiet)
    pid = pid_of(tmp_path)
    undo = await deployment.plan(Fault(name=FaultName("kill"), target=STORE))
    whole = (tmp_path / "demo.json").read_bytes()
    if spoilt is None:
        (tmp_path / "demo.json").unlink()
    else:
        (tmp_path / "demo.json").write_bytes(spoilt)
    assert embedded_deployments(tmp_path) == ("demo",)
    says = rf"'demo' \(pid {pid}\) runs, but its state file .*demo.json is lost or spoilt; take it down first"
    asks = {"status": deployment.status, "up": lambda: deployment.up(quiet), "undo": lambda: deployment.undo(undo)}
    with pytest.raises(DeploymentError, match=says):
        await asks[asked]()
    (tmp_path / "demo.json").write_bytes(whole)
    assert (await deployment.status()).is_healthy
    (tmp_path / "demo.json").unlink()
    await deployment.down(said.append)
    assert said == [f"stopping demo (pid {pid})", "demo is down"]
    assert process_started(pid) is None
    await deployment.up(quiet)
    assert (await deployment.status()).is_healthy


async def test_a_lock_without_a_living_holder_means_nothing(make: Make, tmp_path: Path) -> None:
    for left in (f"{os.getpid()} 1\n", "1 \n", "\u00b2 3\n", "", f"{os.getpid()}"):
        (tmp_path / "demo.lock").write_text(left, encoding="utf-8")
        assert embedded_deployments(tmp_path) == ()
        await make().down(quiet)  # and we live on
    await make().up(quiet)
    assert (await make().status()).is_healthy


async def test_a_process_whose_lock_is_spoilt_is_found_by_its_state(make: Make, tmp_path: Path) -> None:
    deployment = make()
    await deployment.up(quiet)
    (tmp_path / "demo.lock").write_bytes(b"\xff")
    assert (await deployment.status()).is_healthy
    pid = pid_of(tmp_path)
    await deployment.down(quiet)
    assert process_started(pid) is None


@pytest.mark.sampled(0)
async def test_faults_logs_and_restarts_go_through_its_control(make: Make) -> None:
    deployment = make()
    await deployment.up(quiet)
    fault = Fault(name=FaultName("pause"), target=STORE)
    undo = await deployment.plan(fault)
    await deployment.inject(fault, undo)
    health = {s.name: s.health for s in (await deployment.status()).services}
    assert health["tikv1"] is ServiceHealth.PAUSED
    await deployment.undo(undo)
    await deployment.undo(undo)
    assert (await deployment.status()).is_healthy
    await deployment.restart("tikv2", quiet)
    said = list[str]()
    with pytest.raises(ConfigurationError, match="there is no service 'nosuch'; there are pd0, pd1, pd2, tikv0"):
        await deployment.restart("nosuch", said.append)
    assert said == []
    lines = [line async for line in deployment.logs("tikv2", follow=False, tail=None)]
    orderly = next(i for i, line in enumerate(lines) if "receive signal 15" in line)
    assert any("Welcome to TiKV" in line for line in lines[orderly:])
    assert len([line async for line in deployment.logs(None, follow=False, tail=3)]) == 3
    with pytest.raises(ConfigurationError, match="there is no service 'tikv9'"):
        await anext(deployment.logs("tikv9", follow=False, tail=None))
    with pytest.raises(ConfigurationError, match="there is no store 9"):
        await deployment.plan(Fault(name=FaultName("kill"), target=ComponentRef(Kind("store"), "9")))


@pytest.mark.sampled(0)
async def test_a_restart_of_everything_says_what_it_does_and_can_be_watched_meanwhile(make: Make) -> None:
    deployment, said = make(speed=40.0), list[str]()
    await deployment.up(quiet)
    before = {s.name: s.since for s in (await deployment.status()).services}
    restarting = asyncio.create_task(deployment.restart(None, said.append))
    while "stopping tikv0" not in said:
        await RealClock().sleep(timedelta(seconds=0.05))
        assert not restarting.done()
    with pytest.raises(DeploymentError, match="a restart is under way already"):
        await deployment.restart("pd1", quiet)
    assert (await deployment.status()).is_up
    await restarting
    names = ["tikv0", "tikv1", "tikv2", "pd1", "pd2", "pd0"]
    assert [s for s in said if s.endswith("is back")] == [f"{n} is back" for n in names]
    assert "moving 4 leaders away from tikv0" in said
    assert "pd0 resigns as PD leader" in said
    after = (await deployment.status()).services
    assert all(s.health is ServiceHealth.RUNNING and s.since != before[s.name] for s in after)


async def test_a_restart_is_finished_also_when_who_asked_for_it_has_gone(make: Make) -> None:
    deployment, said = make(speed=40.0), list[str]()
    await deployment.up(quiet)
    restarting = asyncio.create_task(deployment.restart("tikv1", said.append))
    while "stopping tikv1" not in said:
        await RealClock().sleep(timedelta(seconds=0.05))
    restarting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restarting
    reachable = {str(e.advertised): e.reachable for e in await deployment.endpoints()}
    async with httpx.AsyncClient() as client, RealClock().deadline(timedelta(seconds=20)):
        schedulers = ["evict-leader-scheduler"]
        while "evict-leader-scheduler" in schedulers or not (await deployment.status()).is_healthy:
            await RealClock().sleep(timedelta(seconds=0.1))
            schedulers = (await client.get(f"http://{reachable['pd0:2379']}/pd/api/v1/schedulers")).json()


async def test_a_cold_start_is_waited_for_and_can_be_watched_from_the_first_second(make: Make) -> None:
    deployment, said = make(speed=8.0, cold_start=True), list[str]()
    rising = asyncio.create_task(deployment.up(said.append))
    seen = set[ServiceHealth]()
    while not rising.done():
        await RealClock().sleep(timedelta(seconds=0.05))
        seen |= {s.health for s in (await deployment.status()).services}
    await rising
    assert seen >= {ServiceHealth.STOPPED, ServiceHealth.STARTING, ServiceHealth.RUNNING}
    assert (await deployment.status()).is_healthy
    runs = [s for s in said if s.endswith(" runs")]
    assert {r.removesuffix(" runs") for r in runs[:3]} == {"pd0", "pd1", "pd2"}
    assert said[-1].startswith("demo is up (pid ")


@pytest.mark.sampled(0)
async def test_the_next_life_of_a_name_has_the_same_ports_where_they_are_free(make: Make, tmp_path: Path) -> None:
    deployment = make()
    await deployment.up(quiet)
    first = await deployment.endpoints()
    reachable = {str(e.advertised): e.reachable for e in first}
    async with httpx.AsyncClient() as client:
        url = f"http://{reachable['pd1:2379']}/pd/api/v1/stores"
        await client.get(url)
        await deployment.down(quiet)
        await deployment.up(quiet)
        assert await deployment.endpoints() == first
        assert (await client.get(url)).json()["count"] == 3
    await deployment.down(quiet)
    with socket.socket() as taken:
        host, _, port = first[0].reachable.rpartition(":")
        taken.bind((host, int(port)))
        await deployment.up(quiet)
        second = await deployment.endpoints()
    assert second[0].reachable != first[0].reachable
    assert second[1:] == first[1:]
    await deployment.down(quiet)
    (tmp_path / "demo.ports").write_bytes(b"\xff[")
    await deployment.up(quiet)
    assert (await deployment.status()).is_healthy


async def test_log_lines_are_followed(make: Make) -> None:
    deployment = make()
    await deployment.up(quiet)
    following = deployment.logs("tikv0", follow=True, tail=1)
    last = await anext(following)
    fault = Fault(name=FaultName("kill"), target=STORE)
    await deployment.inject(fault, await deployment.plan(fault))
    assert await anext(following) != last


async def test_the_clusters_time_runs_at_its_speed(make: Make) -> None:
    deployment = make(speed=50.0)
    await deployment.up(quiet)
    start = deployment.clock().now()
    await deployment.clock().sleep(timedelta(seconds=20))
    passed = (deployment.clock().now() - start).total_seconds()
    assert 20 <= passed < 60
    reachable = {str(e.advertised): e.reachable for e in await deployment.endpoints()}
    async with httpx.AsyncClient() as client:
        stores = (await client.get(f"http://{reachable['pd0:2379']}/pd/api/v1/stores")).json()["stores"]
    assert stores[0]["status"]["last_heartbeat_ts"] > f"{start:%Y-%m-%dT%H:%M:%S}"


async def test_a_path_too_long_for_a_socket_is_replaced_by_a_port_and_a_token(make: Make, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    deployment = make(directory=deep)
    await deployment.up(quiet)
    state = StateDirectory(deep).read("demo")
    assert state is not None
    assert state.control.startswith("127.0.0.1:")
    assert (await deployment.status()).is_healthy
    wrong = json.loads((deep / "demo.json").read_text()) | {"token": "guessed"}
    (deep / "demo.json").write_text(json.dumps(wrong))
    with pytest.raises(DeploymentError, match="the token is wrong"):
        await deployment.status()


async def test_a_directory_that_cannot_be_made_is_named(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeploymentError, match=r"state directory .*/file/sub cannot be made: Not a directory"):
        await make(directory=tmp_path / "file" / "sub").up(quiet)


async def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    deployment = EmbeddedDeployment(name="demo", state_directory=tmp_path, first_port=65535)
    with pytest.raises(DeploymentError, match="did not start: port 65536"):
        await deployment.up(quiet)


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no name for a deployment"):
        EmbeddedDeployment(name=name, state_directory=tmp_path)
