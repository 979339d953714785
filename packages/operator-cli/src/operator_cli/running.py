"""Running a use case: one event loop, ended within a moment by Ctrl-C and by SIGTERM."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from operator_cli.exits import Exit

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastResort:
    """How a process ends that was told to and does not come to it: a thread waits for a name server, say.

    Attributes:
        within: how long after the first signal it is left as it stands; what it keeps must survive that.
        leave: what is put back before.
    """

    within: timedelta
    leave: Callable[[], None]


def run(main: Coroutine[Any, Any, T], last_resort: LastResort | None = None) -> T:
    """Await a use case.

    Args:
        main: what is awaited; cancelled by SIGINT and SIGTERM, with a last resort also when the terminal is closed.
        last_resort: for a use case that must end in time, whatever it waits for.

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
        if last_resort is None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        else:
            _end_in_time(task, asyncio.get_running_loop(), last_resort)
        return await main

    try:
        return asyncio.run(until_stopped())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(Exit.INTERRUPTED) from None


def _end_in_time(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop, last_resort: LastResort) -> None:
    """Have the first signal cancel the task and start the clock of the last resort."""
    import os
    import signal
    import threading

    def leave() -> None:
        try:
            last_resort.leave()
        finally:
            os._exit(Exit.INTERRUPTED)

    timer = threading.Timer(last_resort.within.total_seconds(), leave)
    timer.daemon = True

    def asked(_signal: int, _frame: object) -> None:
        if timer.ident is None:
            timer.start()
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
        signal.signal(signal.SIGHUP, asked)
