"""Finding Docker, its daemon and Compose before anything is asked of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from operator_core.errors import DeploymentError
from operator_core.ports import Clock

from operator_local.complaints import one_line
from operator_local.docker_program import DockerProgram

_OLDEST_COMPOSE = (2, 24)
_HOW_TO_GET_COMPOSE = "install the Docker Compose plugin, 2.24 or newer (package docker-compose-plugin)"


class Engine:
    """What there is of Docker on this machine.

    Args:
        docker_config: a directory that takes the place of ``~/.docker``.
    """

    def __init__(self, clock: Clock, *, docker_config: Path | None = None) -> None:
        self._docker = DockerProgram(clock, docker_config=docker_config)

    async def check_compose(self) -> None:
        """See that there is a docker program with a Compose plugin.

        Raises:
            DeploymentError: which of the two is missing or too old, and what to do.
        """
        if shutil.which("docker") is None:
            raise DeploymentError("there is no docker program on this machine; install Docker Engine or Docker Desktop")
        answer = await self._docker.ask("compose", "version", "--short")
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
        answer = await self._docker.ask("version", "--format", "{{.Server.Version}}")
        if not answer.succeeded:
            raise DeploymentError(one_line(answer.complaint))

    async def memory_bytes(self) -> int:
        """How much memory the daemon has: this machine's, or that of the machine in which it runs.

        Raises:
            DeploymentError: it does not say.
        """
        told = await self._docker.told("info", "--format", "{{.MemTotal}}")
        if not told.strip().isdecimal():
            raise DeploymentError(f"docker info says {told.strip()[:80]!r} of its memory")
        return int(told)

    async def versions(self) -> Mapping[str, object]:
        """What docker and Compose say of themselves; in place of what cannot be had stands why."""
        docker = await self._docker.ask("version", "--format", "{{json .}}")
        compose = await self._docker.ask("compose", "version", "--short")
        try:
            said = json.loads(docker.output)
        except ValueError:
            said = one_line(docker.complaint)
        return {
            "docker": said,
            "compose": compose.output.strip() if compose.succeeded else one_line(compose.complaint),
        }
