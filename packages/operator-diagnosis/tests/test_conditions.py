from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.claims import Comparison
from operator_core.components import Component, ComponentRef, Kind
from operator_core.knowledge import AllOf, AnyOf, Knowledge, Of, Quantifier, Test, When
from operator_core.ports import Case
from operator_core.readings import Cause, ClusterName, Observation, Reading, ReadingId, SignalName, Unit, Value, by_id
from operator_core.verify import verify
from operator_diagnosis.conditions import Conditions, Presence, quantified
from operator_diagnosis.looks import Looks
from operator_diagnosis.showing import shown

Said = Mapping[str, Value | Cause | None]
Look = Callable[..., Observation]
Cases = Callable[..., Case]
PRESENT, ABSENT, UNSEEN = Presence.PRESENT, Presence.ABSENT, Presence.UNSEEN
ONE = ComponentRef(Kind("node"), "1")


def asks(
    signal: str,
    comparison: Comparison,
    value: Value,
    of: Of = Of.SELF,
    quantifier: Quantifier = Quantifier.ALL,
    when: When = When.LATEST,
) -> Test:
    return Test(signal=SignalName(signal), comparison=comparison, value=value, of=of, quantifier=quantifier, when=when)


@pytest.fixture
def presence(case: Cases, look: Look) -> Callable[..., Presence]:
    """``presence(test, *said, before=None)``: at node 1 of three, one look for each said."""

    def find(test: Test | AllOf | AnyOf, *said: Said, before: int | None = None) -> Presence:
        observations = [look(n, s) for n, s in enumerate(said, 1)]
        began = None if before is None else observations[before].at
        made = case(*observations, trouble_since=began)
        conditions = Conditions(Looks.of(made))
        found = shown(conditions, test, ONE)
        assert found.presence is conditions.presence(test, ONE)
        assert verify(found.claims, by_id(made.observations)).struck == ()
        assert (found.presence is UNSEEN) == (not found.claims)
        assert found.presence is not UNSEEN or found.missing
        return found.presence

    return find


HUM = asks("hum", Comparison.ABOVE, 5.0)


def test_its_own_reading_decides(presence: Callable[..., Presence]) -> None:
    assert presence(HUM, {"hum@node/1": 9.0}) is PRESENT
    assert presence(HUM, {"hum@node/1": 5.0, "hum@node/2": 9.0}) is ABSENT


@pytest.mark.parametrize("lost", [*Cause, None])
def test_what_could_not_be_read_is_unseen_never_absent(lost: Cause | None, presence: Callable[..., Presence]) -> None:
    assert presence(HUM, {"hum@node/1": lost}) is UNSEEN


def test_not_a_number_is_no_value(presence: Callable[..., Presence]) -> None:
    assert presence(HUM, {"hum@node/1": float("nan")}) is UNSEEN


def test_infinity_is_above_everything(presence: Callable[..., Presence]) -> None:
    assert presence(HUM, {"hum@node/1": float("inf")}) is PRESENT


def test_others_are_those_of_its_kind_without_itself(presence: Callable[..., Presence]) -> None:
    others = asks("hum", Comparison.ABOVE, 5.0, Of.OTHERS, Quantifier.ALL)
    assert presence(others, {"hum@node/2": 9.0, "hum@node/3": 9.0}) is PRESENT
    assert presence(others, {"hum@node/1": 9.0, "hum@node/3": 9.0}) is ABSENT


def test_by_others_is_what_they_measure_toward_it(presence: Callable[..., Presence]) -> None:
    lost = asks("gossip", Comparison.EQUALS, "lost", Of.BY_OTHERS, Quantifier.ALL)
    assert presence(lost, {"gossip@node/2>node/1": "lost", "gossip@node/3>node/1": "lost"}) is PRESENT
    assert presence(lost, {"gossip@node/1>node/2": "lost", "gossip@node/1>node/3": "lost"}) is ABSENT


def test_to_others_is_what_it_measures_toward_them(presence: Callable[..., Presence]) -> None:
    lost = asks("gossip", Comparison.EQUALS, "lost", Of.TO_OTHERS, Quantifier.ALL)
    assert presence(lost, {"gossip@node/2>node/1": "lost", "gossip@node/3>node/1": "lost"}) is ABSENT
    assert presence(lost, {"gossip@node/1>node/2": "lost", "gossip@node/1>node/3": "lost"}) is PRESENT


def test_who_could_not_be_asked_at_all_counts_as_unseen_toward_it(presence: Callable[..., Presence]) -> None:
    heard = asks("gossip", Comparison.EQUALS, "lost", Of.BY_OTHERS, Quantifier.ANY)
    mute: Said = {"gossip@node/2>node/1": None, "gossip@node/3>node/1": None}
    assert presence(heard, {**mute, "gossip@node/2": Cause.REFUSED, "gossip@node/3": Cause.REFUSED}) is UNSEEN
    assert presence(heard, mute) is UNSEEN


def test_all_and_the_cluster_need_no_component(presence: Callable[..., Presence]) -> None:
    everyone = asks("arbiter_heard", Comparison.EQUALS, "heard", Of.ALL)
    assert presence(everyone, {}) is PRESENT
    assert presence(everyone, {"arbiter_heard@node/3": "lost"}) is ABSENT
    assert presence(asks("free", Comparison.BELOW, 1e9, Of.CLUSTER), {"free@cluster/cluster": 1e6}) is PRESENT


@given(
    quantifier=st.sampled_from(Quantifier),
    true=st.integers(0, 5),
    false=st.integers(0, 5),
    unseen=st.integers(0, 5),
)
def test_few_readings_decide_only_what_no_unseen_one_could_turn(
    quantifier: Quantifier, true: int, false: int, unseen: int
) -> None:
    def dumb(readings: tuple[bool, ...]) -> Presence:
        share = {
            Quantifier.ALL: all(readings),
            Quantifier.ANY: any(readings),
            Quantifier.MOST: 2 * sum(readings) > len(readings),
            Quantifier.NONE: not any(readings),
        }
        return PRESENT if share[quantifier] else ABSENT

    answer = quantified(quantifier, true=true, false=false, unseen=unseen)
    seen = (True,) * true + (False,) * false
    if not seen and not unseen:
        assert answer is UNSEEN
    elif len(seen) >= unseen:
        assert answer is dumb(seen)
    else:
        worlds = {dumb((*seen, *rest)) for rest in itertools.product((True, False), repeat=unseen)}
        assert answer is (worlds.pop() if len(worlds) == 1 else UNSEEN)


def test_latest_looks_at_the_newest_only(presence: Callable[..., Presence]) -> None:
    assert presence(HUM, {"hum@node/1": 9.0}, {}) is ABSENT
    assert presence(HUM, {"hum@node/1": 9.0}, {"hum@node/1": Cause.SILENT}) is UNSEEN


def test_ever_is_any_of_them(presence: Callable[..., Presence]) -> None:
    ever = asks("hum", Comparison.ABOVE, 5.0, when=When.EVER)
    assert presence(ever, {}, {"hum@node/1": 9.0}, {"hum@node/1": Cause.SILENT}) is PRESENT
    assert presence(ever, {}, {}, {}) is ABSENT
    assert presence(ever, {}, {"hum@node/1": Cause.SILENT}, {"hum@node/1": Cause.SILENT}) is UNSEEN
    assert presence(ever, {}, {"hum@node/1": Cause.SILENT}, {}) is ABSENT
    assert presence(ever, {"hum@node/1": Cause.TOO_EARLY}, {}, {}) is ABSENT


def test_before_is_what_was_before_trouble_began(presence: Callable[..., Presence]) -> None:
    before = asks("hum", Comparison.ABOVE, 5.0, when=When.BEFORE)
    loud: Said = {"hum@node/1": 9.0}
    assert presence(before, loud, loud, {}, before=2) is PRESENT
    assert presence(before, {}, {}, loud, before=2) is ABSENT
    assert presence(before, {}, loud, {}, before=2) is ABSENT
    assert presence(before, loud, before=0) is UNSEEN


def test_a_direction_goes_from_the_first_to_the_last(presence: Callable[..., Presence]) -> None:
    rose = asks("restarts", Comparison.RISES, 2.0, when=When.ACROSS)
    fell = asks("restarts", Comparison.FALLS, 2.0, when=When.ACROSS)
    up: tuple[Said, ...] = ({"restarts@node/1": 3.0}, {"restarts@node/1": 4.0}, {"restarts@node/1": 5.0})
    assert (presence(rose, *up), presence(fell, *up)) == (PRESENT, ABSENT)
    assert (presence(rose, *up[::-1]), presence(fell, *up[::-1])) == (ABSENT, PRESENT)
    assert presence(rose, *up[:2]) is ABSENT
    assert presence(rose, up[0]) is UNSEEN
    assert presence(rose, *up, {"restarts@node/1": Cause.SILENT}) is UNSEEN
    assert presence(rose, {}, {}) is ABSENT


def test_a_direction_ever_is_between_any_two(presence: Callable[..., Presence]) -> None:
    rose = asks("hum", Comparison.RISES, 4.0, when=When.EVER)
    bump: tuple[Said, ...] = tuple({"hum@node/1": v} for v in (3.0, 1.0, 6.0, 2.0))
    assert presence(rose, *bump) is PRESENT
    assert presence(asks("hum", Comparison.FALLS, 4.0, when=When.EVER), *bump) is PRESENT
    assert presence(asks("hum", Comparison.FALLS, 4.0, when=When.LATEST), *bump) is PRESENT
    assert presence(asks("hum", Comparison.RISES, 6.0, when=When.EVER), *bump) is ABSENT


@given(values=st.lists(st.integers(-20, 20), min_size=2, max_size=8), by=st.integers(1, 10))
def test_ever_agrees_with_looking_at_every_pair(values: list[int], by: int) -> None:
    pairs = [b - a for a, b in itertools.combinations(values, 2)]
    assert _ever(values, Comparison.RISES, by) == any(p >= by for p in pairs)
    assert _ever(values, Comparison.FALLS, by) == any(-p >= by for p in pairs)


def _ever(values: list[int], comparison: Comparison, by: int) -> bool:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    observations = tuple(
        Observation(
            cluster=ClusterName("toys"),
            number=n,
            at=start + timedelta(seconds=n),
            components=(Component(ref=ONE),),
            readings=(
                Reading(
                    id=ReadingId(f"o{n}.1"),
                    component=ONE,
                    signal=SignalName("hum"),
                    value=float(value),
                    unit=Unit("1"),
                    at=start + timedelta(seconds=n),
                    source="hum",
                ),
            ),
        )
        for n, value in enumerate(values)
    )
    knowledge = Knowledge(version="0", kinds=(), signals=(), invariants=(), signs=(), modes=(), unknown=())
    made = Case(cluster=ClusterName("toys"), at=start, observations=observations, knowledge=knowledge)
    test = asks("hum", comparison, float(by), when=When.EVER)
    return Conditions(Looks.of(made)).presence(test, ONE) is PRESENT


def test_all_of_is_false_before_it_is_unseen_and_any_of_true(presence: Callable[..., Presence]) -> None:
    door = asks("door", Comparison.EQUALS, "refused")
    said: Said = {"hum@node/1": Cause.SILENT}
    loud: Said = {"hum@node/1": 9.0}
    assert presence(AllOf((HUM, door)), said) is ABSENT
    assert presence(AnyOf((HUM, door)), said) is UNSEEN
    assert presence(AllOf((HUM, door)), {**said, "door@node/1": "refused"}) is UNSEEN
    assert presence(AnyOf((HUM, door)), {**said, "door@node/1": "refused"}) is PRESENT
    assert presence(AnyOf((HUM, door)), loud) is PRESENT
    assert presence(AllOf((HUM, door)), {**loud, "door@node/1": "refused"}) is PRESENT


def test_the_claims_about_others_are_not_about_itself(case: Cases, look: Look) -> None:
    made = case(look(1, {"hum@node/1": 9.0, "hum@node/2": 9.0, "hum@node/3": 9.0}))
    test = asks("hum", Comparison.ABOVE, 5.0, Of.OTHERS)
    found = shown(Conditions(Looks.of(made)), test, ONE)
    assert {c.component.id for c in found.claims} == {"2", "3"}


def test_what_is_too_early_to_know_now_is_unseen_now(presence: Callable[..., Presence]) -> None:
    everyone = asks("hum", Comparison.ABOVE, 5.0, Of.ALL)
    early: Said = {"hum@node/1": 9.0, "hum@node/2": Cause.TOO_EARLY, "hum@node/3": Cause.TOO_EARLY}
    assert presence(everyone, early) is UNSEEN


def test_a_row_ends_where_it_was_otherwise_and_not_where_nobody_looked(case: Cases, look: Look) -> None:
    loud, dark = {"hum@node/1": 9.0}, {"hum@node/1": Cause.SILENT}
    observations = [look(n, s) for n, s in enumerate((loud, {}, loud, dark, loud), 1)]
    (claim,) = shown(Conditions(Looks.of(case(*observations))), HUM, ONE).claims
    assert (claim.interval.start, claim.interval.end) == (observations[2].at, observations[4].at)


def test_a_changing_value_is_told_as_it_is_now_and_as_it_was_all_the_time(case: Cases, look: Look) -> None:
    observations = [look(n, {"hum@node/1": v}) for n, v in enumerate((7.0, 8.0, 9.0), 1)]
    now, row = shown(Conditions(Looks.of(case(*observations))), HUM, ONE).claims
    assert (now.comparison, now.value, now.interval.start) == (Comparison.EQUALS, 9.0, observations[2].at)
    assert (row.comparison, row.value, row.interval.start) == (Comparison.ABOVE, 5.0, observations[0].at)
