"""From judgements to violations, and from violations to tickets; everything here is pure.

A cycle goes through :func:`follow` (what the verdicts do to what is tracked), :func:`decide` (which violations
open and end), :func:`settle` (what is tracked afterwards) and :func:`assign` (what that means for tickets).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from operator_core.components import CLUSTER_KIND, RedundancyGroup
from operator_core.judgements import Concern, Judgement, JudgementKey, Verdict
from operator_core.readings import ClusterName
from operator_core.tickets import Ticket, TicketId, TicketState, Violation, gravest, may_move

JOIN_WINDOW = timedelta(minutes=5)
"""A violation of the same redundancy group that comes within this of a ticket's newest one belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What is remembered of one judgement key from cycle to cycle.

    Attributes:
        violated_since: first of the violations seen without a HOLDS between; UNKNOWN does not reset it.
        held_since: first HOLDS of an unbroken row while a violation is open; UNKNOWN breaks the row,
            for a cure must be seen.
    """

    verdict: Verdict = Verdict.UNKNOWN
    violated_since: datetime | None = None
    held_since: datetime | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenViolation:
    """The grace is over."""

    violation: Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndViolation:
    """It has held for its stability."""

    key: JudgementKey
    at: datetime


Command = OpenViolation | EndViolation


def _followed(tracked: Tracked, judgement: Judgement) -> Tracked:
    match judgement.verdict:
        case Verdict.VIOLATED:
            return replace(
                tracked,
                verdict=Verdict.VIOLATED,
                violated_since=tracked.violated_since or judgement.at,
                held_since=None,
            )
        case Verdict.HOLDS if tracked.is_open:
            return replace(tracked, verdict=Verdict.HOLDS, held_since=tracked.held_since or judgement.at)
        case Verdict.HOLDS:
            return Tracked(verdict=Verdict.HOLDS)
        case Verdict.UNKNOWN:
            return replace(tracked, verdict=Verdict.UNKNOWN, held_since=None)


def follow(tracked: Mapping[JudgementKey, Tracked], judgements: Iterable[Judgement]) -> dict[JudgementKey, Tracked]:
    """What is tracked after these judgements; keys that were not judged stay as they are."""
    after = dict(tracked)
    for judgement in judgements:
        after[judgement.key] = _followed(after.get(judgement.key, Tracked()), judgement)
    return after


def decide(
    tracked: Mapping[JudgementKey, Tracked], judgements: Iterable[Judgement], *, now: datetime
) -> Iterator[Command]:
    """Say which violations to open and which to end; change nothing.

    Args:
        tracked: what :func:`follow` made of these judgements.
    """
    for j in judgements:
        t = tracked.get(j.key, Tracked())
        match j.verdict:
            case Verdict.VIOLATED if (
                not t.is_open and t.violated_since is not None and now - t.violated_since >= j.grace
            ):
                yield OpenViolation(
                    violation=Violation(
                        key=j.key,
                        since=t.violated_since,
                        opened_at=now,
                        because=j.because,
                        severity=j.severity,
                        concern=j.concern,
                        readings=j.readings,
                    )
                )
            case Verdict.HOLDS if t.is_open and t.held_since is not None and now - t.held_since >= j.stability:
                yield EndViolation(key=j.key, at=now)
            case _:
                pass  # UNKNOWN is not HOLDS: a failed look opens nothing and cures nothing


def settle(tracked: Mapping[JudgementKey, Tracked], commands: Iterable[Command]) -> dict[JudgementKey, Tracked]:
    """What is tracked once the commands are carried out."""
    after = dict(tracked)
    for command in commands:
        match command:
            case OpenViolation(violation=violation):
                after[violation.key] = replace(after[violation.key], is_open=True)
            case EndViolation(key=key):
                after[key] = Tracked(verdict=Verdict.HOLDS)
    return after


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


TicketCommand = OpenTicket | JoinTicket | EndInTicket | MoveTicket


def _belong_together(
    there: Sequence[Violation], new: Violation, groups: Sequence[RedundancyGroup], now: datetime
) -> bool:
    if there[0].concern is not new.concern:
        return False
    if new.concern is Concern.SIGHT:
        return True
    components = {v.key.component for v in there}
    if new.key.component in components:
        return True
    if now - max(v.opened_at for v in there) > JOIN_WINDOW:
        return False
    if new.key.component.kind == CLUSTER_KIND or any(c.kind == CLUSTER_KIND for c in components):
        return True
    return any(new.key.component in group and any(c in group for c in components) for group in groups)


def assign(
    tickets: Iterable[Ticket],
    commands: Iterable[Command],
    *,
    cluster: ClusterName,
    groups: Sequence[RedundancyGroup],
    now: datetime,
) -> tuple[TicketCommand, ...]:
    """Say which tickets open, grow and resolve; one incident is one ticket.

    Violations belong together when they are about the same component, about members of one redundancy group
    or about the cluster as a whole, near in time; all that is about our sight belongs together.

    Args:
        tickets: the open tickets of this cluster.
    """
    open_tickets = [t for t in tickets if t.cluster == cluster and t.is_open]
    lasting = {t.id: {v.key for v in t.lasting} for t in open_tickets}
    known = {t.id: list(t.violations) for t in open_tickets}
    new: list[list[Violation]] = []
    result: list[TicketCommand] = []
    for command in commands:
        match command:
            case OpenViolation(violation=violation):
                home = next((i for i, there in known.items() if _belong_together(there, violation, groups, now)), None)
                if home is not None:
                    known[home].append(violation)
                    lasting[home].add(violation.key)
                    result.append(JoinTicket(ticket=home, at=now, violation=violation))
                    continue
                fresh = next((n for n in new if _belong_together(n, violation, groups, now)), None)
                if fresh is None:
                    new.append([violation])
                else:
                    fresh.append(violation)
            case EndViolation(key=key):
                for ident, keys in lasting.items():
                    if key in keys:
                        keys.discard(key)
                        result.append(EndInTicket(ticket=ident, at=now, key=key))
    result.extend(OpenTicket(cluster=cluster, at=now, violations=tuple(n)) for n in new)
    result.extend(
        MoveTicket(ticket=t.id, at=now, to=TicketState.RESOLVED, by="monitor", because="every violation has ended")
        for t in open_tickets
        if not lasting[t.id]
        and not t.hold
        and t.state is not TicketState.ESCALATED
        and may_move(t.state, TicketState.RESOLVED)
    )
    return tuple(result)


def title_of(violations: tuple[Violation, ...]) -> str:
    """A ticket's title: what its gravest violation says, and how many more there are."""
    first = gravest(violations)
    others = sorted({str(v.key.component) for v in violations} - {str(first.key.component)})
    return first.because + (f" (also {', '.join(others)})" if others else "")
