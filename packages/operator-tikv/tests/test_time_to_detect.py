"""How soon a fault is a violation, grace included, and what opens nothing, with the core's own decisions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.components import ComponentRef
from operator_core.decide import EndViolation, OpenViolation, Tracked, decide, follow, settle
from operator_core.judgements import InvariantName, JudgementKey, judge
from operator_core.readings import Contact, Observation
from operator_core.runtime import run_virtual
from operator_core.sight import source_ref
from operator_tikv import KNOWLEDGE
from operator_tikv.names import pd_ref, store_ref

if TYPE_CHECKING:
    from conftest import Cluster

PHASES = [0.1, 0.9, 1.7, 2.6, 3.4, 4.3, 4.9]


class Watch:
    """Follows observations as a monitor does, and notes when violations open."""

    def __init__(self) -> None:
        self.tracked: Mapping[JudgementKey, Tracked] = {}
        self.opened: dict[tuple[str, ComponentRef], float] = {}
        self.ended: set[tuple[str, ComponentRef]] = set()

    def take(self, observation: Observation, t: float) -> None:
        judgements = judge(KNOWLEDGE.invariants, observation)
        self.tracked = follow(self.tracked, judgements)
        commands = tuple(decide(self.tracked, judgements, now=observation.at))
        self.tracked = settle(self.tracked, commands)
        for command in commands:
            if isinstance(command, OpenViolation):
                key = command.violation.key
                self.opened.setdefault((key.invariant, key.component), t)
            elif isinstance(command, EndViolation):
                self.ended.add((command.key.invariant, command.key.component))

    def is_open(self, invariant: str, component: ComponentRef) -> bool:
        key = JudgementKey(invariant=InvariantName(invariant), component=component)
        return self.tracked[key].is_open


def watched(
    cluster: Cluster,
    fault: Callable[[Cluster], None],
    *,
    after: float,
    lasting: float,
    prometheus: bool = False,
    every: float = 5.0,
) -> tuple[Watch, float]:
    """Look every five seconds for a while, do something at an instant between two looks, and look on."""

    async def main() -> tuple[Watch, float]:
        watch, subject, number, done = Watch(), cluster.subject(prometheus=prometheus), 0, False
        fault_at = 30.0 + after
        while cluster.t < fault_at + lasting:
            due = number * every
            if not done and due >= fault_at:
                await cluster.clock.sleep(timedelta(seconds=max(0.0, fault_at - cluster.t)))
                fault(cluster)
                done = True
            await cluster.clock.sleep(timedelta(seconds=max(0.0, due - cluster.t)))
            number += 1
            watch.take(await subject.observe(number), cluster.t)
        await subject.close()
        return watch, fault_at

    return run_virtual(main())


@pytest.mark.sampled(4)
@pytest.mark.parametrize("prometheus", [False, True])
@pytest.mark.parametrize("state", ["killed", "paused", "cut"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_store_that_is_gone_is_a_violation_within_15_seconds(
    make_cluster: Callable[[], Cluster], state: str, phase: float, prometheus: bool
) -> None:
    watch, fault_at = watched(
        make_cluster(), lambda c: c.set_store(4, state), after=phase, lasting=25, prometheus=prometheus
    )
    stores = {c: at for (i, c), at in watch.opened.items() if i == "store-reachable"}
    assert set(stores) == {store_ref(4)}
    assert stores[store_ref(4)] - fault_at <= 15
    assert not [c for i, c in watch.opened if i == "lost-sight"], "we see very well that it is gone"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("state", ["killed", "paused", "cut"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_lost_pd_leader_is_a_violation_of_that_member_within_15_seconds(
    make_cluster: Callable[[], Cluster], state: str, phase: float
) -> None:
    watch, fault_at = watched(make_cluster(), lambda c: c.set_member("pd0", state), after=phase, lasting=40)
    about_pd = {(i, c): at for (i, c), at in watch.opened.items() if i.startswith("pd-")}
    first = min(about_pd.values())
    assert first - fault_at <= 15
    assert {c for _, c in about_pd} == {pd_ref("pd0")}
    assert not [c for i, c in watch.opened if i.startswith("store-")], "stores flicker after a new PD leader"
    assert watch.is_open("pd-member-reachable", pd_ref("pd0"))
    assert not watch.is_open("pd-has-leader", pd_ref("pd0")), "another leads by now"


@pytest.mark.parametrize("state", ["killed", "paused"])
def test_a_lost_pd_follower_is_a_violation_of_that_member_alone(cluster: Cluster, state: str) -> None:
    watch, fault_at = watched(cluster, lambda c: c.set_member("pd2", state), after=2, lasting=60)
    assert {c for _, c in watch.opened} == {pd_ref("pd2")}
    assert watch.opened["pd-member-reachable", pd_ref("pd2")] - fault_at <= 45


def test_a_store_cut_from_pd_alone_is_not_called_down(cluster: Cluster) -> None:
    def cut(c: Cluster) -> None:
        c.stores[4].cut_from_pd_since = c.t

    watch, fault_at = watched(cluster, cut, after=1, lasting=90)
    assert set(watch.opened) == {("store-heard-by-pd", store_ref(4))}
    assert watch.opened["store-heard-by-pd", store_ref(4)] - fault_at <= 30


def test_two_stores_down_are_a_lost_quorum(cluster: Cluster) -> None:
    def kill(c: Cluster) -> None:
        c.set_store(4, "killed")
        c.set_store(5, "killed")

    watch, fault_at = watched(cluster, kill, after=1, lasting=25)
    assert {c for i, c in watch.opened if i == "store-reachable"} == {store_ref(4), store_ref(5)}
    assert [at - fault_at <= 15 for (i, _), at in watch.opened.items() if i == "raft-quorum"] == [True]


def test_a_hanging_status_port_is_lost_sight_and_no_violation(cluster: Cluster) -> None:
    def hang(c: Cluster) -> None:
        c.stores[4].status_hangs = True

    watch, _ = watched(cluster, hang, after=1, lasting=90)
    assert set(watch.opened) == {("lost-sight", source_ref("metrics of store 4"))}


def test_being_cut_off_from_pd_is_lost_sight_and_no_violation(cluster: Cluster) -> None:
    def cut(c: Cluster) -> None:
        c.observer_cut = True

    watch, _ = watched(cluster, cut, after=1, lasting=120)
    assert {i for i, _ in watch.opened} == {"lost-sight"}
    assert ("lost-sight", source_ref("pd")) in watch.opened


def test_all_of_pd_down_is_a_violation_once_the_stores_say_so(cluster: Cluster) -> None:
    def kill(c: Cluster) -> None:
        for name in c.members:
            c.set_member(name, "killed")

    watch, fault_at = watched(cluster, kill, after=1, lasting=60)
    members = {c: at for (i, c), at in watch.opened.items() if i == "pd-member-reachable"}
    assert set(members) == {pd_ref(f"pd{i}") for i in range(3)}
    assert max(members.values()) - fault_at <= 30
    assert [i for i, _ in watch.opened if i == "pd-has-quorum"]


def test_a_dead_prometheus_is_lost_sight_alone_and_the_rest_is_seen(cluster: Cluster) -> None:
    def kill(c: Cluster) -> None:
        c.prometheus_state = "killed"

    watch, _ = watched(cluster, kill, after=1, lasting=90, prometheus=True)
    assert set(watch.opened) == {("lost-sight", source_ref("prometheus"))}


def test_a_stale_prometheus_is_lost_sight_too(cluster: Cluster) -> None:
    def stop(c: Cluster) -> None:
        c.prometheus_state = "stale"

    watch, _ = watched(cluster, stop, after=1, lasting=90, prometheus=True)
    assert set(watch.opened) == {("lost-sight", source_ref("prometheus"))}


@pytest.mark.sampled(1)
def test_what_is_planned_opens_nothing(cluster: Cluster) -> None:
    async def main() -> Watch:
        watch, subject, number = Watch(), cluster.subject(), 0
        script = {
            30.0: lambda: setattr(cluster.stores[4], "evicting", True),
            60.0: lambda: cluster.set_store(4, "killed"),
            120.0: lambda: cluster.set_store(4, "up"),
            150.0: lambda: setattr(cluster.stores[4], "evicting", False),
            200.0: lambda: setattr(cluster, "leader", "pd1"),
        }
        while cluster.t < 300:
            for at in [a for a in script if a <= cluster.t]:
                script.pop(at)()
            number += 1
            watch.take(await subject.observe(number), cluster.t)
            await cluster.clock.sleep(timedelta(seconds=number * 5 - cluster.t))
        return watch

    assert run_virtual(main()).opened == {}


def test_a_removed_store_opens_nothing(cluster: Cluster) -> None:
    def remove(c: Cluster) -> None:
        c.stores[4].pd_state = "Offline"
        c.stores[4].regions = c.stores[4].leaders = 0
        c.set_store(4, "killed")

    watch, _ = watched(cluster, remove, after=1, lasting=60)
    assert not [c for i, c in watch.opened if i in ("store-reachable", "raft-quorum", "store-heard-by-pd")]


def test_a_store_that_died_before_its_removal_was_done_is_a_violation(cluster: Cluster) -> None:
    def die(c: Cluster) -> None:
        c.stores[4].pd_state = "Offline"
        c.set_store(4, "killed")

    watch, _ = watched(cluster, die, after=1, lasting=60)
    assert ("store-reachable", store_ref(4)) in watch.opened


def test_a_slow_disk_is_an_outlier_and_a_slow_cluster_of_small_slowness_is_none(
    make_cluster: Callable[[], Cluster],
) -> None:
    def one(c: Cluster) -> None:
        c.stores[4].append_s = 0.2

    def every(c: Cluster) -> None:
        for store in c.stores.values():
            store.append_s = 0.2

    watch, _ = watched(make_cluster(), one, after=1, lasting=150)
    assert ("append-quick", store_ref(4)) in watch.opened
    assert {c for _, c in watch.opened} == {store_ref(4)}
    watch, _ = watched(make_cluster(), every, after=1, lasting=150)
    assert watch.opened == {}


def test_space_is_judged_by_what_is_available(cluster: Cluster) -> None:
    def fill(c: Cluster) -> None:
        c.stores[4].available_gib = 100

    watch, _ = watched(cluster, fill, after=1, lasting=120)
    assert set(watch.opened) == {("disk-space", store_ref(4))}


def test_down_peers_are_a_violation_of_the_cluster(cluster: Cluster) -> None:
    def lose(c: Cluster) -> None:
        c.down_regions = 3

    watch, _ = watched(cluster, lose, after=1, lasting=60)
    assert [i for i, _ in watch.opened] == ["regions-replicated"]


@pytest.mark.sampled(0)
def test_noise_opens_nothing(cluster: Cluster) -> None:
    chance = random.Random(7)
    cluster.lost_scrapes = lambda _store, _at: chance.random() < 0.005
    cluster.lost_knocks = lambda: chance.choice([None] * 398 + [Contact.SILENT, Contact.UNANSWERED])
    watch, _ = watched(cluster, lambda _: None, after=0, lasting=1200)
    assert watch.opened == {}


def test_a_short_pause_opens_nothing(cluster: Cluster) -> None:
    def pause(c: Cluster) -> None:
        c.set_store(4, "paused")

        async def resume() -> None:
            await c.clock.sleep(timedelta(seconds=4))
            c.resume_store(4)

        cluster_tasks.append(asyncio.create_task(resume()))

    cluster_tasks: list[object] = []
    watch, _ = watched(cluster, pause, after=3, lasting=60)
    assert watch.opened == {}


def test_a_start_opens_nothing(cluster: Cluster) -> None:
    async def main() -> Watch:
        watch, subject, number = Watch(), cluster.subject(), 0
        for node in (*cluster.members.values(), *cluster.stores.values()):
            node.started = 0.0
        for store in (4, 5):
            cluster.set_store(store, "killed")
        cluster.set_member("pd2", "killed")
        cluster.bootstrapped = False
        while cluster.t < 120:
            if cluster.t >= 10:
                cluster.bootstrapped = True
            if cluster.t >= 25 and cluster.members["pd2"].state != "up":
                cluster.set_member("pd2", "up")
                for store in (4, 5):
                    cluster.set_store(store, "up")
            number += 1
            watch.take(await subject.observe(number), cluster.t)
            await cluster.clock.sleep(timedelta(seconds=number * 5 - cluster.t))
        return watch

    assert run_virtual(main()).opened == {}


def test_a_violation_ends_when_the_store_is_back(cluster: Cluster) -> None:
    async def main() -> Watch:
        watch, subject, number = Watch(), cluster.subject(), 0
        while cluster.t < 150:
            if 30 <= cluster.t < 35:
                cluster.set_store(4, "killed")
            if 80 <= cluster.t < 85:
                cluster.set_store(4, "up")
            number += 1
            watch.take(await subject.observe(number), cluster.t)
            await cluster.clock.sleep(timedelta(seconds=number * 5 - cluster.t))
        return watch

    watch = run_virtual(main())
    assert ("store-reachable", store_ref(4)) in watch.ended
    assert not watch.is_open("store-reachable", store_ref(4))


def test_a_monitor_that_starts_late_sees_what_is_long_dead(cluster: Cluster) -> None:
    async def main() -> Watch:
        cluster.set_store(4, "killed")
        cluster.set_member("pd2", "killed")
        await cluster.clock.sleep(timedelta(hours=2))
        watch, subject, begin, number = Watch(), cluster.subject(), cluster.t, 0
        while cluster.t < begin + 50:
            number += 1
            watch.take(await subject.observe(number), cluster.t)
            await cluster.clock.sleep(timedelta(seconds=begin + number * 5 - cluster.t))
        return watch

    opened = run_virtual(main()).opened
    assert ("store-reachable", store_ref(4)) in opened
    assert ("pd-member-reachable", pd_ref("pd2")) in opened


@pytest.mark.sampled(2)
@pytest.mark.parametrize("phase", PHASES)
def test_a_store_cut_from_everybody_but_us_is_a_violation_within_15_seconds(
    make_cluster: Callable[[], Cluster], phase: float
) -> None:
    watch, fault_at = watched(make_cluster(), lambda c: c.set_store(4, "alone"), after=phase, lasting=30)
    assert watch.opened["store-reachable", store_ref(4)] - fault_at <= 15
    assert {c for i, c in watch.opened if i.startswith("store-")} == {store_ref(4)}
