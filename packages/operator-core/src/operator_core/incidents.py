"""From violations to tickets: which of them are one incident; everything here is pure.

Violations are one incident when they are about the same component, when one is the cause and the other the
consequence by a failure mode of the knowledge base, or when they are about members of one redundancy group, near in
time. All that is about our own sight belongs together, except what we do not see of a component that is in trouble
itself: that belongs to its trouble. A ticket that was resolved a short while ago is reopened rather
than opened once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef, RedundancyGroup
from operator_core.decide import Command, EndViolation, OpenViolation, SilenceViolation
from operator_core.judgements import Concern, JudgementKey, Severity
from operator_core.knowledge import Consequence, FailureMode, Of, Scope
from operator_core.readings import ClusterName
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation, gravest, refusal

JOIN_WINDOW = timedelta(minutes=5)
"""How near in time a violation must be to those of a ticket to belong to it, when nothing but time tells."""

FORERUN = timedelta(minutes=1)
"""How much earlier than its cause a consequence may be noticed; one that began before that has another cause."""

REOPEN_WINDOW = timedelta(minutes=15)
"""A resolved ticket whose trouble comes back within this is the same incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """A new incident with its first violations; the ledger gives it its id."""

    cluster: ClusterName
    at: datetime
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTicket:
    """A further violation of an incident that is open."""

    ticket: TicketId
    at: datetime
    violation: Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInTicket:
    """One violation of a ticket is over."""

    ticket: TicketId
    at: datetime
    key: JudgementKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTicket:
    """A ticket goes to another state; who says so and why is kept with it."""

    ticket: TicketId
    at: datetime
    to: TicketState
    by: str
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTicket:
    """A person takes a ticket out of the program's hands, or gives it back; it changes no state."""

    ticket: TicketId
    at: datetime
    hold: bool
    by: str
    because: str = ""


TicketCommand = OpenTicket | JoinTicket | EndInTicket | MoveTicket | HoldTicket


def _breaks(consequence: Consequence, mode: FailureMode, cause: ComponentRef, key: JudgementKey) -> bool:
    """Whether a mode at work in one component accounts for a violation in this way."""
    if key.invariant != consequence.invariant:
        return False
    kind = consequence.kind or mode.about
    match consequence.of:
        case Of.SELF:
            return key.component == cause
        case Of.CLUSTER:
            return key.component == CLUSTER
        case Of.OTHERS:
            return key.component.kind == kind and key.component != cause
        case Of.ALL:
            return key.component.kind == kind
        case Of.BY_OTHERS | Of.TO_OTHERS:
            return False  # violations are about components, not about pairs


def accounts_for(mode: FailureMode, cause: ComponentRef, key: JudgementKey) -> bool:
    """Whether a failure mode at work in one component would violate this."""
    return any(_breaks(consequence, mode, cause, key) for consequence in mode.violates)


def causal_link(one: JudgementKey, other: JudgementKey, modes: Iterable[FailureMode]) -> FailureMode | None:
    """The failure mode by which one violation is the cause of the other, or both are signs of it in one component.

    One of the two must be about the component that the mode would be at work in: two consequences alone do not show
    that they have one cause.
    """
    for mode in modes:
        if any(_links(mode, cause, one, other) for cause in dict.fromkeys((one.component, other.component))):
            return mode
    return None


def _links(mode: FailureMode, cause: ComponentRef, one: JudgementKey, other: JudgementKey) -> bool:
    """Whether a mode can be at work in a component, and accounts for both.

    That members of a group fail one after the other makes none the cause of the other: nearness in time tells there.
    """
    kinds = {one.component.kind, other.component.kind}
    if mode.scope is Scope.GROUP and one.component != other.component and kinds == {mode.about}:
        return False
    fits = cause.kind == mode.about or (mode.scope is Scope.CLUSTER and cause.kind == CLUSTER_KIND)
    return fits and accounts_for(mode, cause, one) and accounts_for(mode, cause, other)


def _follows(one: Violation, other: Violation, modes: Iterable[FailureMode]) -> bool:
    """Whether a causal link holds between two violations in the order in which they began."""
    return any(
        _links(mode, cause.key.component, one.key, other.key)
        for mode in modes
        for cause, effect in ((one, other), (other, one))
        if effect.since >= cause.since - FORERUN
    )


@dataclass(slots=True)
class _Draft:
    """What a ticket will hold once the commands are carried out.

    Attributes:
        ticket: the ticket as it was; None for a new one.
        lasting: keys of the violations that have not ended.
    """

    ticket: Ticket | None
    violations: list[Violation]
    lasting: set[JudgementKey]


def _nearness(
    draft: _Draft,
    new: Violation,
    groups: Sequence[RedundancyGroup],
    modes: Sequence[FailureMode],
    now: datetime,
    sources: Mapping[ComponentRef, ComponentRef],
) -> int:
    """How closely a violation belongs to an incident; 0 when it does not."""
    there = draft.violations
    if there[0].concern is not new.concern:
        subjects = {sources.get(key.component, key.component) for key in draft.lasting}
        if new.concern is Concern.SIGHT:
            return 4 if sources.get(new.key.component) in subjects else 0
        return 4 if subjects == {new.key.component} else 0
    if new.concern is Concern.SIGHT:
        return 1
    component = new.key.component
    if any(v.key == new.key for v in there):
        return 5
    if component.kind != CLUSTER_KIND and any(v.key.component == component for v in there):
        return 4
    recent = [v for v in there if v.key in draft.lasting or now - (v.ended_at or v.opened_at) <= JOIN_WINDOW]
    if any(_follows(v, new, modes) for v in recent):
        return 3
    if now - max(v.opened_at for v in there) > JOIN_WINDOW:
        return 0
    if any(component in group and any(v.key.component in group for v in there) for group in groups):
        return 2
    return 0


def _weighed(violation: Violation, drafts: Iterable[_Draft], groups: Sequence[RedundancyGroup]) -> Violation:
    """The violation, critical when with all that is lost already its group has fewer members than it needs."""
    if not violation.takes_away:
        return violation
    lost = {v.key.component for d in drafts for v in d.violations if v.takes_away and v.key in d.lasting}
    lost.add(violation.key.component)
    if any(violation.key.component in group and group.spare(lost) < 0 for group in groups):
        return replace(violation, severity=Severity.CRITICAL)
    return violation


def _is_about_sight(command: Command) -> bool:
    """What we do not see is placed last, when it is known what is in trouble."""
    return isinstance(command, OpenViolation) and command.violation.concern is Concern.SIGHT


def _is_the_same(ticket: Ticket, new: Violation, now: datetime) -> bool:
    """Whether a violation is a resolved ticket's trouble come back."""
    if ticket.resolved_at is None or now - ticket.resolved_at > REOPEN_WINDOW or ticket.concern is not new.concern:
        return False
    return any(
        v.key == new.key or (v.key.component == new.key.component and v.key.component.kind != CLUSTER_KIND)
        for v in ticket.violations
    )


def assign(
    tickets: Iterable[Ticket],
    commands: Iterable[Command],
    *,
    cluster: ClusterName,
    groups: Sequence[RedundancyGroup],
    now: datetime,
    modes: Sequence[FailureMode] = (),
    sources: Mapping[ComponentRef, ComponentRef] = MappingProxyType({}),
) -> tuple[TicketCommand, ...]:
    """Say which tickets open, grow, come back and resolve; one incident is one ticket.

    Args:
        tickets: those of this cluster that are open, and those resolved within the reopening window.
        modes: the failure modes whose causal links tell what belongs together.
        sources: of each source of readings, the component that it tells of.
    """
    mine = [t for t in tickets if t.cluster == cluster]
    there = [_Draft(t, list(t.violations), {v.key for v in t.lasting}) for t in mine if t.is_open]
    over = [t for t in mine if not t.is_open]
    fresh: list[_Draft] = []
    result: list[TicketCommand] = []
    for command in sorted(commands, key=_is_about_sight):
        match command:
            case OpenViolation(violation=violation):
                new = _weighed(violation, (*there, *fresh), groups)
                home = _nearest((*there, *fresh), new, groups, modes, now, sources)
                if (home is None or home.ticket is None) and (back := _returned(over, new, now)) is not None:
                    over.remove(back)
                    home = _Draft(back, list(back.violations), {v.key for v in back.lasting})
                    there.append(home)
                    result.extend(_reopening(back, new, now))
                if home is None:
                    fresh.append(_Draft(None, [new], {new.key}))
                    continue
                if home.ticket is not None:
                    result.append(JoinTicket(ticket=home.ticket.id, at=now, violation=new))
                home.violations.append(new)
                home.lasting.add(new.key)
            case EndViolation(key=key):
                for draft in there:
                    if key in draft.lasting:
                        assert draft.ticket is not None
                        draft.lasting.discard(key)
                        result.append(EndInTicket(ticket=draft.ticket.id, at=now, key=key))
            case SilenceViolation():
                pass  # it is recorded, and opens nothing
    result.extend(OpenTicket(cluster=cluster, at=now, violations=tuple(d.violations)) for d in fresh)
    result.extend(
        MoveTicket(ticket=d.ticket.id, at=now, to=TicketState.RESOLVED, by=PROGRAM, because="every violation has ended")
        for d in there
        if d.ticket is not None and not d.lasting and refusal(d.ticket, TicketState.RESOLVED, PROGRAM) is None
    )
    return tuple(result)


def _nearest(
    drafts: Sequence[_Draft],
    new: Violation,
    groups: Sequence[RedundancyGroup],
    modes: Sequence[FailureMode],
    now: datetime,
    sources: Mapping[ComponentRef, ComponentRef],
) -> _Draft | None:
    """The incident that a violation belongs to most closely; of equally near ones the one that grew last."""
    near = [(_nearness(d, new, groups, modes, now, sources), max(v.opened_at for v in d.violations), d) for d in drafts]
    best = max(near, key=lambda found: found[:2], default=None)
    return best[2] if best is not None and best[0] > 0 else None


def _returned(over: Sequence[Ticket], new: Violation, now: datetime) -> Ticket | None:
    """The ticket whose trouble has come back: the one resolved last."""
    back = [t for t in over if _is_the_same(t, new, now)]
    return max(back, key=lambda t: t.resolved_at or t.opened_at, default=None)


def _reopening(ticket: Ticket, new: Violation, now: datetime) -> Iterable[TicketCommand]:
    """What brings a resolved ticket back; the violation that somebody resolved while it lasted ended with it."""
    yield MoveTicket(ticket=ticket.id, at=now, to=TicketState.OPEN, by=PROGRAM, because=f"came back: {new.because}")
    if any(v.key == new.key for v in ticket.lasting):
        yield EndInTicket(ticket=ticket.id, at=ticket.resolved_at or now, key=new.key)


def title_of(violations: tuple[Violation, ...]) -> str:
    """A ticket's title: what its gravest violation says, and how many more there are."""
    first = gravest(violations)
    others = sorted({str(v.key.component) for v in violations} - {str(first.key.component)})
    return first.because + (f" (also {', '.join(others)})" if others else "")
