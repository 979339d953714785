"""The clients' side of a beginning: nobody writes before there is something to write to.

A client of a new cluster waits until its first region has all replicas (`/cluster/status` then says that the cluster is
initialized), splits its key space through PD in a few requests, as bulk loaders do, and begins its usual load.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from operator_simulator.model.operators import SplitRegion
from operator_simulator.model.scheduling import Scheduling
from operator_simulator.model.view import RegionRecord, View
from operator_simulator.model.workload import Workload

_KEYS_AT_ONCE: Final = 16


class KeySpace:
    """The clients' keys: where they are cut, and how the load lies between the cuts.

    Args:
        bounds: ascending, upper-case hex.
        weights: one more than bounds; their sum is 1.
    """

    def __init__(self, bounds: Sequence[str], weights: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self._cumulated = (0.0, *accumulate(weights))

    def share(self, start: str, end: str) -> float:
        """The share of the load from one cut to another; empty for no bound."""
        first = bisect_right(self.bounds, start) if start else 0
        last = bisect_left(self.bounds, end) + 1 if end else len(self.bounds) + 1
        return self._cumulated[last] - self._cumulated[first]

    def within(self, start: str, end: str) -> tuple[str, ...]:
        """The cuts that lie inside of a range."""
        first = bisect_right(self.bounds, start) if start else 0
        return self.bounds[first : bisect_left(self.bounds, end) if end else None]


class Client:
    """Steps once a second while PD serves a bootstrapped cluster."""

    def __init__(self, view: View, scheduling: Scheduling, workload: Workload, keys: KeySpace, replicas: int) -> None:
        self._view = view
        self._scheduling = scheduling
        self._workload = workload
        self._keys = keys
        self._replicas = replicas

    def step(self, now: float) -> None:
        """Split what is not split yet, then begin; a client that has begun goes on by itself."""
        if self._workload.has_begun or not self._scheduling.is_prepared:
            return
        uncut = [(r, self._keys.within(r.start_key, r.end_key)) for r in self._view.regions.values()]
        wanted = [(r, keys) for r, keys in uncut if keys]
        if not wanted:
            self._workload.begin()
        for region, keys in wanted:
            if self._is_whole(region):
                self._split(region, keys[:_KEYS_AT_ONCE], now)

    def _is_whole(self, region: RegionRecord) -> bool:
        voters = sum(not p.is_learner for p in region.peers)
        return region.leader is not None and voters >= self._replicas and not region.pending

    def _split(self, region: RegionRecord, keys: tuple[str, ...], now: float) -> None:
        brief = f"split: region {region.id} use policy USEKEY and keys [{' '.join(keys)}]"
        self._scheduling.add("region-splitter", brief, region, (0, 0), (SplitRegion(keys),), "split", now)
