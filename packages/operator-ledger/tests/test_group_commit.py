"""Whoever writes while the disk is busy shares one commit with the others, and nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName, Observation
from operator_core.record import Entry, ObservationKept, Progress
from operator_core.runtime import RealClock
from operator_core.tickets import Violation
from operator_ledger import SqlLedger
from operator_ledger.migrate import bring_up
from operator_ledger.migrations.ledger import SCHEMA
from operator_ledger.sqlite import SqliteFile, open_file
from operator_ledger.writer import TOGETHER
from sqlalchemy import event

At = Callable[[float], datetime]
PATIENCE = timedelta(seconds=5)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqliteFile]:
    file = await open_file(tmp_path / "ledger.sqlite", patience=PATIENCE)
    await bring_up(file, SCHEMA, RealClock())
    yield file
    await file.close()


class Busy:
    """Another process has the lock for as long as the test likes; counts the commits of ours."""

    def __init__(self, file: SqliteFile) -> None:
        self.other = sqlite3.connect(file.path, isolation_level=None)
        self.other.execute("BEGIN IMMEDIATE")
        self.commits = 0
        event.listen(file.engine, "commit", self._count)

    def _count(self, *_: object) -> None:
        self.commits += 1

    async def until_all_wait(self, tasks: list[asyncio.Task[object]]) -> None:
        await asyncio.wait(tasks, timeout=0.01)
        self.other.execute("ROLLBACK")
        self.other.close()


def opens(cluster: ClusterName, at: datetime, violation: Violation) -> list[Entry]:
    return [OpenTicket(cluster=cluster, at=at, violations=(violation,))]


async def test_many_that_wait_share_a_commit_and_each_gets_its_own_answer(
    file: SqliteFile, t: At, violation: Callable[..., Violation]
) -> None:
    ledger = SqlLedger(file)
    busy = Busy(file)
    clusters = [ClusterName(f"c{n}") for n in range(60)]
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(ledger.append(c, opens(c, t(0), violation()), at=t(0))) for c in clusters
    ]
    await busy.until_all_wait(tasks)
    answers = await asyncio.wait_for(asyncio.gather(*tasks), 20)  # noqa: TID251
    assert [a[0].cluster for a in answers] == clusters  # pyright: ignore[reportIndexIssue, reportUnknownMemberType, reportUnknownVariableType]
    assert busy.commits <= 2 + len(clusters) // TOGETHER
    assert len(await ledger.tickets()) == 60
    assert (await ledger.verify()).holds


async def test_one_that_is_refused_is_undone_alone_and_says_why(
    file: SqliteFile, t: At, violation: Callable[..., Violation]
) -> None:
    ledger, north = SqlLedger(file), ClusterName("north")
    busy = Busy(file)
    same = [asyncio.create_task(ledger.append(north, opens(north, t(n), violation()), at=t(n))) for n in range(3)]
    others = [asyncio.create_task(ledger.append(north, opens(north, t(n), violation(str(n))), at=t(n))) for n in (7, 8)]
    await busy.until_all_wait([*same, *others])
    await asyncio.wait([*same, *others])
    assert [task.exception() is None for task in same] == [True, False, False]
    for task in same[1:]:
        with pytest.raises(LedgerError, match="lasts in an open ticket"):
            task.result()
    assert [len(task.result()) for task in others] == [1, 1]
    assert len(await ledger.tickets()) == 3
    assert len(await ledger.history()) == 3
    assert (await ledger.verify()).holds


async def test_one_that_is_cancelled_while_it_waits_is_not_written(
    file: SqliteFile, t: At, violation: Callable[..., Violation]
) -> None:
    ledger, north = SqlLedger(file), ClusterName("north")
    busy = Busy(file)
    tasks = [
        asyncio.create_task(ledger.append(north, opens(north, t(n), violation(str(n))), at=t(n))) for n in range(6)
    ]
    await asyncio.wait(tasks, timeout=0.01)
    for task in tasks[2:4]:
        task.cancel()
    await busy.until_all_wait([*tasks])
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [False, False, True, True, False, False]
    assert {x.title for x in await ledger.tickets()} == {f"node {n} does not answer" for n in (0, 1, 4, 5)}
    assert (await ledger.verify()).holds


async def test_when_the_disk_is_full_for_one_the_others_are_written_without_it(
    file: SqliteFile, t: At, observation: Callable[..., Observation]
) -> None:
    ledger = SqlLedger(file)
    await ledger.append(ClusterName("first"), [Progress(number=1, at=t(0), tracked={})], at=t(0))
    file.engine.dispose()

    @event.listens_for(file.engine, "connect")
    def _small(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.cursor().execute("PRAGMA max_page_count=50")

    busy = Busy(file)
    large = [ObservationKept(observation=observation(n, cluster="large", value="x" * 900 + str(n))) for n in range(200)]
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(ledger.append(ClusterName(name), entries, at=t(0)))
        for name, entries in (
            ("one", [Progress(number=2, at=t(0), tracked={})]),
            ("large", large),
            ("two", [Progress(number=3, at=t(0), tracked={})]),
        )
    ]
    await busy.until_all_wait(tasks)
    await asyncio.wait(tasks)
    assert [task.exception() is None for task in tasks] == [True, False, True]
    with pytest.raises(LedgerError, match=r"ledger.sqlite: the disk is full$"):
        tasks[1].result()
    found = [(await ledger.standpoint(ClusterName(name))).last_number for name in ("one", "large", "two")]
    assert found == [2, 0, 3]
    assert (await ledger.verify()).holds


async def test_when_the_lock_does_not_come_free_all_that_waited_together_are_told_at_once(
    tmp_path: Path, t: At
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with await SqlLedger.open(path, patience=timedelta(milliseconds=300)) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            start = asyncio.get_running_loop().time()
            tasks = [
                asyncio.create_task(
                    ledger.append(ClusterName(f"c{n}"), [Progress(number=1, at=t(0), tracked={})], at=t(0))
                )
                for n in range(TOGETHER)
            ]
            await asyncio.wait(tasks)
            took = asyncio.get_running_loop().time() - start
            other.execute("ROLLBACK")
        assert took < 0.3 * TOGETHER / 2
        for task in tasks:
            with pytest.raises(LedgerError, match="another process has it locked"):
                task.result()
