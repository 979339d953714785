"""Monitors that are killed at any moment lose nothing that was acknowledged, and others go on from there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger
from torture.busy import CLUSTERS
from torture.checks import check_all
from torture.children import Child, running, what_was_said
from torture.recorder import Acknowledged

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FULL = [pytest.param(seed, 50, marks=pytest.mark.slow, id=f"seed {seed}, 50 kills") for seed in (11, 12, 13, 14)]


async def moment(chance: random.Random, child: Child) -> None:
    """Wait for a random moment of its life: now and then before it has found its ledger, else among its appends."""
    if chance.random() < 0.125:
        await RealClock().sleep(timedelta(seconds=chance.uniform(0.2, 2)))
    else:
        appends = chance.randrange(30)
        await child.until(lambda c: sum(line.startswith("ack ") for line in c.lines) >= appends)
        await RealClock().sleep(timedelta(seconds=chance.uniform(0, 0.1)))


@pytest.mark.sampled(0)
@pytest.mark.parametrize(("seed", "kills"), [pytest.param(1, 8, id="seed 1, 8 kills"), *FULL])
async def test_killed_monitors_lose_nothing_and_do_nothing_twice(
    place: str, errors: Path, seed: int, kills: int
) -> None:
    chance = random.Random(seed)
    acknowledged: list[Acknowledged] = []
    heads: Mapping[ClusterName, str] = {}
    now = START
    # A monitor that cannot even ask who has the watch within half an interval never comes to look.
    speed = "60" if place.startswith("postgresql:") else "400"
    for number in range(kills):
        arguments = (place, now.isoformat(), str(seed), f"life {number}", speed)
        async with running("torture.busy", *arguments, errors=errors) as child:
            await moment(chance, child)
            await child.kill()
        acknowledged += child.acknowledged
        assert [c for c in child.cycles if c.failed] == [], f"seed {seed}, kill {number}"
        async with await SqlLedger.open(place) as ledger:
            seen = await check_all(ledger, acknowledged, CLUSTERS, heads)
        heads = seen.heads
        now = max(now, seen.until or now) + timedelta(seconds=1)
    arguments = (place, now.isoformat(), str(seed), "last life", speed)
    async with running("torture.busy", *arguments, errors=errors) as child:
        await child.until(lambda c: all(sum(y.cluster == n for y in c.cycles) >= 5 for n in CLUSTERS))
    assert what_was_said(errors) == ""
    events = sum(len(a.events) for a in acknowledged)
    print(f"seed {seed}: {kills} kills, {len(acknowledged)} appends and {events} events acknowledged")  # noqa: T201 - a figure
    assert len(acknowledged) > 4 * kills
