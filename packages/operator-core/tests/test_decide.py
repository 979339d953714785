from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from operator_core.components import CLUSTER, ComponentRef, Kind, RedundancyGroup
from operator_core.decide import (
    JOIN_WINDOW,
    Command,
    EndInTicket,
    EndViolation,
    JoinTicket,
    MoveTicket,
    OpenTicket,
    OpenViolation,
    Tracked,
    assign,
    decide,
    follow,
    settle,
    title_of,
)
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.readings import ClusterName
from operator_core.tickets import Ticket, TicketId, TicketState, Violation, gravest, may_move

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HERE = ClusterName("toys")
NODES = tuple(ComponentRef(Kind("node"), str(n)) for n in (1, 2, 3))
STRANGER = ComponentRef(Kind("lamp"), "1")
QUORUM = RedundancyGroup(name="quorum", members=NODES, needed=2)
KEY = JudgementKey(invariant=InvariantName("is-well"), component=NODES[0])

verdicts = st.sampled_from(Verdict)
seconds = st.integers(0, 25).map(lambda s: timedelta(seconds=s))


def judgement(
    verdict: Verdict,
    at: datetime,
    key: JudgementKey = KEY,
    grace: timedelta = timedelta(0),
    stability: timedelta = timedelta(0),
    concern: Concern = Concern.SUBJECT,
) -> Judgement:
    return Judgement(key=key, verdict=verdict, at=at, because="so", grace=grace, stability=stability, concern=concern)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[datetime, Verdict]]:
    at = T0
    found: list[tuple[datetime, Verdict]] = []
    for gap, verdict in draw(st.lists(st.tuples(st.integers(1, 10), verdicts), max_size=40)):
        at += timedelta(seconds=gap)
        found.append((at, verdict))
    return found


def played(
    history: Sequence[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> list[tuple[str, datetime, datetime]]:
    """What is opened (since when) and ended, as a monitor plays it cycle by cycle."""
    tracked: dict[JudgementKey, Tracked] = {}
    told: list[tuple[str, datetime, datetime]] = []
    for at, verdict in history:
        judged = [judgement(verdict, at, grace=grace, stability=stability)]
        tracked = follow(tracked, judged)
        commands = list(decide(tracked, judged, now=at))
        tracked = settle(tracked, commands)
        for command in commands:
            match command:
                case OpenViolation(violation=v):
                    told.append(("open", at, v.since))
                case EndViolation(at=ended):
                    told.append(("end", at, ended))
    return told


def dumb(
    history: Sequence[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> list[tuple[str, datetime, datetime]]:
    """The same by looking back over the whole history at every step."""
    told: list[tuple[str, datetime, datetime]] = []
    start = 0
    for now in range(len(history)):
        at, verdict = history[now]
        past = history[start : now + 1]
        is_open = bool(told) and told[-1][0] == "open"
        if verdict is Verdict.VIOLATED and not is_open:
            healthy = [i for i, (_, v) in enumerate(past) if v is Verdict.HOLDS]
            row = past[healthy[-1] + 1 :] if healthy else past
            since = next(t for t, v in row if v is Verdict.VIOLATED)
            if at - since >= grace:
                told.append(("open", at, since))
        if verdict is Verdict.HOLDS and is_open:
            broken = [i for i, (_, v) in enumerate(past) if v is not Verdict.HOLDS]
            since = past[broken[-1] + 1 :][0][0]
            if at - since >= stability:
                told.append(("end", at, at))
                start = now
    return told


@settings(max_examples=400)
@given(history=histories(), grace=seconds, stability=seconds)
def test_it_agrees_with_looking_back_over_everything(
    history: list[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> None:
    assert played(history, grace, stability) == dumb(history, grace, stability)


@given(history=histories(), grace=seconds, stability=seconds)
def test_what_opens_ends_before_it_opens_again(
    history: list[tuple[datetime, Verdict]], grace: timedelta, stability: timedelta
) -> None:
    words = [word for word, *_ in played(history, grace, stability)]
    assert words == (["open", "end"] * len(words))[: len(words)]


@given(tracked=st.builds(Tracked, verdict=verdicts, is_open=st.booleans()), later=seconds, grace=seconds)
def test_a_failed_look_neither_opens_nor_resolves(tracked: Tracked, later: timedelta, grace: timedelta) -> None:
    before = {KEY: replace(tracked, violated_since=T0, held_since=T0)}
    judged = [judgement(Verdict.UNKNOWN, T0 + later, grace=grace)]
    after = follow(before, judged)
    assert list(decide(after, judged, now=T0 + later)) == []
    assert (after[KEY].is_open, after[KEY].violated_since) == (tracked.is_open, T0)


@given(gaps=st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=30), grace=seconds)
def test_a_failed_look_resets_no_grace(gaps: list[tuple[int, bool]], grace: timedelta) -> None:
    at = T0
    history = [(T0, Verdict.VIOLATED)]
    for gap, is_seen in gaps:
        at += timedelta(seconds=gap)
        history.append((at, Verdict.VIOLATED if is_seen else Verdict.UNKNOWN))
    due = [at for at, verdict in history if verdict is Verdict.VIOLATED and at - T0 >= grace]
    expected = [("open", due[0], T0)] if due else []
    assert played(history, grace, timedelta(0)) == expected


def test_a_cure_must_be_seen_to_last() -> None:
    s = timedelta(seconds=1)
    bad, good, dark = Verdict.VIOLATED, Verdict.HOLDS, Verdict.UNKNOWN
    history = [(T0, bad), (T0 + 1 * s, good), (T0 + 5 * s, dark), (T0 + 6 * s, good), (T0 + 16 * s, good)]
    assert played(history, 0 * s, 10 * s) == [("open", T0, T0), ("end", T0 + 16 * s, T0 + 16 * s)]
    assert played(history[:-1], 0 * s, 10 * s) == [("open", T0, T0)]
    # without the failed look, the first good one would count
    assert played([*history[:2], *history[3:-1], (T0 + 11 * s, good)], 0 * s, 10 * s)[-1][1] == T0 + 11 * s
    assert played([*history[:-1], (T0 + 11 * s, good)], 0 * s, 10 * s) == [("open", T0, T0)]


def test_keys_that_were_not_judged_stay_as_they_are() -> None:
    other = replace(KEY, component=NODES[1])
    before = {other: Tracked(verdict=Verdict.VIOLATED, violated_since=T0, is_open=True)}
    assert follow(before, [judgement(Verdict.HOLDS, T0)])[other] is before[other]


# tickets


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


def assigned(
    tickets: Sequence[Ticket], commands: Sequence[Command], now: datetime = T0
) -> tuple[OpenTicket | JoinTicket | EndInTicket | MoveTicket, ...]:
    return assign(tickets, commands, cluster=HERE, groups=(QUORUM,), now=now)


def test_two_members_of_a_group_are_one_incident() -> None:
    one, two = violation(NODES[0]), violation(NODES[1])
    assert assigned([], opens(one, two)) == (OpenTicket(cluster=HERE, at=T0, violations=(one, two)),)


def test_strangers_are_two_incidents() -> None:
    made = assigned([], opens(violation(NODES[0]), violation(STRANGER)))
    assert [type(m) for m in made] == [OpenTicket, OpenTicket]


def test_what_concerns_the_whole_belongs_to_what_is_open() -> None:
    whole = violation(CLUSTER)
    assert assigned([ticket(violation(STRANGER))], opens(whole)) == (
        JoinTicket(ticket=TicketId(1), at=T0, violation=whole),
    )


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


def test_our_sight_and_the_subjects_health_never_share_a_ticket() -> None:
    blind = violation(NODES[0], concern=Concern.SIGHT)
    (made,) = assigned([ticket(violation(NODES[0]))], opens(blind))
    assert isinstance(made, OpenTicket)
    (joined,) = assigned([ticket(blind)], opens(violation(STRANGER, concern=Concern.SIGHT)))
    assert isinstance(joined, JoinTicket)


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
