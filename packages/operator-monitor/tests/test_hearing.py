"""What a loop tells is heard to its end, and its end is told from its breaking."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from operator_monitor.hearing import heard
from operator_monitor.report import Tell


async def listen(told: list[int], *, breaks: bool) -> None:
    async def run(tell: Tell[int]) -> None:
        await tell(1)
        await tell(2)
        if breaks:
            raise ZeroDivisionError

    async with aclosing(heard(run, name="told")) as reports:
        async for n in reports:
            told.append(n)  # noqa: PERF401 - what was told before it broke counts


async def test_a_loop_that_ends_ends_what_is_heard() -> None:
    told: list[int] = []
    await listen(told, breaks=False)
    assert told == [1, 2]


async def test_a_loop_that_breaks_is_not_taken_for_one_that_ends() -> None:
    told: list[int] = []
    with pytest.raises(ZeroDivisionError):
        await listen(told, breaks=True)
    assert told == [1, 2]
