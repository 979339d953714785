"""Monitors that are killed at any moment lose nothing that was acknowledged, and others go on from there."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger
from torture.busy import CLUSTERS
from torture.checks import check_all
from torture.children import Child, running, what_was_said
from torture.recorder import Acknowledged

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FULL = [pytest.param(seed, 50, marks=pytest.mark.slow, id=f"seed {seed}, 50 kills") for seed in (11, 12, 13, 14)]


async def moment(chance: random.Random, child: Child) -> None:
    """Wait for a random moment of its life: now and then before it has found its ledger."""
    if chance.random() < 0.125:
        await RealClock().sleep(timedelta(seconds=chance.uniform(0.2, 2)))
    else:
        await child.until(lambda c: "ready" in c.lines)
        await RealClock().sleep(timedelta(seconds=chance.uniform(0, 1.2)))


@pytest.mark.parametrize(("seed", "kills"), [pytest.param(1, 8, id="seed 1, 8 kills"), *FULL])
async def test_killed_monitors_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, errors: Path, seed: int, kills: int
) -> None:
    place = str(tmp_path / "ledger.sqlite")
    chance = random.Random(seed)
    acknowledged: list[Acknowledged] = []
    now = START
    for number in range(kills):
        async with running("torture.busy", place, now.isoformat(), str(seed), f"life {number}", errors=errors) as child:
            await moment(chance, child)
            await child.kill()
        acknowledged += child.acknowledged
        assert [c for c in child.cycles if c.failed] == [], f"seed {seed}, kill {number}"
        async with await SqlLedger.open(place) as ledger:
            seen = await check_all(ledger, acknowledged, CLUSTERS)
        now = max(now, seen.until or now) + timedelta(seconds=1)
    async with running("torture.busy", place, now.isoformat(), str(seed), "last life", errors=errors) as child:
        await child.until(lambda c: all(sum(y.cluster == n for y in c.cycles) >= 5 for n in CLUSTERS))
    assert what_was_said(errors) == ""
    events = sum(len(a.events) for a in acknowledged)
    print(f"seed {seed}: {kills} kills, {len(acknowledged)} appends and {events} events acknowledged")  # noqa: T201 - a figure
    assert len(acknowledged) > 4 * kills
