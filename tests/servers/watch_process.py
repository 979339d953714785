"""A monitor as a process of its own, on a pipe or on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from operator_core.ports import Lease
from operator_core.runtime import RealClock

OPERATOR = str(Path(sys.executable).with_name("operator"))
AT_ONCE = 1.5
"""Seconds: one, and what a busy machine adds."""
LAST_RESORT = 0.85
"""Seconds after which a process that was told to end may leave the watch to the patience of the others."""
PATIENCE = 60.0
WALL = RealClock()


def pause(seconds: float) -> None:
    """Let the processes go on."""
    threading.Event().wait(seconds)


class Watch:
    """A monitor in the background; what it says is collected by a thread, or left where it is.

    Attributes:
        end_of_pipe: where it can be read what it says, and where keys are typed.
        terminal: the descriptor of its terminal, when it has one.
    """

    def __init__(
        self, surroundings: Mapping[str, str], *arguments: str, on_terminal: bool = False, is_read: bool = True
    ) -> None:
        self.said = b""
        self.end_of_pipe, theirs = pty.openpty() if on_terminal else os.pipe()
        env = dict(surroundings)
        if on_terminal:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            env |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.terminal = theirs if on_terminal else None
        self.process = subprocess.Popen(
            [*(["setsid", "--ctty"] if on_terminal else []), OPERATOR, "monitor", *arguments],
            stdin=theirs if on_terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs if on_terminal else subprocess.PIPE,
            env=env,
        )
        if not on_terminal:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        if is_read:
            self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := os.read(self.end_of_pipe, 65536):
                self.said += part

    def until(self, words: str, *, times: int = 1) -> None:
        """Wait until something was said so often."""
        start = WALL.now()
        while self.said.count(words.encode()) < times:
            assert self.process.poll() is None, self.said
            assert WALL.now() - start < timedelta(seconds=PATIENCE), self.said
            pause(0.05)

    def end(self, number: signal.Signals) -> float:
        """Tell it to end, which it must at once; gives the seconds that it took."""
        start = WALL.now()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        lasted = (WALL.now() - start).total_seconds()
        assert lasted < AT_ONCE
        assert self.process.returncode == 130
        pause(0.2)
        return lasted

    def gave_up(self, lease: Lease | None, lasted: float) -> bool:
        """Whether the watch is free; who had to leave in a hurry may leave it to the patience of the others."""
        return lease is None or lasted > LAST_RESORT

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        if self.process.stderr is not None:
            self.process.stderr.close()
        for descriptor in (self.terminal, self.end_of_pipe):
            if descriptor is not None:
                os.close(descriptor)
