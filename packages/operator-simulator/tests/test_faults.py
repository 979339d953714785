"""Faults as chaos does them: planned without a change, taken back exactly, twice, and in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import EVERY, Fault, FaultName
from operator_simulator import Cluster, chaos
from operator_simulator.model.process import Life
from operator_simulator.model.store import Store

Live = Callable[[Cluster, float], None]
STORE, PD = Kind("store"), Kind("pd")


def fault(name: str, kind: Kind = STORE, ident: str = "4", toward: ComponentRef | None = None, **given: float) -> Fault:
    return Fault(name=FaultName(name), target=ComponentRef(kind, ident), toward=toward, parameters=given)


FAULTS = [
    fault("kill"), fault("stop"), fault("pause"), fault("isolate"), fault("cut", toward=ComponentRef(PD, EVERY)),
    fault("cut", toward=ComponentRef(STORE, "5")), fault("cut", toward=ComponentRef(STORE, EVERY)), fault("slow-disk"),
    fault("delay", ms=50), fault("loss", share=0.3), fault("fill-disk", level=0.9), fault("kill", PD, "pd0"),
    fault("stop", PD, "pd1"), fault("pause", PD, "pd2"), fault("isolate", PD, "pd0"),
]  # fmt: skip


def mechanisms(cluster: Cluster) -> object:
    """Everything that a fault may touch."""
    nodes = [*cluster.processes, "outside"]
    return (
        {n: p.life for n, p in cluster.processes.items()},
        {(a, b): (cluster.network.carries(a, b), cluster.network.loss(a, b), cluster.network.one_way_s(a, b))
         for a in nodes for b in nodes},
        {n: (p.disk.sync_s, sum(p.disk.fill.values()), p.stopping_since_s)
         for n, p in cluster.processes.items() if isinstance(p, Store)},
    )  # fmt: skip


@pytest.mark.sampled(8)
@pytest.mark.parametrize("each", FAULTS, ids=str)
def test_a_fault_does_something_and_its_undo_is_exact_and_can_be_repeated(
    each: Fault, cluster: Cluster, live: Live
) -> None:
    before = mechanisms(cluster)
    undo = chaos.plan(cluster, each)
    assert mechanisms(cluster) == before
    chaos.inject(cluster, each, undo)
    live(cluster, 40)
    assert mechanisms(cluster) != before
    for _ in range(2):
        chaos.undo(cluster, undo)
        assert mechanisms(cluster) == before
    live(cluster, 150)
    assert {r.state_name(cluster.now_s) for r in cluster.view.stores.values()} == {"Up"}
    assert cluster.quorum.is_serving(cluster.now_s)
    assert all(r.leader is not None for r in cluster.raft.regions)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_overlapping_faults_are_taken_back_in_any_order(order: tuple[int, ...], cluster: Cluster) -> None:
    before = mechanisms(cluster)
    faults = [fault("isolate"), fault("cut", toward=ComponentRef(PD, EVERY)), fault("delay", ms=10)]
    undos = [chaos.plan(cluster, f) for f in faults]
    for each, undo in zip(faults, undos, strict=True):
        chaos.inject(cluster, each, undo)
    for k in order[:2]:
        chaos.undo(cluster, undos[k])
    assert mechanisms(cluster) != before
    chaos.undo(cluster, undos[order[2]])
    assert mechanisms(cluster) == before


PAIRS = [
    (fault("kill", STORE, "4"), fault("kill", PD, "pd1")),
    (fault("kill", STORE, "4"), fault("kill", PD, "pd0")),
    (fault("pause", STORE, "5"), fault("isolate", PD, "pd2")),
    (fault("slow-disk", STORE, "1"), fault("pause", PD, "pd0")),
    (fault("isolate", STORE, "4"), fault("isolate", STORE, "5")),
    (fault("kill", PD, "pd0"), fault("pause", PD, "pd1")),
    (fault("cut", STORE, "4", ComponentRef(PD, EVERY)), fault("stop", PD, "pd0")),
    (fault("fill-disk", STORE, "4", level=0.97), fault("stop", STORE, "5")),
    (fault("delay", STORE, "4", ms=50), fault("loss", STORE, "5", share=0.2)),
    (fault("cut", STORE, "4", ComponentRef(STORE, "5")), fault("isolate", STORE, "4")),
]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("first_healed", [0, 1])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " and ".join(map(str, pair)))
def test_two_faults_are_told_apart_and_taken_back_in_either_order(
    pair: tuple[Fault, Fault], first_healed: int, cluster: Cluster, live: Live
) -> None:
    before = mechanisms(cluster)
    regions = {r.id: sorted(r.peers) for r in cluster.raft.regions}
    undos = [chaos.plan(cluster, pair[0])]
    chaos.inject(cluster, pair[0], undos[0])
    live(cluster, 7.5)
    alone = mechanisms(cluster)
    undos.append(chaos.plan(cluster, pair[1]))
    chaos.inject(cluster, pair[1], undos[1])
    live(cluster, 40)
    assert mechanisms(cluster) not in (before, alone)
    chaos.undo(cluster, undos[first_healed])
    if first_healed == 1:
        assert mechanisms(cluster) == alone
    live(cluster, 40)
    assert mechanisms(cluster) != before
    chaos.undo(cluster, undos[1 - first_healed])
    assert mechanisms(cluster) == before
    live(cluster, 150)
    assert {r.state_name(cluster.now_s) for r in cluster.view.stores.values()} == {"Up"}
    assert cluster.quorum.is_serving(cluster.now_s)
    assert {r.id: sorted(r.peers) for r in cluster.raft.regions} == regions
    assert all(r.leader is not None for r in cluster.raft.regions)
    for fault_undo in undos:
        chaos.undo(cluster, fault_undo)
    assert mechanisms(cluster) == before


@pytest.mark.parametrize("name", ["kill", "stop", "pause", "isolate"])
@pytest.mark.parametrize("is_leader", [True, False])
def test_the_pd_leader_and_a_follower_are_two_different_targets(
    name: str, is_leader: bool, cluster: Cluster, live: Live
) -> None:
    cluster.quorum.resign(cluster.now_s)
    live(cluster, 3)
    leader = cluster.quorum.leader
    assert leader is not None
    target = next(m.name for m in cluster.quorum.members if (m is leader) is is_leader)
    one = fault(name, PD, target)
    undo = chaos.plan(cluster, one)
    chaos.inject(cluster, one, undo)
    was_led = [cluster.quorum.is_serving(cluster.now_s)]
    for _ in range(40):
        live(cluster, 0.5)
        was_led.append(cluster.quorum.is_serving(cluster.now_s))
    assert (False in was_led) is is_leader
    assert was_led[-1]
    assert (cluster.quorum.leader is leader) is not is_leader
    chaos.undo(cluster, undo)
    live(cluster, 20)
    assert cluster.quorum.is_serving(cluster.now_s)


def test_the_undo_of_a_planned_fault_that_never_came_changes_nothing(cluster: Cluster) -> None:
    before = mechanisms(cluster)
    for each in FAULTS:
        chaos.undo(cluster, chaos.plan(cluster, each))
    assert mechanisms(cluster) == before


def test_healing_does_not_start_what_was_down_before(cluster: Cluster) -> None:
    cluster.kill("tikv1")
    undo = chaos.plan(cluster, fault("kill"))
    chaos.inject(cluster, fault("kill"), undo)
    chaos.undo(cluster, undo)
    assert cluster.processes["tikv1"].life is Life.STOPPED


def test_the_undo_of_another_clusters_fault_means_nothing(cluster: Cluster) -> None:
    undo = chaos.plan(cluster, fault("kill"))
    foreign = type(undo)(steps={**undo.steps, "cluster": "1"})
    cluster.kill("tikv1")
    chaos.undo(cluster, foreign)
    assert cluster.processes["tikv1"].life is Life.STOPPED


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (fault("kill", ident="99"), "there is no store 99"),
        (fault("kill", PD, "pd9"), "there is no pd9"),
        (fault("melt"), "'melt' cannot be done to a store"),
        (fault("slow-disk", PD, "pd0"), "'slow-disk' cannot be done to a pd"),
        (fault("cut"), "'cut' cannot be done to a store"),
        (fault("cut", toward=ComponentRef(STORE, "4")), "from itself"),
        (fault("slow-disk", factor=0), "slow-disk: factor is 0; 1 to 1000000 is meant"),
        (fault("slow-disk", factor=0.99), "factor is 0.99; 1 to"),
        (fault("slow-disk", factor=float("inf")), "factor is inf; 1 to"),
        (fault("slow-disk", factor=float("nan")), "factor is nan; 1 to"),
        (fault("delay", ms=-1), "ms is -1; more than 0 and at most 600000 is meant"),
        (fault("delay", ms=0), "ms is 0; more than 0"),
        (fault("delay", ms=600_001), "ms is 600001; more than 0"),
        (fault("loss", share=0), "share is 0; more than 0"),
        (fault("loss", share=1.5), "share is 1.5; more than 0 and at most 1 is meant"),
        (fault("fill-disk", level=0), "level is 0; more than 0"),
        (fault("fill-disk", level=1.01), "level is 1.01; more than 0"),
        (fault("loss", factor=1.5), "takes no 'factor'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_its_reason(wrong: Fault, said: str, cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match=said):
        chaos.plan(cluster, wrong)


@pytest.mark.parametrize(
    "extreme",
    [
        fault("slow-disk", factor=1), fault("slow-disk", factor=1_000_000), fault("delay", ms=0.001),
        fault("delay", ms=600_000), fault("loss", share=0.001), fault("loss", share=1),
        fault("fill-disk", level=0.001), fault("fill-disk", level=1),
    ],
)  # fmt: skip
def test_a_cluster_lives_through_the_ends_of_every_range(extreme: Fault, cluster: Cluster, live: Live) -> None:
    undo = chaos.plan(cluster, extreme)
    chaos.inject(cluster, extreme, undo)
    live(cluster, 60)
    chaos.undo(cluster, undo)
    live(cluster, 300)
    assert cluster.quorum.is_serving(cluster.now_s)


def test_every_capability_can_be_planned_with_its_defaults(cluster: Cluster) -> None:
    targets: Mapping[Kind, str] = {STORE: "4", PD: "pd1"}
    for capability in chaos.CAPABILITIES:
        toward = ComponentRef(capability.toward, EVERY) if capability.toward is not None else None
        chaos.plan(cluster, fault(capability.name, capability.kind, targets[capability.kind], toward))


def test_stopping_in_order_moves_the_leaders_first_and_says_so(cluster: Cluster, live: Live) -> None:
    cluster.stop("tikv1")
    waited = 0.0
    while not cluster.processes["tikv1"].is_dead:
        live(cluster, 0.5)
        waited += 0.5
    assert waited < 20
    assert cluster.view.leader_counts()[4] == 0
    assert cluster.stores["tikv0"].cells.sent["prevote"].value == 0
    said = "\n".join(line.text for line in cluster.processes["tikv1"].log.lines())
    assert "receive signal 15, starting graceful shutdown..." in said
    assert "All leaders evicted, completing graceful shutdown" in said
