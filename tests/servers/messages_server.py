"""A server on loopback that speaks the Messages API, with a scripted model behind it.

It answers as the Anthropic Python SDK 2.12 expects (API version 2026-10-21), refuses what the API refuses
(:mod:`messages_rules`), and keeps every request. A scripted model is an async function from a request to an answer
(:mod:`messages_replies`); what it says is held against the schemas that the request asked for, so that a script that
no longer fits the client is noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import jsonschema
from messages_replies import (
    Answer,
    Block,
    Called,
    Cut,
    Failed,
    Hangs,
    Idents,
    Json,
    Reply,
    Said,
    as_sse,
    contents,
    cut_to,
    details_of,
    events,
    stop_of,
    tokens_of,
)
from messages_rules import Produced, Refused, check
from messages_shapes import Asked, ModelFacts
from messages_tokens import Tokens, prefix
from stream_server import stream_server

VERSION = "2026-10-21"
KEY = "sk-ant-api03-loopback-server-key-that-opens-nothing"
LARGEST_BODY = 32 * 1024 * 1024


ScriptedModel = Callable[[Asked], Awaitable[Answer]]


@dataclass(slots=True, kw_only=True)
class MessagesServer:
    """The server while it runs.

    Attributes:
        asked: every request, in order; `calls` are those that asked for a message.
        refused: what it said 400 to, because the API would; empty for a good client.
        misfits: answers of the script that do not fit the schema of the request.
        replied: the messages that were sent whole, as they are without streaming.
        piece: letters of a delta.
    """

    model: ScriptedModel
    models: Mapping[str, ModelFacts]
    key: str = KEY
    piece: int = 400
    port: int = 0
    asked: list[Asked] = field(default_factory=list[Asked])
    refused: list[str] = field(default_factory=list[str])
    misfits: list[str] = field(default_factory=list[str])
    replied: list[Json] = field(default_factory=list[Json])
    _idents: Idents = field(default_factory=Idents)
    _produced: Produced = field(
        default_factory=lambda: Produced(signed={}, calls={}, paused=[], model_of={}, company={})
    )
    _tokens: Tokens = field(default_factory=Tokens)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[Asked]:
        return [a for a in self.asked if a.path == "/v1/messages"]

    async def answer(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[Asked, Failed | Json | Reply]:
        """What was asked, and what is answered: a failure, a body, or a reply that is no message yet."""
        body: Json = json.loads(raw) if raw else {}
        number = sum(a.path == path for a in self.asked)
        asked = Asked(method=method, path=path, headers=headers, body=body, raw=raw, number=number)
        self.asked.append(asked)
        return asked, await self._answer(asked)

    async def _answer(self, asked: Asked) -> Failed | Json | Reply:
        headers = asked.headers
        if headers.get("authorization") != f"Bearer {self.key}":
            return Failed(status=401, type="authentication_error", message="invalid x-api-key")
        if headers.get("anthropic-version") != VERSION:
            return self._refuse(f"anthropic-version: {headers.get('anthropic-version')!r} is not a valid version")
        if len(asked.raw) > LARGEST_BODY:
            return Failed(status=413, type="request_too_large", message="Request exceeds the maximum size")
        match asked.method, asked.path.partition("?")[0].split("/")[1:]:
            case "GET", ["v1", "models", ident]:
                facts = self.models.get(ident)
                return _unknown(ident) if facts is None else facts.told()
            case "POST", ["v1", "messages"]:
                return await self._message(asked, is_counting=False)
            case "POST", ["v1", "messages", "count_tokens"]:
                return await self._message(asked, is_counting=True)
            case _:
                return Failed(status=404, type="not_found_error", message="Not found")

    async def _message(self, asked: Asked, *, is_counting: bool) -> Failed | Json | Reply:
        ident = str(asked.body.get("model"))
        facts = self.models.get(ident)
        if facts is None or facts.lifecycle == "retired":
            return _unknown(ident)
        try:
            check(asked.body, self._produced, most_tokens=facts.max_tokens or 128_000, is_counting=is_counting)
        except Refused as e:
            return self._refuse(str(e))
        sent = sum(size for size, _, _ in prefix(asked.body))
        if facts.max_input_tokens is not None and sent > facts.max_input_tokens:
            return _invalid(f"prompt is too long: {sent} tokens > {facts.max_input_tokens} maximum")
        if is_counting:
            return {"input_tokens": sent}
        answer = await self.model(asked)
        match answer:
            case Failed() | Reply():
                return answer
            case Hangs():
                return Reply(blocks=(), after=-1, then="hang")
            case Cut():
                return Reply(blocks=(), after=-1, then="cut")

    def message(self, asked: Asked, reply: Reply) -> tuple[Json, list[str | None]]:
        """A reply as a whole message, and for each block the partial JSON to send in place of its arguments."""
        blocks, is_cut = cut_to(reply.blocks, asked.body["max_tokens"])
        stop = "max_tokens" if is_cut else stop_of(reply)
        content = contents(blocks, self._idents)
        signatures = [b["signature"] for b in content if b["type"] == "thinking"]
        for block in content:
            if block["type"] == "thinking":
                self._produced.signed[block["signature"]] = block["thinking"]
                self._produced.model_of[block["signature"]] = asked.body["model"]
            elif block["type"] == "tool_use":
                self._produced.calls[block["id"]] = block["name"]
                self._produced.company[block["id"]] = signatures
        if stop == "pause_turn":
            self._produced.paused.append(content)
        if not (reply.breaks_schema or is_cut):
            self.misfits.extend(_misfits(asked, blocks, stop))
        message = {
            "id": self._idents("msg"),
            "type": "message",
            "role": "assistant",
            "model": asked.body["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details_of(reply),
            "usage": self._tokens.usage(asked.body, reply, content),
        }
        self.replied.append(message)
        return message, [b.raw if isinstance(b, Called) else None for b in blocks]

    def _refuse(self, message: str) -> Failed:
        self.refused.append(message)
        return _invalid(message)


def _invalid(message: str) -> Failed:
    return Failed(status=400, type="invalid_request_error", message=message)


def _unknown(ident: str) -> Failed:
    return Failed(status=404, type="not_found_error", message=f"model: {ident}")


def _misfits(asked: Asked, blocks: Sequence[Block], stop: str) -> list[str]:
    """What a script says that its request's schemas do not allow; the API guarantees that a model never does."""
    found: list[str] = []
    schemas = {tool["name"]: tool["input_schema"] for tool in asked.tools}
    for block in blocks:
        if isinstance(block, Called):
            schema = schemas.get(block.name)
            found += [f"there is no tool {block.name}"] if schema is None else _errors(dict(block.arguments), schema)
    if stop == "end_turn" and asked.schema is not None:
        text = "".join(block.text for block in blocks if isinstance(block, Said))
        try:
            found += _errors(json.loads(text), asked.schema)
        except ValueError:
            found.append(f"the closing text is no JSON: {text[:80]!r}")
    return found


def _errors(value: Json, schema: Json) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(value)]  # pyright: ignore[reportUnknownMemberType]


@contextlib.asynccontextmanager
async def serving(
    model: ScriptedModel, *models: ModelFacts, piece: int = 400, key: str = KEY
) -> AsyncGenerator[MessagesServer]:
    """A server on a free port of loopback; every connection that is left is closed at the end."""
    facts = models or (ModelFacts(),)
    served = MessagesServer(model=model, models={m.id: m for m in facts}, piece=piece, key=key)

    async with stream_server(partial(_connection, served), limit=LARGEST_BODY) as (_, served.port):
        yield served


@contextlib.contextmanager
def serving_in_a_thread(model: ScriptedModel) -> Generator[MessagesServer]:
    """The server in a loop of its own, for whoever runs or waits for a command meanwhile."""
    ready = threading.Event()
    found: list[MessagesServer] = []
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        over = asyncio.Event()
        async with serving(model) as served:
            found.append(served)
            loop = asyncio.get_running_loop()
            ends.append(lambda: loop.call_soon_threadsafe(over.set))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        ends[0]()
        thread.join(10)


async def _connection(served: MessagesServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests on one connection, one after the other."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        asked, answer = await served.answer(method, path, headers, raw)
        if isinstance(answer, Reply):
            if not await _reply(served, asked, answer, writer):
                break
        else:
            _write_whole(writer, answer)
        await writer.drain()
    writer.close()


def _write_whole(writer: asyncio.StreamWriter, answer: Failed | Json) -> None:
    status, headers = 200, {}
    if isinstance(answer, Failed):
        status, headers = answer.status, dict(answer.headers)
        error = {"type": "error", "error": {"type": answer.type, "message": answer.message}, "request_id": "req_01"}
        body = json.dumps(error).encode() if answer.body is None else answer.body
    else:
        body = json.dumps(answer).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "request-id": "req_01"} | headers
    writer.write(_head(status, headers) + body)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    return "".join([f"HTTP/1.1 {status} X\r\n", *(f"{k}: {v}\r\n" for k, v in headers.items()), "\r\n"]).encode()


async def _reply(served: MessagesServer, asked: Asked, reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """Send a message, whole or as a stream, as far as it goes; whether the connection can go on."""
    if reply.after == -1:
        return await _ended(reply, writer)
    message, raws = served.message(asked, reply)
    if not asked.body.get("stream"):
        _write_whole(writer, message)
        return True
    headers = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
    writer.write(_head(200, headers | {"cache-control": "no-cache", "request-id": "req_01"}))
    letters = 0
    for n, event in enumerate(events(message, raws, piece=served.piece)):
        if reply.after == n:
            # nobody is charged for what was never written
            message["usage"]["output_tokens"] = min(message["usage"]["output_tokens"], tokens_of("x" * letters))
            return await _ended(reply, writer)
        letters += sum(len(part) for part in event.get("delta", {}).values() if isinstance(part, str))
        writer.write(_chunk(as_sse(event)))
    writer.write(_chunk(b""))
    return True


async def _ended(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """What happens in the middle of a stream."""
    match reply.then:
        case "cut":
            await writer.drain()
            writer.close()
            return False
        case "end":
            writer.write(_chunk(b""))
            return True
        case "error":
            error = {"type": "error", "error": {"type": reply.error, "message": "scripted"}, "request_id": "req_01"}
            writer.write(_chunk(as_sse(error)) + _chunk(b""))
            return True
        case "hang":
            await writer.drain()
            await asyncio.Event().wait()
            return False


def _chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"
