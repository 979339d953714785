"""What nodes and the model say to each other: one JSON object a line, with a version, of a bounded size.

Whatever cannot be read is a :class:`BadFrame` whose text says why: who meets one says so and hangs up.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, NoReturn, cast

from operator_simulator.faces.exchange import Answer, Request

VERSION: Final = 1
MOST_BYTES: Final = 16 << 20
"""Of one line; the page of all regions of the largest cluster has 2 MiB."""
_MOST_PEERS: Final = 64
_MOST_TEXT: Final = 4096
_MOST: Final = 1 << 63
Frame = Mapping[str, object]


class BadFrame(Exception):
    """What the other side said cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """How a node introduces itself.

    Attributes:
        kind: ``pd``, ``store`` or ``load``.
        life: a number that no other run of this node has.
        data_address: where its beats are received, ``host:port``.
        has_data: its data directory has been in use before.
        traffic: what a load generator asks for, as a multiple of the usual load.
    """

    kind: str
    name: str
    life: int
    data_address: str = ""
    has_data: bool = False
    traffic: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another node: where its beats are received, and which life of it is meant."""

    address: str
    life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a node has heard of one life of a peer.

    Attributes:
        got: how many of its beats arrived.
        top: the number of the latest of them.
        rtt_s: a quarter of the round trips of the last seconds took no longer; None when there were too few.
    """

    peer: str
    life: int
    got: int
    top: int
    rtt_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A node's sign of life, and what it measured.

    Attributes:
        sent: how many beats it has sent to every peer.
    """

    sent: int
    heard: tuple[Heard, ...]
    capacity_bytes: int
    available_bytes: int


def line(kind: str, /, **fields: object) -> bytes:
    """One frame as it is sent."""
    return json.dumps({"t": kind, **fields}, separators=(",", ":")).encode() + b"\n"


async def receive(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None when the other side has hung up.

    Raises:
        BadFrame: it is none, or longer than the reader's limit.
    """
    try:
        got = await reader.readline()
    except ValueError as e:
        raise BadFrame("a line is too long") from e
    if not got.endswith(b"\n"):
        return None
    try:
        found: object = json.loads(got, parse_constant=_no_number)
    except (ValueError, RecursionError) as e:
        raise BadFrame(f"a line is no JSON: {got[:60]!r}") from e
    if not isinstance(found, dict) or not isinstance(cast("Frame", found).get("t"), str):
        raise BadFrame(f"a line is no frame: {got[:60]!r}")
    return cast("Frame", found)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def kind_of(frame: Frame) -> str:
    """What a frame is."""
    return cast("str", frame["t"])


def text(frame: Frame, key: str) -> str:
    """A field that is text."""
    found = frame.get(key)
    if not isinstance(found, str) or len(found) > _MOST_TEXT:
        raise BadFrame(f"{key} of {kind_of(frame)!r} is no text of at most {_MOST_TEXT} characters")
    return found


def whole(frame: Frame, key: str) -> int:
    """A field that is a count."""
    found = frame.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < _MOST:
        raise BadFrame(f"{key} of {kind_of(frame)!r} is {str(found)[:40]}; a whole number from 0 on is meant")
    return found


def number(frame: Frame, key: str, most: float) -> float:
    """A field that is a number from 0 to `most`."""
    found = frame.get(key)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= most:
        raise BadFrame(f"{key} of {kind_of(frame)!r} is {str(found)[:40]}; 0 to {most:g} is meant")
    return float(found)


def truth(frame: Frame, key: str) -> bool:
    """A field that is true or false."""
    found = frame.get(key)
    if not isinstance(found, bool):
        raise BadFrame(f"{key} of {kind_of(frame)!r} is neither true nor false")
    return found


def _address(frame: Frame, key: str) -> str:
    """Of numbers alone, because a name would have to be looked up at every beat; or nothing."""
    found = text(frame, key)
    host, _, port = found.rpartition(":")
    try:
        is_one = not IPv4Address(host).is_unspecified and 0 < int(port) < 1 << 16
    except ValueError:
        is_one = False
    if found and not is_one:
        raise BadFrame(f"{key} of {kind_of(frame)!r} is {found[:60]!r}; an IPv4 address and a port are meant")
    return found


def _part(frame: Frame, found: object) -> Frame:
    if not isinstance(found, dict):
        raise BadFrame(f"a part of {kind_of(frame)!r} is no object")
    return {**cast("Frame", found), "t": kind_of(frame)}


def hello_line(hello: Hello) -> bytes:
    """What :func:`to_hello` reads."""
    return line(
        "hello", version=VERSION, kind=hello.kind, name=hello.name, life=hello.life, data_address=hello.data_address,
        has_data=hello.has_data, traffic=hello.traffic,
    )  # fmt: skip


def to_hello(frame: Frame) -> Hello:
    """The first frame of a connection; the versions must be the same."""
    if kind_of(frame) != "hello":
        raise BadFrame(f"a hello is meant, not {kind_of(frame)[:20]!r}")
    if frame.get("version") != VERSION:
        raise BadFrame(f"the node speaks version {str(frame.get('version'))[:20]}, the model version {VERSION}")
    return Hello(
        kind=text(frame, "kind"), name=text(frame, "name"), life=whole(frame, "life"),
        data_address=_address(frame, "data_address"), has_data=truth(frame, "has_data"),
        traffic=number(frame, "traffic", 1000),
    )  # fmt: skip


def peers_line(peers: Mapping[str, Peer]) -> bytes:
    """What :func:`to_peers` reads."""
    return line("peers", peers={name: {"address": p.address, "life": p.life} for name, p in peers.items()})


def to_peers(frame: Frame) -> dict[str, Peer]:
    """The other nodes by name."""
    found = _part(frame, frame.get("peers"))
    parts = {name: _part(frame, part) for name, part in found.items() if name != "t"}
    return {name: Peer(address=_address(part, "address"), life=whole(part, "life")) for name, part in parts.items()}


def report_line(report: Report) -> bytes:
    """What :func:`to_report` reads."""
    heard = [[h.peer, h.life, h.got, h.top, h.rtt_s] for h in report.heard]
    volume = {"capacity": report.capacity_bytes, "available": report.available_bytes}
    return line("report", sent=report.sent, heard=heard, **volume)


def to_report(frame: Frame) -> Report:
    """What a node measured."""
    rows = frame.get("heard")
    if not isinstance(rows, list) or len(cast("list[object]", rows)) > _MOST_PEERS:
        raise BadFrame(f"heard of 'report' is no list of at most {_MOST_PEERS}")
    return Report(
        sent=whole(frame, "sent"),
        heard=tuple(_heard(row) for row in cast("list[object]", rows)),
        capacity_bytes=whole(frame, "capacity"),
        available_bytes=whole(frame, "available"),
    )


def _heard(row: object) -> Heard:
    if not isinstance(row, list) or len(cast("list[object]", row)) != 5:
        raise BadFrame("a row of heard has not five values")
    keys = ("peer", "life", "got", "top", "rtt_s")
    part: Frame = {"t": "report", **dict(zip(keys, cast("list[object]", row), strict=True))}
    rtt = None if part["rtt_s"] is None else number(part, "rtt_s", 3600)
    return Heard(peer=text(part, "peer"), life=whole(part, "life"), got=whole(part, "got"), top=whole(part, "top"),
                 rtt_s=rtt)  # fmt: skip


def ask_line(ident: int, request: Request) -> bytes:
    """What :func:`to_request` reads; the number is the answer's too."""
    return line(
        "ask", id=ident, method=request.method, path=request.path, query=request.query,
        headers=dict(request.headers), body=base64.b64encode(request.body).decode(),
    )  # fmt: skip


def to_request(frame: Frame) -> Request:
    """A request that came to a node."""
    query, headers = frame.get("query"), frame.get("headers")
    if not isinstance(query, list) or not isinstance(headers, dict):
        raise BadFrame("the query or the headers of 'ask' are of no use")
    pairs = [cast("list[object]", p) if isinstance(p, list) else [] for p in cast("list[object]", query)]
    named = cast("dict[str, object]", headers)
    if any(len(p) != 2 or not all(isinstance(v, str) for v in p) for p in pairs):
        raise BadFrame("the query of 'ask' is no list of pairs")
    if not all(isinstance(v, str) for v in named.values()):
        raise BadFrame("a header of 'ask' is no text")
    path = frame.get("path")
    if not isinstance(path, str):
        raise BadFrame("the path of 'ask' is no text")
    return Request(
        method=text(frame, "method"), path=path, query=tuple((str(k), str(v)) for k, v in pairs),
        headers={k: str(v) for k, v in named.items()}, body=_bytes(frame, "body"),
    )  # fmt: skip


def answer_line(ident: int, answer: Answer) -> bytes:
    """What :func:`to_answer` reads."""
    body = base64.b64encode(answer.body).decode()
    return line("answer", id=ident, status=answer.status, type=answer.content_type, body=body)


def to_answer(frame: Frame) -> Answer:
    """The model's answer for a node."""
    kind = None if frame.get("type") is None else text(frame, "type")
    return Answer(status=whole(frame, "status"), content_type=kind, body=_bytes(frame, "body"))


def _bytes(frame: Frame, key: str) -> bytes:
    found = frame.get(key)
    if not isinstance(found, str):
        raise BadFrame(f"{key} of {kind_of(frame)!r} is no text")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError) as e:
        raise BadFrame(f"{key} of {kind_of(frame)!r} is no base64") from e
