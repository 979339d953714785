"""The loopback face: refused, mute and unanswered ports on real sockets, and the same bytes as in process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from operator_core.errors import DeploymentError
from operator_core.runtime import RealClock
from operator_simulator import Cluster, ClusterConfig, InProcessNetwork, LoopbackServer
from operator_simulator.model.network import Cut

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SHORT_S = 0.25


class StoppedClock(RealClock):
    """Waits as the wall clock does and always shows the same instant."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=20)


def make() -> Cluster:
    return Cluster(ClusterConfig(noise=0), EPOCH)


@asynccontextmanager
async def serving(cluster: Cluster) -> AsyncGenerator[dict[tuple[str, str], tuple[str, int]]]:
    server = LoopbackServer(cluster, StoppedClock())
    await server.start()
    addresses: dict[tuple[str, str], tuple[str, int]] = {}
    for endpoint in server.endpoints():
        host, _, port = endpoint.reachable.rpartition(":")
        addresses[endpoint.component.key, endpoint.purpose] = (host, int(port))
    reconcile.append(server)
    try:
        yield addresses
    finally:
        reconcile.clear()
        await server.close()


reconcile: list[LoopbackServer] = []


async def knock(address: tuple[str, int], hello: bytes) -> str:
    try:
        async with asyncio.timeout(SHORT_S):
            reader, writer = await asyncio.open_connection(*address)
    except TimeoutError:
        return "unanswered"
    except ConnectionRefusedError:
        return "refused"
    try:
        writer.write(hello)
        async with asyncio.timeout(SHORT_S):
            return "answered" if await reader.read(9) else "closed"
    except TimeoutError:
        return "silent"
    except ConnectionResetError:
        return "reset"
    finally:
        writer.close()


GET = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("how", "seen"), [("kill", "refused"), ("freeze", "silent"), ("isolate", "unanswered"), ("nothing", "answered")]
)
async def test_a_port_looks_as_its_process_is_and_comes_back_as_it_was(how: str, seen: str) -> None:
    cluster = make()
    async with serving(cluster) as addresses:
        status, service = addresses["store/4", "status"], addresses["store/4", "service"]
        match how:
            case "isolate":
                cluster.network.put("x", Cut(one=frozenset({"tikv1"}), other=cluster.network.everyone_but("tikv1")))
            case "nothing":
                pass
            case _:
                getattr(cluster, how)("tikv1")
        reconcile[0].reconcile()
        for _ in range(4):
            assert (await knock(status, GET), await knock(service, b"")) == (seen, seen)
        assert await knock(addresses["store/1", "status"], GET) == "answered"
        cluster.network.take("x")
        cluster.thaw("tikv1")
        cluster.start("tikv1")
        reconcile[0].reconcile()
        if how == "kill":
            assert await knock(status, GET) == "refused"  # it has only just been started
            cluster.advance_to(cluster.instant(cluster.now_s + 10))
            reconcile[0].reconcile()
        assert (await knock(status, GET), await knock(service, b"")) == ("answered", "answered")


async def test_a_killed_process_keeps_its_port_from_others() -> None:
    cluster = make()
    async with serving(cluster) as addresses:
        cluster.kill("tikv1")
        reconcile[0].reconcile()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(addresses["store/4", "status"])


@pytest.mark.parametrize("how", ["kill", "nothing"])
async def test_an_earlier_port_is_left_to_another_cluster_that_has_it_by_now(how: str) -> None:
    cluster = make()
    async with serving(cluster) as addresses:
        if how == "kill":
            cluster.kill("tikv1")
            reconcile[0].reconcile()
        port = addresses["store/4", "status"][1]
        other = LoopbackServer(make(), StoppedClock(), earlier={"tikv1:20180": port})
        await other.start()
        assert not any(e.reachable.endswith(f":{port}") for e in other.endpoints())
        await other.close()


async def test_a_connection_into_a_killed_process_ends() -> None:
    cluster = make()
    async with serving(cluster) as addresses:
        reader, writer = await asyncio.open_connection(*addresses["store/4", "service"])
        assert await reader.read(9) == b"\x00\x00\x1e\x04\x00\x00\x00\x00\x00"
        await reader.read(100)
        cluster.kill("tikv1")
        reconcile[0].reconcile()
        async with asyncio.timeout(SHORT_S):
            assert await reader.read() == b""
        writer.close()


async def test_both_faces_give_the_same_bytes_at_the_same_instant() -> None:
    paths = (
        "/pd/api/v1/stores", "/pd/api/v1/members", "/pd/api/v1/health", "/pd/api/v1/regions/key?limit=-1",
        "/pd/api/v1/region/id/77777", "/pd/api/v1/operators/records", "/pd/api/v1/schedulers", "/pd/api/v1/config",
        "/pd/api/v1/nothing", "/metrics",
    )  # fmt: skip
    cluster, clock = make(), StoppedClock()
    network = InProcessNetwork(cluster, clock)
    inside = httpx.AsyncClient(transport=network.transport)
    async with serving(cluster) as addresses, httpx.AsyncClient() as real, inside:
        for process, key, purpose in (("pd1", "pd/pd1", "client"), ("tikv1", "store/4", "status")):
            host, port = addresses[key, purpose]
            advertised = 2379 if purpose == "client" else 20180
            for path in paths:
                a = await real.get(f"http://{host}:{port}{path}")
                b = await inside.get(f"http://{process}:{advertised}{path}")
                assert (a.status_code, a.content, a.headers) == (b.status_code, b.content, b.headers)


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\r\n\r\n", b"GET /status\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
async def test_what_is_not_http_is_a_bad_request(garbage: bytes) -> None:
    async with serving(make()) as addresses:
        reader, writer = await asyncio.open_connection(*addresses["store/4", "status"])
        writer.write(garbage)
        assert (await reader.read(100)).startswith(b"HTTP/1.1 400 Bad Request")
        writer.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(
            DeploymentError, match=f"port {number} on 127.0.0.1 cannot be bound: Address already in use"
        ):
            await LoopbackServer(make(), StoppedClock(), first_port=number).start()
