from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from operator_core.components import CLUSTER, Component, ComponentRef, Kind
from operator_core.decide import (
    CALM,
    DEPARTED_AFTER,
    FLAP_WINDOW,
    FLAPS,
    EndViolation,
    OpenViolation,
    SilenceViolation,
    Tracked,
    decide,
    departed,
    follow,
    settle,
)
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Verdict
from operator_core.readings import Cause, ClusterName, Observation, SourceLook
from operator_core.sight import source_ref
from operator_core.silences import Silence, SilenceId, SilenceScope

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HERE = ClusterName("toys")
NODES = tuple(ComponentRef(Kind("node"), str(n)) for n in (1, 2, 3))
STRANGER = ComponentRef(Kind("lamp"), "1")
KEY = JudgementKey(invariant=InvariantName("is-well"), component=NODES[0])

verdicts = st.sampled_from(Verdict)
seconds = st.integers(0, 25).map(lambda s: timedelta(seconds=s))


def judgement(
    verdict: Verdict,
    at: datetime,
    key: JudgementKey = KEY,
    grace: timedelta = timedelta(0),
    stability: timedelta = timedelta(0),
    concern: Concern = Concern.SUBJECT,
) -> Judgement:
    return Judgement(key=key, verdict=verdict, at=at, because="so", grace=grace, stability=stability, concern=concern)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[datetime, Verdict]]:
    at = T0
    found: list[tuple[datetime, Verdict]] = []
    slow = draw(st.sampled_from((1, 1, 12)))
    for gap, verdict in draw(st.lists(st.tuples(st.integers(1, 10).map(lambda n: n * slow), verdicts), max_size=40)):
        at += timedelta(seconds=gap)
        found.append((at, verdict))
    return found


def played(
    history: Sequence[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> list[tuple[str, datetime, datetime]]:
    """What is opened (since when) and ended, as a monitor plays it cycle by cycle."""
    tracked: dict[JudgementKey, Tracked] = {}
    told: list[tuple[str, datetime, datetime]] = []
    for at, verdict in history:
        judged = [judgement(verdict, at, grace=grace, stability=stability)]
        tracked = follow(tracked, judged)
        commands = list(decide(tracked, judged, now=at))
        tracked = settle(tracked, commands)
        for command in commands:
            match command:
                case OpenViolation(violation=v):
                    told.append(("open", at, v.since))
                case EndViolation(at=ended):
                    told.append(("end", at, ended))
                case SilenceViolation():
                    raise AssertionError("nobody has asked for silence")
    return told


def dumb(
    history: Sequence[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> list[tuple[str, datetime, datetime]]:
    """The same by looking back over the whole history at every step."""
    told: list[tuple[str, datetime, datetime]] = []
    onsets: list[datetime] = []
    start = 0
    for now in range(len(history)):
        at, verdict = history[now]
        past = history[start : now + 1]
        is_open = bool(told) and told[-1][0] == "open"
        if verdict is Verdict.VIOLATED:
            if is_open:
                begins = history[now - 1][1] is Verdict.HOLDS
            else:
                words = [v for _, v in past[:-1] if v is not Verdict.UNKNOWN]
                begins = not words or words[-1] is Verdict.HOLDS
            onsets += [at] if begins else []
        flaps = sum(at - onset <= FLAP_WINDOW for onset in onsets) >= FLAPS
        if verdict is Verdict.VIOLATED and not is_open:
            healthy = [i for i, (_, v) in enumerate(past) if v is Verdict.HOLDS]
            row = past[healthy[-1] + 1 :] if healthy else past
            since = next(t for t, v in row if v is Verdict.VIOLATED)
            if at - since >= grace or flaps:
                told.append(("open", at, since))
        if verdict is Verdict.HOLDS and is_open:
            broken = [i for i, (_, v) in enumerate(past) if v is not Verdict.HOLDS]
            since = past[broken[-1] + 1 :][0][0]
            if at - since >= (max(stability, CALM) if flaps else stability):
                told.append(("end", at, at))
                start = now
    return told


@settings(max_examples=400)
@given(history=histories(), grace=seconds, stability=seconds)
def test_it_agrees_with_looking_back_over_everything(
    history: list[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> None:
    assert played(history, grace, stability) == dumb(history, grace, stability)


@given(history=histories(), grace=seconds, stability=seconds)
def test_what_opens_ends_before_it_opens_again(
    history: list[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> None:
    words = [word for word, *_ in played(history, grace, stability)]
    assert words == (["open", "end"] * len(words))[: len(words)]


@given(tracked=st.builds(Tracked, verdict=verdicts, is_open=st.booleans()), later=seconds, grace=seconds)
def test_a_failed_look_neither_opens_nor_resolves(tracked: Tracked, later: timedelta, grace: timedelta) -> None:
    before = {KEY: replace(tracked, violated_since=T0, held_since=T0)}
    judged = [judgement(Verdict.UNKNOWN, T0 + later, grace=grace)]
    after = follow(before, judged)
    assert list(decide(after, judged, now=T0 + later)) == []
    assert (after[KEY].is_open, after[KEY].violated_since) == (tracked.is_open, T0)


@given(gaps=st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=30), grace=seconds)
def test_a_failed_look_resets_no_grace(gaps: list[tuple[int, bool]], grace: timedelta) -> None:
    at = T0
    history = [(T0, Verdict.VIOLATED)]
    for gap, is_seen in gaps:
        at += timedelta(seconds=gap)
        history.append((at, Verdict.VIOLATED if is_seen else Verdict.UNKNOWN))
    due = [at for at, verdict in history if verdict is Verdict.VIOLATED and at - T0 >= grace]
    expected = [("open", due[0], T0)] if due else []
    assert played(history, grace, timedelta(0)) == expected


def test_a_cure_must_be_seen_to_last() -> None:
    s = timedelta(seconds=1)
    bad, good, dark = Verdict.VIOLATED, Verdict.HOLDS, Verdict.UNKNOWN
    history = [(T0, bad), (T0 + 1 * s, good), (T0 + 5 * s, dark), (T0 + 6 * s, good), (T0 + 16 * s, good)]
    assert played(history, 0 * s, 10 * s) == [("open", T0, T0), ("end", T0 + 16 * s, T0 + 16 * s)]
    assert played(history[:-1], 0 * s, 10 * s) == [("open", T0, T0)]
    # without the failed look, the first good one would count
    assert played([*history[:2], *history[3:-1], (T0 + 11 * s, good)], 0 * s, 10 * s)[-1][1] == T0 + 11 * s
    assert played([*history[:-1], (T0 + 11 * s, good)], 0 * s, 10 * s) == [("open", T0, T0)]


def test_keys_that_were_not_judged_stay_as_they_are() -> None:
    other = replace(KEY, component=NODES[1])
    before = {other: Tracked(verdict=Verdict.VIOLATED, violated_since=T0, is_open=True)}
    assert follow(before, [judgement(Verdict.HOLDS, T0)])[other] is before[other]


def test_what_keeps_coming_and_going_is_opened_although_no_onset_outlasts_the_grace() -> None:
    s = timedelta(seconds=1)
    bad, good = Verdict.VIOLATED, Verdict.HOLDS
    history = [(T0 + n * 20 * s, bad if n % 2 == 0 else good) for n in range(2 * FLAPS)]
    assert played(history, 60 * s, 10 * s) == [("open", T0 + 120 * s, T0 + 120 * s)]
    assert played(history[: 2 * FLAPS - 2], 60 * s, 10 * s) == []
    rare = [(T0 + n * 110 * s, verdict) for n, (_, verdict) in enumerate(history)]
    assert played(rare, 120 * s, 10 * s) == []


def test_what_was_flapping_must_be_calm_before_it_is_over() -> None:
    s = timedelta(seconds=1)
    history = [(T0 + n * 20 * s, Verdict.VIOLATED if n % 2 == 0 else Verdict.HOLDS) for n in range(2 * FLAPS)]
    last = history[-1][0]
    quiet = [(last + n * 20 * s, Verdict.HOLDS) for n in range(1, 40)]
    told = played(history + quiet, 60 * s, 10 * s)
    assert [word for word, *_ in told] == ["open", "end"]
    assert told[-1][1] - last == CALM


def test_what_is_about_the_whole_does_not_flap() -> None:
    key = replace(KEY, component=CLUSTER)
    tracked: dict[JudgementKey, Tracked] = {}
    for n in range(12):
        at = T0 + n * timedelta(seconds=5)
        judged = [judgement(Verdict.VIOLATED if n % 2 else Verdict.HOLDS, at, key, grace=timedelta(seconds=30))]
        tracked = follow(tracked, judged)
        assert list(decide(tracked, judged, now=at)) == []


def silence(scope: SilenceScope, start: float, end: float, ident: int = 1) -> Silence:
    return Silence(
        id=SilenceId(ident),
        cluster=HERE,
        scope=scope,
        starts=T0 + timedelta(seconds=start),
        ends=T0 + timedelta(seconds=end),
        by="Ada",
    )


def test_what_a_person_expects_is_recorded_once_and_opens_only_when_the_silence_is_over() -> None:
    announced = [silence(SilenceScope(component=NODES[0]), 0, 60)]
    tracked: dict[JudgementKey, Tracked] = {}
    told: list[tuple[int, str]] = []
    for n in range(0, 90, 10):
        at = T0 + timedelta(seconds=n)
        judged = [judgement(Verdict.VIOLATED, at, grace=timedelta(seconds=20))]
        tracked = follow(tracked, judged)
        commands = list(decide(tracked, judged, now=at, silences=announced))
        tracked = settle(tracked, commands)
        told += [(n, type(c).__name__) for c in commands]
        if n == 60:
            (opened,) = commands
            assert isinstance(opened, OpenViolation)
            assert opened.violation.since == T0
    assert told == [(20, "SilenceViolation"), (60, "OpenViolation")]


def test_a_silence_covers_its_scope_and_its_time_and_nothing_else() -> None:
    judged = [judgement(Verdict.VIOLATED, T0)]
    tracked = follow({}, judged)
    covering = [SilenceScope(), SilenceScope(kind=KEY.component.kind), SilenceScope(invariant=KEY.invariant)]
    others = [
        SilenceScope(kind=STRANGER.kind),
        SilenceScope(component=NODES[1]),
        SilenceScope(component=NODES[0], invariant=InvariantName("is-fast")),
    ]
    for scope in covering:
        (command,) = decide(tracked, judged, now=T0, silences=[silence(scope, -5, 5)])
        assert isinstance(command, SilenceViolation)
    for scope in others:
        (command,) = decide(tracked, judged, now=T0, silences=[silence(scope, -5, 5)])
        assert isinstance(command, OpenViolation)
    ended = replace(silence(SilenceScope(), -5, 5), ended_at=T0 - timedelta(seconds=1))
    for late in (silence(SilenceScope(), -5, 0), silence(SilenceScope(), 1, 5), ended):
        (command,) = decide(tracked, judged, now=T0, silences=[late])
        assert isinstance(command, OpenViolation)


def observation(*refs: ComponentRef, sources: tuple[SourceLook, ...] = ()) -> Observation:
    return Observation(cluster=HERE, number=1, at=T0, components=tuple(Component(ref=r) for r in refs), sources=sources)


def test_a_component_that_has_left_is_no_longer_violated_after_a_while() -> None:
    tracked = {KEY: Tracked(verdict=Verdict.VIOLATED, violated_since=T0, is_open=True)}
    for n in range(0, 400, 100):
        seen = replace(observation(NODES[1]), at=T0 + timedelta(seconds=n))
        judged = departed(tracked, seen)
        tracked = follow(tracked, judged)
        commands = list(decide(tracked, judged, now=seen.at))
        assert commands == ([EndViolation(key=KEY, at=seen.at)] if seen.at - T0 >= DEPARTED_AFTER else [])


def test_nothing_has_left_a_subject_that_was_not_seen() -> None:
    whole, source = replace(KEY, component=CLUSTER), replace(KEY, component=source_ref("coordinator"))
    tracked = dict.fromkeys((KEY, whole, source), Tracked(verdict=Verdict.VIOLATED, violated_since=T0, is_open=True))
    there = SourceLook(source="coordinator", component=CLUSTER, required=True)
    lost = replace(there, failure=Cause.REFUSED)
    assert [j.key for j in departed(tracked, observation(NODES[1], sources=(there,)))] == [KEY]
    assert departed(tracked, observation(NODES[0], sources=(there,))) == ()
    assert departed(tracked, observation(NODES[1], sources=(lost,))) == ()
    assert departed(tracked, observation()) == ()
    gone = departed(tracked, observation(NODES[0]))
    assert [j.key for j in gone] == [source]
    assert departed({KEY: Tracked(verdict=Verdict.HOLDS)}, observation(NODES[1])) == ()
