"""What can go wrong on the way to the model, and whether it is worth trying again. Pure decisions on plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

TRIES = 4
"""How often one request is sent at most."""

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
"""A server that asks for more patience than this is not waited for."""


class FailureKind(Enum):
    """What a failed request means for what to do next."""

    THROTTLED = "throttled"
    """429: too many requests or tokens a minute; the server says when to come back."""
    OVERLOADED = "overloaded"
    """529."""
    BROKEN = "broken"
    """Any other failure of the server, 5xx, and its own time-outs and conflicts (408, 409)."""
    CUT = "cut"
    """The connection was lost, or was never made."""
    SILENT = "silent"
    """Nothing came in time."""
    GARBLED = "garbled"
    """What came is not the Messages API."""
    KEY = "key"
    """401: the key is not valid."""
    FORBIDDEN = "forbidden"
    """402 or 403: the key may not do this, or nobody pays for it."""
    UNKNOWN = "unknown"
    """404: no such model, or not for this key."""
    TOO_LONG = "too long"
    """The request is larger than the model, or the API, takes."""
    REJECTED = "rejected"
    """400 and the like: the request itself is not accepted."""

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self in _MAY_PASS

    @property
    def needs_a_person(self) -> bool:
        """Whether no request will succeed before a person has changed something."""
        return self in _NEEDS_A_PERSON


_MAY_PASS = frozenset(
    {
        FailureKind.THROTTLED,
        FailureKind.OVERLOADED,
        FailureKind.BROKEN,
        FailureKind.CUT,
        FailureKind.SILENT,
        FailureKind.GARBLED,
    }
)
_NEEDS_A_PERSON = frozenset({FailureKind.KEY, FailureKind.FORBIDDEN, FailureKind.UNKNOWN, FailureKind.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request that brought no message.

    Attributes:
        status: of HTTP; None where there was no answer.
        said: the API's own words, cleaned, for a person; never for the model.
        retry_after: how long the server asks to wait.
    """

    kind: FailureKind
    status: int | None = None
    said: str = ""
    retry_after: timedelta | None = None

    def __str__(self) -> str:
        """One line for a person."""
        head = _SAYS[self.kind] if self.status is None else f"{_SAYS[self.kind]} ({self.status})"
        return f"{head}: {self.said}" if self.said else head


_SAYS = {
    FailureKind.THROTTLED: "the API limits the rate of requests",
    FailureKind.OVERLOADED: "the API is overloaded",
    FailureKind.BROKEN: "the API failed",
    FailureKind.CUT: "the connection to the API was lost",
    FailureKind.SILENT: "the API did not answer in time",
    FailureKind.GARBLED: "what answered does not speak the Messages API",
    FailureKind.KEY: "the API key is not valid",
    FailureKind.FORBIDDEN: "the API key may not do this",
    FailureKind.UNKNOWN: "there is no such model for this key",
    FailureKind.TOO_LONG: "the request is larger than the model takes",
    FailureKind.REJECTED: "the API does not accept the request",
}

_BY_TYPE = {
    "rate_limit_error": FailureKind.THROTTLED,
    "overloaded_error": FailureKind.OVERLOADED,
    "api_error": FailureKind.BROKEN,
    "timeout_error": FailureKind.BROKEN,
    "authentication_error": FailureKind.KEY,
    "billing_error": FailureKind.FORBIDDEN,
    "permission_error": FailureKind.FORBIDDEN,
    "not_found_error": FailureKind.UNKNOWN,
    "request_too_large": FailureKind.TOO_LONG,
    "invalid_request_error": FailureKind.REJECTED,
}
_BY_STATUS = {
    401: FailureKind.KEY,
    402: FailureKind.FORBIDDEN,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.UNKNOWN,
    408: FailureKind.BROKEN,
    409: FailureKind.BROKEN,
    413: FailureKind.TOO_LONG,
    429: FailureKind.THROTTLED,
    529: FailureKind.OVERLOADED,
}


def kind_of(status: int, error_type: str | None, said: str) -> FailureKind:
    """What an error answer means.

    Args:
        status: of HTTP; below 400 for an error that came as an event within a stream, where the type decides.
        error_type: `error.type` of the body, where there is one.
        said: `error.message` of the body; the API has no type of its own for a prompt that is too long.
    """
    if status == 400 and "prompt is too long" in said.lower():
        return FailureKind.TOO_LONG
    if status >= 400:
        return _BY_STATUS.get(status, FailureKind.BROKEN if status >= 500 else FailureKind.REJECTED)
    return _BY_TYPE.get(error_type or "", FailureKind.BROKEN)


def pause(failure: Failure, *, tried: int, left: timedelta) -> timedelta | None:
    """How long to wait before the same request is sent again; None when it is not to be sent again.

    Args:
        tried: how often it was sent already, at least 1.
        left: the time that the investigation has left.
    """
    if not failure.kind.may_pass or tried >= TRIES:
        return None
    wait = failure.retry_after if failure.retry_after is not None else FIRST_PAUSE * 2 ** (tried - 1)
    wait = max(wait, timedelta(0))
    return None if wait > LONGEST_PAUSE or wait >= left else wait
