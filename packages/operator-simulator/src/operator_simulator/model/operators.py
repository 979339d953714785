"""PD's operators: what PD's leader has decided about one region, and the steps in which it is done (pd v8.5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from operator_simulator.model.view import RegionRecord

FAST_TIMEOUT_S: Final = 60.0
_FAST_TIMEOUT_S_PER_MIB: Final = 0.6
SLOW_TIMEOUT_S: Final = 600.0
_SLOW_TIMEOUT_S_PER_MIB: Final = 6.0
"""A step on a large region is given more time; one that copies data ten times as much."""


class OperatorStatus(Enum):
    """How `GET /operators/{region}` names it."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    TIMEOUT = "TIMEOUT"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class TransferLeader:
    """Another voter is to lead."""

    source: int
    target: int

    def __str__(self) -> str:
        return f"transfer leader from store {self.source} to store {self.target}"


@dataclass(frozen=True, slots=True)
class AddLearner:
    """A new peer is given a copy of the data, and no vote; done when it has the copy."""

    peer: int
    store: int

    def __str__(self) -> str:
        return f"add learner peer {self.peer} on store {self.store}"


@dataclass(frozen=True, slots=True)
class ChangeRoles:
    """Promote one peer, and demote another where there is one."""

    promoted: int
    promoted_store: int
    demoted: int | None = None
    demoted_store: int | None = None

    def __str__(self) -> str:
        text = f"use joint consensus, promote learner peer {self.promoted} on store {self.promoted_store} to voter"
        if self.demoted is not None:
            text += f", demote voter peer {self.demoted} on store {self.demoted_store} to learner"
        return text


@dataclass(frozen=True, slots=True)
class LeaveJoint:
    """The end of the joint state that the step before has entered."""

    entered: ChangeRoles

    def __str__(self) -> str:
        return str(self.entered).replace("use joint consensus", "leave joint state", 1)


@dataclass(frozen=True, slots=True)
class RemovePeer:
    """A learner goes, with its data."""

    store: int

    def __str__(self) -> str:
        return f"remove peer on store {self.store}"


@dataclass(frozen=True, slots=True)
class SplitRegion:
    """Cut at these keys."""

    keys: tuple[str, ...]

    def __str__(self) -> str:
        return "split region with policy USEKEY"


Step = TransferLeader | AddLearner | ChangeRoles | LeaveJoint | RemovePeer | SplitRegion


@dataclass(slots=True)
class Operator:
    """One PD operator.

    Attributes:
        source: the store that gives a leader or a peer away; 0 when none does.
        target: the store that gets it; 0 when none does.
        kind: names of its kinds, in the order of their bits.
        current: the step that is next.
        due_s: when the next step can be done at the earliest.
    """

    desc: str
    brief: str
    region: RegionRecord
    source: int
    target: int
    steps: tuple[Step, ...]
    kind: str
    timeout_s: float
    created_s: float
    due_s: float
    current: int = 0
    status: OperatorStatus = OperatorStatus.RUNNING
    finished_s: float | None = None

    @property
    def moves_leader(self) -> bool:
        return isinstance(self.steps[0], TransferLeader) and len(self.steps) == 1


def timeout_s(steps: Sequence[Step], size_mib: int) -> float:
    """The time that an operator is given: the sum of its steps' times, in whole seconds."""
    total = 0.0
    for step in steps:
        slow = isinstance(step, AddLearner)
        least, per_mib = (
            (SLOW_TIMEOUT_S, _SLOW_TIMEOUT_S_PER_MIB) if slow else (FAST_TIMEOUT_S, _FAST_TIMEOUT_S_PER_MIB)
        )
        total += max(least, size_mib * per_mib)
    return float(int(total))


def steps_of_move(
    region: RegionRecord, old: tuple[int, int], new: tuple[int, int], leader_to: int | None
) -> tuple[Step, ...]:
    """Move a peer by joint consensus: add a learner, change roles, take the old one away.

    Args:
        old: peer and store.
        new: peer and store.
        leader_to: the store to which the leader goes first, when it is the old peer.
    """
    change = ChangeRoles(new[0], new[1], old[0], old[1])
    handed: tuple[Step, ...] = () if leader_to is None else (TransferLeader(region.leader_store, leader_to),)
    return (AddLearner(*new), *handed, change, LeaveJoint(change), RemovePeer(old[1]))
