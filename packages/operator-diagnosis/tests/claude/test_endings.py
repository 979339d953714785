"""Everything that can end an answer, or stand in its way: handled, told in one line, and the case never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from messages_replies import Answer, Called, Cut, Failed, Hangs, Reply, Said, Thought, broken, overloaded, throttled
from messages_shapes import Asked, ModelFacts
from operator_core.errors import ConfigurationError
from operator_core.ports import Case
from operator_core.runtime import RealClock
from operator_diagnosis.claude import Ended, InvestigationFailed, Limits, Prices

if TYPE_CHECKING:
    from conftest import Benches, Script

pytestmark = pytest.mark.looptime(False)

NONSENSE = Reply(blocks=[Said("I think it is the disk.")], breaks_schema=True)


async def _ends(bench: Benches, case: Case, answer: Answer, **changed: object) -> tuple[Ended, str, str]:
    async def model(asked: Asked) -> Answer:
        return answer

    async with bench(model, **changed) as b:
        got = await b.investigator.investigate(case)
    assert b.server.refused == []
    assert got.is_partial
    assert "\n" not in got.because
    assert got.diagnosis.diagnoser == "rules"
    assert got.diagnosis.first.mode == "crashed"
    return got.ended, got.because, got.diagnosis.summary


@pytest.mark.parametrize(
    ("category", "because"),
    [("cyber", "the model refused to go on (cyber)"), (None, "the model refused to go on")],
)
async def test_a_refusal_is_told_with_its_category(
    bench: Benches, crash_case: Case, category: str | None, because: str
) -> None:
    answer = Reply(blocks=[Said("I cannot")], stop="refusal", category=category, breaks_schema=True)
    ended, said, summary = await _ends(bench, crash_case, answer)
    assert ended is Ended.REFUSAL
    assert said.startswith(because)
    assert summary.startswith(f"Partial: Claude gave no diagnosis, {said}; this is the rules'.")


async def test_a_conversation_that_no_longer_fits_ends(bench: Benches, crash_case: Case) -> None:
    answer = Reply(blocks=[Said("so")], stop="model_context_window_exceeded", breaks_schema=True)
    assert (await _ends(bench, crash_case, answer))[0] is Ended.CONTEXT


async def test_a_prompt_that_is_too_long_is_no_invalid_request(bench: Benches, crash_case: Case) -> None:
    facts = ModelFacts(max_input_tokens=10)
    ended, because, _ = await _ends(bench, crash_case, NONSENSE, facts=facts)
    assert ended is Ended.CONTEXT
    assert "prompt is too long" in because


async def test_an_answer_that_is_cut_off_twice_ends_it(bench: Benches, crash_case: Case) -> None:
    answer = Reply(blocks=[Thought("x"), Called("knock", {"node": "2"})], stop="max_tokens")
    assert (await _ends(bench, crash_case, answer))[0] is Ended.CUT


async def test_an_answer_that_is_cut_off_once_is_asked_for_again(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        cut = Reply(blocks=[Thought("x"), Said('{"summary": "No')], stop="max_tokens", breaks_schema=True)
        return cut if asked.number == 0 else script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert got.ended is Ended.CLOSED
    assert "cut off" in b.server.calls[1].messages[-1]["content"][-1]["text"]
    assert [m["role"] for m in b.server.calls[1].messages] == ["user"]


async def test_a_paused_turn_is_taken_up_again(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        return Reply(blocks=[Said("wait")], stop="pause_turn") if asked.number < 2 else script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert (got.ended, got.spent.turns) == (Ended.CLOSED, 3)


async def test_a_turn_that_is_paused_for_ever_ends(bench: Benches, crash_case: Case) -> None:
    answer = Reply(blocks=[Said("wait")], stop="pause_turn")
    assert (await _ends(bench, crash_case, answer))[0] is Ended.NONSENSE


async def test_a_stop_sequence_ends_a_turn_like_any_other(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        return Reply(blocks=script.said().blocks, stop="stop_sequence")

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.ended is Ended.CLOSED


async def test_a_closing_object_that_cannot_be_read_is_asked_for_once_more(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        return NONSENSE if asked.number == 0 else script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert got.ended is Ended.CLOSED
    assert "it is no JSON" in b.server.calls[1].messages[-1]["content"][-1]["text"]


async def test_a_closing_object_that_cannot_be_read_twice_is_given_up(bench: Benches, crash_case: Case) -> None:
    ended, because, _ = await _ends(bench, crash_case, NONSENSE)
    assert (ended, because) == (Ended.NONSENSE, "the closing object could not be read, twice")


@pytest.mark.parametrize("blocks", [[], [Said(" ")], [Thought("only this")]])
async def test_an_empty_answer_is_a_closing_object_that_cannot_be_read(
    bench: Benches, crash_case: Case, blocks: list[Said]
) -> None:
    answer = Reply(blocks=blocks, stop="end_turn", breaks_schema=True)
    assert (await _ends(bench, crash_case, answer))[0] is Ended.NONSENSE


async def test_a_call_in_an_answer_that_closes_is_answered_all_the_same(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return Reply(blocks=[Called("knock", {"node": "2"})], stop="end_turn", breaks_schema=True)
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert got.ended is Ended.CLOSED


PASSING = [
    throttled(retry_after=2),
    throttled(retry_after=None),
    overloaded(),
    broken(500),
    broken(503),
    Failed(status=408, type="timeout_error"),
    Cut(),
    Reply(blocks=[], after=3, then="error", error="overloaded_error"),
    Reply(blocks=[], after=3, then="cut"),
    Reply(blocks=[], after=3, then="end"),
]


@pytest.mark.parametrize("answer", PASSING, ids=str)
async def test_what_may_pass_is_tried_again_and_counted(
    bench: Benches, crash_case: Case, script: Script, answer: Answer
) -> None:
    async def model(asked: Asked) -> Answer:
        if asked.number >= 2:
            return script.said()
        return replace(answer, blocks=script.said().blocks) if isinstance(answer, Reply) else answer

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.ended is Ended.CLOSED
    assert got.spent.attempts == 4  # the model's facts, two that failed, one that did not
    assert len(b.server.calls) == 3
    assert sum(line.endswith("s …") and "again in" in line for line in b.told) == 2


async def test_the_server_says_how_long_to_wait(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Answer:
        return throttled(retry_after=30) if asked.number == 0 else script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert timedelta(seconds=30) <= got.spent.wall < timedelta(seconds=60)
    assert any("again in 30 s" in line for line in b.told)


async def test_who_asks_for_too_much_patience_is_not_waited_for(bench: Benches, crash_case: Case) -> None:
    ended, because, _ = await _ends(bench, crash_case, throttled(retry_after=3600))
    assert (ended, because) == (
        Ended.UNREACHABLE,
        "the API limits the rate of requests (429): This request would exceed a limit",
    )


@pytest.mark.parametrize(
    "answer", [overloaded(), broken(502), Cut(), Reply(blocks=[Said("x")], after=2), Reply(blocks=[Said("x")], after=3)]
)
async def test_what_does_not_pass_ends_after_a_few_tries(bench: Benches, crash_case: Case, answer: Answer) -> None:
    async def model(asked: Asked) -> Answer:
        return answer

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.ended is Ended.UNREACHABLE
    assert len(b.server.calls) == 4
    assert got.diagnosis.diagnoser == "rules"


async def test_a_server_that_never_answers_is_left_when_the_time_is_over(bench: Benches, crash_case: Case) -> None:
    ended, because, _ = await _ends(
        bench, crash_case, Hangs(), limits=Limits(wall=timedelta(seconds=200)), clock=RealClock(speed=200)
    )
    assert ended in (Ended.UNREACHABLE, Ended.LIMIT)
    assert because


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Failed(status=400, type="invalid_request_error", message="schema: no"), "does not accept the request (400)"),
        (Failed(status=403, type="permission_error", message="not yours"), "may not do this (403): not yours"),
        (Failed(status=402, type="billing_error", message="no credit"), "may not do this (402): no credit"),
        (Failed(status=404, type="not_found_error", message="model: x"), "no such model for this key (404)"),
    ],
)
async def test_what_a_person_must_mend_is_not_tried_again(
    bench: Benches, crash_case: Case, answer: Answer, says: str
) -> None:
    async def model(asked: Asked) -> Answer:
        return answer

    async with bench(model) as b:
        with pytest.raises(InvestigationFailed) as failed:
            await b.investigator.investigate(crash_case)
    assert says in str(failed.value)
    assert "\n" not in str(failed.value)
    assert failed.value.spent.attempts == 2
    assert len(b.server.calls) == 1


async def test_an_invalid_key_is_found_before_anything_is_sent(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return NONSENSE

    async with bench(model, key="sk-ant-wrong-key-0123456789") as b:
        with pytest.raises(InvestigationFailed, match="the API key is not valid") as failed:
            await b.investigator.investigate(crash_case)
    assert b.server.calls == []
    assert "wrong-key" not in str(failed.value)


async def test_an_unknown_model_is_found_before_anything_is_sent(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return NONSENSE

    async with bench(model, facts=ModelFacts(id="another")) as b:
        with pytest.raises(InvestigationFailed, match="no such model"):
            await b.investigator.investigate(crash_case)
    assert b.server.calls == []


async def test_a_model_that_retires_is_warned_of_and_one_that_is_retired_is_not_asked(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Answer:
        return script.said()

    ending = ModelFacts(lifecycle="deprecated", retires_at="2026-12-24T00:00:00Z")
    async with bench(model, facts=ending) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.warnings == ("claude-sonnet-5-5 is deprecated and retires on 2026-12-24; choose another model",)
    assert f"note: {got.warnings[0]}" in b.told
    async with bench(model, facts=ModelFacts(lifecycle="retired")) as c:
        with pytest.raises(InvestigationFailed, match="is retired"):
            await c.investigator.investigate(crash_case)


async def test_an_answer_is_never_asked_to_be_longer_than_the_model_can(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Answer:
        return script.said()

    async with bench(model, facts=ModelFacts(max_tokens=4_096)) as b:
        await b.investigator.investigate(crash_case)
    assert [c.body["max_tokens"] for c in b.server.calls] == [4_096]


async def test_nothing_is_asked_without_a_key_or_an_observation(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return NONSENSE

    with pytest.raises(ConfigurationError, match="no API key"):
        async with bench(model, key=""):
            pass
    async with bench(model) as b:
        empty = type(crash_case)(
            cluster=crash_case.cluster, at=crash_case.at, observations=(), knowledge=crash_case.knowledge
        )
        with pytest.raises(ConfigurationError, match="no observation"):
            await b.investigator.investigate(empty)
    assert b.server.asked == []


async def test_a_limit_in_money_needs_a_price(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Answer:
        return script.said()

    async with bench(model, prices=Prices(by_model={})) as b:
        with pytest.raises(ConfigurationError, match="no price is known"):
            await b.investigator.investigate(crash_case)
    async with bench(model, prices=Prices(by_model={}), limits=Limits(usd=None)) as c:
        got = await c.investigator.investigate(crash_case)
    assert b.server.asked == []
    assert got.spent.usd is None
