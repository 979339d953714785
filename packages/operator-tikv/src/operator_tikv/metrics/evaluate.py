"""A signal's value from two scrapes of a process, without any server.

It gives what the compiled PromQL gives, up to the extrapolation of ``rate()``: here the growth is divided by the
true time between the two scrapes. A scrape that was lost makes the time longer, not the rate wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from operator_core.readings import Cause
from operator_core.signals import Signal, SignalKind

from operator_tikv.metrics.exposition import Sample, Scrape
from operator_tikv.metrics.quantile import Bucket, quantile


class Missing(NamedTuple):
    """No value, and why."""

    cause: Cause
    detail: str


Series = Mapping[str, float]
"""Values by the other component's label; the empty string stands for a signal that is not about a pair."""

_TOO_EARLY = Missing(Cause.TOO_EARLY, "it needs a second look")


def _matching(scrape: Scrape, name: str, signal: Signal) -> list[Sample]:
    return [
        s
        for s in scrape.samples.get(name, ())
        if all(s.labels.get(label) == word for label, word in signal.selector.items())
    ]


def _restarted(earlier: Scrape, later: Scrape) -> bool:
    return earlier.started is not None and later.started is not None and later.started - earlier.started > 1


def _growth(
    earlier: Scrape, later: Scrape, name: str, signal: Signal
) -> dict[frozenset[tuple[str, str]], float] | None:
    """By how much each counter grew; None when there is no such counter at the later scrape.

    A counter that fell, or whose process was started anew, counts from zero. One that was not there before and is
    there now has grown from zero too, because its process lived on: TiKV makes many label values at first use.
    """
    now = _matching(later, name, signal)
    if not now:
        return None
    fresh = _restarted(earlier, later)
    before = {} if fresh else {frozenset(s.labels.items()): s.value for s in _matching(earlier, name, signal)}
    growth: dict[frozenset[tuple[str, str]], float] = {}
    for sample in now:
        key = frozenset(sample.labels.items())
        was = before.get(key, 0.0)
        growth[key] = sample.value - was if sample.value >= was else sample.value
    return growth


def _summed(growth: Mapping[frozenset[tuple[str, str]], float], label: str | None) -> dict[str, float]:
    totals: dict[str, float] = {}
    for labels, value in growth.items():
        key = "" if label is None else dict(labels).get(label, "")
        totals[key] = totals.get(key, 0.0) + value
    return totals


def evaluate(signal: Signal, earlier: Scrape | None, later: Scrape) -> Series | Missing:
    """A signal's value, for each other component when it is about pairs.

    Args:
        earlier: a scrape of the same process before `later`; None when there is none yet.

    Raises:
        ValueError: the signal has no metric.
    """
    if signal.metric is None:
        raise ValueError(f"{signal.name} has no metric")
    if signal.kind in (SignalKind.GAUGE, SignalKind.STATE):
        samples = _matching(later, signal.metric, signal)
        if not samples:
            return _absent(signal)
        return _summed({frozenset(s.labels.items()): s.value for s in samples}, signal.toward)
    if earlier is None or later.at <= earlier.at:
        return _TOO_EARLY
    seconds = (later.at - earlier.at).total_seconds()
    match signal.kind:
        case SignalKind.RATE:
            growth = _growth(earlier, later, signal.metric, signal)
            if growth is None:
                return _absent(signal)
            return {key: value / seconds for key, value in _summed(growth, signal.toward).items()}
        case SignalKind.MEAN:
            return _mean(signal, earlier, later)
        case SignalKind.QUANTILE:
            return _quantile(signal, earlier, later)


def _mean(signal: Signal, earlier: Scrape, later: Scrape) -> Series | Missing:
    sums = _growth(earlier, later, f"{signal.metric}_sum", signal)
    counts = _growth(earlier, later, f"{signal.metric}_count", signal)
    if sums is None or counts is None:
        return _absent(signal)
    by_sum, by_count = _summed(sums, signal.toward), _summed(counts, signal.toward)
    means = {key: by_sum.get(key, 0.0) / count for key, count in by_count.items() if count > 0}
    return means or _nothing_counted(signal)


def _quantile(signal: Signal, earlier: Scrape, later: Scrape) -> Series | Missing:
    growth = _growth(earlier, later, f"{signal.metric}_bucket", signal)
    if growth is None:
        return _absent(signal)
    assert signal.quantile is not None, f"{signal.name} has no quantile"
    by_key: dict[str, dict[float, float]] = {}
    for labels, value in growth.items():
        plain = dict(labels)
        key = "" if signal.toward is None else plain.get(signal.toward, "")
        bound = float(plain.get("le", "NaN"))
        if not math.isnan(bound):
            counts = by_key.setdefault(key, {})
            counts[bound] = counts.get(bound, 0.0) + value
    found: dict[str, float] = {}
    for key, counts in by_key.items():
        if math.inf not in counts:
            continue
        value = quantile(signal.quantile, [Bucket(b, counts[b]) for b in sorted(counts)])
        if value is not None:
            found[key] = value
    return found or _nothing_counted(signal)


def _absent(signal: Signal) -> Missing:
    return Missing(Cause.ABSENT, f"{signal.metric} is not exported")


def _nothing_counted(signal: Signal) -> Missing:
    return Missing(Cause.TOO_EARLY, f"{signal.metric} counted nothing in its window")
