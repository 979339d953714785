"""The loop that watches one cluster: cycle after cycle in its rhythm, diagnosing beside it, and a clean end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta

from operator_core.decide import Tracked
from operator_core.judgements import JudgementKey
from operator_core.ports import Clock, Diagnoser, Lease, Ledger, Subject
from operator_core.readings import ClusterName
from operator_core.record import Entry

from operator_monitor.course import Memory
from operator_monitor.cycle import Cycles
from operator_monitor.desk import Desk
from operator_monitor.hearing import heard
from operator_monitor.limits import Limits
from operator_monitor.pen import Pen
from operator_monitor.questions import DiagnosisTerms
from operator_monitor.report import CycleReport, Tell
from operator_monitor.rhythm import Rhythm

INTERVAL = timedelta(seconds=5)
WITHIN = timedelta(seconds=20)
"""How long a look, or an operation of the ledger, may take before the cycle goes on without it."""


class Monitor:
    """Watches one cluster.

    Args:
        interval: from the start of one cycle to the start of the next, on the clock; cycles never overlap.
        jitter: by which share of the interval a cycle begins early or late, at most; nothing adds up.
        chance: decides the jitter; without it there is none.
        keep: how many observations a diagnoser is shown: so many of how a ticket began, and so many of the newest.
        remember: how many of the newest are held in memory, all of `keep` when left out. The others are read from the
            record when somebody is to be diagnosed, which takes longer; 600 readings a look are some 0.2 MB.
        within: how long a look, or an operation of the ledger, may take.
        cycle_within: how long a cycle may take as a whole; twice as long when left out.
        terms: when the diagnoser is asked.

    Raises:
        ConfigurationError: the interval or the jitter is out of its range.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        subject: Subject,
        ledger: Ledger,
        clock: Clock,
        diagnoser: Diagnoser | None = None,
        interval: timedelta = INTERVAL,
        jitter: float = 0.1,
        chance: random.Random | None = None,
        keep: int = 24,
        remember: int | None = None,
        within: timedelta = WITHIN,
        cycle_within: timedelta | None = None,
        terms: DiagnosisTerms | None = None,
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.interval = interval
        self._subject = subject
        self._ledger = ledger
        self._diagnoser = diagnoser
        self._rhythm = Rhythm(interval, jitter=jitter, chance=chance)
        self._terms = terms or DiagnosisTerms()
        self._limits = Limits(
            interval=interval,
            within=within,
            whole=cycle_within or 2 * within,
            keep=keep,
            remember=keep if remember is None else max(1, min(keep, remember)),
            quick=self._terms.quick,
        )
        self._memory = Memory()
        self._one_run = asyncio.Lock()

    @property
    def tracked(self) -> Mapping[JudgementKey, Tracked]:
        """What is followed from cycle to cycle; nothing before the first."""
        return {} if self._memory.course is None else self._memory.course.tracked

    def cycles(self) -> AsyncGenerator[CycleReport]:
        """One report a cycle, until the task that iterates is cancelled or the iterator is closed.

        Whoever lets go of the ledger right after closes the iterator first (:func:`contextlib.aclosing`): then all is
        written.
        """
        return heard(self.run, name=f"monitor {self.cluster}")

    async def run(
        self,
        tell: Tell[CycleReport],
        *,
        after: timedelta = timedelta(0),
        lease: Callable[[], Lease] | None = None,
        opening: Sequence[Entry] = (),
    ) -> None:
        """Cycle after cycle, until cancelled, or until the lease is lost.

        A cancellation is heeded within a second: what is being written is written, or it is not.

        Args:
            tell: is given each report; the loop goes on when it has been taken.
            after: when the first cycle begins, from now.
            lease: the lease as it is now, for a monitor that shares its cluster; it begins anew from the record.
            opening: entries that go into the record before everything else.
        """
        async with self._one_run:
            if lease is not None:
                self._memory.course = None
            self._memory.owed.extendleft(reversed(opening))
            async with asyncio.TaskGroup() as writing:
                pen = Pen(
                    cluster=self.cluster,
                    ledger=self._ledger,
                    clock=self.clock,
                    lease=lease or (lambda: None),
                    within=self._limits.within,
                    tasks=writing,
                )
                async with asyncio.TaskGroup() as asking:
                    await self._loop(tell, after, pen, asking)

    async def _loop(self, tell: Tell[CycleReport], after: timedelta, pen: Pen, asking: asyncio.TaskGroup) -> None:
        desk = self._desk(pen, asking)
        cycles = Cycles(
            cluster=self.cluster,
            subject=self._subject,
            ledger=self._ledger,
            clock=self.clock,
            pen=pen,
            desk=desk,
            limits=self._limits,
            memory=self._memory,
        )
        self._rhythm.begin(self.clock.now() + after)
        try:
            while not pen.has_lost_the_watch:
                now = self.clock.now()
                await self.clock.sleep(max(timedelta(0), self._rhythm.next(now) - now))
                await tell(await cycles.once())
        finally:
            if desk is not None:
                desk.close()
            await cycles.last_words()

    def _desk(self, pen: Pen, tasks: asyncio.TaskGroup) -> Desk | None:
        if self._diagnoser is None:
            return None
        return Desk(
            cluster=self.cluster,
            diagnoser=self._diagnoser,
            ledger=self._ledger,
            pen=pen,
            clock=self.clock,
            terms=self._terms,
            keep=self._limits.keep,
            within=self._limits.within,
            tasks=tasks,
        )
