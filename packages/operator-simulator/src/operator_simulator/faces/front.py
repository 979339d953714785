"""The cluster's doors: which port belongs to which process, and what stands behind it at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from operator_core.components import Address, ComponentRef, Kind

from operator_simulator.faces import pd, tikv
from operator_simulator.faces.exchange import Door, Outcome, Request
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.etcd import Member
from operator_simulator.model.network import OUTSIDE
from operator_simulator.model.process import Life
from operator_simulator.model.store import Store

STORE = Kind("store")
PD = Kind("pd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port of one process.

    Attributes:
        purpose: ``status`` and ``service`` of a store, ``client`` of a PD.
    """

    process: str
    component: ComponentRef
    purpose: str
    number: int

    @property
    def advertised(self) -> Address:
        return Address(f"{self.process}:{self.number}")

    @property
    def speaks_http(self) -> bool:
        return self.purpose != "service"


def ports(stores: Mapping[str, int], members: tuple[str, ...]) -> tuple[Port, ...]:
    """All ports of a cluster, in a fixed order.

    Args:
        stores: store ids by process name.
    """
    found = [Port(process=m, component=ComponentRef(PD, m), purpose="client", number=2379) for m in members]
    for name, ident in stores.items():
        ref = ComponentRef(STORE, str(ident))
        found.append(Port(process=name, component=ref, purpose="status", number=20180))
        found.append(Port(process=name, component=ref, purpose="service", number=20160))
    return tuple(found)


def ports_of(cluster: Cluster) -> tuple[Port, ...]:
    """All ports of this cluster."""
    names = tuple(m.name for m in cluster.quorum.members)
    return ports({s.name: s.id for s in cluster.stores.values()}, names)


def door(cluster: Cluster, process: str) -> Door:
    """What an outsider meets who knocks there now."""
    if not cluster.network.talks(OUTSIDE, process):
        return Door.UNANSWERED
    found = cluster.processes[process]
    if found.refuses:
        return Door.REFUSES
    return Door.MUTE if found.life is Life.FROZEN else Door.OPEN


def answer(cluster: Cluster, process: str, request: Request, waited_s: float) -> Outcome:
    """What the process answers; only for a door that is open."""
    found = cluster.processes[process]
    if isinstance(found, Member):
        return pd.answer(cluster, found, request, waited_s)
    assert isinstance(found, Store)
    return tikv.answer(cluster, found, request, waited_s)


def distance_s(cluster: Cluster, process: str) -> float:
    """How long a round trip to it takes."""
    return cluster.network.round_trip_s(OUTSIDE, process)
