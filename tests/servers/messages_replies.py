"""What a scripted model may answer, and how the Messages API would stream it.

Shapes by the types of the Anthropic Python SDK 2.12 (``anthropic.types``: ``raw_message_stream_event``, ``message``,
``usage``, ``stop_reason``, ``error_response``).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Json = dict[str, Any]

LETTERS_PER_TOKEN = 3.5
"""A stated ratio; the API's own tokeniser is not public."""

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]


def an_object(value: object) -> Json:
    """A JSON object as one; what is none is an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def a_list(value: object) -> list[Any]:
    """A JSON array as one; what is none is an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def tokens_of(value: object) -> int:
    """How many tokens a text, or a value as JSON, has."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return int(len(text) / LETTERS_PER_TOKEN) + 1


@dataclass(frozen=True, slots=True)
class Said:
    """A block of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A block of thinking; the server signs it."""

    thinking: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a tool.

    Attributes:
        raw: partial JSON in place of the arguments, for what no well-behaved model would send.
    """

    name: str
    arguments: Mapping[str, object]
    raw: str | None = None


Block = Said | Thought | Called


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the model, and what becomes of the connection meanwhile.

    Attributes:
        stop: why it ended; None for what follows from its blocks.
        category: of a refusal.
        sent, written: tokens in and out where they are not to be counted by letters.
        breaks_schema: that its closing text or its arguments do not fit what was asked for, on purpose.
        after: how many events are sent before `then` happens; None for all of them, and nothing happens.
        then: the connection is cut; it ends as if the answer were complete; nothing more comes; an error event is sent.
        error: the type of that error.
    """

    blocks: Sequence[Block]
    stop: StopReason | None = None
    category: str | None = None
    sent: int | None = None
    written: int | None = None
    breaks_schema: bool = False
    after: int | None = None
    then: Literal["cut", "end", "hang", "error"] = "cut"
    error: str = "overloaded_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An answer that is none: a status, and the error's type and message."""

    status: int
    type: str
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Hangs:
    """Nothing is ever answered."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is closed before anything is answered."""


def overloaded() -> Failed:
    """529."""
    return Failed(status=529, type="overloaded_error", message="Overloaded")


def throttled(*, retry_after: float | None = 0) -> Failed:
    """429, with the seconds to wait when the server tells them."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Failed(status=429, type="rate_limit_error", message="This request would exceed a limit", headers=headers)


def broken(status: int = 500) -> Failed:
    """5xx."""
    return Failed(status=status, type="api_error", message="Internal server error")


Answer = Reply | Failed | Hangs | Cut


class Idents:
    """Ids in the shape of the API's, the same ones each time."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, prefix: str) -> str:
        return f"{prefix}_01{next(self._numbers):022d}"


def contents(blocks: Sequence[Block], idents: Idents) -> list[Json]:
    """Blocks as they stand in a message."""
    return [_content(block, idents) for block in blocks]


def _content(block: Block, idents: Idents) -> Json:
    match block:
        case Said(text):
            return {"type": "text", "text": text, "citations": None}
        case Thought(thinking):
            return {"type": "thinking", "thinking": thinking, "signature": idents("sig")}
        case Called(name, arguments):
            told = {"type": "tool_use", "id": idents("toolu"), "name": name, "input": dict(arguments)}
            return told | {"caller": {"type": "direct"}}


def stop_of(reply: Reply) -> StopReason:
    """Why an answer ended, said or following from its blocks."""
    if reply.stop is not None:
        return reply.stop
    return "tool_use" if any(isinstance(b, Called) for b in reply.blocks) else "end_turn"


def details_of(reply: Reply) -> Json | None:
    """What is told of a refusal."""
    if stop_of(reply) != "refusal":
        return None
    return {"type": "refusal", "category": reply.category, "explanation": "not the model's words, and not stable"}


def cut_to(blocks: Sequence[Block], tokens: int) -> tuple[tuple[Block, ...], bool]:
    """The blocks as far as they fit into so many tokens, and whether anything was cut off."""
    left = int(tokens * LETTERS_PER_TOKEN)
    kept: list[Block] = []
    for block in blocks:
        text = block.text if isinstance(block, Said) else block.thinking if isinstance(block, Thought) else None
        size = len(json.dumps(dict(block.arguments))) if isinstance(block, Called) else len(text or "")
        if size <= left:
            kept.append(block)
            left -= size
            continue
        if text is not None and left > 0:
            kept.append(Said(text[:left]) if isinstance(block, Said) else Thought(text[:left]))
        return tuple(kept), True
    return tuple(kept), False


def events(message: Json, raws: Sequence[str | None], *, piece: int) -> Iterator[Json]:
    """The events of a whole message, text and arguments in pieces of so many letters.

    Args:
        raws: for each block, partial JSON to send in place of its arguments.
    """
    usage = message["usage"]
    begun: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    yield {"type": "message_start", "message": message | begun | {"usage": usage | {"output_tokens": 1}}}
    for index, (block, raw) in enumerate(zip(message["content"], raws, strict=True)):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, raw, piece):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    told = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    yield {"type": "message_delta", "delta": ended, "usage": {key: usage[key] for key in told}}
    yield {"type": "message_stop"}


def _empty(block: Json) -> Json:
    match block["type"]:
        case "text":
            return block | {"text": ""}
        case "thinking":
            return block | {"thinking": "", "signature": ""}
        case _:
            return block | {"input": {}}


def _deltas(block: Json, raw: str | None, piece: int) -> Iterator[Json]:
    match block["type"]:
        case "text":
            for part in _pieces(block["text"], piece):
                yield {"type": "text_delta", "text": part}
        case "thinking":
            for part in _pieces(block["thinking"], piece):
                yield {"type": "thinking_delta", "thinking": part}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            yield {"type": "input_json_delta", "partial_json": ""}
            for part in _pieces(json.dumps(block["input"]) if raw is None else raw, piece):
                yield {"type": "input_json_delta", "partial_json": part}


def _pieces(text: str, piece: int) -> Iterator[str]:
    for start in range(0, len(text), piece):
        yield text[start : start + piece]


def as_sse(event: Json) -> bytes:
    """An event on the wire (HTML standard, server-sent events)."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
