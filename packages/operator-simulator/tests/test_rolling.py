"""A rolling restart: leaders leave first, one process at a time, the PD leader last; and what if it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import httpx
import pytest
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import ServiceHealth
from operator_core.runtime import VirtualClock, run_virtual
from operator_simulator import Cluster, ClusterConfig, InProcessDeployment
from operator_simulator.faces import front
from operator_simulator.faces.exchange import Door
from operator_simulator.model.network import Cut
from operator_simulator.model.process import Life

PDS = "http://pd0:2379/pd/api/v1"
Body = Callable[[InProcessDeployment, httpx.AsyncClient], Coroutine[Any, Any, None]]


def quiet(_said: str) -> None:
    """Progress is not wanted."""


def live(body: Body, **shape: int) -> None:
    """Run the body against a cluster that is up, in virtual time."""

    async def main() -> None:
        config = ClusterConfig(noise=0, stores=shape.get("stores", 3), pd=shape.get("pd", 3), seed=shape.get("seed", 1))
        deployment = InProcessDeployment(name="t", config=config, clock=VirtualClock())
        await deployment.up(quiet)
        async with httpx.AsyncClient(transport=deployment.network.transport, timeout=4) as client:
            await body(deployment, client)

    run_virtual(main())


async def sleep(deployment: InProcessDeployment, seconds: float) -> None:
    await deployment.clock().sleep(timedelta(seconds=seconds))


def shut(cluster: Cluster) -> list[str]:
    return [n for n in cluster.processes if front.door(cluster, n) is not Door.OPEN]


def prevotes(cluster: Cluster) -> float:
    return sum(s.cells.sent["prevote"].value for s in cluster.stores.values())


@pytest.mark.parametrize("seed", range(4))
def test_all_are_restarted_one_at_a_time_stores_first_and_the_pd_leader_last(seed: int) -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        cluster, said, order = deployment.cluster, list[str](), list[str]()
        led_when_it_went: list[int] = []
        leaderless = 0
        task = asyncio.create_task(deployment.restart(None, said.append))
        while not task.done():
            await sleep(deployment, 0.25)
            gone = shut(deployment.cluster)
            assert len(gone) <= 1
            order += [n for n in gone if order[-1:] != [n]]
            led_when_it_went += [sum(r.leader == n for r in cluster.raft.regions) for n in gone]
            assert all(r.leader is not None for r in cluster.raft.regions)
            leaderless += not cluster.quorum.is_serving(cluster.now_s)
        await task
        assert order == ["tikv0", "tikv1", "tikv2", "pd1", "pd2", "pd0"]
        assert set(led_when_it_went) == {0}
        assert leaderless * 0.25 <= 1
        assert prevotes(cluster) == 0
        assert [s.removesuffix(" is back") for s in said if s.endswith(" is back")] == order
        assert cluster.scheduling.schedulers.evicting == set()
        assert all(p.started_s > 0 for p in cluster.processes.values())
        assert min(cluster.view.leader_counts().values()) >= 12

    live(body, seed=seed)


def test_pd_shows_who_is_evicted_and_writes_down_who_asked() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        before = set((await client.get(f"{PDS}/schedulers")).json())
        task = asyncio.create_task(deployment.restart("tikv1", quiet))
        await sleep(deployment, 3)
        assert set((await client.get(f"{PDS}/schedulers")).json()) - before == {"evict-leader-scheduler"}
        listed = (await client.get(f"{PDS}/scheduler-config/evict-leader-scheduler/list")).json()
        assert list(listed["store-id-ranges"]) == ["4"]
        moves = (await client.get(f"{PDS}/operators")).json()
        assert any(m.startswith("evict-leader-scheduler {evict leader: from store 4 to one in [") for m in moves)
        page = (await client.get("http://pd0:2379/metrics")).text
        assert 'pd_scheduler_status{kind="evict-leader-scheduler",type="allow"} 1' in page
        await task
        assert set((await client.get(f"{PDS}/schedulers")).json()) == before
        log = "\n".join(line.text for line in deployment.cluster.processes["pd0"].log.lines())
        assert "HTTP/1.1/POST:/pd/api/v1/schedulers" in log
        assert "HTTP/1.1/DELETE:/pd/api/v1/schedulers/evict-leader-scheduler-4" in log
        assert [n for n, p in deployment.cluster.processes.items() if p.started_s > 0] == ["tikv1"]

    live(body)


def test_an_eviction_by_somebody_else_is_left_as_it_is() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        for store in (4, 5):
            asked = {"name": "evict-leader-scheduler", "store_id": store}
            assert (await client.post(f"{PDS}/schedulers", json=asked)).status_code == 200
        await sleep(deployment, 60)
        await deployment.restart("tikv1", quiet)
        assert deployment.cluster.scheduling.schedulers.evicting == {4, 5}
        await deployment.restart("tikv0", quiet)
        assert deployment.cluster.scheduling.schedulers.evicting == {4, 5}

    live(body)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("after_s", [0.3, 4, 8.2, 10.2, 10.8, 14, 20, 40, 60])
def test_a_restart_that_is_broken_off_leaves_no_eviction_and_can_be_done_again(after_s: float) -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        task = asyncio.create_task(deployment.restart(None, quiet))
        await sleep(deployment, after_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cluster = deployment.cluster
        assert cluster.scheduling.schedulers.evicting == set()
        await sleep(deployment, 30)
        assert len([n for n, p in cluster.processes.items() if p.is_dead]) <= 1
        await deployment.restart(None, quiet)
        assert (await deployment.status()).is_healthy
        assert cluster.scheduling.schedulers.evicting == set()

    live(body)


@pytest.mark.parametrize("service", ["tikv1", None])
def test_without_pd_no_store_is_stopped(service: str | None) -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        for name in ("pd1", "pd2"):
            deployment.cluster.kill(name)
        await sleep(deployment, 20)
        with pytest.raises(
            DeploymentError, match=r"PD GET /store/\d has had no answer for 30 s: .*redirect finds no leader"
        ):
            await deployment.restart(service, quiet)
        assert all(s.started_s < 0 for s in deployment.cluster.stores.values())
        await deployment.restart("pd1", quiet)
        assert deployment.cluster.quorum.is_serving(deployment.cluster.now_s)

    live(body)


def test_a_store_that_does_not_come_back_ends_the_restart() -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        cluster = deployment.cluster
        task = asyncio.create_task(deployment.restart(None, quiet))
        while not cluster.stores["tikv0"].is_dead:
            await sleep(deployment, 0.25)
            assert deployment.cluster is cluster
        cluster.network.put("x", Cut(one=frozenset({"tikv0"}), other=frozenset({"pd0", "pd1", "pd2"})))
        with pytest.raises(DeploymentError, match="tikv0 does not come up, for 60 s by now"):
            await task
        assert all(p.started_s < 0 for n, p in cluster.processes.items() if n != "tikv0")
        assert cluster.scheduling.schedulers.evicting == set()

    live(body)


def test_leaders_that_pd_cannot_move_are_handed_over_by_the_store_itself() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        assert (await client.post(f"{PDS}/config", json={"halt-scheduling": "true"})).status_code == 200
        said = list[str]()
        await deployment.restart("tikv1", said.append)
        assert any("leads 20 regions yet after 120 s; going on" in s for s in said)
        assert any("of 20 regions so far; going on" in s for s in said)
        assert prevotes(deployment.cluster) == 0
        assert deployment.cluster.scheduling.schedulers.evicting == set()

    live(body)


@pytest.mark.parametrize("life", [Life.STOPPED, Life.FROZEN])
@pytest.mark.parametrize("service", ["tikv1", "pd1", "pd0"])
def test_what_is_down_or_frozen_is_started(service: str, life: Life) -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        cluster = deployment.cluster
        (cluster.kill if life is Life.STOPPED else cluster.freeze)(service)
        await sleep(deployment, 30)
        await deployment.restart(service, quiet)
        assert (await deployment.status()).is_healthy
        assert cluster.processes[service].started_s >= 30

    live(body)


def test_one_restart_at_a_time() -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        task = asyncio.create_task(deployment.restart("tikv0", quiet))
        await sleep(deployment, 1)
        with pytest.raises(DeploymentError, match="a restart is under way already"):
            await deployment.restart("tikv1", quiet)
        with pytest.raises(ConfigurationError, match="there is no service 'x'"):
            await deployment.restart("x", quiet)
        await task
        await deployment.restart("pd2", quiet)

    live(body)


def test_the_only_store_and_the_only_pd_are_restarted_too() -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        await deployment.restart(None, quiet)
        assert {s.health for s in (await deployment.status()).services} == {ServiceHealth.RUNNING}
        assert deployment.cluster.view.leader_counts() == {1: 60}

    live(body, stores=1, pd=1)
