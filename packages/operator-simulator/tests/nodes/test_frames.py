"""What nodes and the model say to each other is read as it was written, and nothing else is."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.nodes import frames
from operator_simulator.nodes.frames import BadFrame, Heard, Hello, Peer, Report

HELLO = Hello(kind="store", name="tikv0", life=3, data_address="127.0.0.2:20170", has_data=True)
counts = st.integers(0, (1 << 63) - 1)


def read(line: bytes) -> frames.Frame:
    frame = json.loads(line)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return frame


@given(
    sent=counts, got=counts, top=counts, rtt=st.none() | st.floats(0, 3600), capacity=counts, available=counts,
    peer=st.text(max_size=20),
)  # fmt: skip
def test_a_report_is_read_as_it_was_written(
    sent: int, got: int, top: int, rtt: float | None, capacity: int, available: int, peer: str
) -> None:
    heard = (Heard(peer=peer, life=1, got=got, top=top, rtt_s=rtt),)
    report = Report(sent=sent, heard=heard, capacity_bytes=capacity, available_bytes=available)
    assert frames.to_report(read(frames.report_line(report))) == report


def test_the_others_are_read_as_they_were_written() -> None:
    assert frames.to_hello(read(frames.hello_line(HELLO))) == HELLO
    request = Request.of("POST", "/pd/api/v1/x?a=1&b=", {"host": "x"}, b"\x00\xff{}")
    assert frames.to_request(read(frames.ask_line(4, request))) == request
    answer = Answer(status=503, body=b"no\n\xfe", content_type="text/plain")
    assert frames.to_answer(read(frames.answer_line(4, answer))) == answer
    peers = {"pd0": Peer(address="10.0.0.1:20170", life=5)}
    assert frames.to_peers(read(frames.peers_line(peers))) == peers


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"t": "report"}, "a hello is meant"),
        ({"version": 2}, "speaks version 2, the model version 1"),
        ({"name": 4}, "name of 'hello' is no text"),
        ({"life": -1}, "life of 'hello' is -1"),
        ({"life": True}, "life of 'hello' is True"),
        ({"data_address": "tikv0:20170"}, "an IPv4 address and a port are meant"),
        ({"data_address": "10.0.0.1:99999"}, "an IPv4 address and a port are meant"),
        ({"data_address": "0.0.0.0:20170"}, "an IPv4 address and a port are meant"),
        ({"has_data": 1}, "neither true nor false"),
        ({"traffic": 1e9}, "0 to 1000 is meant"),
    ],
)
def test_a_hello_that_means_nothing_is_refused_with_its_reason(changed: dict[str, object], why: str) -> None:
    with pytest.raises(BadFrame, match=why):
        frames.to_hello({**read(frames.hello_line(HELLO)), **changed})


async def received(text: bytes) -> frames.Frame | None:
    reader = asyncio.StreamReader(limit=1000)
    reader.feed_data(text)
    reader.feed_eof()
    return await frames.receive(reader)


@pytest.mark.parametrize(
    "text",
    [b"GET / HTTP/1.1\r\n", b"[]\n",
     b"{}\n", b'{"t":1}\n', b'{"t":"report","sent":NaN}\n', b"\xff\n", b"[" * 900 + b"\n",
     b"x" * 5000 + b"\n"],
)  # fmt: skip
async def test_what_is_no_frame_is_refused(text: bytes) -> None:
    with pytest.raises(BadFrame):
        await received(text)


@pytest.mark.parametrize("text", [b"", b'{"t":"rep'])
async def test_a_line_without_its_end_is_a_connection_that_has_ended(text: bytes) -> None:
    assert await received(text) is None


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(values)
def test_no_value_in_a_frame_breaks_its_reader(value: object) -> None:
    part = dict.fromkeys(("id", "heard", "available", "peers", "query", "headers", "status", "body", "method"), value)
    for read_as in (frames.to_report, frames.to_request, frames.to_answer, frames.to_peers, frames.to_hello):
        for kind in ("report", "hello"):
            try:
                read_as({"t": kind, "version": 1, "sent": 1, "capacity": 1, **part})
            except BadFrame:
                continue
