"""A load generator's process: while it is connected and runs, the model's clients ask for so much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from operator_core.ports import Clock

from operator_simulator.nodes import frames
from operator_simulator.nodes.frames import BadFrame, Hello
from operator_simulator.nodes.shared import keep_alive

_EVERY: Final = timedelta(seconds=0.5)
_AGAIN: Final = timedelta(seconds=1)
_CONNECT_WITHIN: Final = timedelta(seconds=3)


async def drive(control: str, traffic: float, clock: Clock, said: Callable[[str], None]) -> None:
    """Ask for this multiple of the usual load, until cancelled; the model may come and go meanwhile."""
    hello = Hello(kind="load", name="load", life=int(clock.now().timestamp() * 1e6), traffic=traffic)
    last_words = ""
    while True:
        try:
            await _converse(control, hello, clock)
        except (OSError, TimeoutError, BadFrame) as e:
            words = f"model {control}: {e or type(e).__name__}"
            if words != last_words:
                said(words)
            last_words = words
        await clock.sleep(_AGAIN)


async def _converse(control: str, hello: Hello, clock: Clock) -> None:
    host, _, port = control.rpartition(":")
    async with clock.deadline(_CONNECT_WITHIN):
        reader, writer = await asyncio.open_connection(host, int(port), limit=frames.MOST_BYTES)
    try:
        keep_alive(writer)
        writer.write(frames.hello_line(hello))
        async with clock.deadline(_CONNECT_WITHIN):
            first = await frames.receive(reader)
        if first is None:
            raise BadFrame("it has hung up")
        if frames.kind_of(first) == "refused":
            raise BadFrame(f"refused: {frames.text(first, 'why')}")
        while not reader.at_eof():
            writer.write(frames.line("rate", traffic=hello.traffic))
            await writer.drain()
            await clock.sleep(_EVERY)
    finally:
        writer.transport.abort()
