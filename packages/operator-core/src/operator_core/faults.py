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

EVERY = "all"
"""The id that stands for every component of a kind, where the other end of a fault is a whole kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing done to one component.

    Attributes:
        toward: the other end, for a fault of a link; its id is EVERY when all components of its kind are meant.
        parameters: strength and the like, in the units that the capability names.
    """

    name: FaultName
    target: ComponentRef
    toward: ComponentRef | None = None
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])

    def __str__(self) -> str:
        if self.toward is None:
            return f"{self.name} {self.target}"
        end = f"every {self.toward.kind}" if self.toward.id == EVERY else str(self.toward)
        return f"{self.name} {self.target} from {end}"


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
