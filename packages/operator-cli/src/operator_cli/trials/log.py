"""What a monitor has said in the course of a trial."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from operator_core.diagnosis import Diagnosis
from operator_core.ports import Clock
from operator_core.tickets import Ticket

if TYPE_CHECKING:
    from operator_monitor import CycleReport, Monitor


@dataclass(slots=True)
class Log:
    """The newest report, the tickets, when each opened and was over, and the first diagnosis of each."""

    last: CycleReport | None = None
    opened: list[tuple[datetime, Ticket]] = field(default_factory=list[tuple[datetime, Ticket]])
    tickets: dict[int, Ticket] = field(default_factory=dict[int, Ticket])
    resolved: dict[int, datetime] = field(default_factory=dict[int, datetime])
    diagnoses: dict[int, Diagnosis] = field(default_factory=dict[int, Diagnosis])

    def add(self, report: CycleReport, now: datetime) -> None:
        self.last = report
        self.opened.extend((now, t) for t in report.opened)
        for ticket in report.reopened:
            self.resolved.pop(ticket.id, None)
        for ticket in (*report.opened, *report.reopened, *report.changed, *report.resolved):
            self.tickets[ticket.id] = ticket
        self.resolved.update({t.id: now for t in report.resolved})
        for diagnosis in report.diagnoses:
            if diagnosis.ticket is not None:
                self.diagnoses.setdefault(diagnosis.ticket, diagnosis)

    @property
    def seen(self) -> CycleReport:
        """The newest report."""
        assert self.last is not None, "the monitor has not looked yet"
        return self.last

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of all tickets, in the order in which they opened."""
        return tuple(t.title for _, t in self.opened)

    def all_over(self) -> bool:
        """Whether every ticket that opened is resolved."""
        return all(t.id in self.resolved for _, t in self.opened)


@asynccontextmanager
async def listening(monitor: Monitor, clock: Clock) -> AsyncGenerator[Log]:
    """A block during which the monitor looks, and the log grows."""
    log = Log()

    async def listen() -> None:
        async with aclosing(monitor.cycles()) as reports:
            async for report in reports:
                log.add(report, clock.now())

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(listen(), name="monitor")
        yield log
        task.cancel()


async def settled(log: Log, clock: Clock, *, within: timedelta, every: timedelta) -> None:
    """Wait until every ticket is over, or the time is."""
    start = clock.now()
    while clock.now() - start < within and not log.all_over():
        await clock.sleep(every)
