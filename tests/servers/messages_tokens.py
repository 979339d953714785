"""What a request and its answer have in tokens, and which of them come from the cache."""

from __future__ import annotations

import hashlib
import itertools
import json

from messages_replies import Json, Reply, a_list, an_object, tokens_of

LOOKS_BACK = 20
"""Blocks before a breakpoint at which an earlier breakpoint is looked for ("Prompt caching", platform.claude.com)."""


class Tokens:
    """Counts tokens by letters, and remembers what was written to the cache."""

    def __init__(self) -> None:
        self._cached: set[str] = set()

    def usage(self, body: Json, reply: Reply, content: list[Json]) -> Json:
        """Tokens by letters; what an earlier request wrote to the cache is read from there."""
        parts = prefix(body)
        breakpoints = [n for n, (_, _, is_breakpoint) in enumerate(parts) if is_breakpoint]
        through = list(itertools.accumulate(size for size, _, _ in parts))
        found = [n for b in breakpoints for n in range(max(0, b - LOOKS_BACK), b + 1) if parts[n][1] in self._cached]
        read = through[max(found)] if found else 0
        last = through[breakpoints[-1]] if breakpoints else 0
        self._cached.update(parts[n][1] for n in breakpoints)
        written, plain = max(0, last - read), through[-1] - max(last, read)
        if reply.sent is not None:
            read, written, plain = 0, 0, reply.sent
        out = tokens_of(content) if reply.written is None else min(reply.written, body["max_tokens"])
        return {
            "input_tokens": plain,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": min(out, body["max_tokens"]),
            "service_tier": "standard",
        }


def prefix(body: Json) -> list[tuple[int, str, bool]]:
    """What is sent, in the order of the cache (tools, system, messages): tokens, digest up to there, a breakpoint."""
    system: object = body.get("system")
    form = an_object(body.get("output_config")).get("format")
    parts: list[object] = [body.get("model"), *([form] if form else []), *a_list(body.get("tools"))]
    parts += a_list(system) or [system or ""]
    for message in body["messages"]:
        parts += [{"role": message["role"]} | b for b in a_list(message["content"])] or [message]
    found: list[tuple[int, str, bool]] = []
    digest = hashlib.sha256()
    for part in parts:
        block = an_object(part)
        plain = {k: v for k, v in block.items() if k != "cache_control"} or part
        digest.update(json.dumps(plain, sort_keys=True).encode())
        found.append((tokens_of(plain), digest.hexdigest(), bool(block.get("cache_control"))))
    if body.get("cache_control") and found:
        found[-1] = (*found[-1][:2], True)
    return found
