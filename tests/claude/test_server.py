"""The server on loopback is what the SDK takes it for, and refuses what the API refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.lib.streaming import AsyncMessageStream
from anthropic.types import Message, ParsedMessage
from messages_replies import (
    Answer,
    Called,
    Cut,
    Failed,
    Hangs,
    Reply,
    Said,
    StopReason,
    Thought,
    broken,
    overloaded,
    throttled,
)
from messages_server import Asked, MessagesServer, ModelFacts, serving

Client = Callable[[MessagesServer], AsyncAnthropic]
Json = dict[str, Any]

SCHEMA: Json = {
    "type": "object",
    "properties": {"says": {"type": "string"}},
    "required": ["says"],
    "additionalProperties": False,
}
TOOL: Json = {
    "name": "look",
    "description": "Look at a node.",
    "strict": True,
    "input_schema": {
        "type": "object",
        "properties": {"node": {"type": "string"}},
        "required": ["node"],
        "additionalProperties": False,
    },
}
GOOD: Json = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "You look.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "what is it?"}],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
}
CLOSED = Said(json.dumps({"says": "all is well"}))


def always(answer: Answer) -> Callable[[Asked], Awaitable[Answer]]:
    async def model(_asked: Asked) -> Answer:
        return answer

    return model


def in_turn(*answers: Answer) -> Callable[[Asked], Awaitable[Answer]]:
    async def model(asked: Asked) -> Answer:
        return answers[min(asked.number, len(answers) - 1)]

    return model


async def streamed(client: AsyncAnthropic, body: Mapping[str, Any] = GOOD) -> ParsedMessage[None]:
    async with client.messages.stream(**body) as stream:
        return await cast("AsyncMessageStream[None]", stream).get_final_message()


async def test_a_stream_gives_thinking_text_and_calls_as_they_were_scripted(client: Client) -> None:
    blocks = (
        Thought("hm, let me see"),
        Said("I look at both."),
        Called("look", {"node": "1"}),
        Called("look", {"node": "2"}),
    )
    async with serving(always(Reply(blocks=blocks)), piece=5) as server, client(server) as asking:
        message = await streamed(asking)
        whole = await asking.post("/v1/messages", body=GOOD, cast_to=Message)
    for one in (message, whole):
        assert [b.type for b in one.content] == ["thinking", "text", "tool_use", "tool_use"]
        assert [b.input for b in one.content if b.type == "tool_use"] == [{"node": "1"}, {"node": "2"}]
        assert [b.text for b in one.content if b.type == "text"] == ["I look at both."]
        assert [b.thinking for b in one.content if b.type == "thinking"] == ["hm, let me see"]
        assert one.stop_reason == "tool_use"
        assert one.usage.output_tokens > 10
    assert (server.refused, server.misfits) == ([], [])
    assert server.calls[0].headers["authorization"] == f"Bearer {server.key}"
    assert server.calls[0].body["tools"] == [TOOL]


async def test_results_and_thinking_come_back_and_the_conversation_goes_on(client: Client) -> None:
    first = Reply(blocks=(Thought("hm"), Called("look", {"node": "1"}), Called("look", {"node": "2"})))
    async with serving(in_turn(first, Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        message = await streamed(asking)
        calls = [b.id for b in message.content if b.type == "tool_use"]
        results: list[Json] = [{"type": "tool_result", "tool_use_id": i, "content": "well"} for i in calls]
        kept = [b.model_dump(exclude_none=True) for b in message.content]

        def after(answer: Sequence[Json], told: Sequence[Json]) -> Json:
            turns = [{"role": "assistant", "content": list(answer)}, {"role": "user", "content": list(told)}]
            return GOOD | {"messages": [*GOOD["messages"], *turns]}

        closed = await streamed(asking, after(kept, results))
        assert closed.stop_reason == "end_turn"
        assert server.refused == []
        bad = {
            "missing result": after(kept, results[:1]),
            "no result": after(kept, [{"type": "text", "text": "go on"}]),
            "other order": after(kept, results[::-1]),
            "text first": after(kept, [{"type": "text", "text": "so"}, *results]),
            "twice": after(kept, [*results, results[0]]),
            "thinking left out": after(kept[1:], results),
            "thinking changed": after([kept[0] | {"thinking": "ha"}, *kept[1:]], results),
            "a call that never was": after([*kept[:2], kept[2] | {"id": "toolu_9"}], results),
            "prefill": GOOD | {"messages": [*GOOD["messages"], {"role": "assistant", "content": "{"}]},
            "tools left out": {k: v for k, v in after(kept, results).items() if k != "tools"},
        }
        for name, body in bad.items():
            before = len(server.refused)
            with pytest.raises(anthropic.BadRequestError):
                await streamed(asking, body)
            assert len(server.refused) == before + 1, name


def _schema(**keywords: object) -> Json:
    said = {"type": "string"} | keywords
    return {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA | {"properties": {"says": said}}}}}


def _tool(**keywords: object) -> Json:
    return {"tools": [TOOL | keywords]}


FORBIDDEN: Mapping[str, Json] = {
    "temperature": {"temperature": 0},
    "top_p": {"top_p": 0.5},
    "an unknown key": {"seed": 1},
    "a forced tool": {"tool_choice": {"type": "tool", "name": "look"}},
    "any tool": {"tool_choice": {"type": "any"}},
    "a budget of thinking": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    "no thinking": {"thinking": {"type": "disabled"}},
    "too long an answer": {"max_tokens": 200_000},
    "no answer": {"max_tokens": 0},
    "no message": {"messages": []},
    "empty text": {"messages": [{"role": "user", "content": [{"type": "text", "text": " \n"}]}]},
    "an answer first": {"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]},
    "a result of nothing": {
        "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "a"}]}]
    },
    "a tool that is not strict": {"tools": [{k: v for k, v in TOOL.items() if k != "strict"}]},
    "a tool twice": {"tools": [TOOL, TOOL]},
    "a tool's name": _tool(name="look at"),
    "a tool that is open": _tool(input_schema={"type": "object", "properties": {}}),
    "too many tools": {"tools": [TOOL | {"name": f"look{n}"} for n in range(21)]},
    "pattern": _schema(pattern="a+"),
    "minLength": _schema(minLength=1),
    "a format": _schema(format="color"),
    "minimum": _schema(type="integer", minimum=1),
    "maxItems": _schema(type="array", items={"type": "string"}, maxItems=3),
    "minItems": _schema(type="array", items={"type": "string"}, minItems=2),
    "no items": _schema(type="array"),
    "default": _schema(default="a"),
    "oneOf": _schema(oneOf=[{"type": "string"}]),
    "an enum of objects": _schema(enum=[{"a": 1}]),
    "a foreign reference": _schema(**{"$ref": "https://example.org/a.json"}),
    "an open object": _schema(type="object", properties={}, additionalProperties={"type": "string"}),
    "recursion": {
        "output_config": {
            "format": {
                "type": "json_schema",
                "schema": SCHEMA
                | {"properties": {"says": {"$ref": "#/$defs/A"}}}
                | {
                    "$defs": {
                        "A": {"type": "array", "items": {"$ref": "#/$defs/B"}},
                        "B": {"anyOf": [{"$ref": "#/$defs/A"}]},
                    }
                },
            }
        }
    },
    "too many optional ones": _tool(
        input_schema={
            "type": "object",
            "properties": {f"p{n}": {"type": "string"} for n in range(25)},
            "additionalProperties": False,
        }
    ),
    "too many unions": _tool(
        input_schema={
            "type": "object",
            "properties": {f"p{n}": {"type": ["string", "null"]} for n in range(17)},
            "required": [f"p{n}" for n in range(17)],
            "additionalProperties": False,
        }
    ),
    "an effort": {"output_config": {"effort": "extreme"}},
    "too many breakpoints": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}} for _ in range(5)],
            }
        ]
    },
    "a long breakpoint": {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_what_the_api_forbids_is_refused(client: Client, what: str) -> None:
    async with serving(always(Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        with pytest.raises(anthropic.BadRequestError) as refused:
            await asking.post("/v1/messages", body=GOOD | FORBIDDEN[what], cast_to=object)
        assert refused.value.type == "invalid_request_error"
        assert (len(server.refused), len(server.replied)) == (1, 0)


ALLOWED: Mapping[str, Json] = {
    "nothing more": {},
    "no tool": {"tool_choice": {"type": "none"}},
    "one at a time": {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    "thinking between tools": {"thinking": {"type": "between_tools"}},
    "an automatic breakpoint": {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    "a system prompt as a text": {"system": "You look."},
    "words to choose from": _schema(enum=["all is well", "not well"]),
    "one or the other": {"tools": [TOOL, TOOL | {"name": "look-again"}]},
    "one or none": _tool(
        input_schema=TOOL["input_schema"] | {"properties": {"node": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    ),
}


@pytest.mark.parametrize("what", ALLOWED)
async def test_what_the_api_takes_is_taken(client: Client, what: str) -> None:
    async with serving(always(Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        message = await streamed(asking, GOOD | ALLOWED[what])
        assert (message.stop_reason, server.refused, server.misfits) == ("end_turn", [], [])


@pytest.mark.parametrize(
    ("failed", "error"),
    [
        (overloaded(), anthropic.OverloadedError),
        (throttled(retry_after=7), anthropic.RateLimitError),
        (broken(500), anthropic.InternalServerError),
        (broken(503), anthropic.ServiceUnavailableError),
        (Failed(status=413, type="request_too_large"), anthropic.ContentTooLargeError),
        (Failed(status=403, type="permission_error"), anthropic.PermissionDeniedError),
        (Failed(status=402, type="billing_error"), anthropic.PaymentRequiredError),
        (Failed(status=502, type="", body=b"<html>Bad Gateway</html>"), anthropic.InternalServerError),
    ],
)
async def test_a_failure_is_the_sdk_error_of_its_kind(
    client: Client, failed: Failed, error: type[anthropic.APIStatusError]
) -> None:
    async with serving(always(failed)) as server, client(server) as asking:
        with pytest.raises(error) as raised:
            await streamed(asking)
    assert raised.value.status_code == failed.status
    assert raised.value.response.headers.get("retry-after") == failed.headers.get("retry-after")
    assert len(server.calls) == 1


async def test_a_wrong_key_and_an_unknown_model_are_told_apart(client: Client) -> None:
    async with serving(
        always(Reply(blocks=(CLOSED,))), ModelFacts(), ModelFacts(id="old", lifecycle="retired")
    ) as server:
        async with client(server) as asking:
            with pytest.raises(anthropic.NotFoundError, match="model: claude-none"):
                await streamed(asking, GOOD | {"model": "claude-none"})
            with pytest.raises(anthropic.NotFoundError, match="model: old"):
                await streamed(asking, GOOD | {"model": "old"})
        async with AsyncAnthropic(api_key="sk-ant-wrong", base_url=server.base_url, max_retries=0) as asking:
            with pytest.raises(anthropic.AuthenticationError):
                await streamed(asking)


async def test_the_facts_of_a_model_are_told(client: Client) -> None:
    facts = ModelFacts(lifecycle="deprecated", retires_at="2026-11-30T00:00:00Z", max_tokens=64_000)
    async with serving(always(Reply(blocks=(CLOSED,))), facts) as server, client(server) as asking:
        told = await asking.models.retrieve(facts.id)
        with pytest.raises(anthropic.NotFoundError):
            await asking.models.retrieve("claude-none")
    assert (told.lifecycle, told.max_tokens, told.max_input_tokens) == ("deprecated", 64_000, 1_000_000)
    assert told.retires_at is not None
    assert told.retires_at.year == 2026
    assert told.capabilities is not None
    assert told.capabilities.thinking.types.adaptive.supported
    assert not told.capabilities.thinking.types.disabled.supported


async def test_tokens_are_counted_as_they_are_then_used(client: Client) -> None:
    async with (
        serving(always(Reply(blocks=(CLOSED,))), ModelFacts(max_input_tokens=2000)) as server,
        client(server) as asking,
    ):
        counted = await asking.messages.count_tokens(**{k: v for k, v in GOOD.items() if k != "max_tokens"})
        used = (await streamed(asking)).usage
        again = (await streamed(asking)).usage
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
            await streamed(asking, GOOD | {"messages": [{"role": "user", "content": "a" * 10_000}]})
    assert counted.input_tokens == used.input_tokens + (used.cache_creation_input_tokens or 0)
    assert (used.cache_read_input_tokens, again.cache_creation_input_tokens) == (0, 0)
    assert again.cache_read_input_tokens == used.cache_creation_input_tokens
    assert again.input_tokens == used.input_tokens


async def test_a_conversation_that_grows_reads_what_was_sent_before_from_the_cache(client: Client) -> None:
    async with serving(always(Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        body = GOOD | {"cache_control": {"type": "ephemeral"}}
        first = await streamed(asking, body)
        turns: list[Json] = [{"role": "assistant", "content": "{}"}, {"role": "user", "content": "are you sure?"}]
        grown = await streamed(asking, body | {"messages": [*GOOD["messages"], *turns]})
    assert grown.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    assert (first.usage.input_tokens, grown.usage.input_tokens) == (0, 0)


async def test_a_change_at_the_beginning_misses_the_cache(client: Client) -> None:
    async with serving(always(Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        await streamed(asking)
        changed = await streamed(asking, GOOD | {"tools": [TOOL | {"description": "Look."}]})
    assert changed.usage.cache_read_input_tokens == 0


async def test_an_answer_that_is_too_long_is_cut(client: Client) -> None:
    async with serving(always(Reply(blocks=(Said("x" * 1000),), written=10**6))) as server, client(server) as asking:
        message = await streamed(asking, GOOD | {"max_tokens": 100})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 100)
    assert [len(b.text) for b in message.content if b.type == "text"] == [350]
    assert server.misfits == []


@pytest.mark.parametrize("stop", ["pause_turn", "model_context_window_exceeded", "stop_sequence"])
async def test_every_stop_reason_can_be_scripted(client: Client, stop: StopReason) -> None:
    async with serving(always(Reply(blocks=(Said("so far"),), stop=stop))) as server, client(server) as asking:
        assert (await streamed(asking)).stop_reason == stop
    assert server.misfits == []


async def test_a_refusal_has_its_category(client: Client) -> None:
    reply = Reply(blocks=(Said("I"),), stop="refusal", category="cyber")
    async with serving(always(reply)) as server, client(server) as asking:
        message = await streamed(asking)
        assert message.stop_details is not None
        assert (message.stop_reason, message.stop_details.category) == ("refusal", "cyber")


async def test_a_paused_turn_goes_on_where_it_was(client: Client) -> None:
    paused = Reply(
        blocks=(
            Thought("hm"),
            Said("so far"),
        ),
        stop="pause_turn",
    )
    async with serving(in_turn(paused, Reply(blocks=(CLOSED,)))) as server, client(server) as asking:
        message = await streamed(asking)
        kept = [b.model_dump(exclude_none=True) for b in message.content]
        turn = {"role": "assistant", "content": kept}
        closed = await streamed(asking, GOOD | {"messages": [*GOOD["messages"], turn]})
    assert (closed.stop_reason, server.refused) == ("end_turn", [])


async def _events(client: AsyncAnthropic) -> list[str]:
    async with client.messages.stream(**GOOD) as stream:
        return [event.type async for event in stream]


async def test_a_stream_can_be_cut_after_any_event(client: Client) -> None:
    blocks = (Thought("hm"), Said("text"), Called("look", {"node": "1"}))
    async with serving(always(Reply(blocks=blocks))) as server, client(server) as asking:
        whole = len([t for t in await _events(asking) if t not in ("text", "thinking", "signature", "input_json")]) + 1
    for after in range(whole):
        cut = Reply(blocks=blocks, after=after)
        async with serving(always(cut)) as server, client(server) as asking:
            with pytest.raises(httpx2.RemoteProtocolError, match="peer closed connection"):
                await _events(asking)
    for after in range(1, whole - 1):
        async with serving(always(Reply(blocks=blocks, after=after, then="end"))) as server, client(server) as asking:
            assert "message_stop" not in await _events(asking)
        async with serving(always(Reply(blocks=blocks, after=after, then="error"))) as server, client(server) as asking:
            with pytest.raises(anthropic.APIStatusError) as raised:
                await _events(asking)
            assert raised.value.type == "overloaded_error"


@pytest.mark.parametrize("answer", [Hangs(), Reply(blocks=(Said("a"),), after=2, then="hang")])
async def test_a_server_that_says_nothing_more_is_given_up(client: Client, answer: Answer) -> None:
    async with serving(always(answer)) as server, client(server).with_options(timeout=0.05) as asking:
        with pytest.raises((anthropic.APITimeoutError, httpx2.ReadTimeout)):
            await _events(asking)


async def test_a_connection_that_is_closed_at_once_is_a_connection_error(client: Client) -> None:
    async with serving(always(Cut())) as server, client(server) as asking:
        with pytest.raises(anthropic.APIConnectionError):
            await _events(asking)
    assert len(server.calls) == 1


async def test_a_script_that_no_longer_fits_is_noticed(client: Client) -> None:
    async def misfits(*blocks: Said | Called, breaks_schema: bool = False) -> int:
        reply = Reply(blocks=blocks, breaks_schema=breaks_schema)
        async with serving(always(reply)) as server, client(server) as asking:
            await streamed(asking)
            return len(server.misfits)

    assert await misfits(Said("no JSON")) == 1
    assert await misfits(Said('{"other": 1}')) == 2
    assert await misfits(Called("look", {"nod": "1"})) == 2
    assert await misfits(Called("listen", {})) == 1
    assert await misfits(Said("no JSON"), breaks_schema=True) == 0
    assert await misfits(CLOSED) == 0
