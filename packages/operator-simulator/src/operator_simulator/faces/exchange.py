"""One request and what becomes of it. Pure: whoever carries answers over a wire does the waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, urlsplit

from operator_simulator.faces.values import go_json

JSON = "application/json; charset=UTF-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """From the first line's target, with its query."""
        parts = urlsplit(target)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method=method, path=parts.path, query=query, headers=headers, body=body)

    def first(self, name: str) -> str | None:
        return next((v for k, v in self.query if k == name), None)

    def every(self, name: str) -> tuple[str, ...]:
        return tuple(v for k, v in self.query if k == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response; it is ready `after_s` seconds of cluster time after the request."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    after_s: float = 0.0

    @classmethod
    def json(cls, value: object, status: int = 200) -> Answer:
        """Indented JSON and a newline, as PD's ordinary handlers write it."""
        return cls(status=status, body=go_json(value, indent=True) + b"\n", content_type=JSON)

    @classmethod
    def easyjson(cls, value: object) -> Answer:
        """Compact JSON of the region handlers, which call it an octet stream."""
        return cls(status=200, body=go_json(value, indent=False), content_type="application/octet-stream")

    @classmethod
    def text(cls, text: str, status: int = 200) -> Answer:
        return cls(status=status, body=text.encode(), content_type=TEXT)

    @classmethod
    def error(cls, text: str, status: int) -> Answer:
        """Go's http.Error: text and a newline."""
        return cls(status=status, body=f"{text}\n".encode(), content_type=TEXT)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing yet: ask again after that many seconds of cluster time; things may have changed by then."""

    seconds: float


class Broken(Enum):
    """No answer will come."""

    SILENCE = "silence"
    RESET = "reset"


Outcome = Answer | Later | Broken


class Door(Enum):
    """What a knock at a port meets."""

    OPEN = "open"
    REFUSES = "refuses"
    MUTE = "mute"
    """The kernel accepts, nobody answers."""
    UNANSWERED = "unanswered"
    """Packets vanish."""
