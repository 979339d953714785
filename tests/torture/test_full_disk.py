"""A disk without room stops no monitor: it says so, goes on looking, and goes on writing once there is room again."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from operator_ledger import SqlLedger
from postgres_server import PostgresServer
from torture.busy import CLUSTERS
from torture.checks import check_all
from torture.children import Child, Cycle, running, what_was_said
from torture.small_disk import SmallDisk, small_files, small_tmpfs

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SMALL, LARGE = 1 << 20, 256 << 20
ROOMY, LEFT = 128 << 20, 1 << 17
"""What a server needs before it holds anything, and what is then left to it."""


def of_cluster(child: Child, cluster: str, since: int) -> list[Cycle]:
    return [c for c in child.cycles[since:] if c.cluster == cluster]


@pytest.fixture(params=[small_tmpfs, small_files])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        with request.param(folder, SMALL) as made:
            yield made
    except PermissionError:
        pytest.skip("mounting a small tmpfs needs root")


@pytest.mark.sampled(0)
@pytest.mark.parametrize("rounds", [pytest.param(20, id="20 full cycles"), pytest.param(400, marks=pytest.mark.slow)])
async def test_a_full_disk_is_said_and_outlived(disk: SmallDisk, errors: Path, rounds: int) -> None:
    place = str(disk.folder / "ledger.sqlite")
    arguments = (place, START.isoformat(), "5", "holder")
    async with running("torture.busy", *arguments, errors=errors, prefix=disk.prefix) as child:
        await child.until(lambda c: any(cycle.failed for cycle in c.cycles))
        full_at = next(n for n, cycle in enumerate(child.cycles) if cycle.failed)
        await child.until(
            lambda c: all(sum(bool(y.failed) for y in of_cluster(c, name, full_at)) >= rounds for name in CLUSTERS)
        )
        for name in CLUSTERS:
            told = of_cluster(child, name, full_at)
            assert {why for c in told if c.failed for why in c.failed.split("; ")} == {f"{place}: {disk.says}"}
            numbers = [c.number for c in told]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "it goes on looking"
        disk.enlarge(LARGE, child.process.pid)
        roomy_at = len(child.cycles)
        await child.until(
            lambda c: all(sum(not y.failed for y in of_cluster(c, name, roomy_at)) >= 30 for name in CLUSTERS)
        )
    async with await SqlLedger.open(place) as ledger:
        await check_all(ledger, child.acknowledged, CLUSTERS)
    failed = sum(bool(c.failed) for c in child.cycles)
    print(f"on {disk.kind}: {len(child.cycles)} cycles, {failed} without room")  # noqa: T201 - a figure
    assert what_was_said(errors) == ""


@pytest.mark.postgres
@pytest.mark.parametrize("rounds", [pytest.param(20, id="20 full cycles"), pytest.param(400, marks=pytest.mark.slow)])
async def test_a_servers_full_disk_is_outlived_too(
    new_postgres: Callable[..., PostgresServer], errors: Path, rounds: int
) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="disk-", dir="/tmp")))
        try:
            disk = stack.enter_context(small_tmpfs(folder, ROOMY))
        except PermissionError:
            pytest.skip("mounting a small tmpfs needs root")
        (folder / "data").mkdir()
        server = new_postgres(folder / "data", "--wal-segsize=1")
        stack.callback(server.kill)
        server.run("ALTER SYSTEM SET max_wal_size = '2MB'")
        server.run("ALTER SYSTEM SET min_wal_size = '2MB'")
        server.run("SELECT pg_reload_conf()")
        place = server.new_url()
        async with running("torture.busy", place, START.isoformat(), "6", "holder", "60", errors=errors) as child:
            await child.until(lambda c: all(of_cluster(c, name, 0) for name in CLUSTERS))
            disk.fill(LEFT)
            await child.until(lambda c: any(cycle.failed for cycle in c.cycles))
            full_at = next(n for n, cycle in enumerate(child.cycles) if cycle.failed)
            await child.until(
                lambda c: all(sum(bool(y.failed) for y in of_cluster(c, name, full_at)) >= rounds for name in CLUSTERS)
            )
            for name in CLUSTERS:
                numbers = [c.number for c in of_cluster(child, name, full_at) if c.number]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "it goes on looking"
            disk.enlarge(LARGE, child.process.pid)
            if not server.processes:  # it gave up when it could not write its log; whoever runs it starts it again
                await asyncio.to_thread(server.start)
            roomy_at = len(child.cycles)
            await child.until(
                lambda c: all(sum(not y.failed for y in of_cluster(c, name, roomy_at)) >= 30 for name in CLUSTERS)
            )
        async with await SqlLedger.open(place) as ledger:
            await check_all(ledger, child.acknowledged, CLUSTERS)
        whys = Counter(re.sub(r"postgresql://\S+: |\d+", "", c.failed) for c in child.cycles if c.failed)
        print(f"{len(child.cycles)} cycles, without room: {dict(whys)}")  # noqa: T201 - figures
    assert what_was_said(errors) == ""
