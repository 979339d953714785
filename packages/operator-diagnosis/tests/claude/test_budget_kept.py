"""The budget holds whatever the model does: tried with a server, and as a property of the decision."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_replies import Answer, Called, Reply, Said, overloaded
from messages_shapes import Asked
from operator_core.ports import Case
from operator_diagnosis.claude import Ended, Limits, Price, Prices, Spent
from operator_diagnosis.claude.budget import Budget, room

if TYPE_CHECKING:
    from conftest import Benches, Script

PRICE = Price.listed("2", "10")


@pytest.mark.looptime(False)
@pytest.mark.parametrize(
    "limits",
    [
        Limits(turns=3),
        Limits(attempts=4),
        Limits(tokens_in=20_000),
        Limits(tokens_out=2_500, answer_tokens=1_200),
        Limits(usd=Decimal("0.05"), answer_tokens=1_200),
        Limits(wall=timedelta(seconds=50)),
    ],
    ids=str,
)
async def test_a_model_that_asks_for_ever_is_stopped_at_each_limit(
    bench: Benches, crash_case: Case, limits: Limits
) -> None:
    async def model(asked: Asked) -> Reply:
        return Reply(blocks=[Said("word " * 300), Called("knock", {"node": str(asked.number)})])

    async with bench(model, limits=limits, looking=timedelta(seconds=8)) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert got.ended is Ended.LIMIT
    assert got.because.startswith("the budget is used up: ")
    assert got.spent.attempts <= limits.attempts
    assert got.spent.turns <= limits.turns
    assert got.spent.tokens_out <= limits.tokens_out
    assert got.spent.sent <= limits.tokens_in
    assert limits.usd is None or (got.spent.usd or 0) <= limits.usd
    assert got.spent.attempts == len(b.server.asked)
    assert sum(b.booked, Spent()).usd == got.spent.usd
    assert got.diagnosis.diagnoser == "rules"
    assert got.diagnosis.summary.startswith("Partial: ")


@pytest.mark.looptime(False)
async def test_the_model_is_asked_to_close_while_there_is_room_for_a_repair(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    async def model(asked: Asked) -> Reply:
        if asked.body["tool_choice"] == {"type": "none"}:
            return script.said()
        return Reply(blocks=[Called("knock", {"node": str(asked.number)})])

    async with bench(model, limits=Limits(turns=5)) as b:
        got = await b.investigator.investigate(crash_case)
    assert b.server.refused == []
    assert (got.ended, got.spent.turns) == (Ended.CLOSED, 4)
    assert "last answer that the budget allows" in b.server.calls[-1].text


@pytest.mark.looptime(False)
async def test_repetitions_are_paid_from_the_same_budget(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Answer:
        return overloaded()

    async with bench(model, limits=Limits(attempts=3)) as b:
        got = await b.investigator.investigate(crash_case)
    assert (got.ended, got.spent.attempts, len(b.server.calls)) == (Ended.LIMIT, 3, 2)


@pytest.mark.looptime(False)
async def test_a_usage_that_is_out_of_all_proportion_ends_the_run(bench: Benches, crash_case: Case) -> None:
    async def model(asked: Asked) -> Reply:
        return Reply(blocks=[Called("knock", {"node": str(asked.number)})], sent=10_000_000, written=100)

    async with bench(model) as b:
        got = await b.investigator.investigate(crash_case)
    assert (got.ended, len(b.server.calls)) == (Ended.LIMIT, 1)


@pytest.mark.looptime(False)
async def test_a_good_object_that_could_not_be_mended_for_want_of_budget_is_given_as_partial(
    bench: Benches, crash_case: Case, script: Script
) -> None:
    false = script.claim("door", "node/2", "is", "silent", *script.ids("door", "node/2")[-1:])

    async def model(asked: Asked) -> Reply:
        return script.said(hypotheses=[script.hypothesis(script.evidence("it refuses", false, script.door))])

    async with bench(model, limits=Limits(turns=1)) as b:
        got = await b.investigator.investigate(crash_case)
    assert (got.ended, got.is_partial, got.diagnosis.diagnoser) == (Ended.LIMIT, True, "claude")
    assert got.diagnosis.summary.startswith("Partial: the budget is used up: its 1 turns are used up.")
    assert len(got.diagnosis.struck) == 1


used = st.builds(
    Spent,
    attempts=st.just(1),
    turns=st.integers(0, 1),
    tokens_in=st.integers(0, 40_000),
    tokens_out=st.integers(0, 20_000),
    cache_read=st.integers(0, 40_000),
    cache_written=st.integers(0, 40_000),
    wall=st.timedeltas(timedelta(0), timedelta(minutes=3)),
)
limits_of = st.builds(
    Limits,
    attempts=st.integers(1, 12),
    turns=st.integers(1, 12),
    tokens_in=st.integers(1, 300_000),
    tokens_out=st.integers(1, 60_000),
    usd=st.none() | st.decimals("0.001", "1", places=3),
    wall=st.timedeltas(timedelta(seconds=1), timedelta(minutes=10)),
    answer_tokens=st.integers(1, 20_000),
)


@settings(max_examples=150, deadline=None)
@given(limits=limits_of, calls=st.lists(st.tuples(st.integers(0, 60_000), used), max_size=20))
def test_no_sequence_of_answers_exceeds_a_limit_by_more_than_the_call_in_flight(
    limits: Limits, calls: list[tuple[int, Spent]]
) -> None:
    budget = Budget(limits, PRICE)
    for sending, cost in calls:
        allowed = budget.room(sending=sending)
        if allowed.is_none:
            assert allowed.because
            continue
        before = budget.spent
        assert before.attempts < limits.attempts
        assert before.turns < limits.turns
        assert before.sent + sending <= limits.tokens_in
        assert before.tokens_out + allowed.answer_tokens <= limits.tokens_out
        assert before.wall < limits.wall
        if limits.usd is not None:
            worst = PRICE.of(Spent(cache_written=sending, tokens_out=allowed.answer_tokens))
            assert (before.usd or Decimal(0)) + worst <= limits.usd
        budget.book(cost)


@settings(max_examples=100, deadline=None)
@given(limits=limits_of, sending=st.integers(0, 60_000))
def test_an_honest_call_never_exceeds_a_limit(limits: Limits, sending: int) -> None:
    budget = Budget(limits, PRICE)
    while not (allowed := budget.room(sending=sending)).is_none:
        budget.book(Spent(attempts=1, turns=1, cache_written=sending, tokens_out=allowed.answer_tokens))
    assert budget.spent.sent <= limits.tokens_in
    assert budget.spent.tokens_out <= limits.tokens_out
    assert limits.usd is None or (budget.spent.usd or Decimal(0)) <= limits.usd


def test_what_is_left_decides_how_long_an_answer_may_be() -> None:
    limits = Limits(tokens_out=10_000, answer_tokens=8_000, usd=Decimal("0.1"))
    assert room(limits, Spent(), None, sending=100).answer_tokens == 8_000
    assert room(limits, Spent(tokens_out=5_000), None, sending=100).answer_tokens == 5_000
    assert room(limits, Spent(tokens_out=9_500), None, sending=100).is_none
    assert room(limits, Spent(usd=Decimal("0.05")), PRICE, sending=10_000).answer_tokens == 2_500
    assert room(limits, Spent(usd=Decimal("0.09")), PRICE, sending=10_000).is_none


def test_tokens_are_priced_by_where_they_went() -> None:
    spent = Spent(tokens_in=1_000_000, tokens_out=1_000_000, cache_read=1_000_000, cache_written=1_000_000)
    assert Price.listed("4", "20").of(spent) == Decimal(4) + Decimal(20) + Decimal("0.4") + Decimal(5)
    assert (Spent(usd=None) + Spent(usd=Decimal(1))).usd is None


def test_a_model_with_a_date_in_its_id_has_the_price_of_the_one_without() -> None:
    prices = Prices().overridden({"mine": PRICE}, as_of=Prices().as_of)
    assert prices.of("claude-opus-5-5-20261001") == prices.of("claude-opus-5-5")
    assert prices.of("mine") == PRICE
    assert prices.of("claude-unheard-of") is None
    assert prices.of("claude-opus-5-5-mini") is None
