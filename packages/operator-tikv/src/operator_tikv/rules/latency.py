"""Whether each step of the write path is quick at each store.

A store is compared with the others at the same time first: most faults of one store are outliers, most changes of load
are common to all. It is an outlier when both its p99 and its mean are several times the others' median and above
what a healthy step takes, so that neither a few slow requests (which move a p99 on little traffic, and no mean) nor a
uniformly busy cluster counts. An absolute bound of one second, as in the official alert rules (tikv v8.5.5
metrics/alertmanager/tikv.rules.yml), comes second. Too few writes in the minute judge nothing. A store that was just
started works off what it missed, and is slow by nature: it is judged once it has caught up.

The grace of 30 s is half the window: the slowness must last, not pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import timedelta

from operator_core.components import ComponentRef
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Observation, SignalName

from operator_tikv import names as n
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.witnesses import is_just_started

APPEND_QUICK = InvariantName("append-quick")
COMMIT_QUICK = InvariantName("commit-quick")
APPLY_QUICK = InvariantName("apply-quick")
PROPOSE_QUICK = InvariantName("propose-wait-short")

OUTLIER = 4.0
"""Times the median of the others: two doublings, which is two buckets of TiKV's histograms."""
TOO_SLOW = 1.0
"""Seconds of p99, by the official alert rules."""
CATCHING_UP = 120.0
"""Seconds after its start in which a store is not judged: its first minute lies within the window for another."""
BUSY_CATCHING_UP = 600.0
"""The same for one that tells PD that it is busy still."""
ENOUGH = 50 / 60
"""Appends a second in the window of a minute below which a p99 says nothing."""


class Others:
    """One signal of all stores, and the median of all but one of them."""

    def __init__(self, observation: Observation, signal: SignalName) -> None:
        self._sorted = sorted(
            r.value for r in observation.of_signal(signal) if r.toward is None and not isinstance(r.value, str)
        )

    def median_without(self, own: float) -> float | None:
        """The median of the rest; None when there is no rest."""
        rest = len(self._sorted) - 1
        if rest < 1:
            return None
        at = bisect_left(self._sorted, own)
        left, right = (self._sorted[i + (i >= at)] for i in ((rest - 1) // 2, rest // 2))
        return (left + right) / 2


def _step(
    step: str, p99: SignalName, mean: SignalName, *, healthy: float
) -> Callable[[Observation], Iterable[CheckResult]]:
    """A check of one step; `healthy` is the p99 in seconds below which it is never called slow."""

    def check(observation: Observation) -> Iterable[CheckResult]:
        others, others_mean = Others(observation, p99), Others(observation, mean)
        for ref in observation.refs(n.STORE):
            seen = Seen(observation)
            value, average = seen.number(p99, ref), seen.number(mean, ref)
            appends = seen.number(n.STORE_APPENDS, ref)
            if value is None:
                yield seen.says(ref, Verdict.UNKNOWN, f"{step} at {ref} was not seen")
                continue
            if _is_catching_up(seen, ref):
                yield seen.says(ref, Verdict.UNKNOWN, f"{ref} has just been started, and catches up")
                continue
            if appends is None or appends < ENOUGH:
                yield seen.says(ref, Verdict.UNKNOWN, f"{ref} writes too little to judge its {step}")
                continue
            usual = others.median_without(value)
            usual_mean = None if average is None else others_mean.median_without(average)
            if value > TOO_SLOW:
                because = f"{step} p99 at {ref} is {value:.2g} s"
                yield seen.says(ref, Verdict.VIOLATED, because, severity=Severity.CRITICAL)
            elif value > healthy and _stands_out(value, usual) and _stands_out(average, usual_mean, if_unknown=True):
                because = f"{step} p99 at {ref} is {value * 1000:.0f} ms, {(usual or 0) * 1000:.0f} ms at the others"
                yield seen.says(ref, Verdict.VIOLATED, because)
            else:
                yield seen.says(ref, Verdict.HOLDS, f"{step} p99 at {ref} is {value * 1000:.0f} ms")

    return check


def _is_catching_up(seen: Seen, ref: ComponentRef) -> bool:
    for_long = BUSY_CATCHING_UP if seen.number(n.STORE_BUSY, ref) == 1 else CATCHING_UP
    return is_just_started(seen, ref, for_long)


def _stands_out(value: float | None, usual: float | None, *, if_unknown: bool = False) -> bool:
    return if_unknown if value is None or usual is None else value > OUTLIER * usual


def _invariant(name: InvariantName, step: str, p99: SignalName, mean: SignalName, *, healthy: float) -> Invariant:
    return Invariant(
        name=name,
        title=f"{step} is quick at every store",
        check=_step(step, p99, mean, healthy=healthy),
        grace=timedelta(seconds=30),
        stability=timedelta(seconds=60),
        severity=Severity.WARNING,
        about=frozenset({n.STORE}),
    )


INVARIANTS: tuple[Invariant, ...] = (
    _invariant(APPEND_QUICK, "raft log append", n.STORE_APPEND_P99, n.STORE_APPEND_MEAN, healthy=0.05),
    _invariant(COMMIT_QUICK, "commit", n.STORE_COMMIT_P99, n.STORE_COMMIT_MEAN, healthy=0.1),
    _invariant(APPLY_QUICK, "apply", n.STORE_APPLY_P99, n.STORE_APPLY_MEAN, healthy=0.1),
    _invariant(PROPOSE_QUICK, "propose wait", n.STORE_PROPOSE_WAIT_P99, n.STORE_PROPOSE_WAIT_MEAN, healthy=0.1),
)
