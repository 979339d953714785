"""The faults that can be done to a simulated cluster, and how each is taken back. They change mechanisms only.

A fault of links or disks is a layer with a key; taking the layer away leaves exactly what was there without it,
whatever came after. A fault of a process writes down what the process was doing before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.faults import EVERY, Fault, FaultCapability, FaultName, Undo

from operator_simulator.faces.front import PD, STORE
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.network import Cut, Delay, Loss
from operator_simulator.model.process import Life
from operator_simulator.model.store import Store


def _capability(name: str, kind: str, describes: str, *, takes_away: bool, **parameters: float) -> FaultCapability:
    return FaultCapability(
        name=FaultName(name),
        kind=PD if kind == "pd" else STORE,
        describes=describes,
        takes_away=takes_away,
        parameters=parameters,
    )


CAPABILITIES: Final = (
    *(
        _capability(name, kind, describes, takes_away=True)
        for kind in ("store", "pd")
        for name, describes in (
            ("kill", "The process is killed at once; healing starts it again."),
            ("stop", "The process is asked to end in order; healing starts it again."),
            ("pause", "All its threads are frozen, its sockets stay open; healing lets it go on."),
            ("isolate", "No packet passes between it and anybody, the observer included."),
        )
    ),
    FaultCapability(
        name=FaultName("cut"), kind=STORE, toward=PD, takes_away=False,
        describes="No packet passes between the store and PD.",
    ),
    FaultCapability(
        name=FaultName("cut"), kind=STORE, toward=STORE, takes_away=False,
        describes="No packet passes between the store and another one, or all others.",
    ),
    _capability("slow-disk", "store", "A sync of its disk takes so many times as long.", takes_away=False, factor=50),
    _capability("delay", "store", "Every packet to or from it takes so much longer.", takes_away=False, ms=100),
    _capability("loss", "store", "This share of packets to or from it is lost.", takes_away=False, share=0.1),
    _capability("fill-disk", "store", "Its disk is filled to this share of it.", takes_away=False, level=0.97),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Range:
    """What a parameter may be: `least` itself only when `from_least`, and `most` always."""

    least: float
    most: float
    from_least: bool

    def holds(self, value: float) -> bool:
        """Not a number holds nowhere."""
        return self.least < value <= self.most or (self.from_least and value == self.least)

    def __str__(self) -> str:
        if self.from_least:
            return f"{self.least:.0f} to {self.most:.0f}"
        return f"more than {self.least:.0f} and at most {self.most:.0f}"


_MEANT: Final = {
    "factor": _Range(1, 1_000_000, from_least=True),
    "ms": _Range(0, 600_000, from_least=False),
    "share": _Range(0, 1, from_least=False),
    "level": _Range(0, 1, from_least=False),
}


def process_of(cluster: Cluster, ref: ComponentRef) -> str:
    """The process of a component.

    Raises:
        ConfigurationError: there is none.
    """
    if ref.kind == STORE:
        found = next((s.name for s in cluster.stores.values() if str(s.id) == ref.id), None)
    else:
        found = ref.id if ref.kind == PD and ref.id in cluster.processes else None
    if found is None:
        raise ConfigurationError(f"there is no {ref} in this cluster")
    return found


def _capability_of(fault: Fault) -> FaultCapability:
    toward = fault.toward.kind if fault.toward is not None else None
    for capability in CAPABILITIES:
        if (capability.name, capability.kind, capability.toward) == (fault.name, fault.target.kind, toward):
            return capability
    raise ConfigurationError(
        f"{fault.name!r} cannot be done to a {fault.target.kind}" + (f" toward {toward}" if toward else "")
    )


def _far_ends(cluster: Cluster, fault: Fault) -> frozenset[str]:
    assert fault.toward is not None
    if fault.toward.id != EVERY:
        return frozenset({process_of(cluster, fault.toward)})
    names = cluster.stores if fault.toward.kind == STORE else [m.name for m in cluster.quorum.members]
    return frozenset(names) - {process_of(cluster, fault.target)}


def plan(cluster: Cluster, fault: Fault) -> Undo:
    """How the fault would be taken back; changes nothing.

    Raises:
        ConfigurationError: no such component, no such fault, or a parameter that means nothing.
    """
    capability = _capability_of(fault)
    name = process_of(cluster, fault.target)
    if fault.toward == fault.target:
        raise ConfigurationError(f"{fault}: nothing can be cut off from itself")
    if fault.toward is not None and not _far_ends(cluster, fault):
        raise ConfigurationError(f"{fault}: there is nothing at the other end")
    for parameter, value in fault.parameters.items():
        if parameter not in capability.parameters:
            raise ConfigurationError(f"{fault.name} takes no {parameter!r}")
        meant = _MEANT[parameter]
        if not meant.holds(value):
            raise ConfigurationError(f"{fault.name}: {parameter} is {value:.10g}; {meant} is meant")
    steps = {
        "cluster": str(cluster.id),
        "fault": str(fault.name),
        "process": name,
        "before": cluster.processes[name].life.value,
        "layer": f"{fault.name} {name} {fault.toward.key if fault.toward else ''} {cluster.now_s:.6f}",
    }
    return Undo(steps=steps)


def inject(cluster: Cluster, fault: Fault, undo_: Undo) -> None:
    """Do it, at the instant at which the cluster is."""
    capability = _capability_of(fault)
    name, layer = process_of(cluster, fault.target), undo_.steps["layer"]
    parameters = {**capability.parameters, **fault.parameters}
    process = cluster.processes[name]
    match str(fault.name):
        case "kill":
            cluster.kill(name)
        case "stop":
            cluster.stop(name)
        case "pause":
            cluster.freeze(name)
        case "isolate":
            cluster.network.put(layer, Cut(one=frozenset({name}), other=cluster.network.everyone_but(name)))
        case "cut":
            cluster.network.put(layer, Cut(one=frozenset({name}), other=_far_ends(cluster, fault)))
        case "delay":
            cluster.network.put(layer, Delay(node=name, seconds=parameters["ms"] / 1000))
        case "loss":
            cluster.network.put(layer, Loss(node=name, share=parameters["share"]))
        case "slow-disk":
            assert isinstance(process, Store)
            process.disk.slowness[layer] = parameters["factor"]
        case "fill-disk":
            assert isinstance(process, Store)
            process.disk.fill_to(layer, parameters["level"])
        case other:
            raise ConfigurationError(f"{other!r} is not a fault of this cluster")


def undo(cluster: Cluster, undo_: Undo) -> None:
    """Take it back. Doing it again changes nothing; the undo of another cluster's fault means nothing here."""
    steps = undo_.steps
    name = steps.get("process", "")
    process = cluster.processes.get(name)
    if process is None or steps.get("cluster") != str(cluster.id):
        return
    layer = steps.get("layer", "")
    cluster.network.take(layer)
    if isinstance(process, Store):
        process.disk.slowness.pop(layer, None)
        process.disk.fill.pop(layer, None)
    match steps.get("fault"), Life(steps.get("before", "running")):
        case (("kill" | "stop"), (Life.RUNNING | Life.FROZEN)):
            if isinstance(process, Store):
                process.stopping_since_s = None
            cluster.start(name)
        case "pause", Life.RUNNING:
            cluster.thaw(name)
        case _:
            return
