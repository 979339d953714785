"""Whether PD's members can be reached, whether PD has a leader, and whether it has a quorum.

A member is judged by our own look at its client port and by what another member's ping of it says. When none of
them answers us, PD may be down or we may be cut off, and the stores decide: they hold connections of their own to
PD. Those that fail to reconnect say that PD is gone; those that go on getting heartbeat answers say that only our
path is.

A member that fell as the leader is judged faster than one that followed: an orderly stop hands leadership over in
about 0.1 s (measured on PD v8.5.5), so a leader that is gone while no other leads has crashed or hangs. Followers
have 30 s: nothing is slower without one, and a restart in a rolling upgrade needs that long. Without its leader PD is
leaderless for 11 to 15 s only (etcd election, then the expiry of the leader's key), so `pd-has-leader` waits for
nothing once PD as a whole gives no answer and the last leader's own door is bad. Members that have not been up since
the cluster's own start, and a leader that has not been there since, are still coming
(:mod:`operator_tikv.rules.starting`).

Severity is by what the next loss would cost: a member whose loss leaves none to spare (one of three) is critical, one
that leaves some (one of five) a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Contact, Observation

from operator_tikv import names as n
from operator_tikv.names import pd_ref
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.starting import leader_is_coming, member_is_coming
from operator_tikv.rules.witnesses import TWO_LOOKS

PD_MEMBER_REACHABLE = InvariantName("pd-member-reachable")
PD_HAS_LEADER = InvariantName("pd-has-leader")
PD_HAS_QUORUM = InvariantName("pd-has-quorum")

FOLLOWER_GRACE = timedelta(seconds=30)
LEADERLESS_GRACE = timedelta(seconds=9)
LEADER_GRACE = timedelta(seconds=TWO_LOOKS)
STILL_ANSWERED = 14.0
"""Seconds of our own silence after which a heartbeat answer of the last 12 s came later than our loss."""
LEADERLESS_TOO_LONG = 20.0
"""Seconds: longer than the 15 s that an election after a crash takes at most."""

_PROOF = (Contact.REFUSED.value, Contact.SILENT.value)


def _stores_say_pd_is(seen: Seen, silent_for: float) -> str | None:
    """``gone`` or ``there`` by the stores' own connections; None when they cannot tell."""
    failing: list[ComponentRef] = []
    answered: list[ComponentRef] = []
    telling = 0
    for ref in seen.observation.refs(n.STORE):
        failures = seen.number(n.STORE_PD_RECONNECT_FAILURES, ref)
        answers = seen.number(n.STORE_PD_ANSWERS, ref)
        telling += failures is not None or answers is not None
        if failures:
            failing.append(ref)
        elif answers:
            answered.append(ref)
    if failing and len(failing) * 2 > telling:
        return "gone"
    if answered and len(answered) * 2 > telling and silent_for >= STILL_ANSWERED:
        return "there"
    return None


def judge_member(observation: Observation, ref: ComponentRef) -> CheckResult:
    """Whether a PD member can be reached; see the module for who must agree."""
    seen = Seen(observation)
    contact = seen.word(n.PD_CONTACT, ref)
    if contact == Contact.ANSWERED.value:
        return seen.says(ref, Verdict.HOLDS, f"{ref} answers")
    if contact is None or contact == Contact.GARBLED.value:
        return seen.says(ref, Verdict.UNKNOWN, f"{ref} was not knocked at, or something else answers there")
    coming = member_is_coming(seen, ref)
    if coming is not None:
        return seen.says(ref, Verdict.UNKNOWN, coming)
    fell_as_leader = seen.word(n.PD_LOST_AS, ref) == "leader"
    grace = LEADER_GRACE if fell_as_leader else FOLLOWER_GRACE
    if not seen.number(n.PD_MEMBERS_ANSWERING, CLUSTER):
        match _stores_say_pd_is(seen, seen.number(n.PD_SILENT_FOR, ref) or 0.0):
            case "gone":
                because = f"{ref} is {contact}, as all of PD is, and the stores fail to reconnect to PD too"
                return seen.says(ref, Verdict.VIOLATED, because, grace=LEADER_GRACE)
            case "there":
                because = (
                    f"no PD member answers us, but PD answers the stores' heartbeats: our own path to {ref} is cut"
                )
                return seen.says(ref, Verdict.UNKNOWN, because)
            case _:
                because = f"no PD member answers us: PD is down, or we are cut off from it ({ref} is {contact})"
                return seen.says(ref, Verdict.UNKNOWN, because)
    health = seen.word(n.PD_HEALTH, ref)
    if health == "healthy":
        because = f"{ref} is {contact} to us, but another member reaches it: our own path is cut"
        return seen.says(ref, Verdict.UNKNOWN, because)
    if health == "unhealthy":
        because = f"{ref} is {contact} to us, and another member does not reach it either"
        return seen.says(ref, Verdict.VIOLATED, because, grace=grace)
    if contact in _PROOF:
        return seen.says(ref, Verdict.VIOLATED, f"{ref} is {contact}", grace=grace)
    return seen.says(ref, Verdict.UNKNOWN, f"{ref} is {contact} to us, and no other member can say how it is")


def _check_members(observation: Observation) -> Iterable[CheckResult]:
    judged = [judge_member(observation, ref) for ref in observation.refs(n.PD)]
    away = sum(j.verdict is not Verdict.HOLDS for j in judged)
    spare = (len(judged) - 1) // 2
    for result in judged:
        severity = Severity.CRITICAL if away >= spare else Severity.WARNING
        yield replace(result, severity=severity) if result.verdict is Verdict.VIOLATED else result


def planned_absence(observation: Observation, ref: ComponentRef) -> CheckResult | None:
    """Why a member that does not answer need not answer yet; None when it does, or when nothing excuses it."""
    seen = Seen(observation)
    coming = None if seen.word(n.PD_CONTACT, ref) == Contact.ANSWERED.value else member_is_coming(seen, ref)
    return None if coming is None else seen.says(ref, Verdict.UNKNOWN, coming)


def _check_leader(observation: Observation) -> Iterable[CheckResult]:
    seen = Seen(observation)
    answer = seen.word(n.PD_ANSWER, CLUSTER)
    leader = seen.word(n.PD_LEADER, CLUSTER)
    if answer == "answer" and leader not in (None, n.NO_LEADER):
        for ref in (CLUSTER, *observation.refs(n.PD)):
            yield seen.says(ref, Verdict.HOLDS, f"PD is led by {leader}")
        return
    last = seen.word(n.PD_LAST_LEADER, CLUSTER)
    coming = leader_is_coming(seen)
    if coming is not None:
        where = CLUSTER if last is None or pd_ref(last) not in observation.refs(n.PD) else pd_ref(last)
        yield seen.says(where, Verdict.UNKNOWN, coming)
        return
    if last is None or pd_ref(last) not in observation.refs(n.PD):
        if leader == n.NO_LEADER:
            yield seen.says(CLUSTER, Verdict.VIOLATED, "PD has no leader", grace=LEADERLESS_GRACE)
        else:
            yield seen.says(CLUSTER, Verdict.UNKNOWN, "PD does not answer, and has not before")
        return
    ref = pd_ref(last)
    contact = seen.word(n.PD_CONTACT, ref)
    lost_leader = contact is not None and contact not in (Contact.ANSWERED.value, Contact.GARBLED.value)
    if not seen.number(n.PD_MEMBERS_ANSWERING, CLUSTER):
        yield seen.says(ref, Verdict.UNKNOWN, "no PD member answers us, so whether PD has a leader is not known")
    elif lost_leader:
        because = f"PD has no leader: {ref}, which led, is {contact}, and the other members give no answer"
        yield seen.says(ref, Verdict.VIOLATED, because, grace=timedelta(0))
    elif leader == n.NO_LEADER:
        yield seen.says(ref, Verdict.VIOLATED, f"PD has no leader; {ref}, which led, answers")
    else:
        yield seen.says(ref, Verdict.UNKNOWN, f"PD as a whole does not answer, though {ref} does")


def _check_quorum(observation: Observation) -> Iterable[CheckResult]:
    members = observation.refs(n.PD)
    if not members:
        yield CheckResult(component=CLUSTER, verdict=Verdict.UNKNOWN, because="no PD member is known")
        return
    seen = Seen(observation)
    if seen.word(n.PD_ANSWER, CLUSTER) == "answer" and seen.word(n.PD_LEADER, CLUSTER) != n.NO_LEADER:
        yield seen.says(CLUSTER, Verdict.HOLDS, "PD has a leader, so it has a quorum")
        return
    coming = leader_is_coming(seen)
    if coming is not None:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, coming)
        return
    judged = [judge_member(observation, ref) for ref in members]
    lost = [str(j.component) for j in judged if j.verdict is Verdict.VIOLATED]
    for result in judged:
        seen.used.update(dict.fromkeys(result.readings))
    needed = len(members) // 2 + 1
    if len(members) - len(lost) < needed:
        because = f"PD has no quorum: {', '.join(lost)} of {len(members)} members are down, {needed} are needed"
        yield seen.says(CLUSTER, Verdict.VIOLATED, because)
        return
    etcd = [seen.number(n.PD_HAS_ETCD_LEADER, ref) for ref in members]
    told = [e for e in etcd if e is not None]
    leaderless = seen.number(n.PD_LEADERLESS_FOR, CLUSTER) or 0.0
    if told and not any(told) and leaderless > LEADERLESS_TOO_LONG:
        because = (
            f"no PD member that answers has seen an etcd leader, and PD has been without leader for {leaderless:.0f} s"
        )
        yield seen.says(CLUSTER, Verdict.VIOLATED, because)
    else:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "PD gives no answer; whether it has a quorum is not known")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=PD_MEMBER_REACHABLE,
        title="every PD member can be reached",
        check=_check_members,
        grace=FOLLOWER_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.WARNING,
        takes_away=True,
        about=frozenset({n.PD}),
    ),
    Invariant(
        name=PD_HAS_LEADER,
        title="PD has a leader",
        check=_check_leader,
        grace=LEADER_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        required=True,
        about=frozenset({n.PD, CLUSTER_KIND}),
    ),
    Invariant(
        name=PD_HAS_QUORUM,
        title="PD has a quorum",
        check=_check_quorum,
        grace=LEADER_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        about=frozenset({CLUSTER_KIND}),
    ),
)
