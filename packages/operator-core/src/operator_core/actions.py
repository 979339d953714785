"""What could be done about a subject, how risky it is, and when a guard says no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

from operator_core.components import ComponentRef, RedundancyGroup
from operator_core.judgements import Concern, Judgement, Verdict

ActionName = NewType("ActionName", str)


class RiskClass(Enum):
    """How much could go wrong, and whether a program may do it at all."""

    SAFE = "safe"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very high"
    HUMAN_ONLY = "human only"
    """Forbidden to automation: a person decides, with a written reason."""

    @property
    def rank(self) -> int:
        """Higher is riskier."""
        return list(RiskClass).index(self)


class Availability(Enum):
    """Whether a component does its share of its redundancy group's work."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that changes a subject.

    Attributes:
        takes_away: while it lasts, the target does not do its share of its group's work.
        dry_run: what would be sent, in the subject's own words.
        undo: how to take it back; empty when it cannot be taken back.
    """

    name: ActionName
    target: ComponentRef
    risk: RiskClass
    takes_away: bool
    dry_run: str
    undo: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Allowed:
    """The guard has nothing against it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The guard says no; the reason names the group and the numbers."""

    reason: str


def guard(
    target: ComponentRef,
    *,
    takes_away: bool,
    groups: Iterable[RedundancyGroup],
    state: Mapping[ComponentRef, Availability],
) -> Allowed | Refused:
    """Whether losing a component would cost a group the members that it needs.

    Args:
        target: what an action or a fault would be done to.
        takes_away: whether it would take the target's share of the work away.
        groups: the redundancy groups of the subject.
        state: how each component is; one that is not in it, or UNKNOWN, is counted as lost.
    """
    if not takes_away:
        return Allowed()
    for group in groups:
        if target not in group:
            continue
        lost = [
            m for m in group.members if m != target and state.get(m, Availability.UNKNOWN) is not Availability.AVAILABLE
        ]
        left = len(group.members) - len(lost) - 1
        if left < group.needed:
            already = f"; not surely available: {', '.join(map(str, lost))}" if lost else ""
            return Refused(
                f"without {target}, {group.name} would have {left} of {len(group.members)} members"
                f" and needs {group.needed}{already}"
            )
    return Allowed()


def availability(
    components: Iterable[ComponentRef], judgements: Iterable[Judgement]
) -> dict[ComponentRef, Availability]:
    """How each component is, by the verdicts about it: the worst one speaks.

    A violated invariant that takes its work away makes it UNAVAILABLE; an unknown one of those, or no verdict at all,
    UNKNOWN.
    """
    verdicts: dict[ComponentRef, list[Judgement]] = {ref: [] for ref in components}
    for judgement in judgements:
        if judgement.concern is Concern.SUBJECT and judgement.key.component in verdicts:
            verdicts[judgement.key.component].append(judgement)
    return {ref: _worst(found) for ref, found in verdicts.items()}


def _worst(judgements: list[Judgement]) -> Availability:
    if any(j.verdict is Verdict.VIOLATED and j.takes_away for j in judgements):
        return Availability.UNAVAILABLE
    if not judgements or any(j.verdict is Verdict.UNKNOWN and j.takes_away for j in judgements):
        return Availability.UNKNOWN
    return Availability.AVAILABLE
