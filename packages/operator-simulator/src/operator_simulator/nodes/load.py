"""A load generator's process: while it is connected and runs, the model's clients ask for so much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import cycle
from typing import Final

from operator_core.ports import Clock

from operator_simulator.nodes import frames
from operator_simulator.nodes.frames import BadFrame, Hello
from operator_simulator.nodes.shared import keep_alive

PATTERNS: Final = {
    "steady": (100,),
    "waves": (20, 35, 55, 75, 90, 100, 90, 75, 55, 35),
    "bursts": (20, 20, 20, 20, 300),
    "ramp": (10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
}
"""Percent of what is asked for, step by step, over and over."""
_EVERY: Final = timedelta(seconds=0.5)
_AGAIN: Final = timedelta(seconds=1)
_CONNECT_WITHIN: Final = timedelta(seconds=3)


async def drive(
    control: str, steps: Sequence[float], step: timedelta, clock: Clock, said: Callable[[str], None]
) -> None:
    """Ask for load, step by step and over and over, until cancelled; the model may come and go meanwhile.

    Args:
        steps: multiples of the usual load.
        step: how long each lasts.
    """
    hello = Hello(kind="load", name="load", life=int(clock.now().timestamp() * 1e6), traffic=steps[0])
    last_words = ""
    while True:
        try:
            await _converse(control, hello, steps, step, clock)
        except (OSError, TimeoutError, BadFrame) as e:
            words = f"model {control}: {e or type(e).__name__}"
            if words != last_words:
                said(words)
            last_words = words
        await clock.sleep(_AGAIN)


async def _converse(control: str, hello: Hello, steps: Sequence[float], step: timedelta, clock: Clock) -> None:
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
        for traffic in cycle(steps):
            until = clock.now() + step
            while clock.now() < until:
                if reader.at_eof():
                    return
                writer.write(frames.line("rate", traffic=traffic))
                await writer.drain()
                await clock.sleep(min(_EVERY, step))
    finally:
        writer.transport.abort()
