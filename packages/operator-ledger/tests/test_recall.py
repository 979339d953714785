"""Observations come back whichever way they are asked for, wherever they stand."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from operator_core.claims import Interval
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation, ReadingId
from operator_core.record import ObservationKept
from operator_ledger import MemoryLedger, SqlLedger

NORTH = ClusterName("north")
At = Callable[[float], datetime]
Look = Callable[..., Observation]


async def keep(ledger: Ledger, looks: list[Observation], at_once: int, at: datetime) -> None:
    for start in range(0, len(looks), at_once):
        entries = [ObservationKept(observation=o) for o in looks[start : start + at_once]]
        await ledger.append(NORTH, entries, at=at)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("order", ["as they were made", "late ones among them", "any"])
async def test_every_ledger_gives_the_same_to_the_same_question(
    stored: SqlLedger, t: At, observation: Look, order: str
) -> None:
    chance = random.Random(order)
    looks = [observation(n, at=7 * n, value=n / 3) for n in range(1, 331)]
    if order == "late ones among them":
        late = looks[100:110]
        looks = [*looks[:100], *looks[110:230], *late, *looks[230:]]
    elif order == "any":
        chance.shuffle(looks)
    memory = MemoryLedger()
    for ledger in (stored, memory):
        await keep(ledger, looks, 25, t(0))
    assert (await stored.verify()).holds
    for _ in range(60):
        start, length = chance.randrange(-100, 2500), chance.randrange(0, 900)
        span = chance.choice([None, Interval(start=t(start), end=t(start + length))])
        newest = chance.choice([None, 0, 1, 3, 39, 40, 41, 100, 999])
        asked = span, newest
        expected = await memory.observations(NORTH, span=span, newest=newest)
        assert await stored.observations(NORTH, span=span, newest=newest) == expected, asked
        ids = [ReadingId(f"o{chance.randrange(0, 340)}.{chance.randrange(1, 4)}") for _ in range(5)]
        assert await stored.readings(NORTH, ids) == await memory.readings(NORTH, ids), ids
    assert (await stored.standpoint(NORTH)).last_number == (await memory.standpoint(NORTH)).last_number == 330


async def test_an_observation_in_a_segment_is_known_again_and_another_of_its_number_refused(
    stored: SqlLedger, t: At, observation: Look
) -> None:
    looks = [observation(n, at=n, value=float("nan") if n % 2 else -0.0) for n in range(1, 90)]
    await keep(stored, looks, 89, t(0))
    head = await stored.head(NORTH)
    await keep(stored, looks, 30, t(1))
    assert await stored.head(NORTH) == head
    assert len(await stored.observations(NORTH)) == 89
    others = [
        replace(looks[4], at=looks[4].at + timedelta(microseconds=1)),
        replace(looks[4], unseens=()),
        replace(looks[5], readings=tuple(replace(r, value=0.0) for r in looks[5].readings)),
        replace(looks[88], components=looks[88].components[:1]),
    ]
    for other in others:
        with pytest.raises(Exception, match=f"another observation {other.number} of cluster 'north' is kept already"):
            await keep(stored, [other], 1, t(2))
    assert (await stored.verify()).holds


async def test_a_number_given_as_a_whole_one_comes_back_as_any_other(
    stored: SqlLedger, t: At, observation: Look
) -> None:
    await keep(stored, [observation(n, at=n, value=n) for n in range(1, 45)], 44, t(0))
    values = [o.readings[0].value for o in await stored.observations(NORTH)]
    assert values == [float(n) for n in range(1, 45)]
    assert {type(v) for v in values} == {float}
