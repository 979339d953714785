"""Whether regions have their replicas, their leaders and their majorities.

Graces. A down peer is ten minutes old when PD first tells of it, so half a minute more is enough to be sure. Missing
peers come and go within each repair, for minutes; so they do while a young cluster adds replicas up to their number.
Leaders come back within 20 s of a store's death (an election takes 10 to 20 s), so after 45 s those that have not will
not. Two dead stores of three are a lost quorum as soon as it is sure that they are dead.

Who leads is told by PD, and by the stores themselves. PD knows a leader from region heartbeats, of which there is one a
minute, so that all of PD started anew knows few for a minute while the stores lead on; what the stores say of
themselves counts too. While the cluster as a whole is coming up, regions have still to elect.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Contact, Observation

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.starting import young_for
from operator_tikv.rules.stores import judge_stores
from operator_tikv.rules.witnesses import TWO_LOOKS

REGIONS_REPLICATED = InvariantName("regions-replicated")
REGIONS_LED = InvariantName("regions-led")
RAFT_QUORUM = InvariantName("raft-quorum")

DOWN_GRACE = timedelta(seconds=30)
MISS_GRACE = timedelta(minutes=5)
LED_GRACE = timedelta(seconds=45)
QUORUM_GRACE = timedelta(seconds=TWO_LOOKS)


def _spare(seen: Seen) -> int:
    """How many of its replicas a region may lose."""
    return (int(seen.number(n.REPLICAS_MAX, CLUSTER) or 3) - 1) // 2


def _check_replicated(observation: Observation) -> Iterable[CheckResult]:
    seen = Seen(observation)
    down, miss = seen.number(n.REGIONS_DOWN, CLUSTER), seen.number(n.REGIONS_MISS, CLUSTER)
    if down is None or miss is None:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "PD's region counts were not seen")
    elif down > 0:
        because = f"{down:.0f} regions have a peer that has been silent for ten minutes"
        severity = Severity.WARNING if _spare(seen) > 1 else Severity.CRITICAL
        yield seen.says(CLUSTER, Verdict.VIOLATED, because, grace=DOWN_GRACE, severity=severity)
    elif miss > 0:
        yield seen.says(CLUSTER, Verdict.VIOLATED, f"{miss:.0f} regions miss a peer", grace=MISS_GRACE)
    else:
        yield seen.says(CLUSTER, Verdict.HOLDS, "every region has its peers")


def _led_unheard(seen: Seen, living: Iterable[ComponentRef]) -> float:
    """Leaders on stores that PD does not hear and that answer us: they lead on, by PD's last count of them."""
    gone = (StoreState.DISCONNECTED.value, StoreState.DOWN.value)
    return sum(
        seen.number(n.STORE_LEADERS, ref) or 0.0
        for ref in living
        if seen.word(n.STORE_STATE, ref) in gone and seen.word(n.STORE_SERVICE_CONTACT, ref) == Contact.ANSWERED.value
    )


def _led_by_own_word(seen: Seen, living: Iterable[ComponentRef]) -> float:
    """Leaders that stores count themselves; an old leader that hears no majority says so for 10 s more."""
    return sum(seen.number(n.STORE_LEADERS_LOCAL, ref) or 0.0 for ref in living)


def _check_led(observation: Observation) -> Iterable[CheckResult]:
    seen = Seen(observation)
    led, count = seen.number(n.REGIONS_LED, CLUSTER), seen.number(n.REGIONS_COUNT, CLUSTER)
    if led is None or count is None or seen.is_settling:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "leader counts were not seen, or PD's leader is new")
        return
    age = young_for(seen)
    if age is not None:
        because = f"the cluster was started {age:.0f} s ago; regions may still be electing"
        yield seen.says(CLUSTER, Verdict.UNKNOWN, because)
        return
    living = [j.component for j in judge_stores(observation) if j.verdict is not Verdict.VIOLATED]
    led = max(led + _led_unheard(seen, living), min(count, _led_by_own_word(seen, living)))
    if led + max(1.0, 0.02 * count) < count:
        because = f"of {count:.0f} regions only {led:.0f} are led from a store that lives"
        yield seen.says(CLUSTER, Verdict.VIOLATED, because)
    else:
        yield seen.says(CLUSTER, Verdict.HOLDS, f"{led:.0f} of {count:.0f} regions are led from stores that live")


def _check_quorum(observation: Observation) -> Iterable[CheckResult]:
    stores = observation.refs(n.STORE)
    if not stores:
        yield CheckResult(component=CLUSTER, verdict=Verdict.UNKNOWN, because="no store is known")
        return
    seen = Seen(observation)
    judged = judge_stores(observation)
    lost = [j for j in judged if j.verdict is Verdict.VIOLATED]
    for result in lost:
        seen.used.update(dict.fromkeys(result.readings))
    replicas = seen.number(n.REPLICAS_MAX, CLUSTER) or 3.0
    spare = _spare(seen)
    surely = max((QUORUM_GRACE if j.grace is None else j.grace for j in lost), default=QUORUM_GRACE)
    named = ", ".join(str(j.component) for j in lost)
    unsure = sum(j.verdict is Verdict.UNKNOWN for j in judged)
    if len(lost) > spare:
        if len(stores) <= replicas:
            because = f"regions have lost their majority: {named} of {len(stores)} stores are down"
            yield seen.says(CLUSTER, Verdict.VIOLATED, because, grace=surely)
            return
        led, count = seen.number(n.REGIONS_LED, CLUSTER), seen.number(n.REGIONS_COUNT, CLUSTER)
        without = "" if led is None or count is None else f"; {count - led:.0f} regions are not led from an Up store"
        because = f"regions with two peers on {named} have lost their majority{without}"
        yield seen.says(CLUSTER, Verdict.VIOLATED, because, grace=surely)
    elif len(lost) + unsure > spare:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "not enough stores are surely up")
    else:
        yield seen.says(CLUSTER, Verdict.HOLDS, f"{len(stores) - len(lost)} of {len(stores)} stores are up")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=REGIONS_REPLICATED,
        title="every region has its peers",
        check=_check_replicated,
        grace=DOWN_GRACE,
        stability=timedelta(seconds=30),
        severity=Severity.WARNING,
        about=frozenset({CLUSTER_KIND}),
    ),
    Invariant(
        name=REGIONS_LED,
        title="every region has a leader on a store that lives",
        check=_check_led,
        grace=LED_GRACE,
        stability=timedelta(seconds=15),
        severity=Severity.CRITICAL,
        about=frozenset({CLUSTER_KIND}),
    ),
    Invariant(
        name=RAFT_QUORUM,
        title="no region has lost its majority",
        check=_check_quorum,
        grace=QUORUM_GRACE,
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
        about=frozenset({CLUSTER_KIND}),
    ),
)
