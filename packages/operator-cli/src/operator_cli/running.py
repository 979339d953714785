"""Running a use case: one event loop, ended within a moment by Ctrl-C and by SIGTERM."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

from operator_cli.exits import Exit

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Await a use case.

    Raises:
        typer.Exit: with 130, when the person or the system interrupted it.
    """
    import asyncio
    import signal

    from operator_cli.logs import configure

    configure()

    async def until_stopped() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await main

    try:
        return asyncio.run(until_stopped())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(Exit.INTERRUPTED) from None
