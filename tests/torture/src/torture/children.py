"""Processes of ours that are started in order to be killed, and what they said until then."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from operator_core.runtime import RealClock

from torture.recorder import Acknowledged

PATIENCE = timedelta(seconds=180)
"""How long anything is waited for that should happen at once; the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of a monitor; `failed` is empty when it did what it should."""

    cluster: str
    number: int
    failed: str


@dataclass
class Child:
    """A running process, and the lines that it has written."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list[str])
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acknowledged(self) -> list[Acknowledged]:
        return [Acknowledged.parse(line.removeprefix("ack ")) for line in self.lines if line.startswith("ack ")]

    @property
    def cycles(self) -> list[Cycle]:
        told = [line.split(" ", 3) for line in self.lines if line.startswith("cycle ")]
        return [Cycle(cluster, int(number), failed) for _, cluster, number, failed in told]

    async def until(self, what: Callable[[Child], bool], *, within: timedelta = PATIENCE) -> None:
        """Wait until its lines say so.

        Raises:
            AssertionError: it ended before that, or too much time went by.
        """
        try:
            async with RealClock().deadline(within):
                while not what(self):
                    assert self.process.returncode is None, (
                        f"it ended with {self.process.returncode}: {self.lines[-5:]}"
                    )
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError as e:
            raise AssertionError(f"not within {within}; its last words: {self.lines[-5:]}") from e

    def say(self, line: str) -> None:
        """Say a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def ended(self, *, within: timedelta = PATIENCE) -> None:
        """Wait until it has done all that it had to do.

        Raises:
            AssertionError: it failed, or took too long.
        """
        try:
            async with RealClock().deadline(within):
                await self.process.wait()
        except TimeoutError as e:
            raise AssertionError(f"not within {within}; its last words: {self.lines[-1:]}") from e
        assert self.process.returncode == 0, f"it ended with {self.process.returncode}: {self.lines[-1:]}"

    async def kill(self) -> None:
        """Kill it, as a machine would, and read what it had still said."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def read(self) -> None:
        """Read its lines until it has ended; a line that was cut off was never said."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            if line.endswith(b"\n"):
                self.lines.append(line.decode().rstrip("\n"))
            self.news.set()
        self.news.set()


_OF_THE_DRIVER = re.compile(
    r"Future exception was never retrieved\n"
    r"future: <Future finished exception=ConnectionError\('unexpected connection_lost\(\) call'\)>\n"
    r"ConnectionError: unexpected connection_lost\(\) call\n"
)
"""asyncpg forgets a future of its own when a connection breaks while it is being made."""


def what_was_said(errors: Path) -> str:
    """What processes have written to their standard error."""
    return _OF_THE_DRIVER.sub("", errors.read_text(encoding="utf-8"))


@asynccontextmanager
async def running(module: str, *arguments: str, errors: Path, prefix: Sequence[str] = ()) -> AsyncGenerator[Child]:
    """A process that runs a module of ours; it is killed at the end, and all that it said is read.

    Args:
        errors: where what it writes to its standard error goes.
        prefix: what the command line begins with.
    """
    with errors.open("ab") as told:
        process = await asyncio.create_subprocess_exec(
            *prefix,
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=told,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=1 << 24,
        )
    child = Child(process)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(child.read(), name=f"read {module}")
        try:
            yield child
        finally:
            await child.kill()
