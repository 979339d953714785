from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from operator_core.components import CLUSTER, CLUSTER_KIND, Component, ComponentRef, Kind
from operator_core.incidents import accounts_for, causal_link
from operator_core.judgements import Concern, InvariantName, JudgementKey, judge
from operator_core.knowledge import Consequence, Expectation, FailureMode, Knowledge, ModeName, Of, SignName
from operator_core.readings import ClusterName, Observation, SignalName
from operator_core.sight import SOURCE_KIND
from operator_tikv import KNOWLEDGE, lint
from operator_tikv import names as n
from operator_tikv.names import PD, STORE, pd_ref, store_ref
from operator_tikv.rules import INVARIANTS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMPONENTS = tuple(Component(ref=r) for r in (pd_ref("pd0"), pd_ref("pd1"), store_ref(4), store_ref(5)))
MODES = {
    *("store-kill", "store-pause", "net-isolate-store", "net-store-pd", "two-stores-down"),
    *("pd-follower-loss", "pd-leader-loss", "pd-quorum-loss"),
    *("prometheus-down", "scrape-target-missing", "observer-cut-off", "observer-isolated"),
    *("disk-slow", "disk-nearly-full", "net-latency"),
}


def test_the_knowledge_is_whole() -> None:
    assert lint(KNOWLEDGE) == ()
    assert {m.name for m in KNOWLEDGE.modes} == MODES
    assert KNOWLEDGE.invariants == INVARIANTS


def _first_mode(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.modes
    return replace(KNOWLEDGE, modes=(replace(first, **changes), *rest))


def _first_violates(*consequences: Consequence) -> Knowledge:
    return _first_mode(violates=consequences)


def _breaks(invariant: str, of: Of = Of.SELF, kind: Kind | None = None) -> Consequence:
    return Consequence(invariant=InvariantName(invariant), of=of, kind=kind)


def _first_invariant(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.invariants
    return replace(KNOWLEDGE, invariants=(replace(first, **changes), *rest))


def _first_kind(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.kinds
    return replace(KNOWLEDGE, kinds=(replace(first, **changes), *rest))


def _first_sign(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.signs
    return replace(KNOWLEDGE, signs=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_first_mode(options=KNOWLEDGE.modes[0].options[:1]), "doing nothing is not among the options"),
        (_first_mode(expects=(Expectation(sign=SignName("no-such"), probability=0.5),)), "no sign no-such"),
        (
            _first_mode(expects=(Expectation(sign=KNOWLEDGE.modes[0].expects[0].sign, probability=1.0),)),
            "probability 1.0",
        ),
        (_first_mode(expects=(Expectation(sign=SignName("pd-away"), probability=0.5),)), "is about a pd, not a store"),
        (_first_mode(summary="{it} and {them}"), "only {it} is known"),
        (_first_mode(summary="{it"), "cannot be formatted"),
        (_first_mode(title=" "), "a text is empty"),
        (_first_mode(prior=0.0), "prior 0.0"),
        (_first_sign(base_rate=0.0), "base rate 0.0"),
        (replace(KNOWLEDGE, signals=KNOWLEDGE.signals[1:] + KNOWLEDGE.signals[1:2]), "is there twice"),
        (replace(KNOWLEDGE, signals=()), "no signal store.status_contact"),
        (replace(KNOWLEDGE, unknown=()), "unknown: doing nothing"),
        (_first_violates(), "it violates nothing"),
        (_first_violates(_breaks("no-such")), "no invariant of that name"),
        (_first_violates(_breaks("pd-member-reachable")), "does not speak of a store"),
        (_first_violates(_breaks("store-reachable", Of.CLUSTER)), "does not speak of a cluster"),
        (_first_violates(_breaks("store-reachable"), _breaks("regions-led")), "does not speak of a store"),
        (_first_violates(_breaks("store-reachable"), _breaks("commit-quick", Of.OTHERS, PD)), "does not speak of a pd"),
        (_first_violates(_breaks("store-reachable", kind=STORE)), "it means others or all only"),
        (_first_violates(_breaks("store-reachable", Of.ALL, Kind("lamp"))), "no kind lamp"),
        (_first_violates(_breaks("store-reachable", Of.BY_OTHERS)), "not about pairs"),
        (_first_violates(_breaks("store-reachable"), _breaks("store-reachable")), "is there twice"),
        (_first_violates(_breaks("store-reachable", Of.OTHERS)), "nothing of its own and nothing of the whole"),
        (_first_invariant(about=frozenset[Kind]()), "does not say what it is about"),
        (_first_invariant(about=frozenset({Kind("lamp")})), "no kind lamp"),
        (_first_invariant(about=frozenset({STORE, CLUSTER_KIND})), "the cluster is in none"),
        (_first_kind(glance=(SignalName("no.such"),)), "glance: no signal no.such"),
        (_first_kind(glance=(n.STORE_STATE, n.STORE_STATE)), "is there twice"),
        (_first_kind(course=(n.PD_TERM,)), "course: pd.term is about a pd"),
        (_first_kind(course=(n.STORE_STATE,)), "words have no course"),
    ],
)
def test_what_is_broken_is_named(broken: Knowledge, says: str) -> None:
    assert [found for found in lint(broken) if says in found]


def test_every_signal_has_words_for_a_person() -> None:
    names = [s.name for s in KNOWLEDGE.signals]
    assert len(names) == len(set(names))
    assert SignalName("store.heartbeat_age") in names
    assert all(s.describes and s.unit for s in KNOWLEDGE.signals)


@pytest.mark.parametrize(
    "whole",
    [
        _first_violates(_breaks("store-reachable"), _breaks("commit-quick", Of.OTHERS)),
        _first_violates(_breaks("regions-led", Of.CLUSTER)),
        _first_violates(_breaks("lost-sight", Of.ALL, SOURCE_KIND)),
        _first_kind(course=(n.STORE_REQUESTS,)),
    ],
)
def test_what_is_whole_is_let_through(whole: Knowledge) -> None:
    assert lint(whole) == ()


def test_an_invariant_speaks_of_the_kinds_that_it_says() -> None:
    """Of components of which nothing was read, each check says that it does not know."""
    blind = Observation(cluster=ClusterName("c"), number=1, at=NOW, components=COMPONENTS)
    spoken: dict[InvariantName, set[Kind]] = {}
    for found in judge(INVARIANTS, blind):
        spoken.setdefault(found.key.invariant, set()).add(found.key.component.kind)
    for invariant in INVARIANTS:
        assert spoken.get(invariant.name, set()) <= invariant.about


def _own(mode: FailureMode, where: str) -> list[JudgementKey]:
    ref = store_ref(where) if mode.about == STORE else pd_ref(where)
    return [JudgementKey(invariant=c.invariant, component=ref) for c in mode.violates if c.of is Of.SELF]


def _is_about_sight(mode: FailureMode) -> bool:
    concerns = {i.name: i.concern for i in KNOWLEDGE.invariants}
    return all(concerns[c.invariant] is Concern.SIGHT for c in mode.violates)


OF_THE_CLUSTER = [m for m in KNOWLEDGE.modes if not _is_about_sight(m)]


@pytest.mark.parametrize("one", [m for m in OF_THE_CLUSTER if m.about == STORE], ids=lambda m: m.name)
@pytest.mark.parametrize("other", [m for m in OF_THE_CLUSTER if m.about == PD], ids=lambda m: m.name)
def test_what_fails_at_a_store_and_what_fails_at_pd_are_not_linked(one: FailureMode, other: FailureMode) -> None:
    linked = [
        (here, there)
        for here in _own(one, "4")
        for there in _own(other, "pd0")
        if causal_link(here, there, KNOWLEDGE.modes)
    ]
    assert linked == []


def test_a_slow_or_full_disk_is_not_linked_with_another_stores_death() -> None:
    dead = JudgementKey(invariant=InvariantName("store-reachable"), component=store_ref(5))
    for invariant in ("append-quick", "apply-quick", "disk-space", "store-takes-writes"):
        slow = JudgementKey(invariant=InvariantName(invariant), component=store_ref(4))
        assert causal_link(dead, slow, KNOWLEDGE.modes) is None


@pytest.mark.parametrize(
    ("mode", "invariant", "where"),
    [
        ("store-kill", "store-reachable", store_ref(4)),
        ("store-kill", "regions-led", CLUSTER),
        ("store-kill", "regions-replicated", CLUSTER),
        ("store-kill", "commit-quick", store_ref(1)),
        ("net-store-pd", "store-heard-by-pd", store_ref(4)),
        ("two-stores-down", "raft-quorum", CLUSTER),
        ("two-stores-down", "store-reachable", store_ref(5)),
        ("disk-slow", "append-quick", store_ref(4)),
        ("disk-slow", "commit-quick", store_ref(1)),
        ("disk-nearly-full", "store-takes-writes", store_ref(4)),
    ],
)
def test_a_mode_at_a_store_accounts_for_what_it_breaks(mode: str, invariant: str, where: ComponentRef) -> None:
    key = JudgementKey(invariant=InvariantName(invariant), component=where)
    assert accounts_for(KNOWLEDGE.mode(ModeName(mode)), store_ref(4), key)


@pytest.mark.parametrize(
    ("mode", "invariant", "where"),
    [
        ("store-kill", "store-reachable", store_ref(5)),
        ("store-kill", "pd-has-leader", CLUSTER),
        ("net-store-pd", "regions-led", CLUSTER),
        ("net-store-pd", "regions-replicated", CLUSTER),
        ("disk-slow", "append-quick", store_ref(1)),
        ("disk-slow", "regions-led", CLUSTER),
        ("disk-nearly-full", "append-quick", store_ref(4)),
    ],
)
def test_a_mode_at_a_store_does_not_account_for_what_it_leaves_whole(
    mode: str, invariant: str, where: ComponentRef
) -> None:
    key = JudgementKey(invariant=InvariantName(invariant), component=where)
    assert not accounts_for(KNOWLEDGE.mode(ModeName(mode)), store_ref(4), key)
