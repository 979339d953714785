"""A desk at which a monitor's decisions become tickets, by the core's own functions and the subject's knowledge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.decide import Tracked, decide, departed, follow, settle
from operator_core.incidents import (
    EndInTicket,
    HoldTicket,
    JoinTicket,
    MoveTicket,
    OpenTicket,
    TicketCommand,
    assign,
    title_of,
)
from operator_core.judgements import Concern, JudgementKey, Verdict, judge
from operator_core.readings import Observation
from operator_core.runtime import run_virtual
from operator_core.sight import sources_of
from operator_core.tickets import Ticket, TicketId, TicketState, Violation, gravest
from operator_tikv import KNOWLEDGE

if TYPE_CHECKING:
    # the cluster is the fixture of the folder above, which pytest hands down and an import cannot reach
    from ..conftest import Cluster  # noqa: TID252

Script = Sequence[tuple[float, Callable[["Cluster"], object]]]
"""What is done to a cluster, and at which second."""


class Desk:
    """Follows looks as a monitor does, and keeps the tickets that come of them."""

    def __init__(self) -> None:
        self.tickets: dict[TicketId, Ticket] = {}
        self._tracked: dict[JudgementKey, Tracked] = {}
        self.violated: set[JudgementKey] = set()

    def take(self, observation: Observation) -> None:
        judgements = judge(KNOWLEDGE.invariants, observation)
        known = {j.key for j in judgements}
        judgements += tuple(j for j in departed(self._tracked, observation) if j.key not in known)
        self.violated |= {j.key for j in judgements if j.verdict is Verdict.VIOLATED}
        tracked = follow(self._tracked, judgements)
        commands = tuple(decide(tracked, judgements, now=observation.at))
        self._tracked = settle(tracked, commands)
        orders = assign(
            self.tickets.values(),
            commands,
            cluster=observation.cluster,
            groups=observation.groups,
            now=observation.at,
            modes=KNOWLEDGE.modes,
            sources=sources_of(observation),
        )
        for order in orders:
            self._carry_out(order)

    def _carry_out(self, order: TicketCommand) -> None:
        match order:
            case OpenTicket(violations=violations):
                ident = TicketId(len(self.tickets) + 1)
                self.tickets[ident] = Ticket(
                    id=ident,
                    cluster=order.cluster,
                    state=TicketState.OPEN,
                    title=title_of(violations),
                    component=gravest(violations).key.component,
                    severity=gravest(violations).severity,
                    concern=violations[0].concern,
                    opened_at=order.at,
                    violations=violations,
                )
            case JoinTicket(ticket=ident, violation=violation):
                self._now_has(ident, (*self.tickets[ident].violations, violation))
            case EndInTicket(ticket=ident, key=key):
                ended = tuple(
                    replace(v, ended_at=order.at) if v.key == key and v.ended_at is None else v
                    for v in self.tickets[ident].violations
                )
                self._now_has(ident, ended)
            case MoveTicket(ticket=ident, to=to):
                resolved_at = order.at if to is TicketState.RESOLVED else None
                self.tickets[ident] = replace(self.tickets[ident], state=to, resolved_at=resolved_at)
            case HoldTicket():
                raise AssertionError(order)

    def _now_has(self, ident: TicketId, violations: tuple[Violation, ...]) -> None:
        worst = gravest(violations)
        self.tickets[ident] = replace(
            self.tickets[ident],
            violations=violations,
            severity=worst.severity,
            component=worst.key.component,
            title=title_of(violations),
        )

    @property
    def of_the_cluster(self) -> list[Ticket]:
        """The tickets about the cluster's health, in the order in which they were opened."""
        return [t for t in self.tickets.values() if t.concern is Concern.SUBJECT]

    @property
    def of_sight(self) -> list[Ticket]:
        return [t for t in self.tickets.values() if t.concern is Concern.SIGHT]

    def keys(self, ticket: Ticket) -> set[str]:
        """What a ticket holds, as words."""
        return {str(v.key) for v in ticket.violations}


Watch = Callable[..., Desk]


def _watch(
    cluster: Cluster,
    script: Script,
    *,
    until: float,
    begin: float = 0.0,
    prometheus: bool = False,
    every: Callable[[float], float] = lambda _: 5.0,
    desk: Desk | None = None,
) -> Desk:
    """Look from a second on until another, and do what the script says at its seconds."""
    desk = desk or Desk()

    async def main() -> None:
        todo = sorted(script, key=lambda step: step[0])
        subject, number, due = cluster.subject(prometheus=prometheus), 0, begin
        while due < until:
            while todo and todo[0][0] <= due:
                at, act = todo.pop(0)
                await cluster.clock.sleep(timedelta(seconds=max(0.0, at - cluster.t)))
                act(cluster)
            await cluster.clock.sleep(timedelta(seconds=max(0.0, due - cluster.t)))
            number += 1
            desk.take(await subject.observe(number))
            due += every(due)
        await subject.close()

    run_virtual(main())
    return desk


@pytest.fixture
def watch() -> Watch:
    return _watch
