"""Asking an observation, and keeping count of what a verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from operator_core.components import CLUSTER, ComponentRef
from operator_core.judgements import CheckResult, Severity, Verdict
from operator_core.readings import Observation, Reading, ReadingId, SignalName

from operator_tikv import names as n

SETTLING = 15.0
"""Seconds after a change of the PD leader in which what PD says of stores is not believed: the new leader has
heartbeats up to five minutes old until each store's next (tikv/pd v8.5.5 server/cluster, storePersistInterval).
"""


@dataclass(slots=True)
class Seen:
    """One observation, and the readings that were used of it."""

    observation: Observation
    used: dict[ReadingId, None] = field(default_factory=dict[ReadingId, None])

    def reading(
        self, signal: SignalName, component: ComponentRef, toward: ComponentRef | None = None
    ) -> Reading | None:
        found = self.observation.reading(signal, component, toward)
        if found is not None:
            self.used[found.id] = None
        return found

    def number(self, signal: SignalName, component: ComponentRef, toward: ComponentRef | None = None) -> float | None:
        """A number, or None when it was not seen."""
        found = self.reading(signal, component, toward)
        return found.value if found is not None and not isinstance(found.value, str) else None

    def word(self, signal: SignalName, component: ComponentRef) -> str | None:
        """A word, or None when it was not seen."""
        found = self.reading(signal, component)
        return found.value if found is not None and isinstance(found.value, str) else None

    @property
    def is_settling(self) -> bool:
        """Whether the PD leader changed so shortly ago that its view of stores is not to be believed."""
        age = self.number(n.PD_LEADER_AGE, CLUSTER)
        return age is not None and age < SETTLING

    def says(
        self,
        component: ComponentRef,
        verdict: Verdict,
        because: str,
        *,
        grace: timedelta | None = None,
        severity: Severity | None = None,
    ) -> CheckResult:
        """A result that rests on everything used so far."""
        return CheckResult(
            component=component,
            verdict=verdict,
            because=because,
            readings=tuple(self.used),
            grace=grace,
            severity=severity,
        )
