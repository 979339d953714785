"""A deployment on this machine: one Compose project per name."""

from __future__ import annotations

import asyncio
import importlib.resources
import re
from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from operator_core.components import Address, ComponentRef, Endpoint
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock, DeploymentStatus, Progressed, ServiceHealth, ServiceStatus
from operator_core.redaction import redact_text
from operator_core.runtime import RealClock

from operator_local.compose_file import Service
from operator_local.export import Export, Exported
from operator_local.health import NEVER_STARTED, WORDS, service_status
from operator_local.log_lines import follow_lines
from operator_local.project import Project

PROJECT_PREFIX = "operator-"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LOOKS_EVERY = timedelta(seconds=1)
_SPEAKS_EVERY = timedelta(seconds=10)
_ANSWER_WITHIN = timedelta(minutes=5)
_ANSWERS_AGAIN_WITHIN = timedelta(minutes=2)
_LAST_LINES = 8
_LINES_WITHIN = timedelta(seconds=10)
_UNPULLED = "build or load it first"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDoor:
    """Where a service answers; `component` is what it stands for, if anything."""

    service: str
    component: ComponentRef | None
    purpose: str
    advertised: Address
    reachable: Address


class LocalDeployment:
    """A :class:`~operator_core.ports.Deployment` through Docker Compose.

    Its containers are those that carry Compose's project label ``operator-<name>``; a container's name says nothing.
    Nothing is looked at before the first operation: no file, no Docker.

    Args:
        name: the deployment's name, as Compose takes it: lower-case letters, digits, ``-`` and ``_``.
        compose_files: the files, the later over the earlier; left out, the subject's own.
        environment: variables for the compose files; they win over the process's own.
        profiles: those of the compose files whose services are wanted beside the ones that are always there.
        answer_within: how long `up` waits until every service answers.
        docker_config: a directory that takes the place of ``~/.docker`` (also for where plugins are looked for).
        subject: whose compose file is meant when none is given.

    Raises:
        ConfigurationError: the name is none.
    """

    def __init__(
        self,
        *,
        name: str = "local",
        compose_files: tuple[Path, ...] | None = None,
        environment: Mapping[str, str] = {},
        profiles: tuple[str, ...] = (),
        answer_within: timedelta = _ANSWER_WITHIN,
        docker_config: Path | None = None,
        subject: str = "tikv",
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no name for a deployment; take lower-case letters, digits, - and _, a letter first"
            )
        self._name = name
        self._profiles = profiles
        self._answer_within = answer_within
        self._clock = RealClock()
        self._project = Project(
            name=f"{PROJECT_PREFIX}{name}",
            files=compose_files if compose_files is not None else (_compose_file_of(subject),),
            environment=environment,
            clock=self._clock,
            profiles=profiles,
            docker_config=docker_config,
        )

    async def up(self, progressed: Progressed, *, wait: bool = True) -> None:
        """Bring every service up and wait until its health check holds.

        A service that is up is left alone, unless the compose file or its variables say something else of it now.
        A paused one goes on. When it fails, what came up stays, so that it can be looked at; the last lines of what
        the failing services wrote are told before the error.

        Args:
            wait: else only those are waited for which others come after.
        """
        services = [s for s in await self._ready() if s.is_meant(self._profiles)]
        await self._expect_memory(services)
        await self._fetch_images(services, progressed)
        for paused in await self._in_state(ServiceHealth.PAUSED):
            progressed(f"{paused}: paused; it goes on")
            await self._project.unpause(paused)
        progressed(f"bringing up {len(services)} services" + (", and waiting until they answer" if wait else ""))
        work = self._project.up(answer_within=self._answer_within if wait else None)
        await self._telling(progressed, work, until=ServiceHealth.RUNNING)
        if wait:
            await self._expect_healthy("after `up`", {s.name for s in services}, progressed)

    async def down(self, progressed: Progressed, *, volumes: bool = True) -> None:
        """Take away every container and network; nothing there is no error.

        Args:
            volumes: also every volume. What a compose file keeps in memory ends with the containers either way.

        Raises:
            DeploymentError: something is left, such as a network on which somebody has put a container of his own.
        """
        services = await self._ready()
        holders = [s.name for s in services if s.holds_data]
        is_held = volumes or not set(holders).isdisjoint(await self._project.states())
        await self._telling(progressed, self._project.down(volumes=volumes), until=ServiceHealth.MISSING)
        if left := await self._project.leftovers():
            raise DeploymentError(f"docker compose down left {', '.join(left)}; remove them: docker rm -f")
        for network, others in (await self._project.networks()).items():
            raise DeploymentError(_still_there(network, others))
        if holders and is_held and not volumes:
            progressed(f"what {', '.join(holders)} held in memory is gone; volumes on disk stay (down --volumes)")

    async def status(self) -> DeploymentStatus:
        """How every service is that should be there, also one whose container is stopped or gone.

        A service of a profile that was not chosen is there when it has a container.
        """
        services = await self._ready()
        states = await self._project.states()
        return DeploymentStatus(
            name=self._name,
            services=tuple(
                service_status(s, states.get(s.name))
                for s in services
                if s.is_meant(self._profiles) or s.name in states
            ),
        )

    async def logs(
        self, service: str | None, *, follow: bool, tail: int | None, since: datetime | None = None
    ) -> AsyncGenerator[str, None]:
        """Log lines: of one service as it wrote them, of all with ``<service>-<n>  | `` in front.

        Args:
            service: whose; None for all. In what order lines of several services come is Compose's choice.
            follow: go on until every container has stopped, or nobody reads any more.
            tail: at most so many of the last lines of each service; None for all.
            since: none that is older.
        """
        services = await self._ready()
        if service is not None:
            self._expect_known(service, services)
        command = self._project.logs_command(service, follow=follow, tail=tail, since=since)
        async with aclosing(follow_lines(command, self._clock)) as lines:
            async for line in lines:
                yield line

    async def restart(self, service: str | None, progressed: Progressed) -> None:
        """Stop and start one service or all, and wait until their health checks hold again.

        What holds the data of others runs on: with it their data would end.

        Raises:
            ConfigurationError: there is no such service, or it holds the data of others.
            DeploymentError: also when there is nothing to restart.
        """
        services = await self._ready()
        if service is not None:
            self._expect_known(service, services)
        if service in (holders := {s.name for s in services if s.holds_data}):
            raise ConfigurationError(f"{service} holds the data of others in memory; to restart it would lose that")
        there = [s.name for s in (await self.status()).services if s.name not in holders]
        chosen = there if service is None else [service]
        if gone := [name for name in await self._in_state(ServiceHealth.MISSING) if name in chosen]:
            raise DeploymentError(f"{', '.join(gone)} cannot be restarted, for it is not there; bring it up first")
        for paused in await self._in_state(ServiceHealth.PAUSED):
            if paused in chosen:
                await self._project.unpause(paused)
        progressed(f"restarting {', '.join(chosen)}, and waiting until they answer")
        await self._telling(progressed, self._restarted(tuple(chosen)), until=ServiceHealth.RUNNING)
        await self._expect_healthy("after `restart`", set(chosen), progressed)

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """For each component's doors the address it advertises and the one that can be reached from here.

        A component is called what the compose file's labels call it. A subject may name some of its components only
        when it runs (a store by a number); such a one is called by its service here, and only its addresses tell
        which it is.
        """
        return tuple(endpoint for service in await self._meant() for endpoint in service.endpoints)

    async def doors(self) -> tuple[ServiceDoor, ...]:
        """Where every service answers, also those that are no component of the subject."""
        return tuple(
            ServiceDoor(
                service=service.name,
                component=service.component,
                purpose=door.purpose,
                advertised=door.advertised,
                reachable=door.reachable,
            )
            for service in await self._meant()
            for door in service.doors
        )

    async def export(
        self, to: Path, progressed: Progressed, *, since: datetime | None = None, tail: int | None = None
    ) -> Exported:
        """Gather logs, pages and versions in one archive; see :class:`~operator_local.export.Export`."""
        status = await self.status()
        return await Export(self._project, await self._project.services(), status, self._clock).write(
            to, progressed, since=since, tail=tail
        )

    def clock(self) -> Clock:
        """Real time: real processes have no other."""
        return self._clock

    async def _ready(self) -> tuple[Service, ...]:
        services = await self._project.services()
        await self._project.check_daemon()
        return services

    async def _meant(self) -> tuple[Service, ...]:
        """The services of the profiles that were chosen; the daemon is not asked."""
        return tuple(s for s in await self._project.services() if s.is_meant(self._profiles))

    async def _expect_memory(self, services: Sequence[Service]) -> None:
        needed, has = sum(s.reserved_bytes for s in services), await self._project.memory_bytes()
        if needed > has:
            raise DeploymentError(
                f"the services need {needed / 2**30:.1f} GiB of memory, and Docker has {has / 2**30:.1f} GiB; "
                "give Docker more, or take fewer services"
            )

    async def _fetch_images(self, services: Sequence[Service], progressed: Progressed) -> None:
        may_pull = {s.image: s.may_pull for s in services if s.image and not s.is_built}
        missing = [image for image in may_pull if not await self._project.has_image(image)]
        for image in missing:
            if not may_pull[image]:
                raise DeploymentError(f"image {image} is not on this machine and may not be pulled; {_UNPULLED}")
        for number, image in enumerate(missing, start=1):
            progressed(f"pulling image {image} ({number} of {len(missing)})")
            await self._project.pull(image)

    async def _in_state(self, health: ServiceHealth) -> tuple[str, ...]:
        return tuple(s.name for s in (await self.status()).services if s.health is health)

    async def _telling(self, progressed: Progressed, work: Awaitable[None], *, until: ServiceHealth) -> None:
        """Await the work, and tell meanwhile how the services change and which are waited for."""

        async def until_done() -> DeploymentError | None:
            # Handed on as a value: an exception would reach the caller as a group.
            try:
                await work
            except DeploymentError as e:
                return e
            finally:
                telling.cancel()
            return None

        async with asyncio.TaskGroup() as tg:
            telling = tg.create_task(self._tell(progressed, until), name="deployment.tell")
            working = tg.create_task(until_done(), name="deployment.work")
        if (failure := working.result()) is not None:
            raise failure

    async def _tell(self, progressed: Progressed, until: ServiceHealth) -> None:
        told: dict[str, ServiceHealth] = {}
        quiet_since = self._clock.now()
        while True:
            try:
                services = (await self.status()).services
            except DeploymentError:
                return  # progress that cannot be seen spoils no work; the work's own error says what is wrong
            changed = [s for s in services if told and s.health is not told[s.name]]
            for service in changed:
                progressed(f"{service.name}: waits for its turn" if _is_waiting(service) else _sentence(service))
            told = {s.name: s.health for s in services}
            if changed:
                quiet_since = self._clock.now()
            elif self._clock.now() - quiet_since >= _SPEAKS_EVERY:
                quiet_since = self._clock.now()
                progressed(f"waiting for {', '.join(s.name for s in services if s.health is not until) or 'Docker'}")
            await self._clock.sleep(_LOOKS_EVERY)

    async def _restarted(self, services: tuple[str, ...]) -> None:
        await self._project.restart(services)
        try:
            async with self._clock.deadline(_ANSWERS_AGAIN_WITHIN):
                while any(name in services for name in await self._in_state(ServiceHealth.STARTING)):
                    await self._clock.sleep(_LOOKS_EVERY)
        except TimeoutError:
            pass  # who does not answer is named by what looks at the services next

    async def _expect_healthy(self, when: str, names: Collection[str], progressed: Progressed) -> None:
        status = await self.status()
        ill = [s for s in status.services if s.name in names and s.health is not ServiceHealth.RUNNING]
        # Beside one that has failed, one that is still on its way has nothing to say.
        for service in [s for s in ill if s.health is not ServiceHealth.STARTING] or ill:
            await self._tell_last_lines(service, progressed)
        if ill:
            raise DeploymentError(f"{when}: {'; '.join(_sentence(s) for s in ill)}; its log may say why")

    async def _tell_last_lines(self, service: ServiceStatus, progressed: Progressed) -> None:
        if service.health is ServiceHealth.MISSING:
            return
        command = self._project.logs_command(service.name, tail=_LAST_LINES)
        try:
            async with self._clock.deadline(_LINES_WITHIN), aclosing(follow_lines(command, self._clock)) as lines:
                async for line in lines:
                    progressed(f"{service.name} | {redact_text(line).value}")
        except (DeploymentError, TimeoutError):
            return  # what is wrong with the service is told all the same

    def _expect_known(self, service: str, services: tuple[Service, ...]) -> None:
        if service not in {s.name for s in services}:
            meant = ", ".join(s.name for s in services if s.is_meant(self._profiles))
            raise ConfigurationError(f"deployment {self._name} has no service {service!r}; it has {meant}")


def _is_waiting(service: ServiceStatus) -> bool:
    """Whether it was made, and others have to answer before it is started."""
    return service.health is ServiceHealth.STOPPED and service.detail == NEVER_STARTED


def _sentence(service: ServiceStatus) -> str:
    return f"{service.name}: {WORDS[service.health]}" + (f" ({service.detail})" if service.detail else "")


def _still_there(network: str, others: Sequence[str]) -> str:
    if not others:
        return f"docker compose down left the network {network}; remove it: docker network rm {network}"
    return (
        f"all is down but the network {network}, on which somebody has put {', '.join(others)}; "
        f"take that off (docker network disconnect {network} {others[0]}), then take down again"
    )


def _compose_file_of(subject: str) -> Path:
    package = f"operator_subject_{subject}"
    try:
        return Path(str(importlib.resources.files(package) / "docker-compose.yaml"))
    except ModuleNotFoundError as e:
        raise ConfigurationError(f"the data of subject {subject!r} is not installed; install {package}") from e
