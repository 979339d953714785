"""The clocks: the only place where time and the event loop come into the core.

Both implementations read the running loop's clock. Under :func:`run_virtual` that clock jumps to the next
timer whenever nothing else is left to do, so hours of cluster time pass in seconds and every run is the same.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


class RealClock:
    """Wall-clock time, or a cluster's time that runs `speed` times as fast as the wall clock.

    Args:
        start: the cluster's instant now (aware); the wall clock's instant when left out.
        speed: cluster seconds per wall-clock second; > 0.
    """

    def __init__(self, *, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        self._speed = speed
        self._anchor = time.monotonic()
        self._start = start or datetime.now(UTC)

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._anchor) * self._speed)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()) / self._speed)

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        """A block that raises TimeoutError when it takes longer than this in the clock's time."""
        return asyncio.timeout(within.total_seconds() / self._speed)


class VirtualClock:
    """The running loop's own clock, from a fixed start; meant for :func:`run_virtual` and looptime."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(0.0, duration.total_seconds()))

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        """A block that raises TimeoutError when it takes longer than this in the clock's time."""
        return asyncio.timeout(within.total_seconds())


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that does not wait for timers: it moves the loop's clock to them."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self.elapsed += timeout
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. Nothing that runs in it may wait for a thread, a process or a socket."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time; it must do no real I/O."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)
