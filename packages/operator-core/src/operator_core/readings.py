"""Measured facts, and what could not be measured; one observation holds both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import NewType

from operator_core.components import Component, ComponentRef, RedundancyGroup

ClusterName = NewType("ClusterName", str)
ReadingId = NewType("ReadingId", str)
"""``o<observation>.<n>``, or ``p<probe>.<n>`` for what a probe gave.

Unique within one cluster's record, short enough to be cited in a sentence.
"""

SignalName = NewType("SignalName", str)
Unit = NewType("Unit", str)
"""``s``, ``bytes``, ``1`` (a count or a ratio), ``1/s``, ``state`` (a word)."""

Value = float | str
"""A number in the reading's unit, or a word for a state. What was not measured has no value at all."""


class Contact(Enum):
    """What happened when a door was knocked at; each word tells a different failure."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """Nobody listens there, and the host says so."""
    SILENT = "silent"
    """The connection was accepted and nothing came back within the deadline."""
    UNANSWERED = "unanswered"
    """The connection itself was never completed: packets are lost, or the host is gone."""
    GARBLED = "garbled"
    """Something answered that is not what should be there."""


class Cause(Enum):
    """Why a reading could not be had."""

    REFUSED = "refused"
    SILENT = "silent"
    UNANSWERED = "unanswered"
    NONSENSE = "nonsense"
    DENIED = "denied"
    """The source answered with a clear no (503 'no leader')."""
    ABSENT = "absent"
    """The source answered and does not have it."""
    TOO_EARLY = "too early"
    """A rate or quantile needs a second look, or something must have happened in its window."""
    NOT_ASKED = "not asked"
    """Its source was already known to be out of reach in this observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measured fact.

    Attributes:
        toward: the other component, where the signal is about a pair (who complains about whom).
        at: aware UTC instant at which it was measured.
        source: the request or query that gave it.
    """

    id: ReadingId
    component: ComponentRef
    signal: SignalName
    value: Value
    unit: Unit
    at: datetime
    source: str
    toward: ComponentRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A reading that could not be had. Never zero, never empty, never "healthy".

    Attributes:
        source: which source failed (``coordinator``, ``metrics of store 4``), as lost sight names it.
        detail: the failure in the source's own words.
    """

    component: ComponentRef
    signal: SignalName
    cause: Cause
    detail: str
    at: datetime
    source: str
    toward: ComponentRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLook:
    """How one look at one source went.

    Attributes:
        source: its name, unique within the cluster (``coordinator``, ``prometheus``, ``metrics of store 4``).
        component: what the source belongs to; for a source that stands for the whole, the cluster.
        required: without it, nothing can be said about the subject's health.
        failure: None when it answered.
    """

    source: str
    component: ComponentRef
    required: bool
    failure: Cause | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Everything read in one cycle; immutable and numbered."""

    cluster: ClusterName
    number: int
    at: datetime
    components: tuple[Component, ...] = ()
    groups: tuple[RedundancyGroup, ...] = ()
    readings: tuple[Reading, ...] = ()
    unseens: tuple[Unseen, ...] = ()
    sources: tuple[SourceLook, ...] = ()

    @cached_property
    def _by_place(self) -> Mapping[tuple[SignalName, ComponentRef, ComponentRef | None], Reading]:
        return {(r.signal, r.component, r.toward): r for r in self.readings}

    def reading(
        self, signal: SignalName, component: ComponentRef, toward: ComponentRef | None = None
    ) -> Reading | None:
        """The reading, or None when it was unseen or never asked for."""
        return self._by_place.get((signal, component, toward))

    def of_signal(self, signal: SignalName) -> tuple[Reading, ...]:
        """All readings of a signal, over components, in the order of observation."""
        return tuple(r for r in self.readings if r.signal == signal)

    def unseen(self, signal: SignalName, component: ComponentRef, toward: ComponentRef | None = None) -> Unseen | None:
        """Why the reading is missing, or None when it is not known to be missing."""
        place = (signal, component, toward)
        return next((u for u in self.unseens if (u.signal, u.component, u.toward) == place), None)

    def refs(self, kind: str | None = None) -> tuple[ComponentRef, ...]:
        """The components seen, of one kind or of all, in the order of observation."""
        return tuple(c.ref for c in self.components if kind is None or c.ref.kind == kind)


def by_id(observations: Iterable[Observation]) -> dict[ReadingId, Reading]:
    """All readings of some observations by their ids."""
    return {r.id: r for o in observations for r in o.readings}
