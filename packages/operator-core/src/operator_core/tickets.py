"""Tickets: one incident each, with the violations that belong to it and the states it may go through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from operator_core.components import ComponentRef
from operator_core.judgements import Concern, JudgementKey, Severity
from operator_core.readings import ClusterName, ReadingId

TicketId = NewType("TicketId", int)

PROGRAM = "monitor"
"""How the program signs what it does to tickets by itself; every other signature is a person's."""


class TicketState(Enum):
    """Where an incident stands."""

    OPEN = "open"
    DIAGNOSED = "diagnosed"
    ACTING = "acting"
    VERIFYING = "verifying"
    ESCALATED = "escalated"
    """A person must take it; only a person ends this."""
    RESOLVED = "resolved"

    @property
    def is_over(self) -> bool:
        return self is TicketState.RESOLVED


TRANSITIONS: Mapping[TicketState, frozenset[TicketState]] = {
    TicketState.OPEN: frozenset({TicketState.DIAGNOSED, TicketState.ESCALATED, TicketState.RESOLVED}),
    TicketState.DIAGNOSED: frozenset({TicketState.ACTING, TicketState.ESCALATED, TicketState.RESOLVED}),
    TicketState.ACTING: frozenset({TicketState.VERIFYING, TicketState.ESCALATED}),
    TicketState.VERIFYING: frozenset({TicketState.DIAGNOSED, TicketState.ESCALATED, TicketState.RESOLVED}),
    TicketState.ESCALATED: frozenset({TicketState.OPEN, TicketState.RESOLVED}),
    TicketState.RESOLVED: frozenset({TicketState.OPEN}),
}
"""Every allowed change of state; everything else is refused."""


def may_move(source: TicketState, to: TicketState) -> bool:
    """Whether a ticket may go from one state to another at all."""
    return to in TRANSITIONS[source]


def refusal(ticket: Ticket, to: TicketState, by: str) -> str | None:
    """Why a ticket may not go to a state by that hand; None when it may.

    The program ends no escalation, and resolves nothing that a person holds.
    """
    if not may_move(ticket.state, to):
        return f"ticket {ticket.id} is {ticket.state.value} and may not become {to.value}"
    if by != PROGRAM:
        return None
    if ticket.state is TicketState.ESCALATED:
        return f"ticket {ticket.id} is escalated; only a person ends that"
    if ticket.hold and to.is_over:
        return f"ticket {ticket.id} is held; only a person ends that"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that was VIOLATED for at least its grace.

    Attributes:
        since: the first observation in which it was violated.
        opened_at: when the grace was over.
        ended_at: when it had held for its stability; None while it lasts.
        severity: the invariant's, or worse when the loss is more than the component's group can bear.
        readings: what the verdict that opened it rests on.
        takes_away: while it lasts, the component does not do its share of its redundancy group's work.
    """

    key: JudgementKey
    since: datetime
    opened_at: datetime
    because: str
    severity: Severity
    concern: Concern
    readings: tuple[ReadingId, ...]
    ended_at: datetime | None = None
    takes_away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One incident: all violations that belong together.

    Attributes:
        component: what the gravest of its violations is about; likewise `concern`.
        hold: a person's flag; nothing resolves the ticket automatically while it is set.
    """

    id: TicketId
    cluster: ClusterName
    state: TicketState
    title: str
    component: ComponentRef
    severity: Severity
    concern: Concern
    opened_at: datetime
    violations: tuple[Violation, ...]
    resolved_at: datetime | None = None
    hold: bool = False

    @property
    def is_open(self) -> bool:
        return not self.state.is_over

    @property
    def lasting(self) -> tuple[Violation, ...]:
        """The violations that have not ended."""
        return tuple(v for v in self.violations if v.ended_at is None)

    @property
    def occurrences(self) -> int:
        """How often its trouble began: the most violations of one key that it has had, one after the other."""
        return max(Counter(v.key for v in self.violations).values(), default=0)

    @property
    def components(self) -> tuple[ComponentRef, ...]:
        """Every component that a violation is about, the ticket's own first."""
        return tuple(dict.fromkeys((self.component, *(v.key.component for v in self.violations))))


def gravest(violations: tuple[Violation, ...]) -> Violation:
    """The violation that names a ticket: the gravest; of those one about the subject; of those the earliest."""
    return min(violations, key=lambda v: (-v.severity.rank, v.concern is Concern.SIGHT, v.since))
