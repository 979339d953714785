"""What would be pruned is told before it is, and nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from operator_core.ports import Ledger
from operator_core.readings import ClusterName
from operator_ledger import SqlLedger
from operator_ledger.pruning import Pruned

NORTH, SOUTH = ClusterName("north"), ClusterName("south")
At = Callable[[float], datetime]
Fill = Callable[[Ledger], Awaitable[None]]


def taken(pruned: Pruned) -> list[tuple[ClusterName, list[tuple[int, int, int]], int]]:
    return [(c.cluster, [(r.first, r.last, r.observations) for r in c.ranges], c.bytes) for c in pruned.clusters]


@pytest.mark.parametrize("cluster", [None, SOUTH])
async def test_what_is_said_to_go_by_age_is_what_goes(
    stored: SqlLedger, t: At, fill: Fill, cluster: ClusterName | None
) -> None:
    await fill(stored)
    heads = [await stored.head(c) for c in (NORTH, SOUTH)]
    said = await stored.prune(older_than=t(9999), at=t(2000), by="Ada", cluster=cluster, dry_run=True)
    assert [await stored.head(c) for c in (NORTH, SOUTH)] == heads
    assert len(await stored.observations(NORTH)) == 100
    assert said.before == said.after
    done = await stored.prune(older_than=t(9999), at=t(2000), by="Ada", cluster=cluster)
    assert taken(said) == taken(done)
    assert taken(said)


async def test_what_is_said_to_go_by_size_is_the_oldest_and_no_more_than_needed(
    stored: SqlLedger, t: At, fill: Fill
) -> None:
    await fill(stored)
    used = (await stored.size()).used
    nothing = await stored.prune(larger_than=used, at=t(2000), by="Ada", dry_run=True)
    assert taken(nothing) == []
    one = await stored.prune(larger_than=used - 1, at=t(2000), by="Ada", dry_run=True)
    assert [c.cluster for c in one.clusters] == [NORTH], "of equally old ones the first by name"
    everything = await stored.prune(larger_than=0, at=t(2000), by="Ada", dry_run=True)
    assert taken(everything) == taken(await stored.prune(larger_than=0, at=t(2000), by="Ada"))


async def test_what_a_ticket_needs_is_never_said_to_go(stored: SqlLedger, t: At, fill: Fill) -> None:
    await fill(stored)
    await stored.prune(larger_than=0, at=t(2000), by="Ada")
    again = await stored.prune(older_than=t(9999), larger_than=0, at=t(2000), by="Ada", dry_run=True)
    assert taken(again) == []
