from __future__ import annotations

from dataclasses import replace

from operator_core.diagnosis import Diagnosis, Standing
from operator_core.ports import Case
from operator_core.readings import by_id
from operator_diagnosis import Rechecked, RulesDiagnoser
from operator_diagnosis.review import evidence_readings, recheck, what_would_change
from operator_diagnosis.rules import reason


def test_what_is_cited_is_listed_once_and_is_in_the_record(crash_case: Case) -> None:
    cited = evidence_readings(reason(crash_case))
    assert len(cited) == len(set(cited)) > 5
    assert set(cited) <= set(by_id(crash_case.observations))


def test_a_diagnosis_whose_record_is_whole_comes_back_as_it_was(crash_case: Case) -> None:
    diagnosis = reason(crash_case)
    assert recheck(diagnosis, by_id(crash_case.observations)) is diagnosis


def test_what_the_record_does_not_bear_out_is_struck_and_the_rest_stays(crash_case: Case) -> None:
    diagnosis = reason(crash_case)
    record = by_id(crash_case.observations)
    door = next(e for e in diagnosis.first.evidence if e.sign == "door-refused").claims[0]
    changed = record | {i: replace(record[i], value="answered") for i in door.readings}
    again = recheck(diagnosis, changed)
    lost = next(e for e in again.first.evidence if e.sign == "door-refused")
    assert (lost.standing, lost.weight, lost.claims) == (Standing.MISSING, 0.0, ())
    assert "says answered" in lost.missing_because
    assert door in {s.claim for s in again.struck}
    assert door not in again.claims()
    assert again.summary.startswith("Re-checked: ")
    assert len(again.claims()) + len(again.struck) == len(diagnosis.claims())
    assert not again.path[1].is_supported
    assert recheck(again, changed) is again


def test_with_an_empty_record_nothing_holds(crash_case: Case) -> None:
    again = recheck(reason(crash_case), {})
    assert again.claims() == ()
    assert all("is not in the record" in s.why for s in again.struck)


def test_what_would_change_the_mind_is_what_could_not_be_read(crash_case: Case) -> None:
    last = crash_case.observations[-1]
    door = next(r for r in last.readings if r.signal == "door" and r.component.id == "2")
    blind = replace(last, readings=tuple(r for r in last.readings if r is not door))
    changes = what_would_change(reason(replace(crash_case, observations=(*crash_case.observations[:-1], blind))))
    assert any("node 2 refuses callers" in c and "was not asked for" in c for c in changes)


class Liar:
    """A diagnoser that takes what the rules say and claims another value."""

    name = "liar"

    async def diagnose(self, case: Case) -> Diagnosis:
        told = reason(case)
        first = told.first
        lies = tuple(
            replace(e, claims=tuple(replace(c, value="wide open") for c in e.claims))
            for e in first.evidence
            if e.sign == "door-refused"
        )
        assert lies
        kept = tuple(e for e in first.evidence if e.sign != "door-refused")
        return replace(told, hypotheses=(replace(first, evidence=(*lies, *kept)), *told.hypotheses[1:]))


async def test_what_a_diagnoser_claims_falsely_is_struck_before_anyone_sees_it(crash_case: Case) -> None:
    lied = await Rechecked(Liar()).diagnose(crash_case)
    assert {s.claim.value for s in lied.struck} == {"wide open"}
    assert "wide open" not in {c.value for c in lied.claims()}
    assert "do not hold" in lied.summary


async def test_what_a_diagnoser_claims_rightly_is_left_as_it_is(crash_case: Case) -> None:
    checked = Rechecked(RulesDiagnoser())
    assert (checked.name, await checked.diagnose(crash_case)) == ("rules", reason(crash_case))
