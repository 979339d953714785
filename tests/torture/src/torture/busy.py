"""A process to be killed: monitors that write a ledger as fast as it takes it, and tell what it has taken.

``python -m torture.busy LEDGER START SEED HOLDER [SPEED [PATIENCE]]``: START is the subject's instant, in ISO form;
PATIENCE the ledger's, in seconds. Lines on the standard output: ``ready``; ``ack`` and what was acknowledged;
``cycle``, the cluster, the number and why it failed. What breaks that was not foreseen goes to the standard error.
"""

from __future__ import annotations

import asyncio
import random
import sys
import traceback
from datetime import datetime, timedelta

import structlog
from operator_core.ports import Clock
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger
from operator_monitor import CycleReport, DiagnosisTerms, Monitor, Watch, watch_all
from structlog.typing import EventDict

from torture.recorder import Acknowledged, Record, Recorder
from torture.toy import FlappingSubject, TalkativeDiagnoser

CLUSTERS = (ClusterName("north"), ClusterName("south"))
NODES = 12
SPEED = 400.0
INTERVAL = timedelta(seconds=5)
LONG = timedelta(hours=24)
"""In the subject's time, which runs many times as fast: nothing is to end because the machine is slow."""


def _only_what_broke(_logger: object, method: str, event: EventDict) -> EventDict:
    if method == "exception":
        sys.stderr.write(f"{event}\n{traceback.format_exc()}\n")
    raise structlog.DropEvent


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def watches(ledger: Record, clock: Clock, *, seed: int, holder: str, interval: timedelta = INTERVAL) -> list[Watch]:
    """One watch of each cluster."""
    return [
        Watch(
            Monitor(
                cluster=cluster,
                subject=FlappingSubject(cluster=cluster, clock=clock, seed=seed, nodes=NODES),
                ledger=ledger,
                clock=clock,
                diagnoser=TalkativeDiagnoser(),
                interval=interval,
                chance=random.Random(seed),
                within=LONG,
                terms=DiagnosisTerms(within=LONG),
            ),
            leases=ledger,
            holder=holder,
        )
        for cluster in CLUSTERS
    ]


async def main(place: str, start: datetime, seed: int, holder: str, *, speed: float, patience: timedelta) -> None:
    """Watch until killed."""
    clock = RealClock(start=start, speed=speed)
    async with await SqlLedger.open(place, patience=patience) as opened:

        def acknowledged(what: Acknowledged) -> None:
            _say(f"ack {what.line()}")

        _say("ready")
        async for cluster, report in watch_all(
            watches(Recorder(opened, acknowledged), clock, seed=seed, holder=holder)
        ):
            if isinstance(report, CycleReport):
                _say(f"cycle {cluster} {report.number} {report.failed or ''}")


if __name__ == "__main__":
    structlog.configure(processors=[_only_what_broke])
    place, start, seed, holder, *more = sys.argv[1:]
    asyncio.run(
        main(
            place,
            datetime.fromisoformat(start),
            int(seed),
            holder,
            speed=float(more[0]) if more else SPEED,
            patience=timedelta(seconds=float(more[1]) if more[1:] else 5),
        )
    )
