"""The whole terminal as a picture that is drawn anew, and the terminal as it was afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import sys
import termios
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TextIO

from operator_core.runtime import RealClock
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from operator_cli.render.outlet import A_MOMENT, Outlet

Drawing = Callable[[int, int], Sequence[Text]]
"""Draws a picture of so many columns and rows."""

TICK = timedelta(seconds=1)
"""The ages in a picture are in seconds."""

_LAST_WORDS = 20
"""Lines of the log that are said once more when the picture is gone."""


class _LogLines(io.TextIOBase):
    """Standard error while a picture is shown: its lines would tear it, so they are handed on."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._begun = ""

    def write(self, text: str, /) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                self._told(line)
        return len(text)


class LiveScreen:
    """A terminal's other screen, without a cursor and without an echo of what is typed.

    What is written to standard error meanwhile goes to `told`, and the last of it to standard error at the end.
    """

    def __init__(self, outlet: Outlet, console: Console, draw: Drawing, told: Callable[[str], None]) -> None:
        self._outlet = outlet
        self._console = console
        self._draw = draw
        self._told = told
        self._log: list[str] = []
        self._changed = asyncio.Event()
        self._live: Live | None = None
        self._stderr: TextIO | None = None
        self._terminal: list[Any] | None = None

    def open(self) -> None:
        """Take the terminal."""
        if sys.stderr.isatty():
            self._stderr, sys.stderr = sys.stderr, _LogLines(self._logged)
        self._begin()

    def close(self) -> None:
        """Give the terminal back as it was; once is enough, and twice is no error."""
        self._end()
        stderr, self._stderr = self._stderr, None
        if stderr is not None:
            sys.stderr = stderr
            for line in self._log:
                stderr.write(f"{line}\n")

    def _logged(self, line: str) -> None:
        self._log.append(line)
        del self._log[:-_LAST_WORDS]
        self._told(line)

    async def show(self) -> None:
        """Draw whenever something changed, the terminal has another size, or a second has passed; until cancelled."""
        loop = asyncio.get_running_loop()
        clock = RealClock()
        loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        try:
            while True:
                self._changed.clear()
                self._refresh()
                with contextlib.suppress(TimeoutError):
                    async with clock.deadline(TICK):
                        await self._changed.wait()
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            loop.remove_signal_handler(signal.SIGTSTP)

    def change(self) -> None:
        """Say that there is something new to be drawn."""
        self._changed.set()

    def _refresh(self) -> None:
        """Draw what is to be seen now; not while the terminal has not taken what was drawn before."""
        if self._live is not None and not self._outlet.is_behind:
            width, height = self._console.size
            self._live.update(Group(*self._draw(width, height)), refresh=True)

    def _suspend(self) -> None:
        """Stop the process, as Ctrl-Z asks, with the terminal as it was; goes on here when it is continued."""
        self._end()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._begin()
        self._refresh()

    def _begin(self) -> None:
        self._terminal = _without_echo()
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def _end(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(OSError):
                live.stop()
            self._outlet.drain(A_MOMENT)
        if self._terminal is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)


def _without_echo() -> list[Any] | None:
    """Switch the echo of typed keys off; gives how the terminal was, or None when standard input is none."""
    try:
        before = termios.tcgetattr(sys.stdin)
        now = list(before)
        now[3] &= ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSANOW, now)
    except (termios.error, OSError, ValueError):
        return None
    return before
