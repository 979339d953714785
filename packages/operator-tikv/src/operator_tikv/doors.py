"""The doors of TiKV and PD: what is said there, and what must come back.

A fresh connection tells more than a request on a kept one: refused, never completed, and accepted but silent are
three different failures, and the last two look alike to an HTTP client that has a connection already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from operator_core.ports import Dialer
from operator_core.readings import Contact

from operator_tikv.formats import split_address

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""Length 0, type 4 (SETTINGS), no flags, stream 0 (RFC 9113, 4.1 and 6.5)."""

_SETTINGS_TYPE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One knock: how the contact went and, when it went badly, in a few words why."""

    contact: Contact
    detail: str = ""


def http_hello(path: str, address: str) -> bytes:
    """A plain HTTP/1.1 GET that asks for the connection to be closed."""
    return f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()


def is_http(answer: bytes) -> bool:
    """Whether it begins as an HTTP/1 answer does."""
    return answer.startswith(b"HTTP/1.")


def is_http2(answer: bytes) -> bool:
    """Whether it begins with an HTTP/2 SETTINGS frame, as every HTTP/2 server's first words do."""
    return len(answer) >= 4 and answer[3] == _SETTINGS_TYPE


async def _knock(dialer: Dialer, address: str, hello: bytes, *, within: timedelta, http2: bool) -> Knock:
    try:
        host, port = split_address(address)
    except ValueError as e:
        return Knock(contact=Contact.UNANSWERED, detail=str(e))
    contact, answer = await dialer.dial(host, port, hello, within=within)
    if contact is Contact.ANSWERED and not (is_http2(answer) if http2 else is_http(answer)):
        return Knock(contact=Contact.GARBLED, detail=f"{address} answered {answer[:24]!r}")
    return Knock(contact=contact, detail="" if contact is Contact.ANSWERED else f"{address}: {contact.value}")


async def knock_http(dialer: Dialer, address: str, path: str, *, within: timedelta) -> Knock:
    """Knock at a door behind which HTTP/1.1 is spoken (TiKV's status port, PD's client port)."""
    return await _knock(dialer, address, http_hello(path, address), within=within, http2=False)


async def knock_grpc(dialer: Dialer, address: str, *, within: timedelta) -> Knock:
    """Knock at a door behind which gRPC is spoken (TiKV's service port)."""
    return await _knock(dialer, address, HTTP2_PREFACE + EMPTY_SETTINGS, within=within, http2=True)
