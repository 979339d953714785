"""Everything that can happen on the way to the model is handled, told in one line, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from investigating import Held, investigate
from messages_replies import (
    Answer,
    Block,
    Called,
    Cut,
    Failed,
    Hangs,
    Reply,
    Said,
    Thought,
    broken,
    overloaded,
    throttled,
)
from messages_server import ModelFacts
from messages_shapes import Asked
from operator_diagnosis.claude import Ended, InvestigationFailed, Limits, Recording, replay
from scripted_minds import Mind, asks, closes, good_closing, in_turn, investigates_well, seen
from toy_incident import incident

SHORT = Limits(wall=timedelta(seconds=0.4))


async def closes_well(asked: Asked) -> Answer:
    return closes(good_closing(seen(asked)))


def asserted_explained(held: Held) -> None:
    """The ticket is not lost: there is a diagnosis, and one printable line that says why it ended."""
    result = held.result
    assert result.because
    assert result.because.isprintable()
    assert result.diagnosis.options
    assert result.is_partial == (result.ended is not Ended.CLOSED)
    assert ("Partial" in result.diagnosis.summary) == result.is_partial
    assert sum(s.attempts for s in held.booked) == result.spent.attempts == len(held.server.asked)
    assert held.server.refused == []


PASSES: Mapping[str, Answer] = {
    "429": throttled(retry_after=None),
    "429 at once": throttled(retry_after=0),
    "529": overloaded(),
    "500": broken(500),
    "502 without JSON": Failed(status=502, type="", body=b"<html>\x1b[31mBad Gateway</html>"),
    "503": broken(503),
    "504": Failed(status=504, type="timeout_error"),
    "408": Failed(status=408, type="timeout_error"),
    "closed at once": Cut(),
    "cut": Reply(blocks=(Said("so far"),), after=3),
    "ends early": Reply(blocks=(Said("so far"),), after=3, then="end"),
    "overloaded in the stream": Reply(blocks=(Said("so far"),), after=3, then="error"),
    "failed in the stream": Reply(blocks=(Said("so far"),), after=3, then="error", error="api_error"),
    "throttled in the stream": Reply(blocks=(Said("so far"),), after=1, then="error", error="rate_limit_error"),
    "arguments that are no JSON": Reply(blocks=(Called("disk-now", {}, raw='{"component": nope'),), breaks_schema=True),
}


@pytest.mark.parametrize("what", PASSES)
async def test_what_may_pass_is_tried_again_and_then_goes_on(what: str) -> None:
    held = await investigate(in_turn(PASSES[what], PASSES[what], closes_well))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.CLOSED, 3)
    assert any("again in" in line for line in held.told)
    assert all(line.isprintable() for line in held.told)


@pytest.mark.parametrize("what", PASSES)
async def test_what_does_not_pass_ends_with_what_there_is(what: str) -> None:
    held = await investigate(PASSES[what])
    asserted_explained(held)
    assert held.result.ended is Ended.UNREACHABLE
    assert 2 <= len(held.server.calls) <= 5
    again = await replay(Recording.from_json(held.result.recording.to_json()), incident())
    assert (again.diagnosis, again.because) == (held.diagnosis, held.result.because)


async def test_the_server_says_how_long_to_wait() -> None:
    held = await investigate(in_turn(throttled(retry_after=7), closes_well))
    assert held.clock.slept == [timedelta(seconds=7)]
    assert held.result.spent.wall >= timedelta(seconds=7)


async def test_a_server_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    held = await investigate(throttled(retry_after=3600))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls), held.clock.slept) == (Ended.UNREACHABLE, 1, [])
    assert "429" in held.result.because


@pytest.mark.parametrize("hang", [Hangs(), Reply(blocks=(Said("so far"),), after=2, then="hang")])
async def test_a_server_that_hangs_is_given_up_when_the_time_is_over(hang: Answer) -> None:
    held = await investigate(hang, limits=SHORT)
    asserted_explained(held)
    assert held.result.ended in (Ended.UNREACHABLE, Ended.LIMIT)


@pytest.mark.parametrize("category", ["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms", None])
async def test_a_refusal_is_told_with_its_category(category: str | None) -> None:
    held = await investigate(Reply(blocks=(Said("I will not."),), stop="refusal", category=category))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.REFUSAL, 1)
    assert (category or "refused") in held.result.because


async def test_a_refusal_after_a_closing_object_keeps_it() -> None:
    async def half_good(asked: Asked) -> Answer:
        readings = seen(asked)
        return closes(good_closing(readings, summary="It is 99 s."))

    held = await investigate(in_turn(half_good, Reply(blocks=(), stop="refusal", category="cyber")))
    asserted_explained(held)
    assert held.result.ended is Ended.REFUSAL
    assert (held.diagnosis.diagnoser, held.diagnosis.first.mode) == ("claude", "slow-disk")


async def test_a_paused_turn_goes_on() -> None:
    held = await investigate(in_turn(Reply(blocks=(Thought("hm"), Said("so far")), stop="pause_turn"), closes_well))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.CLOSED, 2)


async def test_a_call_in_a_paused_turn_is_answered_and_a_blank_pause_is_no_turn() -> None:
    call = Reply(blocks=asks(("disk-now", {"component": "node/1"})).blocks, stop="pause_turn")
    blank = Reply(blocks=(Said(" "),), stop="pause_turn")
    for paused in (call, blank):
        held = await investigate(in_turn(paused, closes_well))
        asserted_explained(held)
        assert (held.result.ended, len(held.server.calls)) == (Ended.CLOSED, 2)


async def test_a_turn_that_pauses_for_ever_ends() -> None:
    held = await investigate(Reply(blocks=(Thought("hm"), Said("so far")), stop="pause_turn"))
    asserted_explained(held)
    assert len(held.server.calls) < 10


async def test_an_answer_that_was_cut_off_is_asked_for_once_more() -> None:
    long = Reply(blocks=(Said("x" * 100_000),))
    held = await investigate(in_turn(long, closes_well))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.CLOSED, 2)
    held = await investigate(long)
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.CUT, 2)


async def test_a_context_that_is_full_ends_with_what_there_is() -> None:
    stopped = await investigate(Reply(blocks=(Said("so far"),), stop="model_context_window_exceeded"))
    refused = await investigate(closes_well, facts=(ModelFacts(max_input_tokens=500),))
    large = await investigate(Failed(status=413, type="request_too_large", message="Request exceeds the maximum size"))
    for held in (stopped, refused, large):
        asserted_explained(held)
        assert held.result.ended is Ended.CONTEXT
        assert len(held.server.calls) == 1


MALFORMED: Mapping[str, str | tuple[Block, ...]] = {
    "no JSON": "I think that it is the disk.",
    "half an object": '{"summary": "it is',
    "a list": "[]",
    "another object": '{"verdict": "disk"}',
    "a number for a word": json.dumps({"summary": 1, "hypotheses": [], "path": [], "recommended": "", "because": ""}),
    "no hypothesis": json.dumps(
        {"summary": "", "hypotheses": [], "path": [], "recommended": "do-nothing", "because": ""}
    ),
    "deep": "[" * 20_000,
    "nothing": (),
    "only thinking": (Thought("hm"),),
    "empty text": (Said(""),),
    "blank text": (Said(" \n"),),
    "a blank beside": (Said("\n\n"), Said("{}")),
    "not finite": '{"summary": NaN}',
    "half of a pair": '{"summary": "\\ud800"}',
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("what", MALFORMED)
async def test_a_closing_object_that_cannot_be_read_goes_back_once(what: str) -> None:
    told = MALFORMED[what]
    reply = (
        closes(told, breaks_schema=True)
        if isinstance(told, str)
        else Reply(blocks=told, stop="end_turn", breaks_schema=True)
    )
    held = await investigate(in_turn(reply, closes_well))
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.CLOSED, 2)
    held = await investigate(reply)
    asserted_explained(held)
    assert (held.result.ended, len(held.server.calls)) == (Ended.NONSENSE, 2)


async def test_a_closing_object_of_which_nothing_holds_leaves_the_rules_diagnosis() -> None:
    async def lies(asked: Asked) -> Answer:
        told = good_closing(seen(asked))
        for piece in told["hypotheses"][0]["evidence"]:
            piece["claims"][0]["readings"] = ["o77.7"]
        return closes(told)

    held = await investigate(lies)
    asserted_explained(held)
    assert (held.result.ended, held.diagnosis.diagnoser) == (Ended.NONSENSE, "rules")


NEEDS_A_PERSON: Mapping[str, Answer] = {
    "a schema that is refused": Failed(status=400, type="invalid_request_error", message="output_config.format: no"),
    "no money": Failed(status=402, type="billing_error", message="Your credit balance is too low"),
    "no permission": Failed(status=403, type="permission_error"),
    "another refusal": Failed(status=422, type="invalid_request_error"),
}


@pytest.mark.parametrize("what", NEEDS_A_PERSON)
async def test_what_a_person_must_mend_is_said_in_one_line(what: str) -> None:
    with pytest.raises(InvestigationFailed) as failed:
        await investigate(NEEDS_A_PERSON[what])
    assert str(failed.value).isprintable()
    assert failed.value.spent.attempts == 2


async def test_a_wrong_key_and_an_unknown_model_cost_one_attempt() -> None:
    with pytest.raises(InvestigationFailed, match="key is not valid") as failed:
        await investigate(closes_well, key="sk-ant-api03-wrong-wrong-wrong")
    assert "wrong-wrong" not in str(failed.value)
    assert failed.value.spent.attempts == 1
    with pytest.raises(InvestigationFailed, match="model"):
        await investigate(closes_well, model="claude-opus-5-5")
    with pytest.raises(InvestigationFailed, match=r"retired|no such model"):
        await investigate(closes_well, facts=(ModelFacts(lifecycle="retired"),))


async def test_a_model_that_will_go_is_warned_about() -> None:
    facts = ModelFacts(lifecycle="deprecated", deprecated_at="2026-09-01T00:00:00Z", retires_at="2026-11-30T00:00:00Z")
    held = await investigate(investigates_well, facts=(facts,))
    assert held.result.ended is Ended.CLOSED
    assert any("2026-11-30" in w for w in held.result.warnings)
    assert (await investigate(investigates_well)).result.warnings == ()


async def test_an_answer_is_never_asked_to_be_longer_than_the_model_takes() -> None:
    held = await investigate(closes_well, facts=(ModelFacts(max_tokens=5000),))
    assert held.result.ended is Ended.CLOSED
    assert held.server.calls[0].body["max_tokens"] <= 5000


async def test_a_tool_call_that_stands_beside_a_closing_text_is_answered() -> None:
    async def both(asked: Asked) -> Answer:
        reply = closes(good_closing(seen(asked)))
        return Reply(blocks=(*reply.blocks, Called("disk-now", {"component": "node/2"})))

    held = await investigate(in_turn(both, closes_well))
    asserted_explained(held)
    assert held.result.ended is Ended.CLOSED


async def test_a_call_with_another_stop_reason_is_no_closing() -> None:
    calls: Mind = in_turn(
        Reply(blocks=asks(("disk-now", {"component": "node/1"})).blocks, stop="end_turn", breaks_schema=True),
        closes_well,
    )
    held = await investigate(calls)
    asserted_explained(held)
    assert held.result.ended is Ended.CLOSED
