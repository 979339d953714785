"""A compose file as Operator reads it: services, what they stand for, and where their doors are.

What a service is in the subject's words stands in its labels, so that nothing here knows any subject:
``operator.component: kind/id``, and for each door ``operator.advertised.<purpose>: host:port``, the address that the
process tells others. Where that door can be reached from here follows from the port the service publishes for it.
``operator.export.<purpose>`` are the pages of that door which tell how the service is, separated by spaces, and
``operator.holds`` says that the data of other services lives only as long as this one runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from operator_core.components import Address, ComponentRef, Endpoint
from operator_core.errors import ConfigurationError, DeploymentError
from pydantic import BaseModel, ConfigDict, ValidationError

COMPONENT_LABEL = "operator.component"
ADVERTISED_LABEL = "operator.advertised."
EXPORT_LABEL = "operator.export."
HOLDS_LABEL = "operator.holds"
OFFSET_VARIABLE = "OPERATOR_PORT_OFFSET"

_LAST_PORT = 65535
_PORT_VARIABLE = re.compile(r"\$\{(?P<name>\w+_PORT):-(?P<port>\d+)\}")
_ANYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a service answers, in its own network and from here."""

    purpose: str
    advertised: Address
    reachable: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a compose file.

    Attributes:
        may_pull: whether its image may be had from a registry.
        is_built: whether Compose makes its image when there is none.
        profiles: it is meant only when one of these is; always, when there is none.
        pages: by a door's purpose, the pages there that tell how the service is.
        holds_data: whether others' data is gone when it ends while they do not run.
        reserved_bytes: the memory that it surely needs, as far as the file says.
    """

    name: str
    image: str | None
    may_pull: bool
    component: ComponentRef | None
    doors: tuple[Door, ...] = ()
    is_built: bool = False
    profiles: frozenset[str] = frozenset()
    pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    holds_data: bool = False
    reserved_bytes: int = 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The doors of the component that it stands for."""
        if self.component is None:
            return ()
        return tuple(
            Endpoint(component=self.component, purpose=d.purpose, advertised=d.advertised, reachable=d.reachable)
            for d in self.doors
        )

    def is_meant(self, profiles: Iterable[str]) -> bool:
        """Whether it belongs to the deployment when these profiles are chosen."""
        return not self.profiles or not self.profiles.isdisjoint(profiles)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _PortJson(_Wire):
    target: int
    published: str | None = None
    host_ip: str | None = None


class _ServiceJson(_Wire):
    image: str | None = None
    build: object = None
    pull_policy: str | None = None
    profiles: frozenset[str] = frozenset()
    mem_reservation: int = 0
    labels: dict[str, str] = {}
    ports: tuple[_PortJson, ...] = ()


class _ComposeJson(_Wire):
    services: dict[str, _ServiceJson] = {}


def read_services(config: object) -> tuple[Service, ...]:
    """Read what ``docker compose config --format json`` says, in the order of the services' names.

    Raises:
        DeploymentError: there is no service in it, or a label does not mean anything.
    """
    try:
        wire = _ComposeJson.model_validate(config)
    except ValidationError as e:
        raise DeploymentError(f"docker compose config gave something that cannot be read: {_first(e)}") from e
    if not wire.services:
        raise DeploymentError("the compose file has no service; add one, or give another file")
    return tuple(_service(name, s) for name, s in sorted(wire.services.items()))


def shifted_ports(texts: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """The variables that move every published port of compose files by ``OPERATOR_PORT_OFFSET``.

    Args:
        texts: the files as they are written; a port that may move is written ``${ANY_NAME_PORT:-2379}``.
        given: the variables that are set already; they win.

    Raises:
        ConfigurationError: the offset is no number, or a port would leave the range.
    """
    raw = given.get(OFFSET_VARIABLE, "0") or "0"
    try:
        offset = int(raw)
    except ValueError as e:
        raise ConfigurationError(f"{OFFSET_VARIABLE} is {raw!r}; it must be a whole number") from e
    shifted: dict[str, str] = {}
    for found in (f for text in texts for f in _PORT_VARIABLE.finditer(text)):
        name, port = found["name"], int(found["port"]) + offset
        if name in given or not offset:
            continue
        if not 0 < port <= _LAST_PORT:
            raise ConfigurationError(f"{OFFSET_VARIABLE} is {offset}; it would make {name} {port}, which is no port")
        shifted[name] = str(port)
    return shifted


def _service(name: str, wire: _ServiceJson) -> Service:
    return Service(
        name=name,
        image=wire.image,
        may_pull=wire.pull_policy not in {"never", "build"},
        is_built=wire.build is not None,
        component=_component(name, wire),
        doors=tuple(
            Door(purpose=purpose, advertised=Address(at), reachable=_reachable(name, at, wire.ports))
            for purpose, at in _labelled(wire, ADVERTISED_LABEL).items()
        ),
        profiles=wire.profiles,
        pages={purpose: tuple(paths.split()) for purpose, paths in _labelled(wire, EXPORT_LABEL).items()},
        holds_data=HOLDS_LABEL in wire.labels,
        reserved_bytes=wire.mem_reservation,
    )


def _labelled(wire: _ServiceJson, prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in sorted(wire.labels.items()) if k.startswith(prefix)}


def _component(name: str, wire: _ServiceJson) -> ComponentRef | None:
    text = wire.labels.get(COMPONENT_LABEL)
    if text is None:
        return None
    try:
        return ComponentRef.parse(text)
    except ValueError as e:
        raise DeploymentError(f"service {name} of the compose file: label {COMPONENT_LABEL}: {e}") from e


def _reachable(name: str, advertised: str, ports: Iterable[_PortJson]) -> Address:
    _, _, inner = advertised.rpartition(":")
    for port in ports:
        if str(port.target) == inner and port.published not in {None, "", "0"}:
            host = "127.0.0.1" if (port.host_ip or "") in _ANYWHERE else str(port.host_ip)
            return Address(f"[{host}]:{port.published}" if ":" in host else f"{host}:{port.published}")
    raise DeploymentError(f"service {name} of the compose file advertises {advertised} but publishes no port for it")


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg']}"
