"""What the model has for those who measure: links of one direction, disks that are real, clients that are driven."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from operator_core.errors import ConfigurationError
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.model.disk import GIB, Disk, Fullness
from operator_simulator.model.network import Cut, Delay, Impaired, Loss, Network

Live = Callable[[Cluster, float], None]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_is_impaired_in_one_direction_is_as_usual_in_the_other() -> None:
    network = Network(("a", "b", "c"), random.Random(1))
    usual = {pair: network.one_way_s(*pair) for pair in (("a", "b"), ("b", "a"), ("a", "c"))}
    network.put("x", Impaired(one="a", other="b", seconds=0.2, share=0.5))
    assert network.one_way_s("a", "b") == pytest.approx(usual["a", "b"] + 0.2)
    assert network.loss("a", "b") == 0.5
    assert (network.one_way_s("b", "a"), network.one_way_s("a", "c")) == (usual["b", "a"], usual["a", "c"])
    assert (network.loss("b", "a"), network.loss("a", "c")) == (0, 0)


def test_layers_on_one_link_add_up_and_leave_what_the_others_make() -> None:
    network = Network(("a", "b"), random.Random(1))
    usual = network.one_way_s("a", "b")
    network.put("x", Impaired(one="a", other="b", seconds=0.2, share=0.5))
    network.put("y", Impaired(one="a", other="b", seconds=0.1, share=0.5))
    network.put("z", Delay(node="b", seconds=1.0))
    network.put("l", Loss(node="a", share=0.5))
    assert network.one_way_s("a", "b") == pytest.approx(usual + 1.3)
    assert network.loss("a", "b") == pytest.approx(0.875)
    network.put("c", Cut(one=frozenset("a"), other=frozenset("b")))
    assert not network.carries("a", "b")
    for key in ("c", "x", "l", "z"):
        network.take(key)
    assert network.carries("a", "b")
    assert (network.one_way_s("a", "b"), network.loss("a", "b")) == (pytest.approx(usual + 0.1), 0.5)
    network.put("all", Impaired(one="a", other="b", share=1))
    assert not network.carries("a", "b")
    assert network.carries("b", "a")
    assert not network.talks("a", "b")


def test_a_measured_disk_is_as_full_as_it_was_measured_and_holds_no_more_than_fits() -> None:
    disk = Disk(capacity=500 * GIB, used=40 * GIB, foreign=60 * GIB, sync_s=0.001, reserve_space=GIB // 8)
    assert (disk.available_bytes, disk.held_bytes) == (400 * GIB, 40 * GIB)
    disk.measured(GIB, GIB // 2)
    assert (disk.capacity_bytes, disk.available_bytes, disk.held_bytes) == (GIB, GIB // 2, GIB // 2)
    assert disk.fullness is Fullness.NORMAL
    disk.measured(GIB, GIB // 8)
    assert disk.fullness is Fullness.ALMOST_FULL
    disk.measured(GIB, GIB // 16)
    assert disk.fullness is Fullness.ALREADY_FULL
    disk.measured(GIB, 0)
    assert (disk.available_bytes, disk.held_bytes) == (0, GIB)


@pytest.mark.parametrize(
    ("size", "shown"), [(5 << 30, "5GiB"), (128 << 20, "128MiB"), (3 << 10, "3KiB"), (1500, "1500B"), (0, "0B")]
)
def test_a_store_says_how_much_room_it_keeps_free(size: int, shown: str) -> None:
    cluster = Cluster(ClusterConfig(noise=0, cold_start=True, reserve_space_bytes=size), EPOCH)
    answer = front.answer(cluster, "tikv0", Request.of("GET", "/config", {}, b""), 0.0)
    assert isinstance(answer, Answer)
    assert f'"reserve-space": "{shown}"'.encode() in answer.body


def test_no_store_keeps_less_than_nothing_free() -> None:
    with pytest.raises(ConfigurationError, match="reserve_space_bytes is -1"):
        ClusterConfig(reserve_space_bytes=-1)


@pytest.mark.parametrize("how", [{"cold_start": True}, {"restarted": True}])
def test_processes_that_nobody_launches_wait_for_their_start(how: dict[str, Any], live: Live) -> None:
    cluster = Cluster(ClusterConfig(noise=0, stores=1, pd=1, launched=False, **how), EPOCH)
    live(cluster, 20)
    assert all(p.is_dead for p in cluster.processes.values())
    cluster.start("pd0")
    cluster.start("tikv0")
    live(cluster, 20)
    assert all(p.is_running for p in cluster.processes.values())


def test_clients_that_are_driven_ask_for_so_much_at_once(cluster: Cluster, live: Live) -> None:
    live(cluster, 5)
    usual = sum(w + r for w, r in cluster.workload.rates.values())
    cluster.workload.drive(3.0)
    live(cluster, 5)
    assert sum(w + r for w, r in cluster.workload.rates.values()) == pytest.approx(3 * usual, rel=0.1)
    cluster.workload.drive(0.0)
    live(cluster, 5)
    assert cluster.workload.rates["tikv0"] == (0.0, 0.0)
