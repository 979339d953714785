"""A loop that tells, turned into an iterator that can be left at any time.

A generator that yields out of a TaskGroup cannot be closed by another task than the one that began it, and would have
its consumer cancelled when one of its tasks fails. So the loop has a task of its own, and the generator only hands on
what it tells; trio gives the same advice for nurseries (trio.as_safe_channel).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from enum import Enum
from typing import TypeVar

from operator_monitor.report import Tell

T = TypeVar("T")


class _End(Enum):
    """Nothing more will be told."""

    END = "end"


async def heard(run: Callable[[Tell[T]], Awaitable[None]], *, name: str, ahead: int = 1) -> AsyncGenerator[T]:
    """What a loop tells, until it ends.

    Closing the generator, or cancelling whoever waits for it, cancels the loop and waits for its end.

    Args:
        name: of the loop's task.
        ahead: how much it may tell before anybody has listened.
    """
    room = asyncio.Semaphore(ahead)
    told: asyncio.Queue[T | _End] = asyncio.Queue()

    async def tell(what: T) -> None:
        await room.acquire()
        told.put_nowait(what)

    async def running() -> None:
        await run(tell)

    runner = asyncio.create_task(running(), name=name)
    runner.add_done_callback(lambda _: told.put_nowait(_End.END))
    try:
        while not isinstance(what := await told.get(), _End):
            room.release()
            yield what
    finally:
        runner.cancel()
        await asyncio.wait([runner])
        if not runner.cancelled():
            runner.result()
