"""Silences: what a person has announced, and for how long it opens nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from operator_core.components import ComponentRef, Kind
from operator_core.judgements import InvariantName, JudgementKey
from operator_core.readings import ClusterName

SilenceId = NewType("SilenceId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceScope:
    """Which violations of a cluster are expected; what is None is not restricted.

    Attributes:
        kind: every component of this kind.
        component: this component alone.
    """

    kind: Kind | None = None
    component: ComponentRef | None = None
    invariant: InvariantName | None = None

    def covers(self, key: JudgementKey) -> bool:
        """Whether violations of this key are meant."""
        return (
            (self.kind is None or key.component.kind == self.kind)
            and (self.component is None or key.component == self.component)
            and (self.invariant is None or key.invariant == self.invariant)
        )

    def __str__(self) -> str:
        whose = str(self.component) if self.component else f"every {self.kind}" if self.kind else "everything"
        return f"{self.invariant} of {whose}" if self.invariant else whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A person's statement that certain violations are expected until a time; they are recorded and open nothing.

    Attributes:
        ends: the first instant at which it counts no more, if nobody ended it earlier.
        ended_at: when a person ended it before its time; None when nobody did.
    """

    id: SilenceId
    cluster: ClusterName
    scope: SilenceScope
    starts: datetime
    ends: datetime
    by: str
    because: str = ""
    ended_at: datetime | None = None

    def counts_at(self, at: datetime) -> bool:
        """Whether it is in force; it expires by itself."""
        return self.starts <= at < min(self.ends, self.ended_at or self.ends)


def silencing(silences: Iterable[Silence], key: JudgementKey, at: datetime) -> Silence | None:
    """The silence that covers a key now; of several the one that lasts longest."""
    found = [s for s in silences if s.counts_at(at) and s.scope.covers(key)]
    return max(found, key=lambda s: (s.ends, -s.id), default=None)
