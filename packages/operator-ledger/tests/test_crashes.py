"""Real processes: one that is killed while it writes, several that write at once, one that is cancelled."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from operator_core.incidents import OpenTicket
from operator_core.readings import ClusterName, Observation
from operator_core.record import Entry, NoteAdded, ObservationKept, Progress
from operator_core.tickets import Violation
from operator_ledger import SqlLedger

NORTH = ClusterName("north")
At = Callable[[float], datetime]

WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from operator_core.components import ComponentRef, Kind
from operator_core.incidents import OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.readings import ClusterName
from operator_core.record import NoteAdded, Progress
from operator_core.tickets import TicketId, Violation
from operator_ledger import SqlLedger

AT = datetime(2026, 3, 1, tzinfo=UTC)
NORTH = ClusterName("north")

async def main(path, who, start, count):
    async with await SqlLedger.open(path) as ledger:
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(start, start + count):
            key = JudgementKey(invariant=InvariantName(who), component=ComponentRef(Kind("node"), str(n)))
            violation = Violation(
                key=key, since=AT, opened_at=AT, because=f"{who} {n}", severity=Severity.WARNING,
                concern=Concern.SUBJECT, readings=(),
            )
            (ticket,) = await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=AT, violations=(violation,))], at=AT)
            note = NoteAdded(ticket=ticket.id, at=AT, by=who, text=str(n))
            await ledger.append(NORTH, [note, Progress(number=n + 1, at=AT, tracked={})], at=AT)
            print(n, ticket.id, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


class Writer:
    """A child process that writes, and tells each pair of appends that was acknowledged."""

    def __init__(self, path: Path | str, who: str, start: int = 0, count: int = 100_000) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), who, str(start), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline().strip()

    def go(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def kill(self) -> list[str]:
        """Kill it and give what it had still told."""
        self.child.kill()
        assert self.child.stdout is not None
        assert self.child.stdin is not None
        told = self.child.stdout.read().splitlines()
        self.child.wait(timeout=20)
        self.child.stdin.close()
        self.child.stdout.close()
        return told


async def test_a_killed_writer_loses_nothing_that_was_acknowledged(place: str) -> None:
    path = place
    chance = random.Random(20260301)
    acknowledged: list[tuple[int, int]] = []
    start = 0
    for _ in range(4):
        writer = Writer(path, "writer", start)
        assert writer.line() == "ready"
        writer.go()
        lines = [writer.line() for _ in range(chance.randrange(1, 25))]
        lines += writer.kill()
        acknowledged += [(int(n), int(ident)) for n, ident in (line.split() for line in lines if " " in line)]
        async with await SqlLedger.open(path) as ledger:
            tickets = {t.id: t for t in await ledger.tickets()}
            history = [r.entry for r in await ledger.history()]
            standpoint = await ledger.standpoint(NORTH)
            assert (await ledger.verify()).holds
        notes = [(int(e.text), e.ticket) for e in history if isinstance(e, NoteAdded)]
        opened = [e for e in history if isinstance(e, OpenTicket)]
        assert set(acknowledged) <= set(notes)
        assert [t.title for t in tickets.values()] == [e.violations[0].because for e in opened]
        assert len(notes) <= len(opened)
        assert standpoint.last_number == notes[-1][0] + 1  # written in one append with the note
        start = max(int(t.title.split()[1]) for t in tickets.values()) + 1
    assert len(acknowledged) > 20


@pytest.mark.sampled(0)
async def test_two_processes_that_write_at_once_both_write_everything(place: str) -> None:
    path, count = place, 30
    writers = [Writer(path, who, count=count) for who in ("ada", "bob")]  # they also meet in making the tables
    try:
        assert [w.line() for w in writers] == ["ready", "ready"]
        for writer in writers:
            writer.go()
        told = [[writer.line() for _ in range(count)] for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
    idents = [int(line.split()[1]) for lines in told for line in lines]
    assert len(set(idents)) == 2 * count
    async with await SqlLedger.open(path) as ledger:
        assert sorted(t.id for t in await ledger.tickets()) == sorted(idents)
        assert sum(isinstance(r.entry, NoteAdded) for r in await ledger.history()) == 2 * count
        assert (await ledger.verify()).holds


async def test_tasks_of_one_process_that_write_at_once_all_write(
    place: str, t: At, violation: Callable[..., Violation]
) -> None:
    async with await SqlLedger.open(place) as ledger:

        async def write(n: int) -> None:
            await ledger.append(NORTH, [OpenTicket(cluster=NORTH, at=t(n), violations=(violation(str(n)),))], at=t(n))

        async with asyncio.TaskGroup() as tg:
            for n in range(20):
                tg.create_task(write(n))
        assert {x.title for x in await ledger.tickets()} == {f"node {n} does not answer" for n in range(20)}


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21, 34])
async def test_a_cancelled_append_is_there_as_a_whole_or_not_at_all(
    place: str, t: At, violation: Callable[..., Violation], observation: Callable[..., Observation], turns: int
) -> None:
    entries: list[Entry] = [ObservationKept(observation=observation(1)), Progress(number=7, at=t(0), tracked={})]
    entries.extend(OpenTicket(cluster=NORTH, at=t(n), violations=(violation(str(n)),)) for n in range(5))
    async with await SqlLedger.open(place) as ledger:
        task = asyncio.ensure_future(ledger.append(NORTH, entries, at=t(0)))
        for _ in range(turns):
            await asyncio.wait([task], timeout=0.001)
        task.cancel()
        await asyncio.wait([task])
        count = len(await ledger.tickets())
        assert count in (0, 5)
        assert len(await ledger.history()) == count
        assert len(await ledger.observations(NORTH)) == (1 if count else 0)
        assert (await ledger.standpoint(NORTH)).last_number == (7 if count else 0)
        if not count:
            await ledger.append(NORTH, entries, at=t(0))
            assert len(await ledger.tickets()) == 5
