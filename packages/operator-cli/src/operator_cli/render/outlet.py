"""Standard output, written by a thread of its own.

A terminal that was stopped with Ctrl-S, a pager that nobody scrolls, an ssh session that hangs: each makes a write wait
for ever. The watch must go on meanwhile, and must end when it is told to.
"""

from __future__ import annotations

import io
import os
import select
import threading
from collections import deque
from datetime import timedelta
from typing import TextIO

MOST = 1 << 20
"""Bytes that wait for a reader; what comes after them is dropped, and that is said when there is room again."""

A_MOMENT = timedelta(milliseconds=200)
"""How long an end that was asked for waits for a reader that takes nothing."""


class Outlet(io.TextIOBase):
    """Takes text at once and writes it when the other side takes it.

    Args:
        stream: what is written to; its encoding, and whether it is a terminal, are this one's too.
    """

    def __init__(self, stream: TextIO, *, most: int = MOST) -> None:
        self._stream = stream
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._writing = False
        self._broken: OSError | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="outlet", daemon=True)
        self._thread.start()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def is_behind(self) -> bool:
        """Whether something still waits to be taken."""
        with self._changed:
            return bool(self._waiting) or self._writing

    def write(self, text: str, /) -> int:
        """Take some text.

        Raises:
            OSError: what was taken before could not be written (nobody reads any more, the disk is full).
        """
        with self._changed:
            if self._broken is not None:
                raise self._broken
            if self._bytes >= self._most:
                self._dropped += text.count("\n")
                return len(text)
            if self._dropped:
                self._take(f"… {self._dropped} lines are missing here: nobody took them\n")
                self._dropped = 0
            self._take(text)
            self._changed.notify_all()
        return len(text)

    def _take(self, text: str) -> None:
        coded = text.encode(self.encoding, "replace")
        self._waiting.append(coded)
        self._bytes += len(coded)

    def flush(self) -> None:
        """Nothing: a flush would wait."""

    def drain(self, within: timedelta | None) -> bool:
        """Wait until everything is written, at most so long, or for ever; whether it is."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._broken is not None or not (self._waiting or self._writing),
                None if within is None else within.total_seconds(),
            )

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                coded = b"".join(self._waiting)
                self._waiting.clear()
                self._writing = True
            try:
                self._write(coded)
            except OSError as e:
                with self._changed:
                    self._broken = e
                    self._writing = False
                    self._changed.notify_all()
                return
            with self._changed:
                self._bytes -= len(coded)

    def _write(self, coded: bytes) -> None:
        fileno = self._stream.fileno()
        left = memoryview(coded)
        while left:
            try:
                left = left[os.write(fileno, left) :]
            except BlockingIOError:  # somebody made the descriptor that we share with them non-blocking
                select.select([], [fileno], [])
