"""What a subject may say that is no answer: it spoils that one question, never the look, and never our memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from operator_core.errors import SubjectNonsense
from operator_core.readings import Contact
from operator_core.runtime import RealClock
from operator_tikv.dialer import AsyncioDialer
from operator_tikv.formats import parse_size
from operator_tikv.http import BODY_AT_MOST, Http
from operator_tikv.pd.wire import reading, to_stores

WITHIN = timedelta(seconds=5)


class Endless(httpx.AsyncByteStream):
    """A body that never ends."""

    def __init__(self) -> None:
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        piece = b" " * (1 << 20)
        while True:
            self.given += len(piece)
            yield piece


@pytest.mark.parametrize("host", ["a\x00b", "tikv\x1b[31m", "x" * 300, "..", "\ud800"])
async def test_a_host_that_no_resolver_takes_is_an_unanswered_door(host: str) -> None:
    contact, answer = await AsyncioDialer(RealClock()).dial(host, 20160, b"", within=WITHIN)
    assert (contact, answer) == (Contact.UNANSWERED, b"")


async def test_a_body_without_end_is_cut_off_and_called_nonsense() -> None:
    body = Endless()
    http = Http(RealClock(), transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=body)))
    with pytest.raises(SubjectNonsense, match="64 MiB"):
        await http.get("http://pd0:2379/pd/api/v1/stores", within=WITHIN)
    assert body.given <= BODY_AT_MOST + (2 << 20)
    await http.close()


async def test_a_large_body_is_taken_whole_and_nothing_compressed_is_asked_for() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"x" * (8 << 20))

    http = Http(RealClock(), transport=httpx.MockTransport(answer))
    got = await http.get("http://tikv0:20180/metrics", within=WITHIN)
    assert len(got.body) == 8 << 20
    assert asked[0].headers["accept-encoding"] == "identity"
    await http.close()


def test_a_size_that_no_disk_has_is_no_size() -> None:
    assert parse_size("16EiB") == 1 << 64
    with pytest.raises(ValueError, match="any disk"):
        parse_size("9" * 400 + "GiB")


@pytest.mark.parametrize(
    ("store", "status"),
    [
        ({"start_timestamp": 10**30}, {}),
        ({}, {"capacity": "9" * 400 + "GiB"}),
        ({}, {"leader_count": 1e400}),
    ],
)
def test_a_number_that_nothing_can_have_is_nonsense(store: dict[str, int], status: dict[str, object]) -> None:
    wire = {"id": 1, "address": "tikv0:20160", "state_name": "Up", **store}
    body = {"count": 1, "stores": [{"store": wire, "status": status}]}
    with pytest.raises(SubjectNonsense):
        reading("GET /stores", to_stores)(json.dumps(body).encode())
