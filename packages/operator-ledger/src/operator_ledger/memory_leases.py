"""Who watches which cluster, for as long as this process lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from operator_core.errors import LeaseLost
from operator_core.ports import Lease
from operator_core.readings import ClusterName


class MemoryLeases:
    """The leases of a ledger that forgets."""

    def __init__(self) -> None:
        self._held: dict[ClusterName, Lease] = {}
        self._terms: dict[ClusterName, int] = {}

    def lease(self, cluster: ClusterName) -> Lease | None:
        return self._held.get(cluster)

    def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        if self._held.get(cluster) != over:
            return None
        term = self._terms.get(cluster, 0) + 1
        self._terms[cluster] = term
        taken = Lease(cluster=cluster, holder=holder, term=term, beat=0, patience=patience)
        self._held[cluster] = taken
        return taken

    def beat(self, lease: Lease) -> Lease | None:
        held = self._held.get(lease.cluster)
        if held is None or held.term != lease.term:
            return None
        self._held[lease.cluster] = beaten = replace(held, beat=held.beat + 1)
        return beaten

    def release(self, lease: Lease) -> None:
        held = self._held.get(lease.cluster)
        if held is not None and held.term == lease.term:
            del self._held[lease.cluster]

    def check(self, cluster: ClusterName, lease: Lease | None) -> None:
        """Refuse to write under a lease that is lost.

        Raises:
            LeaseLost: it is.
        """
        if lease is None:
            return
        held = self._held.get(cluster)
        if held is None or held.term != lease.term:
            raise LeaseLost(f"{held.holder if held else 'nobody'} has the watch of {cluster} now, not {lease.holder}")
