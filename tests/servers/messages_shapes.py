"""What a scripted model is given, and what the API tells of a model (``anthropic.types.model_info``, SDK 2.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messages_replies import Json, a_list, an_object

_UNSUPPORTED = ("enabled", "disabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What ``GET /v1/models/{id}`` tells; instants in RFC 3339."""

    id: str = "claude-sonnet-5-5"
    lifecycle: str = "active"
    deprecated_at: str | None = None
    retires_at: str | None = None
    max_input_tokens: int | None = 1_000_000
    max_tokens: int | None = 128_000

    def told(self) -> Json:
        yes, no = {"supported": True}, {"supported": False}
        thinking = dict.fromkeys(("adaptive", "between_tools"), yes) | dict.fromkeys(_UNSUPPORTED, no)
        plain = ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs")
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.id,
            "created_at": "2026-10-01T00:00:00Z",
            "line": None,
            "lifecycle": self.lifecycle,
            "deprecated_at": self.deprecated_at,
            "retires_at": self.retires_at,
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": dict.fromkeys(plain, yes)
            | {
                "context_management": yes,
                "effort": yes | dict.fromkeys(("low", "medium", "high", "xhigh", "max"), yes),
                "server_tools": yes | {"web_search": yes, "code_execution": yes},
                "thinking": yes | {"types": thinking},
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came in; `number` counts those to the same path from 0."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json
    raw: bytes
    number: int

    @property
    def messages(self) -> list[Json]:
        return self.body["messages"]

    @property
    def tools(self) -> list[Json]:
        return self.body.get("tools") or []

    @property
    def schema(self) -> Json | None:
        """Of the closing text."""
        return an_object(an_object(self.body.get("output_config")).get("format")).get("schema")

    @property
    def text(self) -> str:
        """All that is told to the model, as one text: system, messages and results, without the keys around them."""
        return "\n".join(_texts([self.body.get("system"), self.body["messages"]]))

    @property
    def results(self) -> list[Json]:
        """The results of tools in the last message."""
        return [b for b in a_list(self.messages[-1]["content"]) if b.get("type") == "tool_result"]


def _texts(part: object) -> list[str]:
    """The texts in blocks and messages, in order; of a call its arguments, of a result its content."""
    if isinstance(part, str):
        return [part]
    told = an_object(part)
    keys = ("text", "thinking", "content", "input") if "type" in told or "role" in told else tuple(told)
    inside: list[object] = [told[key] for key in keys if key in told] or a_list(part)
    return [text for one in inside for text in _texts(one)]
