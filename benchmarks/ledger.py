"""The ledger's figures: growth, the cost of a look, of a listing among many tickets, and of proving it.

One command: `python benchmarks/ledger.py`; with `--on postgresql://…` on an empty schema of a server. Looks are those
of six nodes with a hundred readings each, every 15 s. Exit code 1 when a figure is worse than it is to be.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from generated import NODE, Generated
from operator_core.components import ComponentRef
from operator_core.decide import Tracked
from operator_core.incidents import EndInTicket, MoveTicket, OpenTicket
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity, Verdict
from operator_core.readings import ClusterName, Observation, ReadingId
from operator_core.record import Entry, ObservationKept, Progress
from operator_core.tickets import PROGRAM, TicketId, TicketState, Violation
from operator_ledger import SqlLedger

START = datetime(2026, 3, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
A_DAY = timedelta(days=1) // INTERVAL
MEGABYTE = 1_000_000

GROWTH_MB = 20.0
"""What a cluster may add in a day."""
CLUSTERS = 1000
"""How many of them one core has to carry."""
LISTING = 2.0
"""How many times longer a listing may take among 100,000 tickets than among 100."""


class Steps:
    """A clock that goes on by one interval, and a little, whenever it is asked."""

    def __init__(self) -> None:
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        return START + self._asked * INTERVAL + timedelta(microseconds=self._asked * 7919 % 4001)

    async def sleep(self, duration: timedelta) -> None:
        del duration

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        del within
        return nullcontext()


def cycle(look: Observation) -> tuple[Entry, ...]:
    """What a monitor writes in a quiet cycle; one thing keeps coming and going, as one always does."""
    key = JudgementKey(invariant=InvariantName("node.rate_3 is sane"), component=ComponentRef(NODE, "3"))
    tracked = {key: Tracked(verdict=Verdict.HOLDS, onsets=(START,))}
    return ObservationKept(observation=look), Progress(number=look.number, at=look.at, tracked=tracked)


async def looks(cluster: str, count: int, seed: int) -> list[Observation]:
    """So many looks at a cluster."""
    subject = Generated(ClusterName(cluster), Steps(), seed)
    return [await subject.observe(number) for number in range(1, count + 1)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where ledgers can be made: a folder, or one empty schema of a server."""

    folder: Path
    url: str | None

    async def ledger(self, name: str) -> SqlLedger:
        """A ledger; on a server there is one for all names."""
        return await SqlLedger.open(self.url or self.folder / name)


class Figures:
    """Tells figures as they come, and remembers whether all of them are as they are to be."""

    def __init__(self) -> None:
        self.is_good = True

    def tell(self, what: str, figure: str, worst: float | None = None) -> None:
        """One figure.

        Args:
            worst: how much of what it may be it is; above 1 it is too much.
        """
        judged = "" if worst is None else f"   {worst:.2f} of what it may be"
        self.is_good &= worst is None or worst <= 1
        print(f"{what:<46} {figure:>22}{judged}", flush=True)


async def growth(place: Place, figures: Figures) -> None:
    """Four hours of one cluster, the last two of them measured in the files."""
    four_hours = await looks("grows", 4 * 240, seed=1)
    async with await place.ledger("growth") as ledger:
        sizes: list[int] = []
        for number, look in enumerate(four_hours, 1):
            await ledger.append(look.cluster, cycle(look), at=look.at)
            if number in (480, 960):
                sizes.append((await ledger.size()).used)
        a_day = (sizes[1] - sizes[0]) / 480 * A_DAY / MEGABYTE
        figures.tell("growth per cluster and day", f"{a_day:.2f} MB", a_day / GROWTH_MB)
        (bodies,) = [g for g in await ledger.growth(since=START) if g.cluster == "grows"]
        figures.tell("bytes per reading", f"{bodies.bytes / 960 / 600:.2f}")


async def cost(place: Place, figures: Figures) -> None:
    """The processor's time for an append, sealing included."""
    clusters = [await looks(f"costs-{n}", 80, seed=n) for n in range(12)]
    async with await place.ledger("cost") as ledger:
        gc.collect()
        gc.freeze()
        used, wall = time.process_time(), time.perf_counter()
        for round_ in zip(*clusters, strict=True):
            for look in round_:
                await ledger.append(look.cluster, cycle(look), at=look.at)
        appends = 80 * len(clusters)
        used, wall = (time.process_time() - used) / appends, (time.perf_counter() - wall) / appends
    carried = INTERVAL.total_seconds() / used
    figures.tell("processor time per look of 600 readings", f"{1000 * used:.2f} ms")
    figures.tell("time per look, durably written", f"{1000 * wall:.2f} ms")
    figures.tell("clusters that one core carries at 15 s", f"{carried:.0f}", CLUSTERS / carried)


def incident(cluster: ClusterName, number: int, ident: TicketId) -> Sequence[Entry]:
    """A ticket with two violations, and how it ends.

    Args:
        ident: what it is called in the append that opens it.
    """
    at = START + number * timedelta(minutes=1)
    violations = tuple(
        Violation(
            key=JudgementKey(invariant=InvariantName(name), component=ComponentRef(NODE, str(number % 60))),
            since=at,
            opened_at=at,
            because=f"node {number % 60} does not answer",
            severity=(Severity.CRITICAL, Severity.WARNING, Severity.CRITICAL, Severity.INFO)[number % 4],
            concern=Concern.SUBJECT,
            readings=(ReadingId(f"o{number}.1"),),
        )
        for name in ("node answers", "disk has room")
    )
    return (
        OpenTicket(cluster=cluster, at=at, violations=violations),
        *(EndInTicket(ticket=ident, at=at, key=v.key) for v in violations),
        MoveTicket(ticket=ident, at=at, to=TicketState.RESOLVED, by=PROGRAM),
    )


async def timed(work: Callable[[], Awaitable[object]], times: int = 100) -> float:
    """The quickest, in ms: what it takes when nothing else is in the way."""
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken)


_AT_ONCE = 50
"""Tickets in one append."""


async def listing(place: Place, figures: Figures, many: int) -> None:
    """The newest 50 of 100 tickets, and of many."""
    async with await place.ledger("listing") as ledger:

        async def measured() -> list[float]:
            return [
                await timed(lambda: ledger.tickets(newest=50)),
                await timed(lambda: ledger.tickets(ClusterName("c1"), newest=50)),
                await timed(lambda: ledger.tickets(at_least=Severity.CRITICAL, newest=50)),
                await timed(lambda: ledger.tickets(open_only=True, newest=50)),
            ]

        few: list[float] = []
        for start in range(0, many, _AT_ONCE):
            cluster = ClusterName(f"c{start // _AT_ONCE % 2}")
            some = [incident(cluster, start + n, TicketId(-1 - n)) for n in range(_AT_ONCE)]
            await ledger.append(cluster, [entry for entries in some for entry in entries], at=START)
            if start + _AT_ONCE == 100:
                few = await measured()
        names = ("of all", "of one cluster", "critical", "open")
        for name, one, other in zip(names, few, await measured(), strict=True):
            told = f"{other:.2f} ms for {one:.2f} ms"
            figures.tell(f"newest 50 tickets, {name}, of {many} for of 100", told, other / one / LISTING)
        began = time.perf_counter()
        proof = await ledger.verify()
        took, size = time.perf_counter() - began, (await ledger.size()).used / MEGABYTE
        assert proof.holds
        figures.tell(f"proving {many} tickets", f"{size / took:.1f} MB/s, {took:.1f} s")


async def proving(place: Place, figures: Figures) -> None:
    """A ledger of little but looks."""
    async with await place.ledger("growth") as ledger:
        await ledger.verify()  # what is done once, such as compiling statements, is not measured
        start = time.perf_counter()
        proof = await ledger.verify()
        took, size = time.perf_counter() - start, (await ledger.size()).used / MEGABYTE
        assert proof.holds
        figures.tell("proving looks", f"{size / took:.1f} MB/s")


async def run(place: Place, tickets: int) -> int:
    """All of it; 1 when a figure is worse than it is to be."""
    figures = Figures()
    await growth(place, figures)
    await proving(place, figures)
    await cost(place, figures)
    await listing(place, figures, tickets)
    return 0 if figures.is_good else 1


def main() -> int:
    """Run it, bound to one core; 1 when a figure is worse than it is to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", metavar="URL", help="an empty schema of a PostgreSQL server, instead of SQLite files")
    parser.add_argument("--tickets", type=int, default=100_000)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    folder = Path(tempfile.mkdtemp(prefix="operator-ledger-"))
    try:
        return asyncio.run(run(Place(folder, options.on), options.tickets))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
