"""Every fault that can be done to a container: its name, its parameters, and what they may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import Final

from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault, FaultCapability, FaultName


class Reach(Enum):
    """What a fault is done to."""

    ITSELF = "itself"
    LINK = "link"
    """What lies between the target and the other end."""
    EITHER = "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number that a fault takes: its default and what it may be, both ends included."""

    default: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultForm:
    """One fault, of any kind of component.

    Attributes:
        family: which part of this package does it.
        describes: what it does to a component, one sentence.
        takes_away: whether a component of which all is hit does not do its work.
        describes_link: what it does to what lies between two.
    """

    name: str
    family: str
    reach: Reach
    takes_away: bool
    describes: str = ""
    describes_link: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])


def _itself(name: str, family: str, describes: str, *, takes_away: bool, **parameters: Parameter) -> FaultForm:
    return FaultForm(
        name=name,
        family=family,
        reach=Reach.ITSELF,
        takes_away=takes_away,
        describes=describes,
        parameters=parameters,
    )


PROCESS_FAULTS: Final = (
    _itself("kill", "process", "Its container is killed at once; healing starts it again.", takes_away=True),
    _itself(
        "stop",
        "process",
        "Its container is asked to end in order, and given the time that the compose file gives it; "
        "healing starts it again.",
        takes_away=True,
    ),
    _itself(
        "pause",
        "process",
        "All its processes are frozen, its sockets stay open; healing lets them go on.",
        takes_away=True,
    ),
    _itself("restart", "process", "Its container ends in order and starts again at once.", takes_away=True),
    _itself(
        "crash",
        "process",
        "The process itself dies of a signal, as by a bug of its own; healing starts it again.",
        takes_away=True,
        signal=Parameter(default=11, least=1, most=31),
    ),
    _itself(
        "restart-loop",
        "process",
        "The process dies, Docker starts it again, it dies when it has run for so many seconds, and so on for a time.",
        takes_away=True,
        every_s=Parameter(default=15, least=2, most=3600),
        for_s=Parameter(default=600, least=1, most=86400),
    ),
)

_SHARE = Parameter(default=0.1, least=0.0001, most=1)
_PORT = Parameter(default=0, least=1, most=65535)

NETWORK_FAULTS: Final = (
    _itself(
        "isolate",
        "network",
        "No packet passes between it and anybody, the observer included.",
        takes_away=True,
    ),
    FaultForm(
        name="cut",
        family="network",
        reach=Reach.LINK,
        takes_away=False,
        describes_link="No packet passes between it and the other end.",
    ),
    FaultForm(
        name="cut-one-way",
        family="network",
        reach=Reach.LINK,
        takes_away=False,
        describes_link="What it sends to the other end is lost; what comes from there arrives.",
    ),
    FaultForm(
        name="cut-port",
        family="network",
        reach=Reach.EITHER,
        takes_away=True,
        describes="No packet passes to or from this port of it.",
        describes_link="No packet of this port, on either side, passes between it and the other end.",
        parameters={"port": _PORT},
    ),
    FaultForm(
        name="delay",
        family="network",
        reach=Reach.EITHER,
        takes_away=False,
        describes="Every packet to or from it takes so much longer.",
        describes_link="Every packet between it and the other end takes so much longer.",
        parameters={
            "ms": Parameter(default=100, least=1, most=10_000),
            "jitter_ms": Parameter(default=0, least=0, most=10_000),
        },
    ),
    FaultForm(
        name="loss",
        family="network",
        reach=Reach.EITHER,
        takes_away=False,
        describes="This share of packets to or from it is lost.",
        describes_link="This share of packets between it and the other end is lost.",
        parameters={"share": _SHARE},
    ),
    FaultForm(
        name="bandwidth",
        family="network",
        reach=Reach.EITHER,
        takes_away=False,
        describes="No more than so many megabits a second of what it sends get out.",
        describes_link="No more than so many megabits a second of what it sends to the other end get out.",
        parameters={"mbit": Parameter(default=8, least=0.1, most=10_000)},
    ),
)

RESOURCE_FAULTS: Final = (
    _itself(
        "limit-cpu",
        "limits",
        "It may use only so many CPUs.",
        takes_away=False,
        cpus=Parameter(default=0.2, least=0.01, most=1024),
    ),
    _itself(
        "limit-memory",
        "limits",
        "It may use only so many MiB of memory, and no swap; it may be killed for lack of it.",
        takes_away=True,
        mb=Parameter(default=256, least=6, most=1_000_000),
    ),
    _itself(
        "throttle-disk",
        "limits",
        "Only so many MiB a second pass to its disk, and as many from it.",
        takes_away=False,
        mb_per_s=Parameter(default=4, least=0.1, most=100_000),
    ),
    _itself(
        "fill-disk",
        "disk",
        "Its disk is filled to this share of it.",
        takes_away=False,
        level=Parameter(default=0.97, least=0.01, most=1),
    ),
)

FORMS: Final = (*PROCESS_FAULTS, *NETWORK_FAULTS, *RESOURCE_FAULTS)


def capabilities_of(components: Iterable[ComponentRef]) -> tuple[FaultCapability, ...]:
    """What can be done to components of these kinds; a link needs two of them."""
    there = tuple(components)
    kinds = sorted({c.kind for c in there})
    links = [(a, b) for a, b in product(kinds, kinds) if a != b or sum(c.kind == a for c in there) > 1]
    result: list[FaultCapability] = []
    for form in FORMS:
        defaults = {name: p.default for name, p in form.parameters.items()}
        if form.reach is not Reach.LINK:
            result.extend(
                FaultCapability(
                    name=FaultName(form.name),
                    kind=kind,
                    describes=form.describes,
                    takes_away=form.takes_away,
                    parameters=defaults,
                )
                for kind in kinds
            )
        if form.reach is not Reach.ITSELF:
            result.extend(
                FaultCapability(
                    name=FaultName(form.name),
                    kind=near,
                    toward=far,
                    describes=form.describes_link,
                    takes_away=False,
                    parameters=defaults,
                )
                for near, far in links
            )
    return tuple(result)


def possible_faults(kinds: Iterable[Kind]) -> tuple[FaultCapability, ...]:
    """What can be done where there are two or more components of each of these kinds, without asking Docker."""
    return capabilities_of(ComponentRef(kind, which) for kind in kinds for which in ("a", "b"))


def form_of(fault: Fault) -> FaultForm:
    """The fault's form.

    Raises:
        ConfigurationError: there is no such fault, or not with or without another end.
    """
    form = next((f for f in FORMS if f.name == fault.name), None)
    if form is None:
        raise ConfigurationError(f"{fault.name!r} cannot be done here; there is {', '.join(f.name for f in FORMS)}")
    if fault.toward is None and form.reach is Reach.LINK:
        raise ConfigurationError(f"{fault}: another end is missing")
    if fault.toward is not None and form.reach is Reach.ITSELF:
        raise ConfigurationError(f"{fault}: {fault.name} is not done to what lies between two")
    if fault.toward == fault.target:
        raise ConfigurationError(f"{fault}: both ends are the same")
    return form


def values_of(fault: Fault) -> dict[str, float]:
    """All parameters of the fault, the defaults where it names none.

    Raises:
        ConfigurationError: one is unknown, or out of its range.
    """
    form = form_of(fault)
    if unknown := sorted(set(fault.parameters) - set(form.parameters)):
        raise ConfigurationError(f"{fault.name} takes no {unknown[0]!r}")
    values = {name: p.default for name, p in form.parameters.items()} | dict(fault.parameters)
    for name, value in values.items():
        meant = form.parameters[name]
        if not math.isfinite(value) or not meant.least <= value <= meant.most:
            raise ConfigurationError(
                f"{fault.name}: {name} is {value:.10g}; {meant.least:g} to {meant.most:g} is meant"
            )
    return values
