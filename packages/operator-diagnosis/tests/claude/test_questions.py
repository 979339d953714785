"""A question about a diagnosis is answered from readings, by the same rules as a diagnosis."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from messages_replies import Answer, Called, Reply, Said
from messages_shapes import Asked
from operator_core.errors import ConfigurationError
from operator_core.ports import Case
from operator_core.readings import ReadingId
from operator_diagnosis.claude import Ended, Recording, replay_answer

if TYPE_CHECKING:
    from conftest import Benches, Json, Script

pytestmark = pytest.mark.looptime(False)


def _answer(says: str, *claims: Json) -> Reply:
    return Reply(blocks=[Said(json.dumps({"answer": says, "claims": list(claims)}))])


async def test_an_answer_shows_what_it_rests_on(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Answer:
        if asked.number == 0:
            return Reply(blocks=[Called("knock", {"node": "2"})])
        return _answer("Node 2 refuses callers.", script.claim("door", "node/2", "is", "refused", "p1.1"))

    async with bench(model) as b:
        assert b.second is not None
        got = await b.investigator.answer(crash_case, b.second, "does it answer now? my password=hunter2hunter2")
    assert (b.server.refused, b.server.misfits) == ([], [])
    assert (got.ended, got.says) == (Ended.CLOSED, "Node 2 refuses callers.")
    assert [c.readings for c in got.claims] == [("p1.1",)]
    asked = b.server.calls[0].text
    assert "The question: does it answer now? my password=‹redacted:password›" in asked
    assert f"recommended {b.second.recommended}" in asked


async def test_what_no_reading_backs_is_struck_out_of_an_answer(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    false = script.claim("door", "node/1", "is", "refused", script.ids("door", "node/1")[-1])

    async def model(asked: Asked) -> Answer:
        return _answer("Node 1 refuses callers for 12 minutes.", false)

    async with bench(model) as b:
        assert b.second is not None
        got = await b.investigator.answer(crash_case, b.second, "and node 1?")
    assert len(b.server.calls) == 2
    assert got.says == "[struck] refuses callers for [struck]."
    assert (got.claims, len(got.struck)) == ((), 1)


async def test_what_probes_gave_earlier_may_be_cited_and_is_replayed(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    door = next(r for r in crash_case.observations[-1].readings if r.signal == "door" and r.component.id == "2")
    earlier = replace(door, id=ReadingId("p7.1"), value="silent")
    claim = script.claim("door", "node/2", "is", "silent", "p7.1")

    async def model(asked: Asked) -> Answer:
        return _answer("Node 2 was silent for a while.", claim)

    async with bench(model) as b:
        assert b.second is not None
        got = await b.investigator.answer(crash_case, b.second, "and before?", known=[earlier])
    assert "p7.1 door of node/2 [state] “silent”" in b.server.calls[0].text
    assert [c.readings for c in got.claims] == [("p7.1",)]
    again = await replay_answer(Recording.from_json(got.recording.to_json()), crash_case)
    assert replace(got, recording=again.recording) == again


async def test_a_question_that_gets_no_answer_says_why(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return Reply(blocks=[Said("no")], stop="refusal", category="cyber", breaks_schema=True)

    async with bench(model) as b:
        assert b.second is not None
        got = await b.investigator.answer(crash_case, b.second, "why?")
    assert got.ended is Ended.REFUSAL
    assert got.says.startswith("There is no answer: the model refused to go on (cyber)")


@pytest.mark.parametrize("question", ["", "  \n", "why " * 2_000])
async def test_a_question_has_a_length(bench: Benches, crash_case: Case, question: str) -> None:
    async def model(asked: Asked) -> Answer:
        return _answer("so")

    async with bench(model) as b:
        assert b.second is not None
        with pytest.raises(ConfigurationError, match="a question has"):
            await b.investigator.answer(crash_case, b.second, question)
    assert b.server.asked == []
