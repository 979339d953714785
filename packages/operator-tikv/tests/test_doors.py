"""Doors of real sockets on loopback: refused, silent, answered and garbled, and the same for HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from operator_core.errors import SubjectNonsense, SubjectUnreachable
from operator_core.readings import Cause, Contact
from operator_core.runtime import RealClock
from operator_tikv import AsyncioDialer
from operator_tikv.doors import knock_grpc, knock_http
from operator_tikv.http import Http
from stream_server import Serve, stream_server

CLOCK = RealClock()
SHORT = timedelta(seconds=0.3)
SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"


@asynccontextmanager
async def serving(serve: Serve) -> AsyncGenerator[str]:
    """A server on loopback; gives its address."""
    async with stream_server(serve) as (host, port):
        yield f"{host}:{port}"


def free_address() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return "{}:{}".format(*s.getsockname())


def saying(words: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        await writer.drain()
        writer.write_eof()

    return serve


async def nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    pass


async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_an_http_door_answers() -> None:
    async with serving(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as address:
        knock = await knock_http(AsyncioDialer(CLOCK), address, "/status", within=SHORT)
    assert knock.contact is Contact.ANSWERED


async def test_a_grpc_door_answers_with_settings() -> None:
    async with serving(saying(SETTINGS)) as address:
        knock = await knock_grpc(AsyncioDialer(CLOCK), address, within=SHORT)
    assert knock.contact is Contact.ANSWERED


async def test_an_http_answer_at_a_grpc_door_is_garbled() -> None:
    async with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        found = await knock_grpc(AsyncioDialer(CLOCK), address, within=SHORT)
    assert found.contact is Contact.GARBLED
    assert "400" in found.detail


async def test_a_closed_port_refuses() -> None:
    knock = await knock_http(AsyncioDialer(CLOCK), free_address(), "/status", within=SHORT)
    assert knock.contact is Contact.REFUSED


async def test_a_process_that_accepts_and_says_nothing_is_silent() -> None:
    async with serving(nothing) as address:
        for knock in (
            await knock_http(AsyncioDialer(CLOCK), address, "/status", within=SHORT),
            await knock_grpc(AsyncioDialer(CLOCK), address, within=SHORT),
        ):
            assert knock.contact is Contact.SILENT


async def test_a_listener_that_nobody_serves_is_silent_as_a_frozen_process_is() -> None:
    with socket.socket() as frozen:
        frozen.bind(("127.0.0.1", 0))
        frozen.listen(16)
        address = "{}:{}".format(*frozen.getsockname())
        assert (await knock_grpc(AsyncioDialer(CLOCK), address, within=SHORT)).contact is Contact.SILENT


async def test_a_proxy_that_accepts_for_nobody_refuses() -> None:
    async with serving(closing) as address:
        assert (await knock_http(AsyncioDialer(CLOCK), address, "/", within=SHORT)).contact is Contact.REFUSED


async def test_a_name_that_does_not_exist_is_unanswered() -> None:
    knock = await knock_http(AsyncioDialer(CLOCK), "no-such-host.invalid:1", "/", within=timedelta(seconds=2))
    assert knock.contact is Contact.UNANSWERED


async def test_an_address_that_is_none_is_unanswered_and_says_why() -> None:
    knock = await knock_http(AsyncioDialer(CLOCK), "nonsense", "/", within=SHORT)
    assert (knock.contact, knock.detail) == (Contact.UNANSWERED, "'nonsense' is not host:port")


async def test_http_tells_the_same_failures_apart() -> None:
    http = Http(CLOCK)
    try:
        with pytest.raises(SubjectUnreachable) as refused:
            await http.get(f"http://{free_address()}/metrics", within=SHORT)
        async with serving(nothing) as address:
            with pytest.raises(SubjectUnreachable) as silent:
                await http.get(f"http://{address}/metrics", within=SHORT)
        with pytest.raises(SubjectUnreachable) as unanswered:
            await http.get("http://no-such-host.invalid:1/", within=timedelta(seconds=2))
        async with serving(saying(b"gibberish\r\n\r\n")) as address:
            with pytest.raises(SubjectNonsense):
                await http.get(f"http://{address}/metrics", within=SHORT)
    finally:
        await http.close()
    assert [e.value.cause for e in (refused, silent, unanswered)] == [Cause.REFUSED, Cause.SILENT, Cause.UNANSWERED]


async def test_http_answers_whatever_the_environment_says_of_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{free_address()}")
    monkeypatch.setenv("ALL_PROXY", f"http://{free_address()}")
    http = Http(CLOCK)
    try:
        async with serving(saying(b"HTTP/1.1 503 no\r\ncontent-length: 9\r\n\r\nno leader")) as address:
            answer = await http.get(f"http://{address}/", within=SHORT)
    finally:
        await http.close()
    assert (answer.status, answer.text) == (503, "no leader")


async def test_a_kept_connection_that_died_is_replaced_at_once() -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        while await reader.readuntil(b"\r\n\r\n"):
            served += 1
            if served == 2:
                writer.transport.abort()
                return
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
            if served == 3:
                return

    http = Http(CLOCK)
    try:
        async with serving(once) as address:
            assert (await http.get(f"http://{address}/", within=SHORT)).text == "ok"
            assert (await http.get(f"http://{address}/", within=SHORT)).text == "ok"
    finally:
        await http.close()
    assert served == 3
