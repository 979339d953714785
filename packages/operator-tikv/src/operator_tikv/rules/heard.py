"""Whether PD hears the stores that live.

Judged only where it can mean something: not while PD has no leader or a new one, whose figures are minutes old until
each store's next heartbeat; not of a store that answers nobody, for which there are other words; not of a process just
started, whose first heartbeat is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from operator_core.components import CLUSTER
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Observation

from operator_tikv import names as n
from operator_tikv.pd.model import StoreState
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.starting import has_just_begun
from operator_tikv.rules.witnesses import HEARTBEAT_LATE, TWO_LOOKS, doors_of, is_just_started

STORE_HEARD_BY_PD = InvariantName("store-heard-by-pd")

DISCONNECTED_AFTER = 20.0
"""Seconds after which PD itself says Disconnected."""
HEARD_AGAIN = 30.0
"""Seconds after a change of the PD leader within which each store has found it and been heard by it: two heartbeats,
for the first may have gone to the old one."""


def _is_heard_again(seen: Seen) -> bool:
    """Whether the PD leader has led for long enough that every store has found it."""
    age = seen.number(n.PD_LEADER_AGE, CLUSTER)
    return age is None or age >= HEARD_AGAIN


def _check_heard(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(n.STORE):
        seen = Seen(observation)
        doors = doors_of(seen, ref)
        age, state = seen.number(n.STORE_HEARTBEAT_AGE, ref), seen.word(n.STORE_STATE, ref)
        grace = timedelta(seconds=HEARD_AGAIN) if has_just_begun(seen, HEARD_AGAIN) else None
        if age is None or state is None or not _is_heard_again(seen):
            yield seen.says(ref, Verdict.UNKNOWN, f"PD's word on {ref} is not to be had or not to be believed now")
        elif not doors.any_answers:
            yield seen.says(ref, Verdict.UNKNOWN, f"{ref} does not answer us either")
        elif age <= HEARTBEAT_LATE:
            yield seen.says(ref, Verdict.HOLDS, f"PD had a heartbeat of {ref} {age:.0f} s ago")
        elif is_just_started(seen, ref):
            yield seen.says(ref, Verdict.UNKNOWN, f"{ref} has just been started; PD has still to hear it")
        elif state in (StoreState.DISCONNECTED.value, StoreState.DOWN.value) or age > DISCONNECTED_AFTER:
            because = f"PD has had no heartbeat of {ref} for {age:.0f} s, and {ref} answers us: the path between is cut"
            yield seen.says(ref, Verdict.VIOLATED, because, grace=grace)
        elif (seen.number(n.STORE_PD_RECONNECT_FAILURES, ref) or 0) > 0:
            because = f"PD's last heartbeat of {ref} is {age:.0f} s old, and {ref} fails to reconnect to PD"
            yield seen.says(ref, Verdict.VIOLATED, because, grace=grace)
        else:
            yield seen.says(ref, Verdict.UNKNOWN, f"the heartbeat of {ref} is late: {age:.0f} s")


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name=STORE_HEARD_BY_PD,
        title="PD hears every store that is alive",
        check=_check_heard,
        grace=timedelta(seconds=TWO_LOOKS),
        stability=timedelta(seconds=10),
        severity=Severity.WARNING,
        about=frozenset({n.STORE}),
    ),
)
