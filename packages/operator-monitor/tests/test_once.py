"""One look for scripts: what it comes to, and when it looks twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.components import CLUSTER, ComponentRef, Kind
from operator_core.errors import SubjectUnreachable
from operator_core.judgements import Concern, Invariant, InvariantName, Judgement, JudgementKey, Verdict
from operator_core.readings import Cause, ClusterName, Observation, SourceLook
from operator_core.runtime import VirtualClock
from operator_monitor import Look, Outcome, look_once, outcome

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def invariant(name: str, *, required: bool) -> Invariant:
    return Invariant(
        name=InvariantName(name),
        title=name,
        check=lambda _: (),
        grace=timedelta(0),
        stability=timedelta(0),
        required=required,
    )


INVARIANTS = (invariant("must", required=True), invariant("may", required=False))


def judged(name: str, verdict: Verdict, concern: Concern = Concern.SUBJECT) -> Judgement:
    key = JudgementKey(invariant=InvariantName(name), component=ComponentRef(Kind("node"), "1"))
    return Judgement(key=key, verdict=verdict, at=T0, because="", concern=concern)


def seen(failure: Cause | None = None) -> Observation:
    look = SourceLook(source="s", component=CLUSTER, required=False, failure=failure)
    return Observation(cluster=ClusterName("north"), number=1, at=T0, sources=(look,))


H, V, U = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN
FINE = judged("must", H)


@pytest.mark.parametrize(
    ("judgements", "failure", "expected"),
    [
        ((FINE, judged("may", H)), None, Outcome.FINE),
        ((FINE, judged("may", U)), None, Outcome.FINE),
        ((FINE,), None, Outcome.FINE),
        ((judged("must", V),), None, Outcome.VIOLATED),
        ((FINE, judged("may", V)), None, Outcome.VIOLATED),
        ((judged("must", U), judged("may", V)), Cause.SILENT, Outcome.VIOLATED),
        ((judged("must", U),), None, Outcome.BLIND),
        ((FINE, judged("must", U)), None, Outcome.BLIND),
        ((FINE,), Cause.REFUSED, Outcome.BLIND),
        ((FINE, judged("sight", V, Concern.SIGHT)), None, Outcome.BLIND),
        ((judged("may", H),), None, Outcome.BLIND),
        ((), None, Outcome.BLIND),
    ],
)
def test_a_violation_beats_blindness_and_blindness_beats_fine(
    judgements: tuple[Judgement, ...], failure: Cause | None, expected: Outcome
) -> None:
    assert outcome(judgements, INVARIANTS, seen(failure)) is expected


def test_each_outcome_has_its_exit_code() -> None:
    assert {o.name: o.exit_code for o in Outcome} == {"FINE": 0, "VIOLATED": 1, "BLIND": 3}


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("script", "numbers", "took", "expected"),
    [
        (({"1": "up"},), [7], 0, Outcome.FINE),
        (({"1": "down"},), [7], 0, Outcome.VIOLATED),
        (({"1": "?early"}, {"1": "up"}), [7, 8], 3, Outcome.FINE),
        (({"1": "?early"}, {"1": "down"}), [7, 8], 3, Outcome.VIOLATED),
        (({"1": "?early"},), [7, 8], 3, Outcome.BLIND),
        (({"1": "?"}, {"1": "up"}), [7], 0, Outcome.BLIND),
        (({"1": "up", "2": "?source"},), [7], 0, Outcome.BLIND),
    ],
)
async def test_it_judges_without_grace_and_looks_twice_only_where_rates_need_it(
    subject: Callable[..., Toy],
    clock: VirtualClock,
    script: Toy,
    numbers: list[int],
    took: float,
    expected: Outcome,
) -> None:
    start = clock.now()
    look: Look = await look_once(subject(*script), clock=clock, number=7, apart=timedelta(seconds=3))
    assert ([o.number for o in look.observations], look.outcome) == (numbers, expected)
    assert clock.now() - start == timedelta(seconds=took)
    assert look.observation is look.observations[-1]


@pytest.mark.looptime
async def test_a_look_that_hangs_is_unreachable(subject: Callable[..., Toy], clock: VirtualClock) -> None:
    with pytest.raises(SubjectUnreachable, match="did not end within 20 s"):
        await look_once(subject(timedelta(days=1)), clock=clock)
