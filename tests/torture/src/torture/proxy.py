"""Somebody between a program and its server, who hands on what they say, and stops doing so when a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from stream_server import stream_server


@dataclass
class Proxy:
    """Listens on loopback, and hands on to a socket.

    Attributes:
        port: where it listens.
        cuts: how many connections it has cut.
    """

    socket: Path
    port: int = 0
    cuts: int = 0
    _pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(
        default_factory=set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]]
    )
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _budget: int | None = None

    def cut(self) -> None:
        """Break every connection, without a word to either side."""
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()
            self.cuts += 1

    def cut_after(self, count: int) -> None:
        """Break every connection once the program has said so many bytes more: in the middle of a statement."""
        self._budget = count

    def hold(self) -> None:
        """Keep what is said, and hand nothing on."""
        self._flows.clear()

    def let_go(self) -> None:
        """Hand on again, what was kept first."""
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on for one connection."""
        try:
            theirs, there = await asyncio.open_unix_connection(str(self.socket))
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, there)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there, is_asking=True), name="asking")
                both.create_task(self._pump(theirs, writer, is_asking=False), name="answering")
        finally:
            self._pairs.discard(pair)
            for end in pair:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_asking: bool) -> None:
        with suppress(OSError):
            while said := await reader.read(1 << 16):
                await self._flows.wait()
                if is_asking and self._budget is not None:
                    self._budget -= len(said)
                    if self._budget < 0:
                        writer.write(said[: self._budget])
                        await writer.drain()
                        self._budget = None
                        self.cut()
                        return
                writer.write(said)
                await writer.drain()
        writer.close()  # who hears no more says no more


@asynccontextmanager
async def proxied(socket: Path) -> AsyncGenerator[Proxy]:
    """A proxy for a server on a socket; the server may come and go."""
    proxy = Proxy(socket)
    proxy.let_go()
    async with stream_server(proxy.serve) as (_, proxy.port):
        yield proxy
