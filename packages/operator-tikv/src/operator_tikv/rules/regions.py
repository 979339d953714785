"""Whether regions have their replicas and their leaders, and whether stores have room.

Graces. A down peer is ten minutes old when PD first tells of it, so half a minute more is enough to be sure. Missing
peers come and go within each repair, for minutes. Leaders come back within 20 s of a store's death (an election takes
10 to 20 s), so after 45 s those that have not will not. Two dead stores of three are a lost quorum at once.

Space: available against capacity, never TiKV's own files against capacity, because a disk fills with other files too;
by PD's own rule (tikv/pd v8.5.5 pkg/core/store.go IsLowSpace: under a fifth, and not with few regions and plenty of
bytes); from tikv_store_size_bytes when PD has no figures. At the reserve (the larger of 5 GiB and 5 %) TiKV rejects
writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from operator_core.components import CLUSTER
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Contact, Observation

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.stores import judge_stores

REGIONS_REPLICATED = InvariantName("regions-replicated")
REGIONS_LED = InvariantName("regions-led")
RAFT_QUORUM = InvariantName("raft-quorum")
DISK_SPACE = InvariantName("disk-space")

_GIB = 1024**3
LOW_SPACE = 0.2
FEW_REGIONS = 100
PLENTY = 8 * _GIB
DOWN_GRACE = timedelta(seconds=30)
MISS_GRACE = timedelta(minutes=5)
LED_GRACE = timedelta(seconds=45)


def _check_replicated(observation: Observation) -> Iterable[CheckResult]:
    seen = Seen(observation)
    down, miss = seen.number(n.REGIONS_DOWN, CLUSTER), seen.number(n.REGIONS_MISS, CLUSTER)
    if down is None or miss is None:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "PD's region counts were not seen")
    elif down > 0:
        because = f"{down:.0f} regions have a peer that has been silent for ten minutes"
        yield seen.says(CLUSTER, Verdict.VIOLATED, because, grace=DOWN_GRACE)
    elif miss > 0:
        yield seen.says(CLUSTER, Verdict.VIOLATED, f"{miss:.0f} regions miss a peer", grace=MISS_GRACE)
    else:
        yield seen.says(CLUSTER, Verdict.HOLDS, "every region has its peers")


def _led_unheard(seen: Seen) -> float:
    """Leaders on stores that PD does not hear and that answer us: they lead on, by PD's last count of them."""
    gone = (StoreState.DISCONNECTED.value, StoreState.DOWN.value)
    return sum(
        seen.number(n.STORE_LEADERS, judged.component) or 0.0
        for judged in judge_stores(seen.observation)
        if judged.verdict is not Verdict.VIOLATED
        and seen.word(n.STORE_STATE, judged.component) in gone
        and seen.word(n.STORE_SERVICE_CONTACT, judged.component) == Contact.ANSWERED.value
    )


def _check_led(observation: Observation) -> Iterable[CheckResult]:
    seen = Seen(observation)
    led, count = seen.number(n.REGIONS_LED, CLUSTER), seen.number(n.REGIONS_COUNT, CLUSTER)
    if led is None or count is None or seen.is_settling:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "leader counts were not seen, or PD's leader is new")
        return
    led += _led_unheard(seen)
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
    spare = (int(replicas) - 1) // 2
    named = ", ".join(str(j.component) for j in lost)
    unsure = sum(j.verdict is Verdict.UNKNOWN for j in judged)
    if len(lost) > spare:
        if len(stores) <= replicas:
            because = f"regions have lost their majority: {named} of {len(stores)} stores are down"
            yield seen.says(CLUSTER, Verdict.VIOLATED, because)
            return
        led, count = seen.number(n.REGIONS_LED, CLUSTER), seen.number(n.REGIONS_COUNT, CLUSTER)
        without = "" if led is None or count is None else f"; {count - led:.0f} regions are not led from an Up store"
        because = f"regions with two peers on {named} have lost their majority{without}"
        yield seen.says(CLUSTER, Verdict.VIOLATED, because)
    elif len(lost) + unsure > spare:
        yield seen.says(CLUSTER, Verdict.UNKNOWN, "not enough stores are surely up")
    else:
        yield seen.says(CLUSTER, Verdict.HOLDS, f"{len(stores) - len(lost)} of {len(stores)} stores are up")


def _check_space(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(n.STORE):
        seen = Seen(observation)
        capacity, available = seen.number(n.STORE_CAPACITY, ref), seen.number(n.STORE_AVAILABLE, ref)
        if capacity is None or available is None:
            capacity, available = seen.number(n.STORE_DISK_CAPACITY, ref), seen.number(n.STORE_DISK_AVAILABLE, ref)
        if not capacity or available is None:
            yield seen.says(ref, Verdict.UNKNOWN, f"the space of {ref} was not seen")
            continue
        regions = seen.number(n.STORE_REGIONS, ref)
        left = f"{ref} has {available / _GIB:.1f} GiB of {capacity / _GIB:.1f} GiB left"
        reserve = max(5 * _GIB, 0.05 * capacity)
        is_small = capacity < 2 * reserve
        if available <= (0.05 * capacity if is_small else reserve):
            because = f"{left}: at the reserve TiKV rejects writes"
            yield seen.says(ref, Verdict.VIOLATED, because, severity=Severity.CRITICAL)
        elif available / capacity < LOW_SPACE and (regions is None or regions >= FEW_REGIONS or available <= PLENTY):
            yield seen.says(ref, Verdict.VIOLATED, f"{left}, less than a fifth")
        else:
            yield seen.says(ref, Verdict.HOLDS, left)


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=REGIONS_REPLICATED,
        title="every region has its peers",
        check=_check_replicated,
        grace=DOWN_GRACE,
        stability=timedelta(seconds=30),
        severity=Severity.WARNING,
    ),
    Invariant(
        name=REGIONS_LED,
        title="every region has a leader on a store that lives",
        check=_check_led,
        grace=LED_GRACE,
        stability=timedelta(seconds=15),
        severity=Severity.CRITICAL,
    ),
    Invariant(
        name=RAFT_QUORUM,
        title="no region has lost its majority",
        check=_check_quorum,
        grace=timedelta(seconds=4),
        stability=timedelta(seconds=10),
        severity=Severity.CRITICAL,
    ),
    Invariant(
        name=DISK_SPACE,
        title="every store has room on its disk",
        check=_check_space,
        grace=timedelta(seconds=60),
        stability=timedelta(seconds=60),
        severity=Severity.WARNING,
    ),
)
