"""A process to be killed: monitors that write a ledger as fast as it takes it, and tell what it has taken.

``python -m torture.busy LEDGER START SEED HOLDER``: START is the subject's instant, in ISO form. Lines on the standard
output: ``ready``; ``ack`` and what was acknowledged; ``cycle``, the cluster, the number and why it failed.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
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


def _dropped(_logger: object, _method: str, _event: EventDict) -> EventDict:
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


async def main(place: str, start: datetime, seed: int, holder: str, say: Callable[[str], None] = _say) -> None:
    """Watch until killed."""
    clock = RealClock(start=start, speed=SPEED)
    async with await SqlLedger.open(place) as opened:

        def acknowledged(what: Acknowledged) -> None:
            say(f"ack {what.line()}")

        say("ready")
        async for cluster, report in watch_all(
            watches(Recorder(opened, acknowledged), clock, seed=seed, holder=holder)
        ):
            if isinstance(report, CycleReport):
                say(f"cycle {cluster} {report.number} {report.failed or ''}")


if __name__ == "__main__":
    structlog.configure(processors=[_dropped])
    asyncio.run(main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
