"""Two monitors, a diagnoser and two people on one ledger: what came of it they could have done one after the other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from operator_core.record import ObservationKept
from operator_ledger import SqlLedger
from torture.actors import CLUSTERS
from torture.checks import check_proven, check_views
from torture.children import running, what_was_said
from torture.model import numbered
from torture.recorder import fingerprint
from torture.serial import (
    batches,
    check_leases,
    check_own_order,
    check_real_time,
    check_refusals,
    last_progress,
    looks,
)
from torture.told import Told

PARTS = (("monitor", "m1"), ("monitor", "m2"), ("diagnoser", "d1"), ("person", "ada"), ("person", "bob"))
LONG = timedelta(minutes=40)
FULL = pytest.param(31, 10_000, marks=pytest.mark.slow, id="seed 31, 10000 operations")


@pytest.mark.parametrize(("seed", "operations"), [pytest.param(4, 300, id="seed 4, 300 operations"), FULL])
async def test_what_many_do_at_once_is_what_they_could_do_one_after_the_other(
    place: str, errors: Path, seed: int, operations: int
) -> None:
    print(f"seed {seed}")  # noqa: T201 - it is needed to do it again
    count = operations // len(PARTS)
    async with AsyncExitStack() as stack:
        actors = [
            await stack.enter_async_context(
                running("torture.actors", part, name, place, str(seed), str(count), errors=errors)
            )
            for part, name in PARTS
        ]
        for actor in actors:
            await actor.until(lambda a: "ready" in a.lines)
        for actor in actors:
            actor.say("go")
        async with asyncio.TaskGroup() as tasks:
            for actor in actors:
                tasks.create_task(actor.ended(within=LONG), name="actor")
    assert what_was_said(errors) == ""
    told = [Told.parse(line) for actor in actors for line in actor.lines if line != "ready"]
    assert len(told) == count * len(PARTS)

    async with await SqlLedger.open(place) as ledger:
        await check_proven(ledger)
        record, tickets = await ledger.history(), await ledger.tickets()
        found = batches(record, told)
        await check_views(ledger, record, tickets)
        numbers = numbered(record, tickets, await ledger.silences())
        terms = check_leases(told, found)
        explained: dict[str, dict[str, int]] = {}
        for cluster in CLUSTERS:
            check_own_order(found[cluster])
            check_real_time(found[cluster])
            explained[cluster] = dict(check_refusals(cluster, found[cluster], told, numbers))
            seen = {o.number: fingerprint(ObservationKept(observation=o)) for o in await ledger.observations(cluster)}
            assert seen == looks(found[cluster])
            standpoint = await ledger.standpoint(cluster)
            assert standpoint.last_number == max(last_progress(found[cluster]), max(seen, default=0))
    lost = sum(t.outcome == "lease lost" for t in told)
    appends = sum(len(of_cluster) for of_cluster in found.values())
    print(f"{len(told)} operations: {appends} appends, {terms} terms, {lost} under a lost one, {len(tickets)} tickets")  # noqa: T201
    print(f"refused and explained: {explained}")  # noqa: T201 - figures
    assert sum(sum(words.values()) for words in explained.values()) > operations // 20, "conflicts are what is tested"
    assert terms > 4
