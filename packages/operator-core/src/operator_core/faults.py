"""Faults that chaos does to a deployment, and their undo: plain data, written down first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NewType

from operator_core.components import ComponentRef, Kind

FaultName = NewType("FaultName", str)
"""What is done: ``kill``, ``pause``, ``isolate``, ``cut`` …; the target says to what."""

FaultId = NewType("FaultId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing done to one component.

    Attributes:
        toward: the other end, for a fault of the link between two.
        parameters: strength and the like, in the units that the capability names.
    """

    name: FaultName
    target: ComponentRef
    toward: ComponentRef | None = None
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])

    def __str__(self) -> str:
        end = f" from {self.toward}" if self.toward is not None else ""
        return f"{self.name} {self.target}{end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCapability:
    """A fault that a target can do.

    Attributes:
        toward: the kind of the other end, for a fault of a link; all components of that kind are meant.
        takes_away: while it lasts the target does not do its share of its redundancy group's work.
        parameters: the name of each parameter and its default.
        describes: what it does, one plain sentence.
    """

    name: FaultName
    kind: Kind
    describes: str
    takes_away: bool
    toward: Kind | None = None
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """How a fault is taken back: what the target itself wrote down before, nothing but text."""

    steps: Mapping[str, str]


class FaultState(Enum):
    """How far a fault has gone; at every one of these it can be healed."""

    PLANNED = "planned"
    """Its undo is written down; it may or may not have been injected."""
    INJECTED = "injected"
    HEALED = "healed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One fault in the journal, with its truth."""

    id: FaultId
    deployment: str
    fault: Fault
    undo: Undo
    state: FaultState
    planned_at: datetime
    injected_at: datetime | None = None
    healed_at: datetime | None = None
