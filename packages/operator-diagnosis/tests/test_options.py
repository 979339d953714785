from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from operator_core.actions import Availability
from operator_core.components import ComponentRef, Kind
from operator_core.judgements import CheckResult, Invariant, InvariantName, Verdict
from operator_core.knowledge import DO_NOTHING, Knowledge, OptionName
from operator_core.ports import Case
from operator_core.readings import Cause, Observation, SourceLook, Value
from operator_diagnosis.options import state_of
from operator_diagnosis.rules import reason
from operator_diagnosis.scoring import Candidate

Look = Callable[..., Observation]
Cases = Callable[..., Case]
Crash = Callable[..., dict[str, Value | Cause | None]]


def node(n: int) -> ComponentRef:
    return ComponentRef(Kind("node"), str(n))


def test_the_first_option_that_is_not_refused_is_recommended_and_says_why(crash_case: Case) -> None:
    diagnosis = reason(crash_case)
    chosen = diagnosis.options[0]
    assert diagnosis.recommended == chosen.name == "restart"
    assert (chosen.does, chosen.refused, chosen.why_not) == ("restart node 2", None, "")
    assert diagnosis.because == "restart brings relief. The price: restart takes time."
    assert [o.why_not for o in diagnosis.options[1:]] == ["enough has been seen", "it does not end by itself"]


def test_what_the_guard_refuses_is_not_recommended_and_its_reason_is_given(crash_case: Case) -> None:
    last = crash_case.observations[-1]
    group = replace(last.groups[0], needed=3)
    diagnosis = reason(
        replace(crash_case, observations=(*crash_case.observations[:-1], replace(last, groups=(group,))))
    )
    restart = diagnosis.options[0]
    assert restart.refused is not None
    assert "the quorum of nodes would have 2 of 3 members and needs 3" in restart.refused
    assert restart.why_not == restart.refused
    assert diagnosis.recommended == "look-closer"


def test_doing_nothing_is_always_an_option(crash_case: Case, knowledge: Knowledge) -> None:
    without = replace(
        knowledge,
        modes=tuple(replace(m, options=tuple(o for o in m.options if o.name != DO_NOTHING)) for m in knowledge.modes),
        unknown=(),
    )
    options = reason(replace(crash_case, knowledge=without)).options
    assert [o.name for o in options].count(DO_NOTHING) == 1
    assert not next(o for o in options if o.name == DO_NOTHING).is_action


def test_in_doubt_only_what_is_right_under_both_is_recommended(case: Cases, look: Look, crash: Crash) -> None:
    diagnosis = reason(case(look(1), look(2, crash(2) | {"door@node/2": Cause.UNANSWERED}), ticket="node/2"))
    # look-closer is listed by both and safer than the restart that both list too
    assert {h.mode for h in diagnosis.hypotheses[:2]} == {"crashed", "frozen"}
    assert diagnosis.recommended == "look-closer"
    assert diagnosis.because.startswith("It is right under both leading explanations.")
    restart = next(o for o in diagnosis.options if o.name == "restart")
    assert "it is not sure enough: it may be frozen" in restart.why_not


def test_in_doubt_a_cure_of_another_component_is_not_shared(case: Cases, look: Look) -> None:
    blind: dict[str, Value | Cause | None] = {"arbiter_door@arbiter/a": "unanswered"}
    blind |= {f"arbiter_heard@node/{n}": Cause.SILENT for n in (1, 2, 3)}
    diagnosis = reason(case(look(1), look(2, blind), ticket="arbiter/a"))
    assert diagnosis.recommended == "look-closer"
    assert diagnosis.recommended in {o.name for o in diagnosis.options}


def test_in_doubt_without_anything_shared_one_looks(
    case: Cases, look: Look, crash: Crash, knowledge: Knowledge
) -> None:
    apart = replace(
        knowledge,
        modes=tuple(
            replace(m, options=tuple(o for o in m.options if o.name == {"crashed": "restart"}.get(m.name, "wake")))
            for m in knowledge.modes
        ),
    )
    observations = (look(1), look(2, crash(2) | {"door@node/2": Cause.UNANSWERED}))
    diagnosis = reason(case(*observations, ticket="node/2", knows=apart))
    assert diagnosis.recommended == "look-closer"
    assert "ask for different cures" in diagnosis.because
    blank = replace(apart, unknown=())
    assert reason(case(*observations, ticket="node/2", knows=blank)).recommended == DO_NOTHING


@pytest.mark.parametrize("first", ["recommended", "others"])
def test_exactly_the_recommended_option_has_no_why_not(first: str, crash_case: Case) -> None:
    diagnosis = reason(crash_case)
    without = [o.name for o in diagnosis.options if not o.why_not]
    assert without == [OptionName(diagnosis.recommended)], first


def test_the_state_of_components_follows_from_the_blame_and_from_what_could_be_looked_at(look: Look) -> None:
    observation = replace(
        look(1),
        sources=(SourceLook(source="metrics of node 3", component=node(3), required=False, failure=Cause.SILENT),),
    )
    first, second = Candidate(None, (node(1),), 0.6), Candidate(None, (node(2),), 0.25)
    state = state_of(observation, (first, second), ())
    assert [state[node(n)] for n in (1, 2, 3)] == [
        Availability.UNAVAILABLE,
        Availability.UNKNOWN,
        Availability.UNKNOWN,
    ]
    unlikely = state_of(observation, (first, replace(second, probability=0.1)), ())
    assert unlikely[node(2)] is Availability.AVAILABLE
    assert node(9) not in state


def test_the_verdicts_speak_of_what_no_hypothesis_blames(look: Look) -> None:
    def check(observation: Observation) -> tuple[CheckResult, ...]:
        return (
            CheckResult(component=node(2), verdict=Verdict.VIOLATED, because="gone"),
            CheckResult(component=node(3), verdict=Verdict.HOLDS, because="fine"),
        )

    beats = Invariant(
        name=InvariantName("beats"),
        title="every node beats",
        check=check,
        grace=timedelta(0),
        stability=timedelta(0),
        takes_away=True,
    )
    state = state_of(look(1), (Candidate(None, (node(1),), 0.9),), (beats,))
    assert [state[node(n)] for n in (1, 2, 3)] == [
        Availability.UNAVAILABLE,
        Availability.UNAVAILABLE,
        Availability.AVAILABLE,
    ]


def test_the_same_cure_of_another_component_is_not_right_under_both(
    case: Cases, look: Look, crash: Crash, knowledge: Knowledge
) -> None:
    restart_only = replace(
        knowledge,
        modes=tuple(
            replace(m, options=tuple(o for o in m.options if o.name != "look-closer"))
            for m in knowledge.modes
            if m.name != "many-crashed"
        ),
    )
    made = case(look(1, nodes=5), look(2, crash(2, 4, of=5), nodes=5), knows=restart_only)
    diagnosis = reason(made)
    assert [(h.mode, h.components) for h in diagnosis.hypotheses[:2]] == [
        ("crashed", (node(2),)),
        ("crashed", (node(4),)),
    ]
    assert diagnosis.recommended == "look-closer"
