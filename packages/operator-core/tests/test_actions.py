from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from operator_core.actions import Allowed, Availability, Refused, RiskClass, availability, guard
from operator_core.components import ComponentRef, Kind, RedundancyGroup
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Verdict

REFS = tuple(ComponentRef(Kind("node"), str(n)) for n in range(1, 8))

groups = st.builds(
    RedundancyGroup,
    name=st.just("quorum"),
    members=st.lists(st.sampled_from(REFS), min_size=1, unique=True).map(tuple),
    needed=st.integers(0, 7),
)
states = st.dictionaries(st.sampled_from(REFS), st.sampled_from(Availability))


@given(target=st.sampled_from(REFS), groups=st.lists(groups, max_size=3), state=states)
def test_it_is_allowed_when_every_group_keeps_what_it_needs_without_the_target(
    target: ComponentRef, groups: list[RedundancyGroup], state: dict[ComponentRef, Availability]
) -> None:
    def keeps(group: RedundancyGroup) -> bool:
        sure = [m for m in group.members if m != target and state.get(m) is Availability.AVAILABLE]
        return target not in group.members or len(sure) >= group.needed

    answer = guard(target, takes_away=True, groups=groups, state=state)
    assert isinstance(answer, Allowed) == all(keeps(g) for g in groups)


@given(target=st.sampled_from(REFS), groups=st.lists(groups, max_size=3), state=states)
def test_what_takes_nothing_away_is_allowed(
    target: ComponentRef, groups: list[RedundancyGroup], state: dict[ComponentRef, Availability]
) -> None:
    assert guard(target, takes_away=False, groups=groups, state=state) == Allowed()


@given(target=st.sampled_from(REFS), group=groups, state=states, worse=st.sampled_from(REFS))
def test_knowing_less_never_allows_more(
    target: ComponentRef, group: RedundancyGroup, state: dict[ComponentRef, Availability], worse: ComponentRef
) -> None:
    before = guard(target, takes_away=True, groups=[group], state=state)
    after = guard(target, takes_away=True, groups=[group], state=state | {worse: Availability.UNKNOWN})
    assert isinstance(before, Allowed) or isinstance(after, Refused)


def test_the_refusal_names_the_group_the_numbers_and_the_lost() -> None:
    group = RedundancyGroup(name="the quorum", members=REFS[:3], needed=2)
    state = {REFS[0]: Availability.AVAILABLE, REFS[1]: Availability.UNAVAILABLE, REFS[2]: Availability.AVAILABLE}
    assert guard(REFS[0], takes_away=True, groups=[group], state=state) == Refused(
        "without node 1, the quorum would have 1 of 3 members and needs 2; not surely available: node 2"
    )
    healthy = state | {REFS[1]: Availability.AVAILABLE}
    assert guard(REFS[0], takes_away=True, groups=[group], state=healthy) == Allowed()


def _judged(ref: ComponentRef, verdict: Verdict, *, takes_away: bool, concern: Concern = Concern.SUBJECT) -> Judgement:
    return Judgement(
        key=JudgementKey(invariant=InvariantName("is-well"), component=ref),
        verdict=verdict,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        because="so",
        takes_away=takes_away,
        concern=concern,
    )


def test_availability_is_the_worst_verdict_about_a_component() -> None:
    judgements = [
        _judged(REFS[0], Verdict.HOLDS, takes_away=True),
        _judged(REFS[0], Verdict.VIOLATED, takes_away=False),
        _judged(REFS[1], Verdict.HOLDS, takes_away=True),
        _judged(REFS[1], Verdict.VIOLATED, takes_away=True),
        _judged(REFS[2], Verdict.UNKNOWN, takes_away=True),
        _judged(REFS[3], Verdict.VIOLATED, takes_away=True, concern=Concern.SIGHT),
    ]
    state = availability(REFS[:4], judgements)
    assert [state[r] for r in REFS[:4]] == [
        Availability.AVAILABLE,
        Availability.UNAVAILABLE,
        Availability.UNKNOWN,
        Availability.UNKNOWN,
    ]


def test_spare_counts_members_only_once_and_goes_below_zero() -> None:
    group = RedundancyGroup(name="q", members=REFS[:3], needed=2)
    assert group.spare([]) == 1
    assert group.spare([REFS[0], REFS[0], REFS[6]]) == 0
    assert group.spare(REFS[:3]) == -2


def test_risks_have_an_order() -> None:
    assert [r.rank for r in RiskClass] == sorted(r.rank for r in RiskClass)
    assert RiskClass.SAFE.rank < RiskClass.LOW.rank < RiskClass.HUMAN_ONLY.rank
