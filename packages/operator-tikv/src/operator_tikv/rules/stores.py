"""Whether stores can be reached, by us, by PD and by each other.

One witness is not enough: a look of ours may be lost, PD hears late (a heartbeat each 10 s), and one store may be
cut from another. So a store is called unreachable when our own look is bad and something else agrees:

- both of its doors fail in a way that proves the path: a refusal comes from the store's own host, and an accepted
  connection that stays silent shows that packets arrive. They must have answered us before (else the addresses we
  hold may be somebody else's), and somebody must answer us now (else it is we who are refused everywhere);
- PD has been without its heartbeat for clearly more than the 10 s between two;
- other stores report that they cannot deliver to it;
- other stores receive raft messages from each other, and none from it.

What speaks against it is heard too: a heartbeat that PD received, or messages that others received, after we lost it
mean that our own path is cut, which is lost sight and no violation.

Graces. A proof by the doors counts from the second look on (4 s, a little less than two looks of 5 s are apart),
which a pause of a moment or one lost look does not survive. When a second witness agrees and our look has been bad
for two looks already (`store.silent_for`), nothing is left to wait for. With looks each 5 s, of at most 2 s, this is
at most 12 s after a kill, pause or isolation: two looks, and never PD's own 20 s.

A store that evict-leader names, or whose leaders had all left before it went, has been emptied on purpose and is
let restart for five minutes. One that has not been up since the cluster's own start is still coming
(:mod:`operator_tikv.rules.starting`). While our own looking has just begun, a PD leader that has just changed too could
mislead us: what rests on PD's word about heartbeats alone waits for 15 s then.

Severity is by what the next loss would cost. With every member that is away, a group of replicas that has no spare left
(one of three) would lose its majority with the next store: critical. One that has some left (one of five), or a store
that holds no region, is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Contact, Observation

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.starting import BOOTSTRAP, LOOKED_LONG_ENOUGH, has_just_begun, store_is_coming
from operator_tikv.rules.talk import Talk
from operator_tikv.rules.witnesses import (
    HEARTBEAT_LATE,
    TWO_LOOKS,
    Doors,
    Says,
    doors_of,
    is_just_started,
    pd_says,
    peers_say,
)

STORE_REACHABLE = InvariantName("store-reachable")
CLUSTER_HAS_STORES = InvariantName("cluster-has-stores")

PLANNED = 300.0
"""Seconds that a restart may take which an evict-leader scheduler announced."""
SLOW = 80.0
"""Slow score from which PD calls a store slow; leaders leave such a store for another reason than an orderly stop."""

_GRACE = timedelta(seconds=TWO_LOOKS)
_LONG_ENOUGH = timedelta(seconds=LOOKED_LONG_ENOUGH)


def judge_stores(observation: Observation) -> tuple[CheckResult, ...]:
    """Whether each store can be reached."""
    talk = Talk(observation)
    return tuple(judge_store(observation, ref, talk) for ref in observation.refs(n.STORE))


def judge_store(observation: Observation, ref: ComponentRef, talk: Talk | None = None) -> CheckResult:
    """Whether a store can be reached; see the module for who must agree."""
    seen = Seen(observation)
    talk = talk or Talk(observation)
    doors = doors_of(seen, ref)
    pd, peers = pd_says(seen, ref, doors.silent_for), peers_say(seen, talk, ref, doors.silent_for)
    if doors.any_answers:
        return _judge_answering(seen, talk, ref, doors, pd, peers)
    if not doors.known:
        return seen.says(ref, Verdict.UNKNOWN, f"{ref} was not knocked at")
    against = [who for who, says in (("PD", pd), ("other stores", peers)) if says is Says.HEARS]
    if against:
        heard = f"{' and '.join(against)} heard {ref} after we lost it ({doors.words})"
        return seen.says(ref, Verdict.HOLDS if len(against) == 2 else Verdict.UNKNOWN, f"{heard}: our own path is cut")
    agreeing = [
        words
        for words, says in (
            ("PD has no heartbeat of it", pd),
            ("other stores do not hear it", peers),
        )
        if says is Says.SILENCE
    ]
    if not agreeing and not (doors.prove_it and _is_our_path_good(seen, ref)):
        return seen.says(ref, Verdict.UNKNOWN, f"{ref} does not answer us ({doors.words}), and nobody else says so yet")
    planned = _planned(seen, ref)
    if planned is not None:
        return seen.says(ref, Verdict.UNKNOWN, planned)
    because = f"{ref} cannot be reached: {', '.join([doors.words, *agreeing])}"
    if pd is Says.SILENCE and len(agreeing) == 1 and has_just_begun(seen):
        grace = _LONG_ENOUGH
    else:
        grace = timedelta(0) if agreeing and doors.silent_for >= TWO_LOOKS else None
    return seen.says(ref, Verdict.VIOLATED, because, grace=grace)


def _is_our_path_good(seen: Seen, ref: ComponentRef) -> bool:
    """Whether the store's doors answered us before, and somebody else's do now."""
    if seen.word(n.STORE_SEEN_UP, ref) != "us":
        return False
    doors = (n.STORE_SERVICE_CONTACT, n.STORE_STATUS_CONTACT, n.PD_CONTACT)
    answering = (
        reading
        for signal in doors
        for reading in seen.observation.of_signal(signal)
        if reading.component != ref and reading.value == Contact.ANSWERED.value
    )
    witness = next(answering, None)
    return witness is not None and seen.reading(witness.signal, witness.component) is not None


def _judge_answering(seen: Seen, talk: Talk, ref: ComponentRef, doors: Doors, pd: Says, peers: Says) -> CheckResult:
    if peers is Says.SILENCE:
        if is_just_started(seen, ref):
            return seen.says(ref, Verdict.UNKNOWN, f"{ref} has just been started; the others have still to hear it")
        if doors.service is not None and doors.service != Contact.ANSWERED.value:
            return seen.says(
                ref,
                Verdict.VIOLATED,
                f"{ref} lives, but its service port does not ({doors.words}), and other stores complain",
            )
        if pd is Says.SILENCE:
            because = f"{ref} answers us, but neither PD nor the other stores hear it"
            return seen.says(ref, Verdict.VIOLATED, because, grace=timedelta(0))
        if talk.hears_nobody(ref) and talk.is_everywhere:
            because = f"{ref} answers us, but it and the other stores do not hear each other"
            return seen.says(ref, Verdict.VIOLATED, because)
    if doors.service is not None and doors.service != Contact.ANSWERED.value:
        # Who watches is often not let through to the service port; then PD's word stands for it.
        age = seen.number(n.STORE_HEARTBEAT_AGE, ref)
        if pd is not Says.SILENCE and age is not None and age <= HEARTBEAT_LATE and not seen.is_settling:
            because = f"{ref} answers at its status port and PD heard it {age:.0f} s ago ({doors.words})"
            return seen.says(ref, Verdict.HOLDS, because)
        return seen.says(ref, Verdict.UNKNOWN, f"{ref} answers at its status port only ({doors.words})")
    return seen.says(ref, Verdict.HOLDS, f"{ref} answers ({doors.words})")


def _planned(seen: Seen, ref: ComponentRef) -> str | None:
    """Why a store that is away may be away, or None."""
    doors = doors_of(seen, ref)
    coming = store_is_coming(seen, ref)
    if coming is not None:
        return coming
    if seen.number(n.STORE_EVICTING, ref) == 1 and doors.silent_for < PLANNED:
        return f"{ref} is away for {doors.silent_for:.0f} s, and evict-leader announced it"
    score = seen.number(n.STORE_SLOW_SCORE, ref) or 0.0
    if seen.number(n.STORE_DRAINED, ref) == 1 and doors.silent_for < PLANNED and score < SLOW:
        return f"{ref} is away for {doors.silent_for:.0f} s, and its leaders had left it before: an orderly stop"
    if seen.word(n.STORE_STATE, ref) == StoreState.OFFLINE.value and seen.number(n.STORE_REGIONS, ref) == 0:
        return f"{ref} is being removed and holds no region any more"
    return None


def planned_absence(observation: Observation, ref: ComponentRef) -> CheckResult | None:
    """Why a store that answers at no door may be away; None when it answers, or when nothing announced it."""
    seen = Seen(observation)
    planned = None if doors_of(seen, ref).any_answers else _planned(seen, ref)
    return None if planned is None else seen.says(ref, Verdict.UNKNOWN, planned)


def _check_reachable(observation: Observation) -> Iterable[CheckResult]:
    judged = judge_stores(observation)
    grave = _grave([j.component for j in judged if j.verdict is not Verdict.HOLDS], Seen(observation))
    for result in judged:
        severity = Severity.CRITICAL if result.component in grave else Severity.WARNING
        yield replace(result, severity=severity) if result.verdict is Verdict.VIOLATED else result


def _grave(away: Iterable[ComponentRef], seen: Seen) -> Collection[ComponentRef]:
    """Those of the stores that are away with which no further one can be borne."""
    spare = (int(seen.number(n.REPLICAS_MAX, CLUSTER) or 3) - 1) // 2
    holding = frozenset(ref for ref in away if seen.number(n.STORE_REGIONS, ref) != 0)
    return holding if len(holding) >= spare else ()


def _check_any(observation: Observation) -> Iterable[CheckResult]:
    """A cluster without stores serves nobody; while it may still be bootstrapped, that is no failure."""
    seen = Seen(observation)
    listed = [ref for ref in observation.refs(n.STORE) if seen.word(n.STORE_LISTED, ref) is not None]
    age = seen.number(n.CLUSTER_AGE, CLUSTER)
    if listed:
        yield seen.says(CLUSTER, Verdict.HOLDS, f"{len(listed)} stores have joined")
    elif seen.number(n.CLUSTER_BOOTSTRAPPED, CLUSTER) is None or has_just_begun(seen):
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "no store is known; PD has not listed any yet")
    elif age is None or age < BOOTSTRAP:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "no store has joined yet")
    else:
        yield seen.says(CLUSTER, Verdict.VIOLATED, f"no store has joined in the {age:.0f} s since PD was started")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=STORE_REACHABLE,
        title="every store can be reached",
        check=_check_reachable,
        grace=_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        required=True,
        takes_away=True,
        about=frozenset({n.STORE}),
    ),
    Invariant(
        name=CLUSTER_HAS_STORES,
        title="stores have joined the cluster",
        check=_check_any,
        grace=_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        required=True,
        about=frozenset({CLUSTER_KIND}),
    ),
)
