"""A model that investigates well: what it is sent, what it is answered, and what comes of it."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from messages_replies import Called, Reply, Said, Thought
from messages_shapes import Asked
from operator_core.ports import Case
from operator_diagnosis.claude import Ended, prompt

if TYPE_CHECKING:
    from conftest import Benches, Script

pytestmark = pytest.mark.looptime(False)


async def test_what_holds_becomes_the_diagnosis(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            calls = [Called("knock", {"node": "2"}), Called("knock", {"node": "1"}), Called("knock", {"node": "9"})]
            return Reply(blocks=[Thought("which door"), *calls])
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (b.server.refused, b.server.misfits) == ([], [])
    assert (got.ended, got.is_partial, got.diagnosis.struck) == (Ended.CLOSED, False, ())
    assert got.diagnosis.first.mode == "crashed"
    assert [str(c) for c in got.diagnosis.first.components] == ["node 2"]
    assert got.diagnosis.summary.startswith("Node 2 refuses callers and its beat is 42 s old. The rules agree")
    assert got.opinion is not None
    assert got.opinion.agrees
    assert [s.is_supported for s in got.diagnosis.path] == [True]
    assert got.diagnosis.recommended == "restart"
    assert [o.why_not == "" for o in got.diagnosis.options] == [o.name == "restart" for o in got.diagnosis.options]


async def test_parallel_calls_are_all_answered_in_order(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            calls = [Called("knock", {"node": n}) for n in ("2", "9", "3", "1")]
            return Reply(blocks=[Said("I knock."), *calls])
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    results = [r["content"] for r in b.server.calls[1].results]
    assert [list(a.values()) for _, a in b.prober.asked] == [["2"], ["9"], ["3"], ["1"]]
    assert "p1.1 door of node/2 [state] “refused”" in results[0]
    assert results[1] == "This cannot be asked: an argument names nothing that exists."
    assert "unseen, silent, door of node/3" in results[2]
    assert "p4.1 door of node/1 [state] “answered”" in results[3]
    assert [r.id for r in got.readings] == ["p1.1", "p4.1"]
    assert "reading knock of node 2 …" in b.told


async def test_a_reading_that_a_probe_gave_may_be_cited(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return Reply(blocks=[Called("knock", {"node": "2"})])
        knocked = script.claim("door", "node/2", "is", "refused", "p1.1")
        return script.said(
            hypotheses=[script.hypothesis(script.evidence("it still refuses callers", knocked))], path=[]
        )

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert got.diagnosis.first.evidence[0].claims[0].readings == ("p1.1",)
    assert got.diagnosis.struck == ()


async def test_the_record_is_looked_into_without_asking_anybody(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number == 0:
            return Reply(blocks=[Called("look-into-the-record", {"signal": "hum", "component": "node/2"})])
        return script.said()

    async with bench(model) as b:
        await b.investigator.investigate(crash_case)
    content = b.server.calls[1].results[0]["content"]
    assert "hum of node/2 [1] 1 at" in content
    assert "unseen, refused, hum of node/2" in content
    assert b.prober.asked == []


async def test_everything_but_the_messages_is_the_same_on_every_turn(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.number < 3:
            return Reply(blocks=[Thought("hm"), Called("knock", {"node": str(asked.number + 1)})])
        return script.said()

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    bodies = [c.body for c in b.server.calls]
    for key in ("model", "tools", "system", "output_config", "tool_choice", "cache_control"):
        assert all(body[key] == bodies[0][key] for body in bodies), key
    for before, after in pairwise(bodies):
        assert after["messages"][: len(before["messages"])] == before["messages"]
    assert got.spent.cache_read > 0
    assert got.spent.cache_written > 0
    assert bodies[0]["tool_choice"] == {"type": "auto"}


async def test_the_prompt_that_is_shown_is_what_is_sent(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said()

    async with bench(model) as b:
        await b.investigator.investigate(crash_case)
        shown = prompt(
            crash_case,
            model="claude-sonnet-5-5",
            effort="medium",
            probes=b.prober.probes,
            second_opinion=b.second,
        )
    body = dict(b.server.calls[0].body)
    assert body.pop("stream") is True
    nonce = re.compile(r"nonce=[0-9a-f]+")
    assert nonce.sub("", json.dumps(json.loads(shown), sort_keys=True)) == nonce.sub(
        "", json.dumps(body, sort_keys=True)
    )


async def test_without_a_prober_only_the_record_can_be_asked(bench: Benches, crash_case: Case, script: Script) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said()

    async with bench(model, is_blind=True) as b:
        await b.investigator.investigate(crash_case)
    assert [t["name"] for t in b.server.calls[0].tools] == ["look-into-the-record"]


async def test_a_rules_opinion_is_given_only_when_it_is_wanted(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        return script.said()

    async with bench(model) as b:
        await b.investigator.investigate(crash_case)
    async with bench(model, second=None) as c:
        got = await c.investigator.investigate(crash_case)
    assert "second opinion" in b.server.calls[0].text
    assert "second opinion" not in c.server.calls[0].text
    assert got.opinion is None
    assert "rules" not in got.diagnosis.summary.lower()
