"""Which tickets open, grow and resolve, against a dumb second version."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import ComponentRef, Kind, RedundancyGroup
from operator_core.decide import EndViolation, OpenViolation
from operator_core.incidents import EndInTicket, JoinTicket, MoveTicket, OpenTicket, assign
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.readings import ClusterName
from operator_core.tickets import Ticket, TicketId, TicketState, Violation

NORTH = ClusterName("north")
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def key(node: str) -> JudgementKey:
    return JudgementKey(invariant=InvariantName("node-is-up"), component=ComponentRef(Kind("node"), node))


def violation(node: str, at: datetime) -> Violation:
    return Violation(
        key=key(node),
        since=at,
        opened_at=at,
        because=node,
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(),
    )


GROUPS = (
    RedundancyGroup(name="low", members=tuple(key(n).component for n in "123"), needed=2),
    RedundancyGroup(name="high", members=tuple(key(n).component for n in "456"), needed=2),
)


@given(
    there=st.sets(st.sampled_from("123456")),
    ended=st.sets(st.sampled_from("123456")),
    new=st.lists(st.sampled_from("123456"), unique=True),
    held=st.booleans(),
    state=st.sampled_from([s for s in TicketState if s is not TicketState.RESOLVED]),
)
def test_tickets_open_join_and_resolve_as_the_dumb_version_says(
    there: set[str], ended: set[str], new: list[str], held: bool, state: TicketState
) -> None:
    now = T0 + timedelta(minutes=1)
    new = [n for n in new if n not in there]
    ended &= there
    members = {1: sorted(there & set("123")), 2: sorted(there & set("456"))}
    tickets = [
        Ticket(
            id=TicketId(ident),
            cluster=NORTH,
            state=state,
            title="",
            component=key(nodes[0]).component,
            severity=Severity.WARNING,
            concern=Concern.SUBJECT,
            opened_at=T0,
            violations=tuple(violation(n, T0) for n in nodes),
            hold=held,
        )
        for ident, nodes in members.items()
        if nodes
    ]
    commands = [
        *(EndViolation(key=key(n), at=now) for n in sorted(ended)),
        *(OpenViolation(violation=violation(n, now)) for n in new),
    ]
    orders = assign(tickets, commands, cluster=NORTH, groups=GROUPS, now=now)

    joins = {(o.ticket, o.violation.key.component.id) for o in orders if isinstance(o, JoinTicket)}
    ends = {(o.ticket, o.key.component.id) for o in orders if isinstance(o, EndInTicket)}
    opens = {frozenset(v.key.component.id for v in o.violations) for o in orders if isinstance(o, OpenTicket)}
    moves = {o.ticket for o in orders if isinstance(o, MoveTicket)}
    of_group = {1: {n for n in new if n in "123"}, 2: {n for n in new if n in "456"}}
    over = {i for i, nodes in members.items() if nodes and set(nodes) <= ended and not of_group[i]}
    resolvable = not held and state not in (TicketState.ESCALATED, TicketState.ACTING)
    assert joins == {(i, n) for i, nodes in of_group.items() if members[i] for n in nodes}
    assert ends == {(i, n) for i, nodes in members.items() for n in nodes if n in ended}
    assert opens == {frozenset(nodes) for i, nodes in of_group.items() if nodes and not members[i]}
    assert moves == (over if resolvable else set())
