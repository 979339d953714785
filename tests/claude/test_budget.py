"""No sequence of answers makes an investigation cost more than it may, but for the one request in flight."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate
from typing import Literal

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from investigating import Held, investigate
from messages_replies import (
    Answer,
    Block,
    Called,
    Cut,
    Failed,
    Reply,
    Said,
    StopReason,
    Thought,
    broken,
    overloaded,
    throttled,
)
from messages_shapes import Asked, ModelFacts
from operator_core.errors import ConfigurationError
from operator_diagnosis.claude import InvestigationFailed, Limits, Prices, Spent
from scripted_minds import closes, closing, good_closing, in_turn, seen
from toy_incident import NODES

MODEL = "claude-opus-5-5"
FACTS = (ModelFacts(id=MODEL),)
PRICE = Prices().by_model[MODEL]


@dataclass(frozen=True, slots=True)
class Closes:
    """Closes well, with what it has seen."""

    sound: bool

    async def __call__(self, asked: Asked) -> Answer:
        told = good_closing([r for r in seen(asked) if r.id.startswith("o")])
        return closes(told if self.sound else told | {"summary": "It is 99 s."})


def _texts(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(lambda n: "word " * (n // 5))


_CALLS = st.builds(
    Called,
    st.sampled_from(["disk-now", "log-tail", "wipe-node", "look-into-the-record"]),
    st.fixed_dictionaries({"component": st.sampled_from([*(n.key for n in NODES), "node/9", ""])}),
)
_BLOCKS = st.lists(st.builds(Said, _texts(40_000)) | st.builds(Thought, _texts(20_000)) | _CALLS, max_size=12)
_COUNTED = st.none() | st.integers(0, 60_000)
_STOPS: list[StopReason | None] = [
    None,
    None,
    None,
    "pause_turn",
    "max_tokens",
    "end_turn",
    "tool_use",
    "stop_sequence",
]
_ENDS: list[Literal["cut", "end", "error"]] = ["cut", "end", "error"]
_REPLIES = st.builds(
    Reply,
    blocks=_BLOCKS,
    stop=st.sampled_from(_STOPS),
    written=_COUNTED,
    after=st.none() | st.none() | st.integers(0, 30),
    then=st.sampled_from(_ENDS),
    breaks_schema=st.just(True),
)
_FAILURES = st.sampled_from([overloaded(), throttled(retry_after=1), broken(500), Cut(), broken(529)])
_CLOSINGS = st.sampled_from([Closes(sound=True), Closes(sound=False), closes(closing(), breaks_schema=True)])
ANSWERS = st.lists(_REPLIES | _FAILURES | _CLOSINGS, min_size=1, max_size=12)
# one limit is tight at a time, or every short example would end before its first request
LIMITS = st.builds(Limits, attempts=st.integers(2, 20), usd=st.just(Decimal(20))).flatmap(
    lambda wide: st.one_of(
        st.builds(replace, st.just(wide), turns=st.integers(1, 6)),
        st.builds(replace, st.just(wide), tokens_in=st.integers(8_000, 90_000)),
        st.builds(replace, st.just(wide), tokens_out=st.integers(1_000, 30_000)),
        st.builds(replace, st.just(wide), usd=st.integers(40, 600).map(lambda n: Decimal(n) / 1000)),
        st.builds(replace, st.just(wide), answer_tokens=st.integers(1, 4_000)),
        st.builds(
            Limits,
            attempts=st.integers(0, 4),
            turns=st.integers(0, 4),
            tokens_in=st.integers(0, 30_000),
            tokens_out=st.integers(0, 5_000),
            usd=st.integers(0, 100).map(lambda n: Decimal(n) / 1000),
        ),
    )
)


def hold(answers: list[Answer | Closes], limits: Limits) -> tuple[Held, Spent]:
    """Hold one with these answers, whatever comes of it, and give what was spent."""
    held: list[Held] = []

    async def run() -> Spent:
        try:
            return (
                await investigate(in_turn(*answers), limits=limits, model=MODEL, facts=FACTS, held=held)
            ).result.spent
        except InvestigationFailed as e:
            return e.spent

    from_result = asyncio.run(run())
    return held[0], from_result


def truly_used(held: Held) -> list[Spent]:
    """What the server has counted for each message that it began to send."""
    return [
        Spent(
            turns=1,
            tokens_in=m["usage"]["input_tokens"],
            cache_read=m["usage"]["cache_read_input_tokens"],
            cache_written=m["usage"]["cache_creation_input_tokens"],
            tokens_out=m["usage"]["output_tokens"],
        )
        for m in held.server.replied
    ]


def asserted_within(held: Held, spent: Spent, limits: Limits) -> None:
    assert held.server.refused == []
    assert len(held.server.asked) == spent.attempts <= limits.attempts
    used = truly_used(held)
    assert spent.turns <= limits.turns
    through = list(accumulate(used, initial=Spent()))
    before_last = through[-2] if used else Spent()
    assert before_last.sent <= limits.tokens_in
    assert before_last.tokens_out <= limits.tokens_out
    assert limits.usd is not None
    assert PRICE.of(before_last) <= limits.usd
    for call in held.server.calls:
        assert call.body["max_tokens"] <= limits.answer_tokens


def asserted_exact(held: Held, spent: Spent, limits: Limits) -> None:
    """When every message came whole, nothing is exceeded at all, and what is booked is what was used."""
    used = sum(truly_used(held), Spent())
    assert (spent.sent, spent.tokens_out) == (used.sent, used.tokens_out)
    assert used.tokens_out <= limits.tokens_out
    assert limits.usd is not None
    assert PRICE.of(used) <= limits.usd
    assert spent.usd == PRICE.of(used)
    assert sum(held.booked, Spent()).usd == spent.usd


def _are_whole(answers: list[Answer | Closes]) -> bool:
    return not any(isinstance(a, Cut) or (isinstance(a, Reply) and a.after is not None) for a in answers)


@pytest.mark.sampled(0)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers=ANSWERS, limits=LIMITS)
def test_no_answers_make_it_cost_more_than_it_may(answers: list[Answer | Closes], limits: Limits) -> None:
    held, spent = hold(answers, limits)
    event(f"{len(held.server.calls)} requests, {held.investigated.ended.value if held.investigated else 'failed'}")
    asserted_within(held, spent, limits)
    if _are_whole(answers):
        asserted_exact(held, spent, limits)


@pytest.mark.sampled(0)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers=ANSWERS, limits=LIMITS)
def test_no_answers_make_it_cost_more_than_it_may_tried_often(answers: list[Answer | Closes], limits: Limits) -> None:
    held, spent = hold(answers, limits)
    event(f"{len(held.server.calls)} requests, {held.investigated.ended.value if held.investigated else 'failed'}")
    asserted_within(held, spent, limits)
    if _are_whole(answers):
        asserted_exact(held, spent, limits)


GREEDY = Reply(blocks=(Thought("word " * 2000), Called("disk-now", {"component": "node/1"})), written=10**9)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(attempts=4),
        Limits(turns=2),
        Limits(tokens_in=12_000),
        Limits(tokens_out=20_000),
        Limits(usd=Decimal("0.2")),
    ],
)
def test_the_budget_stops_a_model_that_would_go_on(limits: Limits) -> None:
    """The other side: without its limit each of these would have gone on, and each is used before it stops."""
    held, spent = hold([GREEDY], limits)
    asserted_within(held, spent, limits)
    assert 1 <= len(held.server.calls) <= 5
    assert held.result.is_partial
    assert "used up" in held.result.because or "repeated" in held.result.because


def test_a_failure_counts_as_an_attempt() -> None:
    held, spent = hold([Failed(status=500, type="api_error")], Limits(attempts=3))
    assert (len(held.server.asked), spent.attempts, spent.turns, spent.usd) == (3, 3, 0, Decimal(0))


def test_a_model_without_a_price_is_not_asked_when_money_is_limited() -> None:
    blocks: list[Block] = [Said("{}")]
    with pytest.raises(ConfigurationError, match="no price is known"):
        asyncio.run(investigate(Reply(blocks=blocks), prices=Prices(by_model={})))
