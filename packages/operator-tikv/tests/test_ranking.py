"""Whether the knowledge leads to the right mode, by a small evaluator of its semantics on looks at a small cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.claims import Comparison
from operator_core.components import CLUSTER, ComponentRef
from operator_core.knowledge import AllOf, AnyOf, Condition, FailureMode, Of, Quantifier, Scope, Test, When
from operator_core.readings import Observation, Reading
from operator_core.runtime import run_virtual
from operator_core.verify import compares
from operator_tikv import KNOWLEDGE
from operator_tikv.names import pd_ref, store_ref

if TYPE_CHECKING:
    from conftest import Cluster


def _looked_at(test: Test, it: ComponentRef, observation: Observation) -> list[Reading]:
    readings = observation.of_signal(test.signal)
    match test.of:
        case Of.SELF:
            return [r for r in readings if r.component == it and r.toward is None]
        case Of.OTHERS:
            return [r for r in readings if r.component != it and r.component.kind == it.kind]
        case Of.ALL:
            return list(readings)
        case Of.BY_OTHERS:
            return [r for r in readings if r.toward == it and r.component != it]
        case Of.TO_OTHERS:
            return [r for r in readings if r.component == it and r.toward is not None]
        case Of.CLUSTER:
            return [r for r in readings if r.component == CLUSTER]


def _quantified(results: list[bool], how: Quantifier) -> bool:
    match how:
        case Quantifier.ALL:
            return all(results)
        case Quantifier.ANY:
            return any(results)
        case Quantifier.NONE:
            return not any(results)
        case Quantifier.MOST:
            return sum(results) * 2 > len(results)


def _test(test: Test, it: ComponentRef, window: Sequence[Observation]) -> bool | None:
    found = [f for o in window if (f := _looked_at(test, it, o))]
    if not found:
        return None
    if test.when is When.ACROSS:
        first, last = found[0][0].value, found[-1][0].value
        assert not isinstance(first, str)
        assert not isinstance(last, str)
        return compares(last - first, test.comparison, test.value)
    chosen = found if test.when is When.EVER else found[-1:]
    return any(
        _quantified([compares(r.value, test.comparison, test.value) for r in f], test.quantifier) for f in chosen
    )


def _holds(condition: Condition, it: ComponentRef, window: Sequence[Observation]) -> bool | None:
    match condition:
        case Test():
            return _test(condition, it, window)
        case AllOf(tests=parts):
            results = [_holds(p, it, window) for p in parts]
            return False if False in results else None if None in results else True
        case AnyOf(tests=parts):
            results = [_holds(p, it, window) for p in parts]
            return True if True in results else None if None in results else False


def _score(mode: FailureMode, it: ComponentRef, window: Sequence[Observation]) -> float:
    score = math.log(mode.prior)
    for expectation in mode.expects:
        sign = KNOWLEDGE.sign(expectation.sign)
        match _holds(sign.condition, it, window):
            case True:
                score += math.log(expectation.probability / sign.base_rate)
            case False:
                score += math.log((1 - expectation.probability) / (1 - sign.base_rate))
            case None:
                pass
    return score


def ranked(window: Sequence[Observation]) -> list[tuple[float, str, ComponentRef]]:
    """Every mode at every component it can be bound to, likeliest first; a group by its members' mean."""
    scores: list[tuple[float, str, ComponentRef]] = []
    for mode in KNOWLEDGE.modes:
        if mode.scope is Scope.CLUSTER:
            scores.append((_score(mode, CLUSTER, window), mode.name, CLUSTER))
            continue
        members = list(window[-1].refs(mode.about))
        if mode.scope is Scope.GROUP:
            assert mode.blames is not None
            blamed = [m for m in members if _holds(KNOWLEDGE.sign(mode.blames).condition, m, window)]
            if len(blamed) >= mode.at_least:
                scores.append((sum(_score(mode, m, window) for m in blamed) / len(blamed), mode.name, blamed[0]))
            continue
        scores.extend((_score(mode, m, window), mode.name, m) for m in members)
    return sorted(scores, key=lambda s: -s[0])


def seen_after(
    cluster: Cluster, fault: Callable[[Cluster], None], *, after: float, prometheus: bool = False
) -> list[Observation]:
    async def main() -> list[Observation]:
        subject = cluster.subject(prometheus=prometheus)
        before = await cluster.looks(subject, 30)
        await cluster.clock.sleep(timedelta(seconds=1.5))
        fault(cluster)
        await cluster.clock.sleep(timedelta(seconds=3.5))
        return before + await cluster.looks(subject, after, first=len(before) + 1)

    return run_virtual(main())


def _cut_from_pd(c: Cluster) -> None:
    c.stores[4].cut_from_pd_since = c.t


def _kill_stores(c: Cluster) -> None:
    c.set_store(4, "killed")
    c.set_store(5, "killed")


def _kill_members(c: Cluster) -> None:
    c.set_member("pd0", "killed")
    c.set_member("pd1", "killed")


CASES: list[tuple[str, Callable[[Cluster], None], str, ComponentRef, float]] = [
    ("kill", lambda c: c.set_store(4, "killed"), "store-kill", store_ref(4), 10),
    ("pause", lambda c: c.set_store(4, "paused"), "store-pause", store_ref(4), 10),
    ("isolate", lambda c: c.set_store(4, "cut"), "net-isolate-store", store_ref(4), 10),
    ("isolate, not from us", lambda c: c.set_store(4, "alone"), "net-isolate-store", store_ref(4), 15),
    ("kill, later", lambda c: c.set_store(4, "killed"), "store-kill", store_ref(4), 40),
    ("pause, later", lambda c: c.set_store(4, "paused"), "store-pause", store_ref(4), 40),
    ("isolate, later", lambda c: c.set_store(4, "cut"), "net-isolate-store", store_ref(4), 40),
    ("cut from pd", _cut_from_pd, "net-store-pd", store_ref(4), 30),
    ("two stores", _kill_stores, "two-stores-down", store_ref(4), 15),
    ("pd leader killed", lambda c: c.set_member("pd0", "killed"), "pd-leader-loss", pd_ref("pd0"), 10),
    ("pd leader paused", lambda c: c.set_member("pd0", "paused"), "pd-leader-loss", pd_ref("pd0"), 10),
    ("pd leader, later", lambda c: c.set_member("pd0", "killed"), "pd-leader-loss", pd_ref("pd0"), 40),
    ("pd follower", lambda c: c.set_member("pd2", "killed"), "pd-follower-loss", pd_ref("pd2"), 20),
    ("pd quorum", _kill_members, "pd-quorum-loss", pd_ref("pd0"), 20),
    ("observer", lambda c: setattr(c, "observer_cut", True), "observer-cut-off", pd_ref("pd0"), 45),
    ("status port", lambda c: setattr(c.stores[4], "status_hangs", True), "scrape-target-missing", store_ref(4), 15),
    ("slow disk", lambda c: setattr(c.stores[4], "append_s", 0.2), "disk-slow", store_ref(4), 60),
    ("slow network", lambda c: setattr(c.stores[4], "round_trip_s", 0.3), "net-latency", store_ref(4), 60),
    ("full disk", lambda c: setattr(c.stores[4], "available_gib", 100), "disk-nearly-full", store_ref(4), 15),
]


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("fault", "mode", "it", "after"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_right_mode_ranks_first(
    cluster: Cluster, fault: Callable[[Cluster], None], mode: str, it: ComponentRef, after: float
) -> None:
    first, second, *_ = ranked(seen_after(cluster, fault, after=after))
    assert first[1:] == (mode, it)
    assert first[0] - second[0] > 1, f"{first} is hardly likelier than {second}"


def test_two_of_five_stores_down_rank_first(cluster: Cluster) -> None:
    node = type(cluster.stores[1])
    cluster.stores |= {6: node(phase=2.0), 7: node(phase=9.0)}
    first, second, *_ = ranked(seen_after(cluster, _kill_stores, after=15))
    assert first[1:] == ("two-stores-down", store_ref(4))
    assert first[0] - second[0] > 1, f"{first} is hardly likelier than {second}"


def test_a_dead_prometheus_ranks_first(cluster: Cluster) -> None:
    def kill(c: Cluster) -> None:
        c.prometheus_state = "killed"

    first, second, *_ = ranked(seen_after(cluster, kill, after=15, prometheus=True))
    assert first[1:] == ("prometheus-down", CLUSTER)
    assert first[0] - second[0] > 1


def test_a_healthy_cluster_suggests_nothing(cluster: Cluster) -> None:
    first, *_ = ranked(seen_after(cluster, lambda _: None, after=15))
    assert first[0] < 0, f"{first} is likelier than that nothing is wrong"


def test_directions_are_compared(cluster: Cluster) -> None:
    def restart(c: Cluster) -> None:
        c.set_store(4, "up")

    window = seen_after(cluster, restart, after=10)
    test = Test(signal=KNOWLEDGE.signals[0].name, comparison=Comparison.EQUALS, value="now")
    assert _holds(test, store_ref(4), window) is True
    started = KNOWLEDGE.sign(next(s.name for s in KNOWLEDGE.signs if s.name == "started-anew"))
    assert _holds(started.condition, store_ref(4), window) is True
    assert _holds(started.condition, store_ref(1), window) is False
