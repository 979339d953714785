"""Whether stores have room on their disks.

Available against capacity, never TiKV's own files against capacity, because a disk fills with other files too; from
tikv_store_size_bytes when PD has no figures. Two properties, for they mean different things to those who use the
cluster: under a fifth there is little headroom left (by PD's own rule, tikv/pd v8.5.5 pkg/core/store.go IsLowSpace,
which does not count few regions on plenty of bytes); at the reserve (the larger of 5 GiB and 5 %, tikv v8.5.5
storage.reserve-space) TiKV rejects writes and hands its leaders over, so the store does its share no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from operator_core.components import ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Observation

from operator_tikv import names as n
from operator_tikv.rules.seen import Seen

DISK_SPACE = InvariantName("disk-space")
TAKES_WRITES = InvariantName("store-takes-writes")

_GIB = 1024**3
LOW_SPACE = 0.2
FEW_REGIONS = 100
PLENTY = 8 * _GIB
SETTLES = timedelta(seconds=60)
"""TiKV looks at its disk once a minute (tikv v8.5.5 components/server)."""


def _room(seen: Seen, ref: ComponentRef) -> tuple[float, float] | None:
    """Available and capacity in bytes, or None."""
    capacity, available = seen.number(n.STORE_CAPACITY, ref), seen.number(n.STORE_AVAILABLE, ref)
    if capacity is None or available is None:
        capacity, available = seen.number(n.STORE_DISK_CAPACITY, ref), seen.number(n.STORE_DISK_AVAILABLE, ref)
    return None if not capacity or available is None else (available, capacity)


def _left(ref: ComponentRef, room: tuple[float, float]) -> str:
    return f"{ref} has {room[0] / _GIB:.1f} GiB of {room[1] / _GIB:.1f} GiB left"


def _reserve(capacity: float) -> float:
    """Bytes at which TiKV rejects writes; on a disk smaller than two reserves the 5 GiB would be most of it."""
    reserve = max(5 * _GIB, 0.05 * capacity)
    return 0.05 * capacity if capacity < 2 * reserve else reserve


def _check_space(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(n.STORE):
        seen = Seen(observation)
        room = _room(seen, ref)
        if room is None:
            yield seen.says(ref, Verdict.UNKNOWN, f"the space of {ref} was not seen")
            continue
        available, capacity = room
        regions = seen.number(n.STORE_REGIONS, ref)
        is_low = available / capacity < LOW_SPACE
        if is_low and (regions is None or regions >= FEW_REGIONS or available <= PLENTY):
            yield seen.says(ref, Verdict.VIOLATED, f"{_left(ref, room)}, less than a fifth")
        else:
            yield seen.says(ref, Verdict.HOLDS, _left(ref, room))


def _check_writes(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(n.STORE):
        seen = Seen(observation)
        room, rejected = _room(seen, ref), seen.number(n.STORE_ERRORS_DISK_FULL, ref) or 0.0
        if rejected > 0:
            because = f"{ref} rejects {rejected:.2g} writes a second because its disk is full"
            yield seen.says(ref, Verdict.VIOLATED, because)
        elif room is None:
            yield seen.says(ref, Verdict.UNKNOWN, f"the space of {ref} was not seen")
        elif room[0] <= _reserve(room[1]):
            yield seen.says(ref, Verdict.VIOLATED, f"{_left(ref, room)}: at the reserve TiKV rejects writes")
        else:
            yield seen.says(ref, Verdict.HOLDS, _left(ref, room))


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=DISK_SPACE,
        title="every store has room on its disk",
        check=_check_space,
        grace=SETTLES,
        stability=SETTLES,
        severity=Severity.WARNING,
        about=frozenset({n.STORE}),
    ),
    Invariant(
        name=TAKES_WRITES,
        title="no store's disk is so full that it rejects writes",
        check=_check_writes,
        grace=SETTLES,
        stability=SETTLES,
        severity=Severity.CRITICAL,
        takes_away=True,
        about=frozenset({n.STORE}),
    ),
)
