"""A response in the words of HTTP/1.1."""

from __future__ import annotations

from http import HTTPStatus

from operator_simulator.faces.exchange import Answer


def reason(status: int) -> str:
    """The standard's phrase for a status."""
    return HTTPStatus(status).phrase


def headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, length first."""
    found = [(b"content-length", str(len(answer.body)).encode())]
    if answer.content_type is not None:
        found.append((b"content-type", answer.content_type.encode()))
    return found


def render(answer: Answer) -> bytes:
    """Status line, headers and body."""
    lines = [f"HTTP/1.1 {answer.status} {reason(answer.status)}".encode()]
    lines += (k + b": " + v for k, v in headers(answer))
    return b"\r\n".join((*lines, b"", answer.body))
