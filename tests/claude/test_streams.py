"""A stream that breaks after any of its events is as if it had never been: it is paid for, and asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
from investigating import Held, investigate
from messages_replies import Answer, Block, Called, Idents, Reply, Said, Thought, contents, events
from messages_shapes import Asked
from operator_diagnosis.claude import Ended
from scripted_minds import closes, good_closing, in_turn, seen
from toy_incident import SICK

CALLS: Sequence[Block] = (
    Thought("Let me see what it says now."),
    Said("I look at both."),
    Called("disk-now", {"component": "node/2"}),
    Called("disk-now", {"component": "node/1"}),
)
PIECE = 12


def count_of(blocks: Sequence[Block], piece: int) -> int:
    message = {"content": contents(blocks, Idents()), "usage": dict.fromkeys(_USAGE, 0), **dict.fromkeys(_STOPS)}
    return len(list(events(message, [None] * len(blocks), piece=piece)))


_USAGE = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_STOPS = ("stop_reason", "stop_sequence", "stop_details")
EVENTS = count_of(CALLS, PIECE)


async def closes_well(asked: Asked) -> Answer:
    readings = [r for r in seen(asked) if r.id.startswith("o")]
    return closes(good_closing(readings))


def asserted_whole(held: Held) -> None:
    assert (held.server.refused, held.server.misfits) == ([], [])
    assert held.result.ended is Ended.CLOSED
    assert held.diagnosis.first.components == (SICK,)
    assert sum(s.attempts for s in held.booked) == len(held.server.asked)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("then", ["cut", "end", "error"])
async def test_calls_that_are_cut_after_any_event_are_asked_for_again_and_put_once(
    then: Literal["cut", "end", "error"],
) -> None:
    for after in range(EVENTS):
        broken = Reply(blocks=CALLS, after=after, then=then)
        held = await investigate(in_turn(broken, Reply(blocks=CALLS), closes_well), piece=PIECE)
        asserted_whole(held)
        assert len(held.server.calls) == 3
        assert [line for line in held.told if line.startswith("reading")] == [
            "reading disk-now of component node/2 …",
            "reading disk-now of component node/1 …",
        ]
        assert held.server.calls[1].messages == held.server.calls[0].messages


@pytest.mark.sampled(1)
@pytest.mark.parametrize("then", ["cut", "end", "error"])
async def test_a_closing_object_that_is_cut_after_any_event_is_no_closing(
    then: Literal["cut", "end", "error"],
) -> None:
    whole = (await investigate(closes_well)).server.replied[-1]["content"]
    last = count_of([Thought(whole[0]["thinking"]), Said(whole[1]["text"])], 300)
    for first in range(0, last, 2):

        async def cut_twice(asked: Asked, first: int = first) -> Answer:
            reply = await closes_well(asked)
            assert isinstance(reply, Reply)
            return replace(reply, after=min(first + asked.number, last - 1), then=then) if asked.number < 2 else reply

        held = await investigate(cut_twice, piece=300)
        asserted_whole(held)
        assert len(held.server.calls) == 3


async def test_what_a_broken_stream_has_written_is_paid_for() -> None:
    broken = Reply(blocks=(Said("x" * 7000),), after=10, breaks_schema=True)
    held = await investigate(in_turn(broken, closes_well), piece=700)
    asserted_whole(held)
    lost = held.booked[1]
    assert lost.tokens_out >= 1000
    assert lost.sent > 1000
    assert lost.usd is not None
    assert lost.usd > 0
