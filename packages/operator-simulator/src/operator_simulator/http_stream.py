"""HTTP/1.1 on a stream of bytes, as servers on real sockets speak it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.faces.http import render

_MOST_BYTES: Final = 1 << 20


async def serve_requests(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Callable[[Request], Awaitable[Answer | None]],
) -> None:
    """The requests of one connection, one after the other; one that gets no answer resets it."""
    while (head := await _read_request(reader)) is not None:
        request, stays = head
        found = Answer.text("400 Bad Request", 400) if request is None else await answer(request)
        if found is None:
            writer.transport.abort()
            return
        writer.write(render(found))
        await writer.drain()
        if not stays:
            return


async def _read_request(reader: asyncio.StreamReader) -> tuple[Request | None, bool] | None:
    """One request, and whether the connection stays open after it; None when the caller has closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as e:
        return (None, False) if e.partial.strip() else None
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    headers = {k.strip().lower(): v.strip() for k, colon, v in (line.partition(":") for line in lines) if colon}
    length = headers.get("content-length", "0")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not length.isdigit() or int(length) > _MOST_BYTES:
        return None, False
    if "transfer-encoding" in headers:
        return None, False
    body = await reader.readexactly(int(length))
    stays = parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    try:
        return Request.of(parts[0], parts[1], headers, body), stays
    except ValueError:  # a target that is no URL
        return None, False
