"""Prometheus's histogram_quantile() for classic histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many observations were at most `bound`; the count is cumulative."""

    bound: float
    count: float


def quantile(q: float, buckets: Sequence[Bucket]) -> float | None:
    """Estimate a quantile as ``histogram_quantile()`` does (prometheus v3 promql/quantile.go, bucketQuantile).

    Counts that fall from one bound to the next, as rates of several counters may, are raised to the one before.

    Args:
        q: 0 < q < 1.
        buckets: cumulative counts (or rates of them) by upper bound, ascending; the last bound is +Inf.

    Returns:
        In the unit of the bounds, interpolated linearly within the bucket; None when nothing was observed, or
        when there is no bound but +Inf (silence is not speed).

    Raises:
        ValueError: q or the buckets break these terms.
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; 0 < q < 1 is meant")
    if not buckets or buckets[-1].bound != math.inf:
        raise ValueError("the last bucket is not +Inf")
    if any(a.bound >= b.bound for a, b in pairwise(buckets)):
        raise ValueError("the bounds do not ascend")
    counts: list[float] = []
    for bucket in buckets:
        if math.isnan(bucket.count):
            return None
        counts.append(max(bucket.count, counts[-1] if counts else 0.0))
    total = counts[-1]
    if len(buckets) < 2 or total <= 0:
        return None
    rank = q * total
    index = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return buckets[-2].bound
    upper = buckets[index].bound
    if index == 0:
        if upper <= 0:
            return upper
        return upper * rank / counts[0]
    lower, below = buckets[index - 1].bound, counts[index - 1]
    return lower + (upper - lower) * (rank - below) / (counts[index] - below)
