"""What a person sees while something takes longer than a moment: a line on standard error that goes away again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from operator_core.runtime import RealClock

T = TypeVar("T")

MOMENT = timedelta(seconds=0.7)


async def waited_for(main: Coroutine[Any, Any, T], says: str) -> T:
    """Await something; when it takes longer than a moment, say on a terminal what is waited for."""
    from rich.console import Console

    out = Console(stderr=True)
    if not out.is_terminal:
        return await main
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(main, name=says)
        try:
            async with RealClock().deadline(MOMENT):
                await asyncio.shield(task)
        except TimeoutError:
            with out.status(says):
                await asyncio.shield(task)
    return task.result()
