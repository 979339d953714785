"""What the Messages API refuses, so that a client that would be refused in earnest is refused in a test.

Sources: the types of the Anthropic Python SDK 2.12 (``message_create_params``, ``lib/_parse/_transform``), and the
pages "Structured outputs", "Tool use", "Handling stop reasons", "Errors" and "What's new in Claude 5.5" of
platform.claude.com. Where a page leaves room, this is the stricter reading: tool results stand in the order of the
calls, every tool is strict, and a schema has only the keywords that the SDK itself would send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from messages_replies import Json, a_list, an_object
from messages_schemas import Counts, Refused, check_schema, must

KEYS = frozenset(
    {
        *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "stream"),
        *("cache_control", "diagnostics", "metadata", "service_tier", "stop_sequences", "container", "inference_geo"),
        *("speed", "user_profile_id", "workspace_id"),
    }
)
COUNTED = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
)
GONE = frozenset({"temperature", "top_p", "top_k"})
EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
MOST_STRICT_TOOLS, MOST_BREAKPOINTS = 20, 4
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What the server itself has sent, by which it knows what comes back.

    Attributes:
        signed: thinking by its signature.
        calls: the names of calls by their ids.
        paused: the contents of answers that ended with ``pause_turn``.
        model_of: the model by signature.
        company: the signatures of the thinking that stood beside a call, by its id.
    """

    signed: dict[str, str]
    calls: dict[str, str]
    paused: list[list[Json]]
    model_of: dict[str, str]
    company: dict[str, list[str]]


def check(body: Mapping[str, Any], produced: Produced, *, most_tokens: int, is_counting: bool = False) -> None:
    """Look at one request body.

    Raises:
        Refused: the API would not take it.
    """
    if gone := sorted(GONE & body.keys()):
        raise Refused(f"{gone[0]}: sampling parameters are not supported by this model")
    if extra := sorted(body.keys() - (COUNTED if is_counting else KEYS)):
        raise Refused(f"{extra[0]}: Extra inputs are not permitted")
    if not is_counting:
        most = body.get("max_tokens")
        must(isinstance(most, int) and not isinstance(most, bool), "max_tokens: Field required")
        must(1 <= cast("int", most) <= most_tokens, f"max_tokens: {most} > {most_tokens}, or below 1")
    _thinking(body.get("thinking"))
    _tool_choice(body.get("tool_choice"))
    tools: Sequence[Json] = body.get("tools") or []
    _tools(tools)
    _output(body.get("output_config"))
    _system(body.get("system"))
    _messages(body.get("messages"), body.get("model"), produced, has_tools=bool(tools))
    _breakpoints(body)


def _thinking(thinking: Json | None) -> None:
    if thinking is None:
        return
    kind = thinking.get("type")
    must(kind in ("adaptive", "between_tools"), f"thinking.type: {kind!r} is not supported by this model")
    must(thinking.get("display") in (None, "summarized", "omitted"), "thinking.display: Input should be 'summarized'")
    must(thinking.keys() <= {"type", "display"}, "thinking: Extra inputs are not permitted")


def _tool_choice(choice: Json | None) -> None:
    if choice is None:
        return
    kind = choice.get("type")
    must(kind in ("auto", "none"), f"tool_choice: {kind!r} forces a tool, which this model does not support")
    allowed = {"type", "disable_parallel_tool_use"} if kind == "auto" else {"type"}
    must(choice.keys() <= allowed, "tool_choice: Extra inputs are not permitted")


def _tools(tools: Sequence[Json]) -> None:
    names = [tool.get("name") for tool in tools]
    must(len(set(names)) == len(names), "tools: Tool names must be unique.")
    must(len(tools) <= MOST_STRICT_TOOLS, f"tools: at most {MOST_STRICT_TOOLS} strict tools")
    counts = Counts()
    for n, tool in enumerate(tools):
        where = f"tools.{n}.custom"
        must(
            tool.keys() <= {"name", "description", "input_schema", "strict", "cache_control", "type"}, f"{where}: extra"
        )
        must(isinstance(tool.get("name"), str) and _TOOL_NAME.fullmatch(tool["name"]), f"{where}.name: wrong pattern")
        must(tool.get("strict") is True, f"{where}.strict: a tool that is not strict may be called with anything")
        schema = an_object(tool.get("input_schema"))
        must(schema.get("type") == "object", f"{where}.input_schema.type: Field required")
        check_schema(schema, f"{where}.input_schema", counts)
    counts.check()


def _output(config: Json | None) -> None:
    if config is None:
        return
    must(config.keys() <= {"effort", "format"}, "output_config: Extra inputs are not permitted")
    must(config.get("effort") is None or config["effort"] in EFFORTS, "output_config.effort: wrong value")
    form = config.get("format")
    if form is not None:
        must(form.get("type") == "json_schema" and isinstance(form.get("schema"), dict), "output_config.format: wrong")
        counts = Counts()
        check_schema(form["schema"], "output_config.format.schema", counts)
        counts.check()


def _system(system: object) -> None:
    if isinstance(system, list):
        for n, block in enumerate(a_list(cast("object", system))):
            must(block.get("type") == "text", f"system.{n}.type: Input should be 'text'")
            _text(block, f"system.{n}")
    else:
        must(system is None or (isinstance(system, str) and system.strip()), "system: text must be non-empty")


def _text(block: Json, where: str) -> None:
    text = block.get("text")
    must(isinstance(text, str), f"{where}.text: Field required")
    must(cast("str", text).strip(), f"{where}: text content blocks must contain non-whitespace text")
    must(block.keys() <= {"type", "text", "cache_control", "citations"}, f"{where}: Extra inputs are not permitted")


def _blocks(message: Json, where: str) -> list[Json]:
    content: object = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else a_list(content)
    must(blocks, f"{where}.content: must be non-empty")
    return blocks


def _messages(messages: object, model: object, produced: Produced, *, has_tools: bool) -> None:
    told: list[Json] = a_list(messages)
    must(told, "messages: at least one message is required")
    must(told[0].get("role") == "user", "messages: first message must use the user role")
    open_calls: list[str] = []
    for n, message in enumerate(told):
        where, role = f"messages.{n}", message.get("role")
        must(role in ("user", "assistant") and message.keys() == {"role", "content"}, f"{where}: wrong shape")
        blocks = _blocks(message, where)
        if role == "assistant":
            must(not open_calls, f"{where}: `tool_use` ids were found without `tool_result` blocks: {open_calls}")
            found = [_assistant(b, f"{where}.content", model, produced) for b in blocks]
            open_calls = [call for call in found if call]
            beside = {str(b.get("signature")) for b in blocks if b.get("type") == "thinking"}
            for call in open_calls:
                must(set(produced.company[call]) <= beside, f"{where}: Expected `thinking` before `tool_use`")
            must(not open_calls or has_tools, "tools: Field required where messages have tool_use blocks")
        else:
            _answers(blocks, open_calls, where)
            open_calls = []
    must(not open_calls, f"`tool_use` ids were found without `tool_result` blocks immediately after: {open_calls}")
    last = told[-1]
    must(
        last["role"] == "user" or any(_same(last["content"], paused) for paused in produced.paused),
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    )


def _assistant(block: Json, where: str, model: object, produced: Produced) -> str:
    """Look at one block of an earlier answer; the id of a call, else nothing."""
    match block.get("type"):
        case "text":
            _text(block, where)
        case "thinking":
            signature = block.get("signature")
            must(produced.signed.get(str(signature)) == block.get("thinking"), f"{where}: Invalid `signature` in block")
            must(produced.model_of[str(signature)] == model, f"{where}: thinking of another model")
        case "tool_use":
            must(isinstance(block.get("input"), dict), f"{where}.input: Input should be an object")
            must(produced.calls.get(str(block.get("id"))) == block.get("name"), f"{where}: a call that was never made")
            return str(block["id"])
        case kind:
            raise Refused(f"{where}: Input tag {kind!r} found using 'type' does not match any of the expected tags")
    return ""


def _answers(blocks: Sequence[Json], open_calls: Sequence[str], where: str) -> None:
    """Results stand first, one for each call, in the order of the calls."""
    results = [b for b in blocks if b.get("type") == "tool_result"]
    answered = [b.get("tool_use_id") for b in results]
    unknown = [ident for ident in answered if ident not in open_calls]
    must(not unknown, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {unknown}")
    missing = [ident for ident in open_calls if ident not in answered]
    must(not missing, f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}")
    must(answered == list(open_calls), f"{where}: tool results stand in another order than the calls, or twice")
    must(list(blocks[: len(results)]) == results, f"{where}: tool_result blocks must come first")
    for n, block in enumerate(blocks):
        match block.get("type"):
            case "text":
                _text(block, f"{where}.content.{n}")
            case "tool_result":
                for part in a_list(block.get("content")):
                    _text(part, f"{where}.content.{n}.content")
            case kind:
                raise Refused(f"{where}.content.{n}: {kind!r} is not expected here")


def _same(content: object, paused: Sequence[Json]) -> bool:
    keys = ("type", "text", "signature", "id")
    return [[b.get(k) for k in keys] for b in a_list(content)] == [[b.get(k) for k in keys] for b in paused]


def _breakpoints(body: Mapping[str, Any]) -> None:
    found = list(_cache_controls(dict(body)))
    must(len(found) <= MOST_BREAKPOINTS, f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided")
    for control in found:
        must(control.get("type") == "ephemeral", "cache_control.type: Input should be 'ephemeral'")
        must(control.get("ttl", "5m") in ("5m", "1h"), "cache_control.ttl: Input should be '5m' or '1h'")


def _cache_controls(part: object) -> Iterator[Json]:
    for key, value in an_object(part).items():
        if key == "cache_control" and value is not None:
            yield value
        elif key not in ("input", "input_schema", "schema"):
            yield from _cache_controls(value)
    for one in a_list(part):
        yield from _cache_controls(one)
