"""What becomes of a request at a node's port while the model comes, answers, and goes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from operator_core.runtime import RealClock
from operator_simulator.faces.exchange import Answer, Broken, Door
from operator_simulator.nodes.ports import Link, Ports

CLOCK = RealClock()
_hosts = count(2)
GET = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /pd/api/v1/config HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"


class Writer:
    """Takes the place of a connection to the model, and keeps what is said to it."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.transport = self

    def write(self, line: bytes) -> None:
        self.said.append(json.loads(line))

    def abort(self) -> None:
        pass


def connected(ports: Ports) -> tuple[Link, list[dict[str, Any]]]:
    writer = Writer()
    ports.link = Link(writer)  # type: ignore[arg-type]  # it only writes and is aborted
    return ports.link, writer.said


async def until_said(said: list[dict[str, Any]], number: int) -> None:
    async with CLOCK.deadline(timedelta(seconds=5)):
        while len(said) < number:
            await CLOCK.sleep(timedelta(seconds=0.01))


@pytest.fixture
async def opened() -> AsyncGenerator[tuple[Ports, str]]:
    """A store's ports, open, and where they are."""
    host = f"127.{30 + os.getpid() // 250 % 9}.{1 + os.getpid() % 250}.{next(_hosts)}"
    ports = Ports("store", host, CLOCK)
    ports.become(Door.OPEN)
    yield ports, host
    await ports.close()


async def test_a_request_waits_for_the_model_and_gets_its_answer(opened: tuple[Ports, str]) -> None:
    ports, host = opened
    reader, writer = await asyncio.open_connection(host, 20180)
    writer.write(GET)
    await CLOCK.sleep(timedelta(seconds=0.05))
    link, said = connected(ports)
    await until_said(said, 1)
    assert (said[0]["t"], said[0]["method"], said[0]["path"]) == ("ask", "GET", "/status")
    link.answered(said[0]["id"], Answer(status=200, body=b"well"))
    assert (await reader.readuntil(b"well")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


@pytest.mark.parametrize(("request_", "is_asked_again"), [(GET, True), (POST, False)])
async def test_what_only_reads_is_asked_again_when_the_model_went_meanwhile(
    opened: tuple[Ports, str], request_: bytes, is_asked_again: bool
) -> None:
    ports, host = opened
    link, said = connected(ports)
    reader, writer = await asyncio.open_connection(host, 20180)
    writer.write(request_)
    await until_said(said, 1)
    ports.link = None
    link.over()
    again, said = connected(ports)
    if is_asked_again:
        await until_said(said, 1)
        again.answered(said[0]["id"], Answer(status=200, body=b"well"))
        await reader.readuntil(b"well")
    else:
        assert await reader.read(1) == b""
        assert said == []
    writer.close()


async def test_who_has_gone_is_waited_for_no_longer(opened: tuple[Ports, str]) -> None:
    ports, host = opened
    _, said = connected(ports)
    _, writer = await asyncio.open_connection(host, 20180)
    writer.write(GET)
    await until_said(said, 1)
    writer.close()
    await until_said(said, 2)
    assert said[1] == {"t": "drop", "id": said[0]["id"]}


async def test_an_answer_that_is_lost_ends_the_connection(opened: tuple[Ports, str]) -> None:
    ports, host = opened
    link, said = connected(ports)
    reader, writer = await asyncio.open_connection(host, 20180)
    writer.write(GET)
    await until_said(said, 1)
    link.answered(said[0]["id"], Broken.RESET)
    assert await reader.read(1) == b""
    writer.close()


async def test_the_service_port_speaks_first_and_all_ports_refuse_when_they_are_told_to(
    opened: tuple[Ports, str],
) -> None:
    ports, host = opened
    reader, writer = await asyncio.open_connection(host, 20160)
    assert (await reader.readexactly(9))[3] == 4
    writer.close()
    ports.become(Door.REFUSES)
    for port in (20160, 20180):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)
