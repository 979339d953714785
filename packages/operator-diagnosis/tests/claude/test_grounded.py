"""What does not hold is given back once, then struck; options and titles are never the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from messages_replies import Called, Reply
from messages_shapes import Asked
from operator_core.ports import Case
from operator_diagnosis.claude import Ended

if TYPE_CHECKING:
    from conftest import Benches, Script

pytestmark = pytest.mark.looptime(False)


async def test_a_false_claim_is_given_back_once_and_then_struck(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    false = script.claim("door", "node/1", "is", "refused", *script.ids("door", "node/2")[-1:])
    mixed = [script.hypothesis(script.evidence("it refuses", script.door), script.evidence("so does another", false))]

    async def model(asked: Asked) -> Reply:
        return script.said(hypotheses=mixed)

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (b.server.refused, b.server.misfits) == ([], [])
    assert len(b.server.calls) == 2
    back = b.server.calls[1].messages[-1]["content"][-1]["text"]
    why = f"reading {script.ids('door', 'node/2')[-1]} is about node 2, not node 1"
    assert f"hypotheses[0].evidence[1]: {why}" in back
    assert got.ended is Ended.CLOSED
    assert [s.why for s in got.diagnosis.struck] == [why]
    assert [e.standing.value for e in got.diagnosis.first.evidence] == ["for", "missing"]


async def test_what_is_mended_is_not_struck(bench: Benches, crash_case: Case, script: Script) -> None:
    false = script.claim("door", "node/2", "is", "silent", *script.ids("door", "node/2")[-1:])

    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return script.said(hypotheses=[script.hypothesis(script.evidence("it is silent", false, script.door))])
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.diagnosis.struck == ()
    assert got.ended is Ended.CLOSED


async def test_a_mended_object_that_is_worse_is_not_taken(bench: Benches, crash_case: Case, script: Script) -> None:
    false = script.claim("door", "node/2", "is", "silent", *script.ids("door", "node/2")[-1:])

    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return script.said(hypotheses=[script.hypothesis(script.evidence("it refuses", false, script.door))])
        return script.said(hypotheses=[script.hypothesis(script.evidence("it is silent", false))])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.ended is Ended.CLOSED
    assert got.diagnosis.diagnoser == "claude"
    assert len(got.diagnosis.struck) == 1


async def test_of_two_objects_the_one_with_fewer_faults_is_taken(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    false = [script.claim("door", "node/2", "is", word, *script.ids("door", "node/2")[-1:]) for word in ("a", "b", "c")]

    async def model(asked: Asked) -> Reply:
        wrong = false[:1] if asked.number == 0 else false[1:]
        return script.said(hypotheses=[script.hypothesis(script.evidence("it refuses", script.door, *wrong))])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert [s.claim.value for s in got.diagnosis.struck] == ["a"]


async def test_a_model_that_shows_nothing_leaves_the_rules_diagnosis(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    false = script.claim("door", "node/2", "is", "silent", *script.ids("door", "node/2")[-1:])

    async def model(asked: Asked) -> Reply:
        return script.said(hypotheses=[script.hypothesis(script.evidence("it is silent", false))], path=[])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (got.ended, got.is_partial, got.diagnosis.diagnoser) == (Ended.NONSENSE, True, "rules")
    assert "nothing of what the model claims holds" in got.diagnosis.summary
    assert len(got.diagnosis.struck) == 1


async def test_numbers_times_and_components_that_no_claim_backs_are_struck_from_prose(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said(summary="Node 2 is gone since 00:12:00, node 3 writes in 970 ms.")

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.diagnosis.summary.startswith("Node 2 is gone since [struck], [struck] writes in [struck].")


async def test_an_option_that_is_not_offered_is_not_recommended(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said(recommended="move-work")

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.misfits == []
    assert got.diagnosis.recommended == "restart"
    assert "the first hypothesis has no such option" in got.diagnosis.because
    assert {o.name for o in got.diagnosis.options} == {"restart", "look-closer", "do-nothing"}


async def test_a_choice_among_the_options_is_the_models(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said(recommended="look-closer", because="It may come back by itself.")

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (got.diagnosis.recommended, got.diagnosis.because) == ("look-closer", "It may come back by itself.")
    assert {str(o.name): o.why_not for o in got.diagnosis.options}["restart"] == "a restart cures nothing here"
    assert {str(o.name): o.why_not for o in got.diagnosis.options}["look-closer"] == ""


async def test_an_option_that_a_guard_refuses_is_not_recommended(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    other = script.claim("door", "node/3", "is", "answered", *script.ids("door", "node/3")[-1:])
    two = [
        script.hypothesis(script.evidence("node 2 refuses callers", script.door), probability=0.6),
        script.hypothesis(
            script.evidence("node 3 is odd", other), mode="slow-disk", components=["node/3"], probability=0.3
        ),
    ]

    async def model(asked: Asked) -> Reply:
        return script.said(hypotheses=two)

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    restart = next(o for o in got.diagnosis.options if o.name == "restart")
    assert restart.refused is not None
    assert got.diagnosis.recommended == "look-closer"
    assert "it is refused now: without node 2" in got.diagnosis.because


async def test_disagreement_with_the_rules_is_told(bench: Benches, crash_case: Case, script: Script) -> None:
    other = [script.hypothesis(script.evidence("it refuses callers", script.door), mode="frozen")]

    async def model(asked: Asked) -> Reply:
        return script.said(hypotheses=other, recommended="wake", path=[])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.opinion is not None
    assert not got.opinion.agrees
    assert got.opinion.says.startswith("The rules disagree: they say “crashed” of node 2 (")
    assert got.diagnosis.summary.endswith(got.opinion.says)


async def test_a_link_that_the_catalogue_has_the_other_way_round_is_not_supported(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    back = [script.step("the beats are missed, so node 2 refuses callers", [script.beat], [script.door])]

    async def model(asked: Asked) -> Reply:
        return script.said(path=back)

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert [s.is_supported for s in got.diagnosis.path] == [False]
    assert got.diagnosis.path[0].says.endswith("(not supported: the catalogue has it the other way round)")
    assert "path[0]: the catalogue has it the other way round" in b.server.calls[1].text


async def test_a_link_without_claims_is_shown_as_inferred_and_not_given_back(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said(path=[script.step("the process of node 2 ended", [], [])])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert [(s.says, s.is_supported) for s in got.diagnosis.path] == [("the process of node 2 ended", False)]
    assert len(b.server.calls) == 1


async def test_a_loop_of_repeated_questions_is_stopped(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.body["tool_choice"] == {"type": "none"}:
            return script.said()
        spelling = ("2", " 02", "Node #2", "node/2", "NODE 2")[asked.number % 5]
        return Reply(blocks=[Called("knock", {"node": spelling})])

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (b.server.refused, b.server.misfits) == ([], [])
    assert len(b.prober.asked) == 1
    assert got.ended is Ended.CLOSED
    assert got.spent.turns == 5
    assert "asked before" in b.server.calls[2].results[0]["content"]


async def test_tools_that_do_not_exist_and_arguments_that_do_not_fit_are_told_in_our_words(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return Reply(
                blocks=[
                    Called("delete-everything", {"now": "yes"}),
                    Called("knock", {"door": "2"}),
                    Called("listen-in", {"node": "1", "ear": "third; rm -rf /"}),
                    Called("knock", {}),
                ]
            )
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    results = b.server.calls[1].results
    assert all(r["is_error"] for r in results)
    assert results[0]["content"] == "There is no such tool."
    assert "rm -rf" not in results[2]["content"]
    assert b.prober.asked == []
    assert got.ended is Ended.CLOSED
