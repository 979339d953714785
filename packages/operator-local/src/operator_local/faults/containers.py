"""The containers that faults may touch: those of one Compose project, told by its label and by nothing else.

A container's name says nothing: another project may have a service, or a container, of the same name. Whatever is
done to a container, its labels are read again just before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from operator_core.components import ComponentRef
from operator_core.errors import ActionRejected, ConfigurationError, DeploymentError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from operator_local.complaints import one_line
from operator_local.compose_file import ADVERTISED_LABEL, COMPONENT_LABEL
from operator_local.docker_program import DockerProgram
from operator_local.project import ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL

RUNNING = frozenset({"running", "paused", "restarting"})
"""States in which a container's processes are there, or come by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A container on one network; an address that it has not is empty."""

    network_id: str
    mac: str
    ipv4: str
    ipv6: str
    gateway: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a container may use, in Docker's own units; 0 where nothing was set."""

    nano_cpus: int
    cpu_quota: int
    cpu_period: int
    memory_bytes: int
    memory_swap_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of the project as Docker tells it now.

    Attributes:
        addresses: the addresses that its processes advertise, by their labels.
        started_at: Docker's own text; another one after every start.
        pid: of its first process, in the engine's numbers; 0 when it does not run.
        stops_within_s: how long it is given to stop in order; None for Docker's own 10 s.
        has_init: whether its first process is Docker's init, and the service is that one's child.
        restart_policy: ``no``, ``always``, ``on-failure:5`` ...
        volumes: names of its volumes by the place where they are mounted.
        has_disk_limit: whether it was made with a limit of its own for any disk.
    """

    id: str
    service: str
    component: ComponentRef
    addresses: frozenset[str]
    status: str
    started_at: str
    exit_code: int
    restarts: int
    pid: int
    stops_within_s: int | None
    has_init: bool
    restart_policy: str
    networks: Mapping[str, Attachment]
    volumes: Mapping[str, str]
    limits: Limits
    has_disk_limit: bool

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _StateJson(_Wire):
    status: str = Field(alias="Status")
    pid: int = Field(alias="Pid")
    exit_code: int = Field(alias="ExitCode")
    started_at: str = Field(alias="StartedAt")


class _ConfigJson(_Wire):
    labels: dict[str, str] | None = Field(alias="Labels")
    stop_timeout: int | None = Field(default=None, alias="StopTimeout")


class _RestartPolicyJson(_Wire):
    name: str = Field(alias="Name")
    most: int = Field(alias="MaximumRetryCount")


class _HostConfigJson(_Wire):
    init: bool | None = Field(default=None, alias="Init")
    restart_policy: _RestartPolicyJson = Field(alias="RestartPolicy")
    nano_cpus: int = Field(alias="NanoCpus")
    cpu_quota: int = Field(alias="CpuQuota")
    cpu_period: int = Field(alias="CpuPeriod")
    memory: int = Field(alias="Memory")
    memory_swap: int = Field(alias="MemorySwap")
    read_bps: list[object] | None = Field(default=None, alias="BlkioDeviceReadBps")
    write_bps: list[object] | None = Field(default=None, alias="BlkioDeviceWriteBps")


class _NetworkJson(_Wire):
    id: str = Field(alias="NetworkID")
    mac: str = Field(alias="MacAddress")
    ipv4: str = Field(alias="IPAddress")
    ipv6: str = Field(default="", alias="GlobalIPv6Address")
    gateway: str = Field(default="", alias="Gateway")


class _NetworkSettingsJson(_Wire):
    networks: dict[str, _NetworkJson] | None = Field(alias="Networks")


class _MountJson(_Wire):
    type: str = Field(alias="Type")
    name: str = Field(default="", alias="Name")
    destination: str = Field(alias="Destination")


class _ContainerJson(_Wire):
    id: str = Field(alias="Id")
    restarts: int = Field(alias="RestartCount")
    state: _StateJson = Field(alias="State")
    config: _ConfigJson = Field(alias="Config")
    host: _HostConfigJson = Field(alias="HostConfig")
    network: _NetworkSettingsJson = Field(alias="NetworkSettings")
    mounts: tuple[_MountJson, ...] = Field(alias="Mounts")


class Containers:
    """The containers of one project.

    Args:
        project: the value of Compose's own project label.
    """

    def __init__(self, docker: DockerProgram, *, project: str) -> None:
        self._docker = docker
        self.project = project

    async def all(self) -> tuple[Container, ...]:
        """Those that stand for a component, running or not, in the order of their services."""
        listed = await self._docker.told(
            "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={PROJECT_LABEL}={self.project}"
        )
        found = [c for c in await self._inspect(*listed.split()) if self._is_ours(c)]
        return tuple(sorted((read_container(c) for c in found), key=lambda c: c.service))

    async def still(self, ident: str) -> Container | None:
        """A container by its id; None when it is gone.

        Raises:
            ActionRejected: it is there, and it is none of ours.
        """
        for found in await self._inspect(ident):
            if not self._is_ours(found):
                raise ActionRejected(f"container {ident[:12]} is no component of {self.project}; it is not touched")
            return read_container(found)
        return None

    async def present(self, ident: str) -> Container:
        """A container by its id.

        Raises:
            ActionRejected: it is none of ours.
            DeploymentError: it is gone.
        """
        found = await self.still(ident)
        if found is None:
            raise DeploymentError(f"container {ident[:12]} of {self.project} is gone since the fault was planned")
        return found

    async def _inspect(self, *idents: str) -> tuple[_ContainerJson, ...]:
        if not idents:
            return ()
        answer = await self._docker.ask("container", "inspect", *idents)
        others = [line for line in answer.complaint.splitlines() if "no such container" not in line.lower()]
        if not answer.succeeded and others:
            raise DeploymentError(f"docker container inspect: {one_line(answer.complaint)}")
        try:
            return tuple(_ContainerJson.model_validate(c) for c in json.loads(answer.output or "[]"))
        except ValidationError as e:
            raise DeploymentError(f"docker container inspect gave something that cannot be read: {e}") from e

    def _is_ours(self, wire: _ContainerJson) -> bool:
        labels = wire.config.labels or {}
        return (
            labels.get(PROJECT_LABEL) == self.project
            and labels.get(ONE_OFF_LABEL, "False") == "False"
            and bool(labels.get(SERVICE_LABEL))
            and COMPONENT_LABEL in labels
        )


def read_container(wire: _ContainerJson) -> Container:
    """What Docker tells of a container that carries a component's labels.

    Raises:
        DeploymentError: the component's label means nothing.
    """
    labels = wire.config.labels or {}
    try:
        component = ComponentRef.parse(labels[COMPONENT_LABEL])
    except ValueError as e:
        raise DeploymentError(f"service {labels[SERVICE_LABEL]}: label {COMPONENT_LABEL}: {e}") from e
    policy = wire.host.restart_policy
    return Container(
        id=wire.id,
        service=labels[SERVICE_LABEL],
        component=component,
        addresses=frozenset(v for k, v in labels.items() if k.startswith(ADVERTISED_LABEL)),
        status=wire.state.status,
        started_at=wire.state.started_at,
        exit_code=wire.state.exit_code,
        restarts=wire.restarts,
        pid=wire.state.pid,
        stops_within_s=wire.config.stop_timeout,
        has_init=bool(wire.host.init),
        restart_policy=f"{policy.name}:{policy.most}" if policy.most else policy.name or "no",
        networks={
            name: Attachment(network_id=n.id, mac=n.mac, ipv4=n.ipv4, ipv6=n.ipv6, gateway=n.gateway)
            for name, n in (wire.network.networks or {}).items()
        },
        volumes={m.destination: m.name for m in wire.mounts if m.type == "volume"},
        limits=Limits(
            nano_cpus=wire.host.nano_cpus,
            cpu_quota=wire.host.cpu_quota,
            cpu_period=wire.host.cpu_period,
            memory_bytes=wire.host.memory,
            memory_swap_bytes=wire.host.memory_swap,
        ),
        has_disk_limit=bool(wire.host.read_bps or wire.host.write_bps),
    )


def container_of(ref: ComponentRef, containers: Iterable[Container], services: Mapping[ComponentRef, str]) -> Container:
    """The container that a component runs in: by what the caller says, else by label, else by advertised address.

    Args:
        services: the services of components that the subject calls otherwise than their labels do.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    there = tuple(containers)
    if ref in services:
        found = [c for c in there if c.service == services[ref] and c.component.kind == ref.kind]
    else:
        found = [c for c in there if c.component == ref]
        found = found or [c for c in there if c.component.kind == ref.kind and ref.id in c.addresses]
    if len(found) == 1:
        return found[0]
    known = ", ".join(str(c.component) for c in there) or "nothing; bring it up first"
    if not found:
        raise ConfigurationError(f"no container stands for {ref} here; there is {known}")
    raise ConfigurationError(f"{len(found)} containers stand for {ref}; a fault is done to one")
