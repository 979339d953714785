"""Who watches which cluster and reasons about which ticket, for as long as this process lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from operator_core.ports import Lease
from operator_core.readings import ClusterName

from operator_ledger.leasing import Place, lost


class MemoryLeases:
    """The leases of a ledger that forgets."""

    def __init__(self) -> None:
        self._held: dict[Place, Lease] = {}
        self._terms: dict[Place, int] = {}

    def lease(self, place: Place) -> Lease | None:
        return self._held.get(place)

    def take(self, place: Place, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        if self._held.get(place) != over:
            return None
        term = self._terms.get(place, 0) + 1
        self._terms[place] = term
        taken = Lease(cluster=place.cluster, ticket=place.ticket, holder=holder, term=term, beat=0, patience=patience)
        self._held[place] = taken
        return taken

    def beat(self, lease: Lease) -> Lease | None:
        place = Place.of(lease)
        held = self._held.get(place)
        if held is None or held.term != lease.term:
            return None
        self._held[place] = beaten = replace(held, beat=held.beat + 1)
        return beaten

    def release(self, lease: Lease) -> None:
        place = Place.of(lease)
        held = self._held.get(place)
        if held is not None and held.term == lease.term:
            del self._held[place]

    def check(self, cluster: ClusterName, lease: Lease | None) -> None:
        """Refuse to write under a lease that is lost.

        Raises:
            LeaseLost: it is.
        """
        if lease is None:
            return
        place = Place(cluster, lease.ticket)
        held = self._held.get(place)
        if held is None or held.term != lease.term:
            raise lost(place, held, lease)
