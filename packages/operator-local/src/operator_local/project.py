"""One Compose project on this machine's Docker, asked through python-on-whales.

python-on-whales runs the docker program and waits for it, so every call goes to a thread, and none starts before
:class:`~operator_local.engine.Engine` has seen that Docker is there and answers. It is imported at the first call,
because commands that need no Docker shall not wait for it.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock

from operator_local.complaints import one_line
from operator_local.compose_file import Service, read_services, shifted_ports
from operator_local.engine import Engine
from operator_local.health import ContainerState

if TYPE_CHECKING:
    from python_on_whales import Container, DockerClient, Network

T = TypeVar("T")

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
FAULT_PROJECT_LABEL = "operator.fault.project"
"""On containers that keep a fault of the project up; Compose knows nothing of them."""

_SOME_FAILED = re.compile(r"container \S+ (exited \(\d+\)|is unhealthy)|not healthy after")

_IS_HELD = re.compile(r"network \S+ is still in use")
"""What is said of a network while it still clears up after containers that are gone, or has forgotten to."""

_EVERY_PROFILE = ("*",)
"""What there is of the project may come from a profile that nobody remembers, so all but `up` are told of every one."""

_READS_WITHIN = timedelta(seconds=60)
_STARTS_WITHIN = timedelta(minutes=5)
_PULLS_WITHIN = timedelta(minutes=30)
_ENDS_WITHIN = timedelta(minutes=3)
_LETS_GO_WITHIN = timedelta(seconds=20)
_ASKED_AGAIN = timedelta(seconds=0.5)


class Project:
    """A Compose project: its file, its containers, and what can be done to them.

    Args:
        name: the project's name; containers are ours when they carry it in Compose's own project label.
        files: the compose files, the later over the earlier.
        environment: variables for the compose files; they win over the process's own.
        profiles: those whose services come up beside the services without one.
        docker_config: a directory that takes the place of ``~/.docker``.
    """

    def __init__(
        self,
        *,
        name: str,
        files: tuple[Path, ...],
        environment: Mapping[str, str],
        clock: Clock,
        profiles: tuple[str, ...] = (),
        docker_config: Path | None = None,
    ) -> None:
        self._name = name
        self._files = files
        self._environment = dict(environment)
        self._profiles = profiles
        self._clock = clock
        self._docker_config = docker_config
        self._engine = Engine(clock, docker_config=docker_config)
        self._services: tuple[Service, ...] | None = None

    async def services(self) -> tuple[Service, ...]:
        """The services of the compose files, of every profile; the daemon is not needed for that.

        Raises:
            DeploymentError: no Compose, or a file is missing or not valid.
            ConfigurationError: OPERATOR_PORT_OFFSET does not make sense, or there is no such profile.
        """
        if self._services is None:
            self._services = read_services(await self.config())
            known = {p for s in self._services for p in s.profiles}
            if unknown := [p for p in self._profiles if p not in known]:
                there = ", ".join(sorted(known)) or "none"
                raise ConfigurationError(f"there is no profile {unknown[0]!r}; the compose file has {there}")
        return self._services

    async def config(self) -> object:
        """What Compose makes of the files, as JSON has it."""
        await self._engine.check_compose()
        client = self._client()
        return await self._call("docker compose config", lambda: client.compose.config(return_json=True))

    async def versions(self) -> Mapping[str, object]:
        """What Docker and Compose say of themselves."""
        return await self._engine.versions()

    async def memory_bytes(self) -> int:
        """How much memory Docker has, of a whole machine or of its own."""
        return await self._engine.memory_bytes()

    async def check_daemon(self) -> None:
        """See that the daemon answers.

        Raises:
            DeploymentError: why it does not, and what to do.
        """
        await self._engine.check_daemon()

    async def states(self) -> Mapping[str, ContainerState]:
        """The state of each service's container; a service without one is not in it."""
        client = self._client()
        return await self._call("docker ps", lambda: _states(client, self._name))

    async def leftovers(self) -> tuple[str, ...]:
        """The names of all containers that carry the project's label."""
        client = self._client()
        return await self._call("docker ps", lambda: tuple(sorted(c.name for c in _containers(client, self._name))))

    async def networks(self) -> Mapping[str, tuple[str, ...]]:
        """The project's networks, by name, each with the names of the containers on it, whosesoever they are."""
        client = self._client()
        return await self._call("docker network ls", lambda: _networks(client, self._name))

    async def has_image(self, image: str) -> bool:
        client = self._client()
        return await self._call("docker image inspect", lambda: client.image.exists(image))

    async def pull(self, image: str) -> None:
        client = self._client()
        await self._call(f"image {image}", lambda: client.image.pull(image, quiet=True), within=_PULLS_WITHIN)

    async def up(self, *, answer_within: timedelta | None) -> None:
        """Make and start every container, and wait until its health check holds, or one is known to have failed.

        A container that ended or does not answer is no error here: Compose names the first one only, and by its
        container. The caller looks at all of them.

        Args:
            answer_within: how long the health checks are waited for; None for not at all, except where a service
                comes after another.
        """
        client = self._client(self._profiles)
        seconds = None if answer_within is None else int(answer_within.total_seconds())
        try:
            await self._call(
                "docker compose up",
                lambda: client.compose.up(
                    detach=True, wait=seconds is not None, wait_timeout=seconds, remove_orphans=True, quiet=True
                ),
                within=(answer_within or _STARTS_WITHIN) + _ENDS_WITHIN,
            )
        except DeploymentError as e:
            if not _SOME_FAILED.search(str(e)):
                raise

    async def unpause(self, service: str) -> None:
        client = self._client()
        await self._call("docker compose unpause", lambda: client.compose.unpause([service]))

    async def restart(self, services: tuple[str, ...]) -> None:
        client = self._client()
        await self._call("docker compose restart", lambda: client.compose.restart(list(services)), within=_ENDS_WITHIN)

    async def down(self, *, volumes: bool) -> None:
        """Stop and remove every container and network of the project, what keeps faults of it up, and its volumes."""
        client = self._client()
        await self._call(
            "docker rm",
            lambda: client.container.remove(
                client.container.list(all=True, filters=[("label", f"{FAULT_PROJECT_LABEL}={self._name}")]), force=True
            ),
        )
        patient_until = self._clock.now() + _LETS_GO_WITHIN
        while True:
            try:
                await self._call(
                    "docker compose down",
                    lambda: client.compose.down(remove_orphans=True, volumes=volumes, quiet=True),
                    within=_ENDS_WITHIN,
                )
            except DeploymentError as e:
                if not _IS_HELD.search(str(e)) or self._clock.now() >= patient_until:
                    raise
            else:
                return
            await self._clock.sleep(_ASKED_AGAIN)
            with suppress(DeploymentError):  # it may be gone by now; asking again will tell
                await self._call("docker network disconnect", lambda: _let_go(client, self._name))

    def logs_command(
        self,
        service: str | None,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: datetime | None = None,
        with_times: bool = False,
    ) -> tuple[str, ...]:
        """The command line that prints the logs."""
        command = [str(part) for part in cast("list[object]", self._client().compose.docker_compose_cmd)]
        command += ["logs", "--no-color"]
        command += ["--follow"] if follow else []
        command += ["--tail", str(tail)] if tail is not None else []
        command += ["--since", since.isoformat()] if since is not None else []
        command += ["--timestamps"] if with_times else []
        command += ["--no-log-prefix", service] if service is not None else []
        return tuple(command)

    async def _call(self, doing: str, call: Callable[[], T], *, within: timedelta = _READS_WITHIN) -> T:
        errors = importlib.import_module("python_on_whales.exceptions")
        try:
            async with self._clock.deadline(within):
                return await asyncio.to_thread(call)
        except errors.DockerException as e:
            raise DeploymentError(f"{doing}: {one_line(e.stderr or e.stdout or '')}") from e
        except TimeoutError as e:
            raise DeploymentError(
                f"{doing}: Docker did not finish within {within.total_seconds():.0f} s; "
                "see what it is busy with (docker ps), then try again"
            ) from e

    def _client(self, profiles: tuple[str, ...] = _EVERY_PROFILE) -> DockerClient:
        from python_on_whales import DockerClient  # noqa: PLC0415 - see the module's docstring

        for file in self._files:
            if not file.is_file():
                raise DeploymentError(f"there is no compose file {file}")
        variables = self._environment | shifted_ports(
            (file.read_text(encoding="utf-8") for file in self._files), dict(os.environ) | self._environment
        )
        # Compose lets the process's own variables win over an env file; `env` in front of it does not.
        through_env = ["env", *(f"{name}={value}" for name, value in sorted(variables.items()))] if variables else []
        return DockerClient(
            client_call=[*through_env, "docker"],
            client_type=_CLIENT_TYPE,
            config=self._docker_config,
            compose_files=list(self._files),
            compose_profiles=list(profiles),
            compose_project_name=self._name,
        )


_CLIENT_TYPE: Literal["docker"] = "docker"


def _let_go(client: DockerClient, project: str) -> None:
    """Free the project's networks of endpoints without a container; one that somebody has joined to them stays."""
    for network in _networks_of(client, project):
        for key, endpoint in (network.containers or {}).items():
            if key.startswith("ep-") and endpoint.name:
                client.network.disconnect(network, endpoint.name, force=True)


def _networks(client: DockerClient, project: str) -> dict[str, tuple[str, ...]]:
    return {
        network.name: tuple(sorted(e.name for e in (network.containers or {}).values() if e.name))
        for network in _networks_of(client, project)
    }


def _networks_of(client: DockerClient, project: str) -> list[Network]:
    return client.network.list(filters=[("label", f"{PROJECT_LABEL}={project}")])


def _containers(client: DockerClient, project: str) -> list[Container]:
    return client.container.list(all=True, filters=[("label", f"{PROJECT_LABEL}={project}")])


def _states(client: DockerClient, project: str) -> dict[str, ContainerState]:
    states: dict[str, ContainerState] = {}
    for container in _containers(client, project):
        labels = container.config.labels or {}
        if labels.get(ONE_OFF_LABEL) == "True" or SERVICE_LABEL not in labels:
            continue
        state = container.state
        health = state.health
        probes = (health.log or []) if health else []
        states[labels[SERVICE_LABEL]] = ContainerState(
            status=state.status or "",
            health=health.status if health else None,
            exit_code=state.exit_code,
            is_oom_killed=bool(state.oom_killed),
            error=state.error or "",
            image=container.config.image,
            restarts=container.restart_count or 0,
            last_probe=(probes[-1].output or "") if probes else "",
            started_at=state.started_at,
            finished_at=state.finished_at,
        )
    return states
