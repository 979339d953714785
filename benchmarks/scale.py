"""How many clusters one process carries on one core: the loop and the ledger, without scraping.

One command: `make figures`. Each cluster has six nodes of a hundred readings, looked at every 15 s; every look is
judged, decided and written, all clusters into one SQLite ledger, under leases. The process is bound to one core.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

from generated import Generated
from operator_cli.logs import configure
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger
from operator_monitor import CycleReport, Monitor, Watch, watch_all

INTERVAL = timedelta(seconds=15)
MEGABYTE = 1_000_000


def resident_bytes() -> int:
    """What the process holds in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def size_of(folder: Path) -> int:
    """All its files together, in bytes."""
    return sum(f.stat().st_size for f in folder.iterdir())


async def run(clusters: int, rounds: int, folder: Path) -> int:
    """Watch so many clusters for so many intervals; 1 when the process did not keep up."""
    clock = RealClock()
    before = resident_bytes()
    async with await SqlLedger.open(folder / "ledger.db", clock=clock) as ledger:
        names = [ClusterName(f"c{n}") for n in range(clusters)]
        watches = [
            Watch(
                Monitor(
                    cluster=name, subject=Generated(name, clock, seed), ledger=ledger, clock=clock, interval=INTERVAL
                ),
                leases=ledger,
                holder="benchmark",
            )
            for seed, name in enumerate(names)
        ]
        done, late, failed, worst = 0, 0, 0, timedelta(0)
        started, used = clock.now(), time.process_time()
        warm_wall, warm_cpu = timedelta(0), 0.0
        async with aclosing(watch_all(watches)) as reports:
            async for _, report in reports:
                if not isinstance(report, CycleReport):
                    continue
                done += 1
                failed += report.failed is not None
                late += report.fell_short is not None
                worst = max(worst, report.took)
                if done == clusters:
                    warm_wall, warm_cpu = clock.now() - started, time.process_time() - used
                if done >= clusters * rounds:
                    break
        wall = (clock.now() - started - warm_wall).total_seconds()
        cpu = time.process_time() - used - warm_cpu
        gc.collect()
        memory = resident_bytes() - before
    cycles = done - clusters
    due = cycles * INTERVAL.total_seconds() / clusters
    print(f"clusters                       {clusters}")
    print(f"cycles measured                {cycles} in {wall:.0f} s; at the interval they take {due:.0f} s")
    print(f"processor time per cycle       {1000 * cpu / cycles:.2f} ms")
    print(f"share of one core              {cpu / wall:.0%}")
    print(f"cycles late, failed            {late}, {failed}; the slowest took {worst.total_seconds():.1f} s")
    print(f"memory per cluster             {memory / clusters / MEGABYTE:.2f} MB")
    print(f"ledger after {rounds} looks a cluster  {size_of(folder) / clusters / MEGABYTE:.2f} MB per cluster")
    kept_up = wall <= 1.1 * due and not failed
    print("kept up" if kept_up else "did NOT keep up")
    return 0 if kept_up else 1


def main() -> int:
    """Run it, bound to one core; 1 when the process did not keep up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=8, help="looks at each cluster; the first is not measured")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    configure()
    folder = Path(tempfile.mkdtemp(prefix="operator-scale-"))
    try:
        return asyncio.run(run(options.clusters, options.rounds, folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
