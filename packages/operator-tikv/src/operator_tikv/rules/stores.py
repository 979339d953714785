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
let restart for five minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from operator_core.components import CLUSTER, ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Contact, Observation

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.talk import Talk

STORE_REACHABLE = InvariantName("store-reachable")
STORE_HEARD_BY_PD = InvariantName("store-heard-by-pd")

TWO_LOOKS = 4.0
"""Seconds: longer than one look of five seconds lasts, shorter than two are apart."""
HEARTBEAT_LATE = 12.0
"""Seconds without heartbeat that are clearly more than the 10 s between two (pd-store-heartbeat-tick-interval)."""
DISCONNECTED_AFTER = 20.0
"""Seconds after which PD itself says Disconnected."""
PLANNED = 300.0
"""Seconds that a restart may take which an evict-leader scheduler announced."""
SLOW = 80.0
"""Slow score from which PD calls a store slow; leaders leave such a store for another reason than an orderly stop."""
YOUNG = 60.0
"""Seconds after a process started in which it, or with the first one the cluster, may still be starting."""
SURELY_AFTER = 5.0
"""Seconds by which a heartbeat must be younger than our loss to count as heard after it: a look and two clocks."""

_GRACE = timedelta(seconds=TWO_LOOKS)
_PROOF = frozenset({Contact.REFUSED.value, Contact.SILENT.value})


class Says(Enum):
    """What one witness says of a component."""

    HEARS = "hears it"
    """It heard it after we had lost it."""
    SILENCE = "hears nothing of it"
    NOTHING = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Our own look at a store."""

    status: str | None
    service: str | None
    silent_for: float

    @property
    def any_answers(self) -> bool:
        return Contact.ANSWERED.value in (self.status, self.service)

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(c for c in (self.status, self.service) if c is not None)

    @property
    def prove_it(self) -> bool:
        """Whether every door fails in a way that shows that our path to the host is good."""
        return len(self.known) == 2 and all(c in _PROOF for c in self.known)

    @property
    def words(self) -> str:
        return f"status port {self.status or 'not asked'}, service port {self.service or 'not asked'}"


def doors_of(seen: Seen, ref: ComponentRef) -> Doors:
    """Our own look at a store."""
    return Doors(
        status=seen.word(n.STORE_STATUS_CONTACT, ref),
        service=seen.word(n.STORE_SERVICE_CONTACT, ref),
        silent_for=seen.number(n.STORE_SILENT_FOR, ref) or 0.0,
    )


def pd_says(seen: Seen, ref: ComponentRef, silent_for: float) -> Says:
    """What PD says of a store; nothing while its leader is new."""
    if seen.is_settling:
        return Says.NOTHING
    state, age = seen.word(n.STORE_STATE, ref), seen.number(n.STORE_HEARTBEAT_AGE, ref)
    late = age is not None and age > HEARTBEAT_LATE
    if late or state in (StoreState.DISCONNECTED.value, StoreState.DOWN.value):
        return Says.SILENCE
    if age is not None and age + SURELY_AFTER < silent_for:
        return Says.HEARS
    return Says.NOTHING


def peers_say(seen: Seen, talk: Talk, ref: ComponentRef, silent_for: float) -> Says:
    """What the other stores say: complaints, and raft messages that come or do not come."""
    complaining = sorted(by for by, rate in talk.complaints_of(ref).items() if rate > 0)
    from_it = talk.received_from(ref)
    telling = talk.telling_beside(ref)
    for by in sorted(from_it):
        seen.reading(n.STORE_MESSAGES_FROM, by, ref)
    for by in complaining:
        seen.reading(n.STORE_UNREACHABLE_REPORTS, by, ref)
    hearing = sum(rate > 0 for rate in from_it.values())
    if silent_for >= TWO_LOOKS and hearing * 2 > telling and not complaining:
        return Says.HEARS
    if complaining and len(complaining) * 2 >= telling:
        return Says.SILENCE
    if from_it and hearing == 0 and talk.others_talk(ref):
        return Says.SILENCE
    return Says.NOTHING


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
    sure = bool(agreeing) and doors.silent_for >= TWO_LOOKS
    return seen.says(ref, Verdict.VIOLATED, because, grace=timedelta(0) if sure else None)


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
        service_is_bad = doors.service is not None and doors.service != Contact.ANSWERED.value
        if service_is_bad:
            return seen.says(
                ref,
                Verdict.VIOLATED,
                f"{ref} lives, but its service port does not ({doors.words}), and other stores complain",
            )
        if _is_just_started(seen, ref):
            return seen.says(ref, Verdict.UNKNOWN, f"{ref} has just been started; the others have still to hear it")
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


def _is_just_started(seen: Seen, ref: ComponentRef) -> bool:
    """Whether the process is so young that its heartbeat and its peers' connections may still be on their way."""
    started = seen.number(n.STORE_PROCESS_START, ref)
    return started is not None and seen.observation.at.timestamp() - started < YOUNG


def _planned(seen: Seen, ref: ComponentRef) -> str | None:
    """Why a store that is away may be away, or None."""
    doors = doors_of(seen, ref)
    seen_by = seen.word(n.STORE_SEEN_UP, ref)
    if seen_by == "nobody":
        return f"{ref} has never been up"
    age = seen.number(n.CLUSTER_AGE, CLUSTER)
    if seen_by == "pd" and age is not None and age < YOUNG:
        return f"{ref} has not answered us yet, and the cluster was started {age:.0f} s ago"
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
    stores = observation.refs(n.STORE)
    if not stores:
        yield CheckResult(
            component=CLUSTER, verdict=Verdict.UNKNOWN, because="no store is known; PD has not listed any yet"
        )
    yield from judge_stores(observation)


def _check_heard(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(n.STORE):
        seen = Seen(observation)
        doors = doors_of(seen, ref)
        age, state = seen.number(n.STORE_HEARTBEAT_AGE, ref), seen.word(n.STORE_STATE, ref)
        if age is None or state is None or seen.is_settling:
            yield seen.says(ref, Verdict.UNKNOWN, f"PD's word on {ref} is not to be had or not to be believed now")
        elif not doors.any_answers:
            yield seen.says(ref, Verdict.UNKNOWN, f"{ref} does not answer us either")
        elif state in (StoreState.DISCONNECTED.value, StoreState.DOWN.value) or age > DISCONNECTED_AFTER:
            because = f"PD has had no heartbeat of {ref} for {age:.0f} s, and {ref} answers us: the path between is cut"
            yield seen.says(ref, Verdict.VIOLATED, because)
        elif age <= HEARTBEAT_LATE:
            yield seen.says(ref, Verdict.HOLDS, f"PD had a heartbeat of {ref} {age:.0f} s ago")
        elif (seen.number(n.STORE_PD_RECONNECT_FAILURES, ref) or 0) > 0:
            because = f"PD's last heartbeat of {ref} is {age:.0f} s old, and {ref} fails to reconnect to PD"
            yield seen.says(ref, Verdict.VIOLATED, because)
        else:
            yield seen.says(ref, Verdict.UNKNOWN, f"the heartbeat of {ref} is late: {age:.0f} s")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=STORE_REACHABLE,
        title="every store can be reached",
        check=_check_reachable,
        grace=_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        required=True,
    ),
    Invariant(
        name=STORE_HEARD_BY_PD,
        title="PD hears every store that is alive",
        check=_check_heard,
        grace=_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.WARNING,
    ),
)
