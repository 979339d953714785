"""A recording gives the same result again, without network, subject or secrets."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from messages_replies import Answer, Called, Failed, Reply, Said, Thought, overloaded
from messages_shapes import Asked
from operator_core.errors import ConfigurationError
from operator_core.ports import Case
from operator_diagnosis.claude import Ended, Investigated, InvestigationFailed, Limits, Recording, replay, replay_answer
from operator_diagnosis.outward import Outward

if TYPE_CHECKING:
    from conftest import Benches, Script

pytestmark = pytest.mark.looptime(False)


def _same(one: Investigated, other: Investigated) -> bool:
    return replace(one, recording=other.recording) == other


async def test_a_recording_gives_the_identical_result(bench: Benches, crash_case: Case, script: Script) -> None:
    false = script.claim("door", "node/1", "is", "refused", *script.ids("door", "node/2")[-1:])

    async def model(asked: Asked) -> Answer:
        match asked.number:
            case 0:
                return overloaded()
            case 1:
                return Reply(blocks=[Thought("hm"), *(Called("knock", {"node": n}) for n in ("2", "3", "9"))])
            case 2:
                return Reply(blocks=[Said("not JSON")], breaks_schema=True)
            case 3:
                knocked = script.claim("door", "node/2", "is", "refused", "p1.1")
                return script.said(hypotheses=[script.hypothesis(script.evidence("it refuses", knocked, false))])
            case _:
                return script.said(summary="Node 2 is gone, and 7 others.")

    async with bench(model, outward=Outward(chance=random.Random(3), pseudonyms=True)) as b:
        got = await b.investigator.investigate(crash_case)
    text = got.recording.to_json()
    assert text.isascii()
    again = await replay(Recording.from_json(text), crash_case)
    assert _same(got, again)
    nonce = re.compile(r"nonce=[0-9a-f]+")
    assert nonce.sub("", again.recording.to_json()) == nonce.sub("", text)
    assert again.spent.attempts == 6


@pytest.mark.parametrize("limits", [Limits(turns=1), Limits(attempts=2), Limits(wall=timedelta(seconds=50))])
async def test_an_end_at_a_limit_is_replayed_too(bench: Benches, crash_case: Case, limits: Limits) -> None:
    async def model(asked: Asked) -> Answer:
        return Reply(blocks=[Called("knock", {"node": str(asked.number)})])

    async with bench(model, limits=limits, second=None, looking=timedelta(seconds=20)) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.ended is Ended.LIMIT
    assert _same(got, await replay(Recording.from_json(got.recording.to_json()), crash_case))


async def test_a_question_is_replayed_too(bench: Benches, crash_case: Case, script: Script) -> None:
    answer = {"answer": "It has refused callers since 01:00:30.", "claims": [script.door]}

    async def model(asked: Asked) -> Answer:
        return Reply(blocks=[Said(json.dumps(answer))])

    async with bench(model) as b:
        assert b.second is not None
        got = await b.investigator.answer(crash_case, b.second, "since when?")
    again = await replay_answer(Recording.from_json(got.recording.to_json()), crash_case)
    assert replace(got, recording=again.recording) == again
    with pytest.raises(ConfigurationError, match="recording of a question"):
        await replay(got.recording, crash_case)


async def test_no_secret_stands_in_a_recording(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Answer:
        return script.said(summary=f"the key is {b.server.key} and password=hunter2hunter2")

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    text = got.recording.to_json()
    assert b.server.key not in text
    assert "hunter2" not in text
    assert "hunter2" not in got.diagnosis.summary
    assert "authorization" not in text.lower()


async def test_a_failure_is_recorded_and_replayed_in_the_same_words(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return Failed(status=403, type="permission_error", message="not yours")

    async with bench(model) as b:
        with pytest.raises(InvestigationFailed) as failed:
            await b.investigator.investigate(crash_case)
    assert failed.value.recording is not None
    with pytest.raises(InvestigationFailed) as again:
        await replay(failed.value.recording, crash_case)
    assert (str(again.value), again.value.spent) == (str(failed.value), failed.value.spent)


async def test_a_recording_of_another_case_is_refused(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Answer:
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    later = replace(crash_case, at=crash_case.at + timedelta(seconds=1))
    with pytest.raises(ConfigurationError, match="this recording is of"):
        await replay(got.recording, later)
    torn = replace(got.recording, exchanges=got.recording.exchanges[:1])
    with pytest.raises(ConfigurationError, match="does not fit"):
        await replay(torn, crash_case)


def test_a_key_is_cut_out_of_a_recording_whatever_it_looks_like() -> None:
    said = {"message": {"content": [{"text": "it is plain-as-day, they say", "n": [1, None, "plain-as-day"]}]}}
    recording = Recording(about={"note": "plain-as-day"}, probes=(), exchanges=(said,), tools=())
    text = recording.without(["plain-as-day", ""]).to_json()
    assert "plain-as-day" not in text
    assert "they say" in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "investigation-9"}', "[" * 100_000])
def test_what_is_no_recording_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Recording.from_json(text)
    assert "\n" not in str(refused.value)
