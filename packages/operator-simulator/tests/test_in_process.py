"""The cluster without sockets: what httpx and a dialer meet, in virtual time."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import httpx
import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.faults import Fault, FaultName
from operator_core.ports import Deployment, Dialer, FaultTarget, ServiceHealth
from operator_core.readings import Contact
from operator_core.runtime import VirtualClock, run_virtual
from operator_simulator import ClusterConfig, InProcessDeployment, Unplugged

STORE, PD0 = ComponentRef(Kind("store"), "4"), ComponentRef(Kind("pd"), "pd0")
PDS = "http://pd0:2379/pd/api/v1"
STATUS = "http://tikv1:20180"


def quiet(_said: str) -> None:
    """Progress is not wanted."""


def live(body: Callable[[InProcessDeployment, httpx.AsyncClient], Coroutine[Any, Any, None]], noise: float = 0) -> None:
    """Run the body against a cluster that is up, in virtual time."""

    async def main() -> None:
        deployment = InProcessDeployment(name="t", config=ClusterConfig(noise=noise), clock=VirtualClock())
        await deployment.up(quiet)
        async with httpx.AsyncClient(transport=deployment.network.transport, timeout=4) as client:
            await body(deployment, client)

    run_virtual(main())


async def do(deployment: InProcessDeployment, name: str, target: ComponentRef) -> None:
    fault = Fault(name=FaultName(name), target=target)
    await deployment.inject(fault, await deployment.plan(fault))


def seconds(deployment: InProcessDeployment) -> float:
    return deployment.cluster.now_s


@pytest.mark.parametrize(
    ("how", "error", "least_s", "contact"),
    [
        ("kill", httpx.ConnectError, 0, Contact.REFUSED),
        ("pause", httpx.ReadTimeout, 4, Contact.SILENT),
        ("isolate", httpx.ConnectTimeout, 4, Contact.UNANSWERED),
    ],
)
def test_each_loss_fails_in_its_own_way(
    how: str, error: type[httpx.HTTPError], least_s: float, contact: Contact
) -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        await do(deployment, how, STORE)
        began = seconds(deployment)
        with pytest.raises(error):
            await client.get(f"{STATUS}/metrics")
        assert least_s <= seconds(deployment) - began < least_s + 0.1
        dialer: Dialer = deployment.network.dialer
        dialled = await dialer.dial("tikv1", 20160, b"", within=timedelta(seconds=2))
        assert dialled == (contact, b"")

    live(body)


def test_a_deadline_of_the_caller_ends_a_wait_without_a_timeout_of_httpx() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        await do(deployment, "pause", STORE)
        began = seconds(deployment)
        with pytest.raises(TimeoutError):
            async with deployment.clock().deadline(timedelta(seconds=7)):
                await client.get(f"{STATUS}/status", timeout=None)
        assert seconds(deployment) - began == pytest.approx(7)

    live(body)


def test_a_process_that_goes_on_answers_who_still_waits() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        fault = Fault(name=FaultName("pause"), target=STORE)
        undo = await deployment.plan(fault)
        await deployment.inject(fault, undo)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{STATUS}/status", timeout=2)
        await deployment.undo(undo)
        assert (await client.get(f"{STATUS}/status")).status_code == 200

    live(body)


def test_a_living_store_greets_as_a_grpc_server_does() -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        dialer = deployment.network.dialer
        contact, said = await dialer.dial("tikv1", 20160, b"", within=timedelta(seconds=2))
        assert (contact, said[:4]) == (Contact.ANSWERED, b"\x00\x00\x1e\x04")
        contact, said = await dialer.dial("tikv1", 20180, b"GET /status HTTP/1.0\r\n\r\n", within=timedelta(seconds=2))
        assert (contact, said[:15]) == (Contact.ANSWERED, b"HTTP/1.1 200 OK")
        assert await dialer.dial("tikv1", 20180, b"", within=timedelta(seconds=2)) == (Contact.SILENT, b"")
        assert await dialer.dial("nobody", 1, b"", within=timedelta(seconds=2)) == (Contact.REFUSED, b"")

    live(body)


def test_without_a_leader_pd_lets_its_callers_wait_three_seconds() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        for name in ("pd1", "pd2"):
            await do(deployment, "kill", ComponentRef(Kind("pd"), name))
        await deployment.clock().sleep(timedelta(seconds=60))
        began = seconds(deployment)
        answer = await client.get(f"{PDS}/stores")
        assert (answer.status_code, answer.text) == (503, "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n")
        assert 3 <= seconds(deployment) - began < 3.1
        assert (await client.get(f"{PDS}/ping")).status_code == 200

    live(body)


@pytest.mark.parametrize(
    ("what", "blind", "seeing"),
    [
        (PD0, f"{PDS}/stores", "http://pd1:2379/pd/api/v1/stores"),
        ("pd", f"{PDS}/stores", f"{STATUS}/metrics"),
        (f"metrics {STORE.key}", f"{STATUS}/metrics", "http://tikv0:20180/metrics"),
        ("metrics", f"{STATUS}/metrics", f"{PDS}/stores"),
    ],
)
def test_the_observers_view_can_be_spoilt_while_the_cluster_is_well(
    what: ComponentRef | str, blind: str, seeing: str
) -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        network = deployment.network
        network.unplug(what, Unplugged.REFUSED)
        with pytest.raises(httpx.ConnectError):
            await client.get(blind)
        network.unplug(what, "hanging")
        with pytest.raises(httpx.ReadTimeout):
            await client.get(blind)
        network.unplug(what, Unplugged.GARBAGE)
        assert "portal" in (await client.get(blind)).text
        assert (await client.get(seeing)).status_code == 200
        assert (await deployment.status()).is_healthy
        network.plug()
        assert "portal" not in (await client.get(blind)).text

    live(body)


def test_before_it_is_up_and_after_it_is_down_everything_refuses() -> None:
    async def main() -> None:
        deployment = InProcessDeployment(name="t", config=ClusterConfig(), clock=VirtualClock())
        async with httpx.AsyncClient(transport=deployment.network.transport) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{PDS}/ping")
            with pytest.raises(DeploymentError, match="'t' is not up"):
                await deployment.endpoints()
            assert {s.health for s in (await deployment.status()).services} == {ServiceHealth.MISSING}
            said: list[str] = []
            await deployment.up(said.append)
            await deployment.up(said.append)
            assert said[-1] == "t is already up"
            assert (await client.get(f"{PDS}/ping")).status_code == 200
            await deployment.down(quiet)
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{PDS}/ping")

    run_virtual(main())


def test_a_cold_cluster_is_handed_over_at_once_and_can_be_waited_for() -> None:
    async def main() -> None:
        deployment = InProcessDeployment(name="t", config=ClusterConfig(cold_start=True), clock=VirtualClock())
        said: list[str] = []
        await deployment.up(said.append)
        assert said == ["t is coming up: 3 PD, 3 TiKV"]
        assert {s.health for s in (await deployment.status()).services} == {
            ServiceHealth.STARTING,
            ServiceHealth.STOPPED,
        }
        assert len(await deployment.endpoints()) == 9
        async with httpx.AsyncClient(transport=deployment.network.transport) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{PDS}/ping")
            with pytest.raises(DeploymentError, match=r"t: pd0 is starting, pd1 is .*, tikv2 is .* after 2 s"):
                await deployment.has_come_up(said.append, within=timedelta(seconds=2))
            await deployment.has_come_up(said.append)
            assert (await client.get(f"{PDS}/stores")).json()["count"] == 3
        assert said[-1] == "t is up: 3 PD, 3 TiKV"

    run_virtual(main())


def test_restarting_everything_one_by_one_loses_no_majority() -> None:
    async def body(deployment: InProcessDeployment, client: httpx.AsyncClient) -> None:
        _typed: Deployment = deployment
        _target: FaultTarget = deployment
        before = {s.name: s.since for s in (await deployment.status()).services}
        await deployment.restart(None, quiet)
        after = (await deployment.status()).services
        assert all(s.health is ServiceHealth.RUNNING and s.since != before[s.name] for s in after)
        await deployment.clock().sleep(timedelta(seconds=40))
        stores = (await client.get(f"{PDS}/stores")).json()["stores"]
        assert {s["store"]["state_name"] for s in stores} == {"Up"}
        assert deployment.cluster.stores["tikv0"].cells.sent["vote"].value == 0
        with pytest.raises(ConfigurationError, match="there is no service 'x'; there are pd0, pd1"):
            await deployment.restart("x", quiet)

    live(body)


def test_logs_are_in_the_unified_format_and_in_order_and_can_be_followed() -> None:
    async def body(deployment: InProcessDeployment, _client: httpx.AsyncClient) -> None:
        await do(deployment, "kill", STORE)
        following = deployment.logs("tikv0", follow=True, tail=2)
        found = [await anext(following) for _ in range(12)]
        pattern = r"^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} \+00:00\] \[(INFO|WARN|ERROR)\] \[\w+\.rs:\d+\] \[.*\]$"
        assert [line for line in found if not re.match(pattern, line)] == []
        assert [line[1:24] for line in found] == sorted(line[1:24] for line in found)
        assert all(line.endswith("]") and "[thread_id=" in line for line in found)
        merged = [line async for line in deployment.logs(None, follow=False, tail=None)]
        assert {line.split(" | ")[0] for line in merged} == set(deployment.cluster.processes)

    live(body)
