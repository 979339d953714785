"""What is done to the process or the link of a node is felt by the model, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from operator_simulator.model.network import OUTSIDE
from operator_simulator.model.process import Life
from operator_simulator.nodes import frames
from operator_simulator.nodes.frames import Hello
from operator_simulator.nodes.load import drive

if TYPE_CHECKING:
    from conftest import Room

SHORT_S = 0.5


async def knock(host: str, port: int) -> str:
    try:
        async with asyncio.timeout(SHORT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return "refused"
    try:
        writer.write(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(SHORT_S):
            return "answered" if await reader.read(9) else "closed"
    except TimeoutError:
        return "silent"
    finally:
        writer.close()


async def doors(room: Room, name: str) -> set[str]:
    return {await knock(room.address(name), port) for port in (20160, 20180)}


@pytest.mark.sampled(0)
async def test_a_killed_node_is_dead_and_one_that_is_started_again_lives_on_with_its_data(room: Room) -> None:
    await room.open()
    held = {r.id for r in room.cluster.raft.regions if "tikv1" in r.peers}
    assert await doors(room, "tikv1") == {"answered"}
    room.end("tikv1")
    await room.until(lambda: room.life("tikv1") is Life.STOPPED, 2)
    assert await doors(room, "tikv1") == {"refused"}
    room.begin("tikv1")
    await room.until(lambda: room.cluster.processes["tikv1"].is_running)
    await room.passes(0.3)
    assert await doors(room, "tikv1") == {"answered"}
    assert held == {r.id for r in room.cluster.raft.regions if "tikv1" in r.peers}
    assert room.said.count("tikv1 was started") == 2
    assert room.layers() == set()


@pytest.mark.sampled(0)
async def test_a_node_that_is_killed_and_started_at_once_has_another_life(room: Room) -> None:
    before = room.cluster.processes["tikv0"].started_s
    room.end("tikv0")
    room.begin("tikv0")
    await room.until(lambda: room.cluster.processes["tikv0"].started_s > before)


@pytest.mark.sampled(0)
async def test_a_frozen_node_is_frozen_and_neither_dead_nor_cut_off(room: Room) -> None:
    await room.open()
    before = room.cluster.processes["tikv0"].started_s
    room.signal("tikv0", signal.SIGSTOP)
    await room.until(lambda: room.life("tikv0") is Life.FROZEN, 4)
    assert await doors(room, "tikv0") == {"silent"}
    await room.passes(3)
    assert room.life("tikv0") is Life.FROZEN
    room.signal("tikv0", signal.SIGCONT)
    await room.until(lambda: room.life("tikv0") is Life.RUNNING, 2)
    await room.passes(2)
    assert await doors(room, "tikv0") == {"answered"}
    assert room.cluster.processes["tikv0"].started_s == before
    assert [words for words in room.said if " to " in words] == []


@pytest.mark.sampled(0)
async def test_a_node_frozen_for_a_second_feels_like_nothing(room: Room) -> None:
    said = len(room.said)
    room.signal("pd0", signal.SIGSTOP)
    await room.passes(1)
    room.signal("pd0", signal.SIGCONT)
    await room.passes(2)
    assert room.said[said:] == []


@pytest.mark.sampled(0)
async def test_a_node_that_is_killed_while_it_is_frozen_is_dead(room: Room) -> None:
    room.signal("tikv0", signal.SIGSTOP)
    await room.until(lambda: room.life("tikv0") is Life.FROZEN, 4)
    room.signal("tikv0", signal.SIGKILL)
    await room.until(lambda: room.life("tikv0") is Life.STOPPED, 2)


@pytest.mark.sampled(0)
async def test_a_partition_is_felt_and_heals(room: Room) -> None:
    network = room.cluster.network
    room.switch.cut = {("tikv0", "tikv1"), ("tikv1", "tikv0")}
    await room.until(lambda: not network.carries("tikv0", "tikv1") and not network.carries("tikv1", "tikv0"), 5)
    assert network.talks("tikv0", "pd0")
    assert network.talks("tikv1", "pd0")
    assert all(p.life is Life.RUNNING for p in room.cluster.processes.values())
    room.switch.cut = set()
    await room.until(lambda: room.layers() == set())


@pytest.mark.sampled(0)
async def test_a_partition_in_one_direction_is_felt_in_that_direction(room: Room) -> None:
    network = room.cluster.network
    room.switch.cut = {("tikv0", "pd0")}
    await room.until(lambda: not network.carries("tikv0", "pd0"), 5)
    await room.passes(1)
    assert network.carries("pd0", "tikv0")
    assert room.layers() == {"felt tikv0 pd0"}
    room.switch.cut = set()
    await room.until(lambda: room.layers() == set())


@pytest.mark.sampled(0)
async def test_a_node_that_nobody_hears_is_cut_off_from_clients_and_still_speaks_to_whoever_reaches_it(
    room: Room,
) -> None:
    await room.open()
    others = ("pd0", "tikv0")
    room.switch.cut = {("tikv1", o) for o in others} | {(o, "tikv1") for o in others}
    await room.until(lambda: not room.cluster.network.talks(OUTSIDE, "tikv1"), 5)
    assert await doors(room, "tikv1") == {"answered"}
    room.switch.cut = set()
    await room.until(lambda: room.layers() == set())


@pytest.mark.sampled(0)
async def test_a_slow_link_is_felt_as_slow_as_it_is_and_heals(room: Room) -> None:
    room.switch.delay_s = 0.1
    await room.until(lambda: len(room.layers()) == 6, 8)
    await room.passes(2)
    assert room.cluster.network.one_way_s("tikv0", "tikv1") == pytest.approx(0.1, rel=0.35)
    room.switch.delay_s = 0.0
    await room.until(lambda: room.layers() == set(), 8)
    assert not any("cut" in words for words in room.said)


@pytest.mark.sampled(0)
async def test_lost_beats_are_felt_as_loss(room: Room) -> None:
    room.switch.loss = 0.2
    await room.until(lambda: len(room.layers()) >= 4, 25)
    assert not any("cut" in words for words in room.said)
    room.switch.loss = 0.0
    await room.until(lambda: room.layers() == set(), 20)


@pytest.mark.sampled(0)
async def test_a_healthy_minute_feels_nothing(room: Room) -> None:
    said = len(room.said)
    await room.passes(60)
    assert room.said[said:] == []
    assert room.layers() == set()


@pytest.mark.sampled(0)
async def test_a_node_that_is_asked_to_end_ends_in_order(room: Room) -> None:
    await room.open()
    room.signal("tikv0", signal.SIGTERM)
    await room.until(lambda: room.processes["tikv0"].poll() is not None, 25)
    assert room.processes["tikv0"].returncode == 0
    assert room.life("tikv0") is Life.STOPPED
    assert "Graceful shutdown completed" in room.log("tikv0")
    assert await doors(room, "tikv0") == {"refused"}


@pytest.mark.sampled(0)
async def test_a_process_that_ends_by_itself_in_the_model_ends_for_real(room: Room) -> None:
    await room.open()
    room.cluster.kill("pd0")
    await room.until(lambda: room.processes["pd0"].poll() is not None, 5)
    assert room.processes["pd0"].returncode == 1


@pytest.mark.sampled(0)
async def test_nodes_outlive_the_model_and_what_is_asked_meanwhile_is_answered_later(room: Room) -> None:
    await room.open()
    pids = {name: p.pid for name, p in room.processes.items()}
    before = room.cluster.id
    await room.end_model()
    async with httpx.AsyncClient(timeout=30) as client:
        asked = asyncio.get_running_loop().create_task(
            client.get(f"http://{room.address('pd0')}:2379/pd/api/v1/members")
        )
        await room.passes(1)
        assert not asked.done()
        await room.begin_model()
        await room.until(lambda: all(p.is_running for p in room.cluster.processes.values()), 30)
        with suppress(httpx.TransportError):  # the new model's PD was still on its way: its port refused
            assert (await asked).status_code in {200, 503}
        found = await client.get(f"http://{room.address('pd0')}:2379/pd/api/v1/cluster")
    assert found.json()["id"] == before
    assert {name: p.pid for name, p in room.processes.items() if p.poll() is None} == pids


@pytest.mark.sampled(0)
async def test_an_answer_is_the_models_to_the_last_byte(room: Room) -> None:
    await room.open()
    async with httpx.AsyncClient() as client:
        metrics = await client.get(f"http://{room.address('tikv0')}:20180/metrics")
        config = await client.get(f"http://{room.address('tikv0')}:20180/config")
        posted = await client.post(
            f"http://{room.address('pd0')}:2379/pd/api/v1/config", json={"leader-schedule-limit": 8}
        )
        read = await client.get(f"http://{room.address('pd0')}:2379/pd/api/v1/config/schedule")
        unknown = await client.get(f"http://{room.address('tikv0')}:20180/nothing")
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4"
    assert "tikv_raftstore_region_count" in metrics.text
    assert config.json()["server"]["advertise-addr"] == "tikv0:20160"
    assert (posted.status_code, read.json()["leader-schedule-limit"]) == (200, 8)
    assert unknown.status_code == 404


@pytest.mark.sampled(0)
async def test_a_stores_log_is_what_its_node_writes(room: Room) -> None:
    await room.until(lambda: "TiKV is ready to serve" in room.log("tikv1"), 40)
    assert room.log("tikv1").count("Welcome to TiKV") == 1
    assert "Welcome to TiKV" not in room.log("pd0")


@pytest.mark.sampled(0)
async def test_the_room_on_a_volume_is_the_room_on_the_stores_disk(room_in_memory: Room) -> None:
    room = room_in_memory
    disk, found = room.cluster.stores["tikv0"].disk, os.statvfs(room.folder)
    await room.until(lambda: disk.capacity_bytes == found.f_blocks * found.f_frsize)
    before = disk.available_bytes
    assert before == pytest.approx(found.f_bavail * found.f_frsize, abs=16 << 20)
    size = min(256 << 20, before // 2)
    with (room.folder / "fill").open("wb") as fill:
        os.posix_fallocate(fill.fileno(), 0, size)
    await room.until(lambda: before - disk.available_bytes == pytest.approx(size, rel=0.2))
    (room.folder / "fill").unlink()
    await room.until(lambda: disk.available_bytes == pytest.approx(before, abs=size // 5))


@pytest.mark.sampled(0)
async def test_a_load_generator_drives_the_load_while_it_is_there(room: Room) -> None:
    workload = room.cluster.workload
    driving = drive(room.control, (2.5, 0.5), timedelta(seconds=2), room.clock, room.said.append)
    task = asyncio.get_running_loop().create_task(driving)
    for traffic in (2.5, 0.5, 2.5):
        await room.until(lambda wanted=traffic: workload.asked == wanted)
    task.cancel()
    await room.until(lambda: workload.asked == 1.0)


async def tell(room: Room, *lines: bytes) -> dict[str, object]:
    """Say something to the model; its last word."""
    host, _, port = room.control.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=frames.MOST_BYTES)
    for line in lines:
        writer.write(line)
    last: dict[str, object] = {}
    try:
        async with asyncio.timeout(8):
            while line := await reader.readline():
                last = json.loads(line)
    except ConnectionResetError:
        pass
    finally:
        writer.close()
    return last


def hello(name: str, kind: str = "store", **changed: object) -> bytes:
    said = Hello(kind=kind, name=name, life=5, data_address="127.0.0.1:9", has_data=True)
    return frames.line("hello", **{k: v for k, v in json.loads(frames.hello_line(said)).items() if k != "t"} | changed)


REFUSED = (
    ((b"GET / HTTP/1.1\r\n\r\n",), "a line is no JSON"),
    ((b"x" * (frames.MOST_BYTES + 10) + b"\n",), "a line is too long"),
    ((hello("tikv9"),), "there is no store 'tikv9'; there are tikv0, tikv1, pd0"),
    ((hello("pd0"),), "there is no store 'pd0'"),
    ((hello("tikv0"),), "tikv0 runs already"),
    ((hello("tikv0", version=2),), "speaks version 2"),
    ((hello("tikv0", data_address=""),), "where its beats are received"),
)


@pytest.mark.sampled(0)
async def test_who_says_what_means_nothing_is_told_so_and_the_others_go_on(room: Room) -> None:
    for lines, why in REFUSED:
        said = await tell(room, *lines)
        assert said["t"] == "refused"
        assert why in str(said["why"])
    assert all(p.life is Life.RUNNING for p in room.cluster.processes.values())


@pytest.mark.sampled(0)
async def test_a_node_that_goes_mad_loses_its_connection_and_nothing_else(room: Room) -> None:
    room.end("tikv1")
    await room.until(lambda: room.life("tikv1") is Life.STOPPED, 2)
    for mad in (
        frames.line("report", sent=1, heard=[["pd0", 1, 1, 1, -5]], capacity=1, available=1),
        frames.line("ask", id=1, method="GET", path="/x", query="", headers={}, body=""),
        frames.line("dance"),
    ):
        said = await tell(room, hello("tikv1"), mad)
        assert said["t"] == "refused"
    assert {room.life("pd0"), room.life("tikv0")} == {Life.RUNNING}


@pytest.mark.sampled(0)
async def test_a_store_without_the_data_that_pd_knows_of_is_not_let_in(room: Room) -> None:
    await room.open()
    room.end("tikv1")
    (room.folder / "tikv1" / "node.json").unlink()
    room.begin("tikv1")
    await room.until(lambda: "duplicated store" in room.log("tikv1"))
    assert await doors(room, "tikv1") == {"refused"}


@pytest.mark.sampled(0)
async def test_another_nodes_data_is_not_touched(room: Room) -> None:
    await room.open()
    room.end("tikv1")
    (room.folder / "tikv1" / "node.json").write_text('{"name": "tikv7"}')
    room.begin("tikv1")
    await room.until(lambda: room.processes["tikv1"].poll() is not None)
    assert room.processes["tikv1"].returncode == 2
    assert "holds the data of tikv7, not of tikv1" in room.log("tikv1")


@pytest.mark.sampled(0)
async def test_pd_says_of_a_frozen_store_what_it_says_of_any_that_is_silent(room: Room) -> None:
    await room.open()

    async def state() -> str:
        async with httpx.AsyncClient(timeout=10) as client:
            found = (await client.get(f"http://{room.address('pd0')}:2379/pd/api/v1/stores")).json()
        return {s["store"]["address"]: s["store"]["state_name"] for s in found["stores"]}["tikv1:20160"]

    async def becomes(wanted: str, within_s: float) -> None:
        async with room.clock.deadline(timedelta(seconds=within_s)):
            while await state() != wanted:
                await room.passes(0.5)

    await becomes("Up", 30)
    room.signal("tikv1", signal.SIGSTOP)
    await room.passes(5)
    assert await state() == "Up"
    await becomes("Disconnected", 25)
    room.signal("tikv1", signal.SIGCONT)
    await becomes("Up", 20)
