"""A cluster's processes as the services of a deployment: names, health, logs."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.ports import DeploymentStatus, ServiceHealth, ServiceStatus

from operator_simulator.config import ClusterConfig
from operator_simulator.faces.front import Port, ports, ports_of
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member
from operator_simulator.model.process import Life, Process


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """A line, and where it stands in its service's log."""

    at_s: float
    service: str
    number: int
    text: str


def names(cluster: Cluster) -> tuple[str, ...]:
    """PD first, as it is started first."""
    members = [m.name for m in cluster.quorum.members]
    return (*members, *cluster.stores)


def known(cluster: Cluster, service: str) -> str:
    """The name itself.

    Raises:
        ConfigurationError: there is no such service.
    """
    return known_among(names(cluster), service)


def known_among(there: Sequence[str], service: str) -> str:
    """The name itself.

    Raises:
        ConfigurationError: it is not one of those that are there.
    """
    if service not in there:
        raise ConfigurationError(f"there is no service {service!r}; there are {', '.join(there)}")
    return service


def _health(process: Process) -> ServiceHealth:
    match process.life:
        case Life.STOPPED:
            return ServiceHealth.STOPPED
        case Life.FROZEN:
            return ServiceHealth.PAUSED
        case Life.RUNNING:
            waits = not process.is_up or (isinstance(process, Member) and not process.has_joined)
            return ServiceHealth.STARTING if waits else ServiceHealth.RUNNING


def is_ready(cluster: Cluster, name: str) -> bool:
    """Whether a process does its work; a PD that has not found the others yet does not."""
    return _health(cluster.processes[name]) is ServiceHealth.RUNNING


def _component(all_ports: Iterable[Port], name: str) -> tuple[ComponentRef, tuple[str, ...]]:
    own = [p for p in all_ports if p.process == name]
    return own[0].component, tuple(p.advertised for p in own)


def status(name: str, cluster: Cluster) -> DeploymentStatus:
    """Every process, also one that does not run."""
    found: list[ServiceStatus] = []
    for service in names(cluster):
        process = cluster.processes[service]
        component, addresses = _component(ports_of(cluster), service)
        since = cluster.instant(process.changed_s or process.started_s)
        health = _health(process)
        found.append(ServiceStatus(name=service, health=health, component=component, addresses=addresses, since=since))
    return DeploymentStatus(name=name, services=tuple(found))


def not_running(status: DeploymentStatus) -> str:
    """The services that do not do their work, and how they are, in words."""
    return ", ".join(f"{s.name} is {s.health.value}" for s in status.services if s.health is not ServiceHealth.RUNNING)


def missing(name: str, config: ClusterConfig) -> DeploymentStatus:
    """What should be there and is not up."""
    stores = {f"tikv{i}": ident for i, ident in enumerate(config.store_ids)}
    members = tuple(f"pd{i}" for i in range(config.pd))
    all_ports = ports(stores, members)
    services = (
        ServiceStatus(name=s, health=ServiceHealth.MISSING, component=_component(all_ports, s)[0])
        for s in (*members, *stores)
    )
    return DeploymentStatus(name=name, services=tuple(services))


def lines(cluster: Cluster, service: str | None, after: Mapping[str, int]) -> list[LogLine]:
    """Log lines whose number is above `after` of their service, in the order of time.

    Raises:
        ConfigurationError: no such service.
    """
    chosen = names(cluster) if service is None else (known(cluster, service),)
    logs = (
        [
            LogLine(line.at_s, n, line.number, line.text if service is not None else f"{n} | {line.text}")
            for line in cluster.processes[n].log.lines(after.get(n, 0))
        ]
        for n in chosen
    )
    return list(heapq.merge(*logs))


def newest(found: Iterable[LogLine]) -> dict[str, int]:
    """The highest number of each service."""
    highest: dict[str, int] = {}
    for line in found:
        highest[line.service] = max(line.number, highest.get(line.service, 0))
    return highest
