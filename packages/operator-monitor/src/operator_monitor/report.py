"""What a monitor tells whoever watches the watcher: one cycle, or that another has the watch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Judgement, Verdict
from operator_core.readings import ClusterName, Observation, Unseen
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """One cycle of the loop.

    Attributes:
        number: the observation's; 0 when the cycle never came to look.
        at: when it began, in the cluster's time.
        took: until all was seen, judged and written; waiting for a diagnosis is not in it.
        observation: what was seen; of a look that failed, an observation with nothing but that failure.
        opened: tickets that it opened, as they were at its end; likewise `reopened` (resolved a short while ago, and
            their trouble came back), `changed` and `resolved`, and no ticket is in two of the four.
        now_open: every ticket that was open at its end; None when the ledger could not tell.
        silences: those in force.
        silenced: violations past their grace that a silence covers, when they are first recorded as such.
        diagnoses: those made since the report before; a slow one may be of a ticket that an earlier report told.
        undiagnosed: why a diagnosis that was asked for was not made, or could not be written; likewise since then.
        failed: why the cycle counts as failed; None when it did what it should.
        fell_short: why it goes into the record as one that fell short: it failed, or it took longer than the interval.
    """

    number: int
    at: datetime
    took: timedelta
    observation: Observation
    judgements: tuple[Judgement, ...] = ()
    opened: tuple[Ticket, ...] = ()
    reopened: tuple[Ticket, ...] = ()
    changed: tuple[Ticket, ...] = ()
    resolved: tuple[Ticket, ...] = ()
    now_open: tuple[Ticket, ...] | None = None
    silences: tuple[Silence, ...] = ()
    silenced: tuple[Violation, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    undiagnosed: Mapping[TicketId, str] = field(default_factory=dict[TicketId, str])
    failed: str | None = None
    fell_short: str | None = None

    @property
    def unseens(self) -> Mapping[str, tuple[Unseen, ...]]:
        """By source; one that failed as a whole is there even when nothing was asked of it."""
        found: dict[str, list[Unseen]] = {s.source: [] for s in self.observation.sources if s.failure is not None}
        for unseen in self.observation.unseens:
            found.setdefault(unseen.source, []).append(unseen)
        return {source: tuple(unseens) for source, unseens in sorted(found.items())}

    def with_verdict(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """The judgements of one verdict, in order."""
        return tuple(j for j in self.judgements if j.verdict is verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingBy:
    """Another monitor has the watch of the cluster; this one looks at its signs of life.

    Attributes:
        holder: who has the watch; None when nobody has, or when it could not be read.
        silent_for: for how long this monitor has seen no new sign of life, on its own clock.
        patience: after how much silence it takes the watch over; None when there is nobody to wait for.
        because: one line for a person.
        failed: why it could not be read who has the watch; None when it could.
    """

    cluster: ClusterName
    at: datetime
    holder: str | None
    silent_for: timedelta
    patience: timedelta | None
    because: str
    failed: str | None = None


Report = CycleReport | StandingBy

_R = TypeVar("_R")
Tell = Callable[[_R], Awaitable[None]]
"""Takes a report; the loop goes on when it has been taken."""
