from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import CLUSTER, ComponentRef, Kind, RedundancyGroup
from operator_core.decide import Command, EndViolation, OpenViolation, SilenceViolation
from operator_core.incidents import (
    FORERUN,
    JOIN_WINDOW,
    REOPEN_WINDOW,
    EndInTicket,
    JoinTicket,
    MoveTicket,
    OpenTicket,
    TicketCommand,
    assign,
    causal_link,
    title_of,
)
from operator_core.judgements import Concern, InvariantName, JudgementKey, Severity
from operator_core.knowledge import Consequence, FailureMode, ModeName, Of, Scope
from operator_core.readings import ClusterName
from operator_core.sight import SOURCE_KIND
from operator_core.silences import SilenceId
from operator_core.tickets import PROGRAM, Ticket, TicketId, TicketState, Violation, gravest, may_move, refusal

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HERE = ClusterName("toys")
NODES = tuple(ComponentRef(Kind("node"), str(n)) for n in (1, 2, 3))
STRANGER = ComponentRef(Kind("lamp"), "1")
SOURCE, OTHER_SOURCE = ComponentRef(SOURCE_KIND, "metrics of one"), ComponentRef(SOURCE_KIND, "metrics of a stranger")
TELL_OF = {SOURCE: NODES[0], OTHER_SOURCE: STRANGER}
QUORUM = RedundancyGroup(name="quorum", members=NODES, needed=2)


def mode(name: str, *violates: Consequence, about: str = "node", scope: Scope = Scope.COMPONENT) -> FailureMode:
    return FailureMode(
        name=ModeName(name),
        title=name,
        about=Kind(about),
        summary="",
        mechanism="",
        expects=(),
        path=(),
        options=(),
        violates=violates,
        scope=scope,
    )


def breaks(invariant: str, of: Of = Of.SELF, kind: str | None = None) -> Consequence:
    return Consequence(invariant=InvariantName(invariant), of=of, kind=None if kind is None else Kind(kind))


STOPPED = mode("stopped", breaks("is-well"), breaks("answers", Of.CLUSTER), breaks("is-fast", Of.OTHERS))
DARK = mode("dark", breaks("is-well"), breaks("is-fast", Of.ALL, "node"), about="lamp")
MODES = (STOPPED, DARK)


def violation(
    component: ComponentRef = NODES[0],
    opened: datetime = T0,
    *,
    invariant: str = "is-well",
    severity: Severity = Severity.WARNING,
    concern: Concern = Concern.SUBJECT,
) -> Violation:
    return Violation(
        key=JudgementKey(invariant=InvariantName(invariant), component=component),
        since=opened,
        opened_at=opened,
        because=f"{component} is not well",
        severity=severity,
        concern=concern,
        readings=(),
    )


def ticket(
    *violations: Violation,
    ident: int = 1,
    cluster: ClusterName = HERE,
    state: TicketState = TicketState.OPEN,
    hold: bool = False,
) -> Ticket:
    return Ticket(
        id=TicketId(ident),
        cluster=cluster,
        state=state,
        title="something",
        component=violations[0].key.component,
        severity=Severity.WARNING,
        concern=violations[0].concern,
        opened_at=T0,
        violations=violations,
        hold=hold,
    )


def opens(*violations: Violation) -> list[Command]:
    return [OpenViolation(violation=v) for v in violations]


def ends(*violations: Violation, at: datetime = T0) -> list[Command]:
    return [EndViolation(key=v.key, at=at) for v in violations]


def assigned(tickets: Sequence[Ticket], commands: Sequence[Command], now: datetime = T0) -> tuple[TicketCommand, ...]:
    return assign(tickets, commands, cluster=HERE, groups=(QUORUM,), now=now, modes=MODES, sources=TELL_OF)


def test_two_members_of_a_group_are_one_incident() -> None:
    one, two = violation(NODES[0]), violation(NODES[1])
    assert assigned([], opens(one, two)) == (OpenTicket(cluster=HERE, at=T0, violations=(one, two)),)


def test_strangers_are_two_incidents() -> None:
    made = assigned([], opens(violation(NODES[0]), violation(STRANGER)))
    assert [type(m) for m in made] == [OpenTicket, OpenTicket]


def test_what_concerns_the_whole_is_an_incident_of_its_own_unless_a_cause_is_known() -> None:
    cause, whole = violation(NODES[0]), violation(CLUSTER, invariant="answers")
    assert assigned([ticket(cause)], opens(whole)) == (JoinTicket(ticket=TicketId(1), at=T0, violation=whole),)
    assert assigned([ticket(whole)], opens(cause)) == (JoinTicket(ticket=TicketId(1), at=T0, violation=cause),)
    assert [type(m) for m in assigned([ticket(violation(STRANGER))], opens(whole))] == [OpenTicket]
    unexplained = violation(CLUSTER, invariant="is-tidy")
    assert [type(m) for m in assigned([ticket(cause)], opens(unexplained))] == [OpenTicket]


def test_a_consequence_joins_as_long_as_its_cause_lasts_and_not_long_after() -> None:
    late = T0 + timedelta(hours=3)
    consequence = violation(CLUSTER, late, invariant="answers")
    lasting = ticket(violation(NODES[0]))
    assert [type(m) for m in assigned([lasting], opens(consequence), late)] == [JoinTicket]
    ended = replace(violation(NODES[0]), ended_at=late - JOIN_WINDOW - timedelta(seconds=1))
    still = violation(NODES[0], invariant="is-tidy")
    assert [type(m) for m in assigned([ticket(ended, still)], opens(consequence), late)] == [OpenTicket]


def test_what_began_long_before_its_cause_is_no_consequence_of_it() -> None:
    cause_at = T0 + timedelta(hours=3)
    cause = violation(STRANGER, cause_at)
    for before, kind in ((FORERUN, JoinTicket), (FORERUN + timedelta(seconds=1), OpenTicket)):
        effect = violation(NODES[1], cause_at - before, invariant="is-fast")
        assert [type(m) for m in assigned([ticket(effect)], opens(cause), cause_at)] == [kind]
        assert [type(m) for m in assigned([ticket(cause)], opens(effect), cause_at)] == [kind]


def test_what_opens_at_once_stays_together_whatever_is_open_already() -> None:
    late = T0 + timedelta(hours=3)
    elsewhere = ticket(violation(STRANGER))
    tidy, fast = (violation(NODES[0], late, invariant=i) for i in ("is-tidy", "is-fast"))
    assert assigned([elsewhere], opens(fast), late) == (JoinTicket(ticket=TicketId(1), at=late, violation=fast),)
    assert assigned([elsewhere], opens(tidy, fast), late) == (
        OpenTicket(cluster=HERE, at=late, violations=(tidy, fast)),
    )


def test_one_of_the_two_must_be_about_the_component_that_the_mode_is_at_work_in() -> None:
    def key(invariant: str, component: ComponentRef) -> JudgementKey:
        return JudgementKey(invariant=InvariantName(invariant), component=component)

    well, fast, answers = key("is-well", NODES[0]), key("is-fast", NODES[1]), key("answers", CLUSTER)
    assert causal_link(well, fast, MODES) is STOPPED
    assert causal_link(fast, well, MODES) is STOPPED
    assert causal_link(well, key("is-fast", NODES[0]), MODES) is None
    assert causal_link(fast, answers, MODES) is None
    assert causal_link(key("is-well", STRANGER), fast, MODES) is DARK
    assert causal_link(key("is-well", STRANGER), answers, MODES) is None
    overloaded = mode("overloaded", breaks("answers", Of.CLUSTER), breaks("is-fast", Of.ALL), scope=Scope.CLUSTER)
    assert causal_link(fast, answers, [overloaded]) is overloaded


def test_a_member_that_fails_long_after_another_is_no_consequence_of_it_though_both_are_signs_of_a_greater_loss() -> (
    None
):
    lost = mode(
        "majority-lost",
        breaks("is-well"),
        breaks("is-well", Of.OTHERS),
        breaks("answers", Of.CLUSTER),
        scope=Scope.GROUP,
    )
    late = T0 + timedelta(hours=1)
    first, second = ticket(violation(NODES[0])), violation(NODES[1], late)
    whole = violation(CLUSTER, late, invariant="answers")

    def made(*new: Violation, there: Sequence[Ticket] = (first,)) -> tuple[TicketCommand, ...]:
        return assign(there, opens(*new), cluster=HERE, groups=(QUORUM,), now=late, modes=(lost,))

    assert made(second, whole) == (OpenTicket(cluster=HERE, at=late, violations=(second, whole)),)
    assert made(whole) == (JoinTicket(ticket=TicketId(1), at=late, violation=whole),)


def test_it_joins_the_incident_that_it_belongs_to_most_closely() -> None:
    same, linked, group = (
        ticket(violation(NODES[0]), ident=1),
        ticket(violation(STRANGER), ident=2),
        ticket(violation(NODES[1]), ident=3),
    )
    new = violation(NODES[0], invariant="is-fast")

    def home(*tickets: Ticket) -> int | None:
        (made,) = assigned(tickets, opens(new))
        return made.ticket if isinstance(made, JoinTicket) else None

    assert home(group, linked, same) == 1
    assert home(linked, replace(group, violations=(violation(NODES[1], invariant="is-tidy"),))) == 2
    assert home(replace(group, violations=(violation(NODES[1], invariant="is-tidy"),))) == 3


def test_two_faults_at_once_are_two_incidents_each_with_its_own_consequences() -> None:
    fast = violation(NODES[1], invariant="is-fast")
    unrelated = violation(ComponentRef(Kind("clock"), "1"))
    made = assigned([], opens(violation(NODES[0]), unrelated, fast))
    assert [len(m.violations) for m in made if isinstance(m, OpenTicket)] == [2, 1]


def test_a_resolved_ticket_whose_trouble_comes_back_soon_is_reopened() -> None:
    over = replace(ticket(replace(violation(), ended_at=T0)), state=TicketState.RESOLVED, resolved_at=T0)
    for now, kinds in ((T0 + REOPEN_WINDOW, [MoveTicket, JoinTicket]), (T0 + 2 * REOPEN_WINDOW, [OpenTicket])):
        back = violation(opened=now, invariant="is-fast")
        assert [type(m) for m in assigned([over], opens(back), now)] == kinds
    other = violation(NODES[1])
    assert [type(m) for m in assigned([over], opens(other))] == [OpenTicket]
    both = assigned([over], opens(violation(), violation(invariant="is-fast")))
    assert [type(m) for m in both] == [MoveTicket, JoinTicket, JoinTicket]


def test_what_a_person_resolved_while_it_lasted_ended_then() -> None:
    over = replace(ticket(violation()), state=TicketState.RESOLVED, resolved_at=T0)
    made = assigned([over], opens(violation(opened=T0 + timedelta(minutes=1))), T0 + timedelta(minutes=1))
    assert [type(m) for m in made] == [MoveTicket, EndInTicket, JoinTicket]
    assert isinstance(made[1], EndInTicket)
    assert made[1].at == T0


def test_what_comes_back_counts() -> None:
    first = replace(violation(), ended_at=T0)
    assert ticket(first).occurrences == 1
    assert ticket(first, violation(NODES[1]), violation(opened=T0 + timedelta(hours=1))).occurrences == 2


def test_losing_more_than_the_group_can_bear_is_critical_and_less_is_not() -> None:
    def lost(ref: ComponentRef) -> Violation:
        return replace(violation(ref), takes_away=True)

    (made,) = assigned([], opens(lost(NODES[0])))
    assert isinstance(made, OpenTicket)
    assert [v.severity for v in made.violations] == [Severity.WARNING]
    (made,) = assigned([], opens(lost(NODES[0]), lost(NODES[1])))
    assert isinstance(made, OpenTicket)
    assert [v.severity for v in made.violations] == [Severity.WARNING, Severity.CRITICAL]
    late = T0 + 2 * JOIN_WINDOW
    (alone,) = assigned([ticket(lost(NODES[0]))], opens(replace(lost(NODES[1]), opened_at=late)), late)
    assert isinstance(alone, OpenTicket)
    assert alone.violations[0].severity is Severity.CRITICAL
    (harmless,) = assigned([ticket(lost(NODES[0]))], opens(violation(NODES[1])))
    assert isinstance(harmless, JoinTicket)
    assert harmless.violation.severity is Severity.WARNING


def test_a_silenced_violation_opens_nothing() -> None:
    quiet = SilenceViolation(at=T0, silence=SilenceId(1), violation=violation())
    assert assigned([], [quiet]) == ()


@pytest.mark.parametrize("state", TicketState)
def test_the_program_ends_no_escalation_and_no_hold_and_a_person_may(state: TicketState) -> None:
    there = ticket(violation(), state=state)
    for to in TicketState:
        by_person, by_program = refusal(there, to, "Ada"), refusal(there, to, PROGRAM)
        assert (by_person is None) == may_move(state, to)
        assert (by_program is None) == (may_move(state, to) and state is not TicketState.ESCALATED)
        held = refusal(replace(there, hold=True), to, PROGRAM)
        assert (held is None) == (by_program is None and to is not TicketState.RESOLVED)


def test_another_member_joins_within_the_window_and_not_after() -> None:
    there = ticket(violation(NODES[0]))
    late = T0 + JOIN_WINDOW + timedelta(seconds=1)
    for now, kind in ((T0 + JOIN_WINDOW, JoinTicket), (late, OpenTicket)):
        (made,) = assigned([there], opens(violation(NODES[1], now)), now)
        assert isinstance(made, kind)


def test_the_same_component_joins_at_any_time() -> None:
    now = T0 + timedelta(days=2)
    (made,) = assigned([ticket(violation(NODES[0]))], opens(violation(NODES[0], now, invariant="is-fast")), now)
    assert isinstance(made, JoinTicket)


def test_our_sight_of_many_is_one_incident_and_the_subjects_health_another() -> None:
    blind, too = violation(SOURCE, concern=Concern.SIGHT), violation(OTHER_SOURCE, concern=Concern.SIGHT)
    (joined,) = assigned([ticket(blind)], opens(too))
    assert isinstance(joined, JoinTicket)
    assert [type(m) for m in assigned([ticket(blind, too)], opens(violation(NODES[0])))] == [OpenTicket]


def test_trouble_of_what_alone_was_not_seen_is_the_same_incident_and_gives_it_its_name() -> None:
    blind, sick = violation(SOURCE, concern=Concern.SIGHT), violation(NODES[0], T0 + timedelta(seconds=5))
    assert assigned([ticket(blind)], opens(sick)) == (JoinTicket(ticket=TicketId(1), at=T0, violation=sick),)
    assert gravest((blind, sick)) == sick
    assert [type(m) for m in assigned([ticket(blind)], opens(violation(STRANGER)))] == [OpenTicket]


@pytest.mark.parametrize("sight_comes_first", [False, True])
def test_what_is_not_seen_of_a_component_in_trouble_belongs_to_its_trouble(sight_comes_first: bool) -> None:
    sick, blind = violation(NODES[0]), violation(SOURCE, concern=Concern.SIGHT)
    (joined,) = assigned([ticket(sick)], opens(blind))
    assert joined == JoinTicket(ticket=TicketId(1), at=T0, violation=blind)
    at_once = [blind, sick] if sight_comes_first else [sick, blind]
    assert assigned([], opens(*at_once)) == (OpenTicket(cluster=HERE, at=T0, violations=(sick, blind)),)


def test_what_is_not_seen_of_another_or_of_one_that_is_well_again_is_an_incident_of_its_own() -> None:
    sick, blind = violation(NODES[0]), violation(OTHER_SOURCE, concern=Concern.SIGHT)
    assert [type(m) for m in assigned([ticket(sick)], opens(blind))] == [OpenTicket]
    over = replace(sick, ended_at=T0)
    held = ticket(over, hold=True)
    made = assigned([held], opens(violation(SOURCE, concern=Concern.SIGHT)))
    assert [type(m) for m in made] == [OpenTicket]


def test_the_last_end_resolves_and_an_earlier_one_does_not() -> None:
    one, two = violation(NODES[0]), violation(NODES[1])
    there = ticket(one, two)
    assert [type(m) for m in assigned([there], ends(one))] == [EndInTicket]
    assert [type(m) for m in assigned([there], ends(one, two))] == [EndInTicket, EndInTicket, MoveTicket]


def test_what_a_person_holds_or_took_is_not_resolved() -> None:
    one = violation()
    held, taken = ticket(one, hold=True), ticket(one, state=TicketState.ESCALATED)
    for there in (held, taken):
        assert [type(m) for m in assigned([there], ends(one))] == [EndInTicket]


def test_another_clusters_tickets_are_not_touched() -> None:
    one = violation()
    elsewhere = ticket(one, cluster=ClusterName("others"))
    assert assigned([elsewhere], ends(one)) == ()
    assert [type(m) for m in assigned([elsewhere], opens(one))] == [OpenTicket]


def test_a_closed_ticket_is_not_joined() -> None:
    closed = replace(ticket(violation()), state=TicketState.RESOLVED)
    assert [type(m) for m in assigned([closed], opens(violation()))] == [OpenTicket]


components = st.sampled_from((*NODES, STRANGER, CLUSTER))
some_violations = st.lists(
    st.builds(violation, components, invariant=st.sampled_from(("a", "b", "c"))), max_size=6, unique_by=lambda v: v.key
)


@given(
    there=st.lists(some_violations.filter(bool), max_size=4),
    states=st.lists(st.sampled_from(TicketState), min_size=4, max_size=4),
    holds=st.lists(st.booleans(), min_size=4, max_size=4),
    new=some_violations,
    over=st.sets(st.integers(0, 20)),
)
def test_every_violation_finds_one_home_and_every_move_is_allowed(
    there: list[list[Violation]],
    states: list[TicketState],
    holds: list[bool],
    new: list[Violation],
    over: set[int],
) -> None:
    tickets = [ticket(*violations, ident=n, state=states[n], hold=holds[n]) for n, violations in enumerate(there)]
    known = [v for t in tickets for v in t.violations]
    ended = list({v.key: v for n, v in enumerate(known) if n in over}.values())
    fresh = [v for v in new if v.key not in {k.key for k in known}]
    made = assigned(tickets, [*opens(*fresh), *ends(*ended)])
    homes = [m.violation for m in made if isinstance(m, JoinTicket)]
    homes += [v for m in made if isinstance(m, OpenTicket) for v in m.violations]
    assert sorted(homes, key=lambda v: v.key.invariant + v.key.component.key) == sorted(
        fresh, key=lambda v: v.key.invariant + v.key.component.key
    )
    joined = {m.ticket for m in made if isinstance(m, JoinTicket)}
    moved = {m.ticket for m in made if isinstance(m, MoveTicket)}
    gone = {v.key for v in ended}
    for t in tickets:
        is_over = all(v.key in gone for v in t.violations) and t.id not in joined
        may = may_move(t.state, TicketState.RESOLVED) and t.state is not TicketState.ESCALATED and not t.hold
        assert (t.id in moved) == (is_over and may and t.is_open)


def test_the_gravest_then_the_earliest_gives_the_name() -> None:
    early = violation(NODES[0], T0)
    late = violation(NODES[1], T0 + timedelta(seconds=5), severity=Severity.CRITICAL)
    later = violation(NODES[2], T0 + timedelta(seconds=9), severity=Severity.CRITICAL)
    assert gravest((early, later, late)) is late
    assert title_of((early, later, late)) == "node 2 is not well (also node 1, node 3)"
