"""A PostgreSQL server is restarted, killed and cut off at any moment: nothing acknowledged is lost, all goes on."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger
from postgres_server import PostgresServer
from torture.busy import CLUSTERS
from torture.checks import check_all, check_fenced
from torture.children import Child, Cycle, running, what_was_said
from torture.proxy import Proxy, proxied

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATIENCE_S = 1.0
RECOVERY = timedelta(seconds=60)
"""Within which a monitor writes again after anything; a statement may take six times the patience."""


async def _thread(work: Callable[[], object]) -> None:
    await asyncio.to_thread(work)


async def restarted(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    how = chance.choice(("immediate", "fast"))
    await _thread(lambda: server.stop(how))
    await RealClock().sleep(timedelta(seconds=chance.uniform(0, 1)))
    await _thread(server.start)


async def killed(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    await _thread(server.kill)
    await RealClock().sleep(timedelta(seconds=chance.uniform(0, 1)))
    await _thread(server.start)


async def one_killed(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    await _thread(server.kill_one)


async def terminated(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        await _thread(server.cut)
        await RealClock().sleep(timedelta(seconds=chance.uniform(0, 0.1)))


async def cut(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    proxy.cut()


async def cut_in_a_statement(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        proxy.cut_after(chance.randint(1, 20_000))
        await RealClock().sleep(timedelta(seconds=chance.uniform(0, 0.5)))


async def held_up(server: PostgresServer, proxy: Proxy, chance: random.Random) -> None:
    proxy.hold()
    await RealClock().sleep(timedelta(seconds=chance.choice((0.2, 1.5, 7.5))))
    if chance.random() < 0.5:
        proxy.cut()
    proxy.let_go()


Mishap = Callable[[PostgresServer, Proxy, random.Random], Awaitable[None]]
MISHAPS: tuple[Mishap, ...] = (restarted, killed, one_killed, terminated, cut, cut_in_a_statement, held_up)
FULL = [pytest.param(seed, 70, marks=pytest.mark.slow, id=f"seed {seed}, 70 mishaps") for seed in (21, 22)]


def gone_on(child: Child, since: int) -> bool:
    """Whether each cluster's monitor has written at least twice since then."""
    return _all_written(child.cycles[since:])


def one_has_gone_on(_: Child, living: Mapping[str, Child], since: Mapping[str, int]) -> bool:
    """The same of several, of which each may have the watch of another cluster."""
    return _all_written([cycle for name, child in living.items() for cycle in child.cycles[since[name] :]])


def _all_written(later: Sequence[Cycle]) -> bool:
    return all(sum(c.cluster == name and not c.failed for c in later) >= 2 for name in CLUSTERS)


def reasons(child: Child) -> Counter[str]:
    """Why cycles failed, without what differs from one to the next."""
    return Counter(re.sub(r"postgresql://\S+: |\d+", "", c.failed) for c in child.cycles if c.failed)


@pytest.mark.parametrize(("seed", "mishaps"), [pytest.param(2, 7, id="seed 2, 7 mishaps"), *FULL])
async def test_a_monitor_outlives_whatever_becomes_of_its_server(
    new_postgres: Callable[..., PostgresServer], errors: Path, seed: int, mishaps: int
) -> None:
    server, chance = new_postgres(), random.Random(seed)
    schema = server.new_schema()
    plan = [MISHAPS[n % len(MISHAPS)] for n in range(mishaps)]
    chance.shuffle(plan)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxied(server.socket))
        place = server.url(schema, at=f"127.0.0.1:{proxy.port}")
        arguments = (place, START.isoformat(), str(seed), "holder", "100", str(PATIENCE_S))
        child = await stack.enter_async_context(running("torture.busy", *arguments, errors=errors))
        await child.until(lambda c: gone_on(c, 0))
        for mishap in plan:
            await RealClock().sleep(timedelta(seconds=chance.uniform(0, 1)))
            await mishap(server, proxy, chance)
            since = len(child.cycles)
            await child.until(partial(gone_on, since=since), within=RECOVERY)
        await child.kill()
    async with await SqlLedger.open(server.url(schema)) as ledger:
        await check_all(ledger, child.acknowledged, CLUSTERS)
    assert what_was_said(errors) == ""
    print(f"seed {seed}: {mishaps} mishaps, {len(child.acknowledged)} appends acknowledged, {len(child.cycles)} cycles")  # noqa: T201
    print(f"failed because: {dict(reasons(child))}")  # noqa: T201 - figures


async def first(waits: Iterable[Coroutine[object, object, None]]) -> None:
    """Wait until one of several has come about."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    for task in done:
        task.result()


RIVALS = ("ada", "bob")
SPEED = 20.0
"""An interval is a quarter of a second, and a watch lapses after half of one."""


@pytest.mark.parametrize(("seed", "mishaps"), [pytest.param(3, 8, id="seed 3, 8 mishaps"), *FULL])
async def test_of_two_monitors_only_the_one_that_has_the_watch_writes(
    new_postgres: Callable[..., PostgresServer], errors: Path, seed: int, mishaps: int
) -> None:
    server, chance = new_postgres(), random.Random(seed)
    schema = server.new_schema()
    clock = RealClock(start=START, speed=SPEED)
    told: dict[str, Child] = {}
    async with AsyncExitStack() as stack:
        proxies = {name: await stack.enter_async_context(proxied(server.socket)) for name in RIVALS}

        async def begin(name: str) -> Child:
            place = server.url(schema, at=f"127.0.0.1:{proxies[name].port}")
            holder = f"{name} {len(told)}"
            arguments = (place, clock.now().isoformat(), str(seed), holder, str(SPEED), str(PATIENCE_S))
            told[holder] = await stack.enter_async_context(running("torture.busy", *arguments, errors=errors))
            await told[holder].until(lambda child: "ready" in child.lines)
            return told[holder]

        living = {name: await begin(name) for name in RIVALS}
        for number in range(mishaps):
            await RealClock().sleep(timedelta(seconds=chance.uniform(0, 2)))
            name = chance.choice(RIVALS)
            if number % 4 == 0:
                await living[name].kill()
                living[name] = await begin(name)
            else:
                await chance.choice((cut, cut_in_a_statement, held_up, one_killed))(server, proxies[name], chance)
            since = {name: len(child.cycles) for name, child in living.items()}
            both = partial(one_has_gone_on, living=dict(living), since=since)
            await first(child.until(both, within=RECOVERY) for child in living.values())
        for child in living.values():
            await child.kill()
    async with await SqlLedger.open(server.url(schema)) as ledger:
        everything = [a for child in told.values() for a in child.acknowledged]
        seen = await check_all(ledger, everything, CLUSTERS)
        turns = check_fenced(seen.record, {holder: child.acknowledged for holder, child in told.items()})
    assert what_was_said(errors) == ""
    assert turns > mishaps // 4
    print(f"seed {seed}: {mishaps} mishaps, {len(everything)} appends acknowledged, the watch taken {turns} times")  # noqa: T201
