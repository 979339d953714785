"""Finding Docker, its daemon and Compose before anything is asked of them.

These few questions are asked of the program itself and not through python-on-whales, which waits without end for a
daemon that hangs and leaves the child behind when the caller has stopped waiting.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from operator_core.errors import DeploymentError
from operator_core.ports import Clock

from operator_local.complaints import one_line

_ANSWERS_WITHIN = timedelta(seconds=15)
_OLDEST_COMPOSE = (2, 20)
_HOW_TO_GET_COMPOSE = "install the Docker Compose plugin, 2.20 or newer (package docker-compose-plugin)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    succeeded: bool
    output: str
    complaint: str


class Engine:
    """The docker program of this machine.

    Args:
        docker_config: a directory that takes the place of ``~/.docker``.
    """

    def __init__(self, clock: Clock, *, docker_config: Path | None = None) -> None:
        self._clock = clock
        self._options = ("--config", str(docker_config)) if docker_config else ()

    async def check_compose(self) -> None:
        """See that there is a docker program with a Compose plugin.

        Raises:
            DeploymentError: which of the two is missing or too old, and what to do.
        """
        if shutil.which("docker") is None:
            raise DeploymentError("there is no docker program on this machine; install Docker Engine or Docker Desktop")
        answer = await self._ask("compose", "version", "--short")
        if not answer.succeeded:
            old = " (docker-compose 1 cannot be used)" if shutil.which("docker-compose") else ""
            raise DeploymentError(f"docker has no compose command{old}; {_HOW_TO_GET_COMPOSE}")
        version = answer.output.strip().removeprefix("v")
        numbers = version.split(".")[:2]
        if all(n.isdecimal() for n in numbers) and tuple(int(n) for n in numbers) < _OLDEST_COMPOSE:
            raise DeploymentError(f"Docker Compose {version} is too old; {_HOW_TO_GET_COMPOSE}")

    async def check_daemon(self) -> None:
        """See that the daemon answers, and that this user may ask it.

        Raises:
            DeploymentError: why it does not, and what to do.
        """
        answer = await self._ask("version", "--format", "{{.Server.Version}}")
        if not answer.succeeded:
            raise DeploymentError(one_line(answer.complaint))

    async def _ask(self, *arguments: str) -> _Answer:
        command = ("docker", *self._options, *arguments)
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with self._clock.deadline(_ANSWERS_WITHIN):
                output, complaint = await child.communicate()
        except TimeoutError as e:
            raise DeploymentError(
                f"the Docker daemon did not answer `{_shown(arguments)}` within "
                f"{_ANSWERS_WITHIN.total_seconds():.0f} s; restart Docker"
            ) from e
        finally:
            await end(child, self._clock)
        return _Answer(
            succeeded=child.returncode == 0,
            output=output.decode(errors="replace"),
            complaint=complaint.decode(errors="replace"),
        )


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
