"""The docker program, asked directly.

python-on-whales waits without end for a daemon that hangs, and leaves its child behind when the caller has stopped
waiting. Where that matters, the program is run here: every question has a deadline, and its child ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from operator_core.errors import DeploymentError
from operator_core.ports import Clock

from operator_local.complaints import one_line

_ANSWERS_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command printed, and whether it ended well."""

    succeeded: bool
    output: str
    complaint: str


class DockerProgram:
    """The docker program of this machine.

    Args:
        docker_config: a directory that takes the place of ``~/.docker``.
    """

    def __init__(self, clock: Clock, *, docker_config: Path | None = None) -> None:
        self._clock = clock
        self._options = ("--config", str(docker_config)) if docker_config else ()

    async def ask(self, *arguments: str, fed: str = "", within: timedelta = _ANSWERS_WITHIN) -> Answer:
        """Run a command to its end.

        Args:
            fed: what it reads from its standard input.

        Raises:
            DeploymentError: there is no docker program, or it did not end in time; how it ended is in the answer.
        """
        try:
            child = await asyncio.create_subprocess_exec(
                *("docker", *self._options, *arguments),
                stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as e:
            raise DeploymentError("there is no docker program on this machine; install Docker Engine") from e
        try:
            async with self._clock.deadline(within):
                output, complaint = await child.communicate(fed.encode() if fed else None)
        except TimeoutError as e:
            raise DeploymentError(
                f"the Docker daemon did not answer `{_shown(arguments)}` within "
                f"{within.total_seconds():.0f} s; restart Docker"
            ) from e
        finally:
            await end(child, self._clock)
        return Answer(
            succeeded=child.returncode == 0,
            output=output.decode(errors="replace"),
            complaint=complaint.decode(errors="replace"),
        )

    async def told(self, *arguments: str, fed: str = "", within: timedelta = _ANSWERS_WITHIN) -> str:
        """What a command printed.

        Raises:
            DeploymentError: it failed, in Docker's own words.
        """
        answer = await self.ask(*arguments, fed=fed, within=within)
        if not answer.succeeded:
            raise DeploymentError(f"docker {arguments[0]}: {one_line(answer.complaint)}")
        return answer.output


async def end(child: asyncio.subprocess.Process, clock: Clock, *, grace: timedelta = timedelta(seconds=2)) -> None:
    """Ask a child to end, then make it; one that has ended is left alone."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with clock.deadline(grace):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def _shown(arguments: Sequence[str]) -> str:
    return " ".join(("docker", *arguments))
