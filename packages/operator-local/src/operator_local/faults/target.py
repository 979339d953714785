"""Faults in a deployment on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from operator_core.components import Component, ComponentRef
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import EVERY, Fault, FaultCapability, Undo
from operator_core.ports import Clock
from operator_core.runtime import RealClock

from operator_local.deployment import PROJECT_PREFIX
from operator_local.docker_program import DockerProgram
from operator_local.faults.catalogue import capabilities_of, form_of, values_of
from operator_local.faults.containers import Container, Containers, container_of
from operator_local.faults.disk import DiskFaults
from operator_local.faults.limits import LimitFaults
from operator_local.faults.network import NetworkFaults
from operator_local.faults.process import ProcessFaults
from operator_local.faults.steps import CONTAINER, DOES, FAMILY, IDENT, NAME, PROJECT, SERVICE
from operator_local.faults.tools import TOOLS_IMAGE, Tools
from operator_local.faults.volumes import Volumes


class _Family(Protocol):
    async def plan(
        self, fault: Fault, target: Container, others: tuple[Container, ...]
    ) -> tuple[str, dict[str, str]]: ...

    async def inject(self, fault: Fault, steps: Mapping[str, str]) -> None: ...

    async def undo(self, steps: Mapping[str, str]) -> None: ...


class LocalFaultTarget:
    """A :class:`~operator_core.ports.FaultTarget`: the containers of one deployment that stand for a component.

    Every fault is measured before :meth:`inject` returns. Nothing is looked at before the first operation.

    Args:
        name: the deployment's name, as :class:`~operator_local.LocalDeployment` has it.
        services: the services of components that the subject calls otherwise than the labels do (a store by a
            number); :meth:`services_of` finds them.
        docker_config: a directory that takes the place of ``~/.docker``.
        tools_image: from which programs are run in the containers' namespaces.
    """

    def __init__(
        self,
        *,
        name: str = "local",
        services: Mapping[ComponentRef, str] = {},
        docker_config: Path | None = None,
        tools_image: str = TOOLS_IMAGE,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or RealClock()
        docker = DockerProgram(clock, docker_config=docker_config)
        self._services = dict(services)
        self._containers = Containers(docker, project=f"{PROJECT_PREFIX}{name}")
        self._tools = Tools(docker, image=tools_image, project=self._containers.project)
        volumes = Volumes(docker, project=self._containers.project)
        self._families: Mapping[str, _Family] = {
            "process": ProcessFaults(docker, self._containers, self._tools, clock),
            "network": NetworkFaults(docker, self._containers, self._tools, clock),
            "limits": LimitFaults(docker, self._containers, self._tools, volumes),
            "disk": DiskFaults(self._tools, volumes),
        }

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        """What can be done to the kinds of components that have a container, running or not."""
        there = {c.component for c in await self._containers.all()}
        return capabilities_of(there | set(self._services))

    async def services_of(self, components: Iterable[Component]) -> Mapping[ComponentRef, str]:
        """The services in which components run, by what they are called or by an address that they advertise.

        One that no container, or more than one, stands for is left out.
        """
        there = await self._containers.all()
        found: dict[ComponentRef, str] = {}
        for component in components:
            called = {c.service for c in there if c.component == component.ref}
            addresses = set(component.addresses.values())
            advertising = {
                c.service for c in there if c.component.kind == component.ref.kind and addresses & c.addresses
            }
            services = called or advertising
            if len(services) == 1:
                found[component.ref] = services.pop()
        return found

    async def describe(self, fault: Fault) -> str:
        """What the fault would do, exactly; only reads.

        Raises:
            ConfigurationError: as :meth:`plan`.
        """
        return (await self.plan(fault)).steps[DOES]

    async def plan(self, fault: Fault) -> Undo:
        """How the fault would be taken back; only reads.

        Raises:
            ConfigurationError: there is no such component, or the fault cannot be done to it as it is.
        """
        form = form_of(fault)
        values_of(fault)
        there = await self._containers.all()
        target = container_of(fault.target, there, self._services)
        does, steps = await self._families[form.family].plan(fault, target, self._others(fault, target, there))
        return Undo(
            steps={
                IDENT: f"operator-fault-{secrets.token_hex(5)}",
                FAMILY: form.family,
                NAME: str(fault.name),
                PROJECT: self._containers.project,
                SERVICE: target.service,
                CONTAINER: target.id,
                DOES: does,
                **steps,
            }
        )

    async def inject(self, fault: Fault, undo: Undo) -> None:
        """Do the fault, and measure that it came.

        Raises:
            ActionRejected: the undo belongs to another deployment, or its container does; nothing was done.
            ActionIndeterminate: it was done in part, or without effect; the undo takes back what was done.
            DeploymentError: Docker said no; likewise.
        """
        await self._family(undo).inject(fault, undo.steps)

    async def undo(self, undo: Undo) -> None:
        """Take a fault back; doing it twice, or after the target is gone, is no error.

        Raises:
            ActionRejected: the undo belongs to another deployment, or its container does; nothing was done.
            DeploymentError: Docker said no, or does not answer.
        """
        await self._family(undo).undo(undo.steps)

    def _others(self, fault: Fault, target: Container, there: tuple[Container, ...]) -> tuple[Container, ...]:
        """The other end's containers, or where there is none, all others."""
        others = tuple(c for c in there if c.id != target.id)
        if fault.toward is None:
            return others
        if fault.toward.id == EVERY:
            return tuple(c for c in others if c.component.kind == fault.toward.kind)
        end = container_of(fault.toward, there, self._services)
        if end.id == target.id:
            raise ConfigurationError(f"{fault}: both ends are service {target.service}")
        return (end,)

    def _family(self, undo: Undo) -> _Family:
        project = undo.steps.get(PROJECT)
        if project != self._containers.project:
            raise ActionRejected(f"this fault belongs to {project}, and not to {self._containers.project}")
        family = self._families.get(undo.steps.get(FAMILY, ""))
        if family is None or not undo.steps.get(IDENT) or not undo.steps.get(CONTAINER):
            raise ConfigurationError(f"this undo cannot be read: {dict(undo.steps)}")
        return family
