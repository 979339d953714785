"""What one cycle saw, decided and wrote, for whoever watches the watcher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from operator_core.diagnosis import Diagnosis
from operator_core.judgements import Judgement, Verdict
from operator_core.readings import Observation, Unseen
from operator_core.tickets import Ticket, TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """One cycle of the loop.

    Attributes:
        number: the observation's; 0 when the cycle never came to look.
        at: when it began, in the cluster's time.
        observation: what was seen; of a look that failed, an observation with nothing but that failure.
        opened: tickets that it opened, as they were at its end; likewise `changed` and `resolved`,
            and no ticket is in two of the three.
        unseens: by source; a source that failed as a whole is there even when nothing was asked of it.
        undiagnosed: why a diagnosis that was asked for was not made.
        failed: why the cycle counts as failed; None when it did what it should.
    """

    number: int
    at: datetime
    took: timedelta
    observation: Observation
    judgements: tuple[Judgement, ...] = ()
    opened: tuple[Ticket, ...] = ()
    changed: tuple[Ticket, ...] = ()
    resolved: tuple[Ticket, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    undiagnosed: Mapping[TicketId, str] = field(default_factory=dict[TicketId, str])
    failed: str | None = None

    @property
    def unseens(self) -> Mapping[str, tuple[Unseen, ...]]:
        found: dict[str, list[Unseen]] = {s.source: [] for s in self.observation.sources if s.failure is not None}
        for unseen in self.observation.unseens:
            found.setdefault(unseen.source, []).append(unseen)
        return {source: tuple(unseens) for source, unseens in sorted(found.items())}

    def with_verdict(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """The judgements of one verdict, in order."""
        return tuple(j for j in self.judgements if j.verdict is verdict)
