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
    """How a process ends in time that was told to: it may wait for a name server in a thread, say.

    Once everything is written and let go of, taking the interpreter apart would bring nothing but half a second on a
    busy machine, so it is left as it stands then, too.

    Attributes:
        within: how long after the first signal it is left at the latest; what it keeps must survive that.
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
        typer.Exit: with 130, when the person or the system interrupted it and there is no last resort; with one, the
            process ends here.
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
        if last_resort is not None:
            _leave(last_resort)
        raise typer.Exit(Exit.INTERRUPTED) from None


def _leave(last_resort: LastResort) -> None:
    """End the process as it stands."""
    import os

    try:
        last_resort.leave()
    finally:
        os._exit(Exit.INTERRUPTED)


def _end_in_time(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop, last_resort: LastResort) -> None:
    """Have the first signal cancel the task and start the clock of the last resort."""
    import signal
    import threading

    timer = threading.Timer(last_resort.within.total_seconds(), _leave, [last_resort])
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
