from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.ports import Clock
from operator_core.runtime import RealClock, VirtualClock, run_virtual

START = datetime(2026, 5, 1, tzinfo=UTC)


def in_virtual_time(main: Callable[[Clock], Awaitable[object]]) -> object:
    async def run() -> object:
        return await main(VirtualClock(START))

    return run_virtual(run())


@pytest.fixture(autouse=True)
def no_loop_is_left() -> None:
    asyncio.set_event_loop(None)


def test_hours_pass_at_once() -> None:
    async def main(clock: Clock) -> datetime:
        await clock.sleep(timedelta(hours=100))
        return clock.now()

    began = time.perf_counter()
    assert in_virtual_time(main) == START + timedelta(hours=100)
    assert time.perf_counter() - began < 1


@given(waits=st.lists(st.integers(0, 100_000), min_size=1, max_size=20))
def test_order_is_kept(waits: list[int]) -> None:
    async def main(clock: Clock) -> list[int]:
        woken: list[int] = []

        async def wait(seconds: int) -> None:
            await clock.sleep(timedelta(seconds=seconds))
            assert clock.now() == START + timedelta(seconds=seconds)
            woken.append(seconds)

        async with asyncio.TaskGroup() as group:
            for seconds in waits:
                group.create_task(wait(seconds), name=f"wait {seconds}")
        return woken

    assert in_virtual_time(main) == sorted(waits)


def test_a_deadline_fires_at_its_instant_and_not_before() -> None:
    async def main(clock: Clock) -> datetime:
        async with clock.deadline(timedelta(minutes=5)):
            await clock.sleep(timedelta(minutes=5) - timedelta(seconds=1))
        began = clock.now()
        with pytest.raises(TimeoutError):
            async with clock.deadline(timedelta(minutes=5)):
                await clock.sleep(timedelta(days=1))
        assert clock.now() - began == timedelta(minutes=5)
        return clock.now()

    assert in_virtual_time(main) == START + timedelta(minutes=10) - timedelta(seconds=1)


def test_work_takes_no_virtual_time() -> None:
    async def main(clock: Clock) -> datetime:
        for _ in range(1000):
            await clock.sleep(timedelta(0))
        return clock.now()

    assert in_virtual_time(main) == START


def test_an_error_comes_out_and_everything_is_cancelled() -> None:
    ended: list[str] = []

    async def main(clock: Clock) -> None:
        async def forever() -> None:
            try:
                await clock.sleep(timedelta(days=1000))
            finally:
                ended.append("cancelled")

        async def fail() -> None:
            await clock.sleep(timedelta(seconds=1))
            raise LookupError("gone")

        async with asyncio.TaskGroup() as group:
            group.create_task(forever(), name="forever")
            group.create_task(fail(), name="fail")

    with pytest.raises(ExceptionGroup) as caught:
        in_virtual_time(main)
    assert caught.group_contains(LookupError, match="gone")
    assert ended == ["cancelled"]


def test_a_fast_clock_counts_the_clusters_time() -> None:
    clock = RealClock(start=START, speed=1e6)
    assert clock.speed == 1e6
    assert START <= clock.now() < START + timedelta(days=30)
    with pytest.raises(ValueError, match="speed is 0"):
        RealClock(speed=0)


async def test_an_hour_of_a_fast_clock_is_short() -> None:
    clock = RealClock(start=START, speed=1e7)
    before = clock.now()
    await clock.sleep(timedelta(hours=1))  # a third of a millisecond
    assert clock.now() - before >= timedelta(hours=1)
    with pytest.raises(TimeoutError):
        async with clock.deadline(timedelta(hours=1)):
            await clock.sleep(timedelta(days=3650))


def test_a_clock_without_a_start_is_the_wall_clock() -> None:
    before = datetime.now(UTC)  # noqa: TID251 -- the wall clock is what is asked about
    assert before - timedelta(seconds=1) < RealClock().now() < before + timedelta(minutes=1)
