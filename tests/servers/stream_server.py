"""A TCP server on loopback that leaves nothing behind, even of whoever was just coming in when it ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Final

from operator_core.runtime import RealClock

WALL: Final = RealClock()
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_STEPS_OF_COMING_IN: Final = 5
"""How many turns of the loop lie at most between a connection that was accepted and its writer, and one more."""


@contextlib.asynccontextmanager
async def stream_server(
    serve: Serve, host: str = "127.0.0.1", port: int = 0, *, limit: int = 1 << 16
) -> AsyncGenerator[tuple[str, int]]:
    """Serve every connection with a task of its own; gives host and port.

    At the end every connection is reset and every task has ended; what a task failed with is raised, unless it was
    that its caller went away.
    """
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.append(asyncio.get_running_loop().create_task(served(reader, writer), name="connection"))

    server = await asyncio.start_server(connected, host, port, limit=limit)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for _ in range(_STEPS_OF_COMING_IN):
            await WALL.sleep(timedelta(0))
        for writer in writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        for writer in writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
