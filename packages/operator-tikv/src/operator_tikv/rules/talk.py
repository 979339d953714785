"""What stores say of each other in one observation, counted once for all verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from operator_core.components import CLUSTER, ComponentRef
from operator_core.readings import Observation, SignalName

from operator_tikv import names as n

Rates = Mapping[ComponentRef, float]
_NONE: Rates = {}


class Talk:
    """Complaints and raft messages between stores, by whom they are about.

    Counting is linear in the readings; each question afterwards costs no more than the store's own neighbours.
    """

    def __init__(self, observation: Observation) -> None:
        self._complaints = _by_target(observation, n.STORE_UNREACHABLE_REPORTS)
        self._messages = _by_target(observation, n.STORE_MESSAGES_FROM)
        self._telling = {by for about in (self._complaints, self._messages) for rates in about.values() for by in rates}
        self._talking: Counter[ComponentRef] = Counter()
        self._talks = 0
        self._received: dict[ComponentRef, list[float]] = {}
        for target, rates in self._messages.items():
            for by, rate in rates.items():
                self._received.setdefault(by, []).append(rate)
                if rate > 0:
                    self._talks += 1
                    self._talking.update((by, target))
        stores = observation.refs(n.STORE)
        replicas = observation.reading(n.REPLICAS_MAX, CLUSTER)
        self.is_everywhere = (
            replicas is not None and not isinstance(replicas.value, str) and len(stores) <= replicas.value
        )
        """Whether each region has a peer on each store, so that silence between two stores has no other reason."""

    def complaints_of(self, ref: ComponentRef) -> Rates:
        """Who cannot deliver to it, and how much of it."""
        return self._complaints.get(ref, _NONE)

    def received_from(self, ref: ComponentRef) -> Rates:
        """Who receives raft messages from it, and how many; 0 is told too."""
        return self._messages.get(ref, _NONE)

    def telling_beside(self, ref: ComponentRef) -> int:
        """How many other stores tell anything of stores at all."""
        return len(self._telling) - (ref in self._telling)

    def others_talk(self, ref: ComponentRef) -> bool:
        """Whether other stores receive raft messages from each other."""
        return self._talks > self._talking[ref]

    def hears_nobody(self, ref: ComponentRef) -> bool:
        """Whether it tells what it receives, and receives from no other store."""
        received = self._received.get(ref, [])
        return bool(received) and not any(received)


def _by_target(observation: Observation, signal: SignalName) -> dict[ComponentRef, dict[ComponentRef, float]]:
    found: dict[ComponentRef, dict[ComponentRef, float]] = {}
    for r in observation.of_signal(signal):
        if r.toward is not None and r.toward != r.component and not isinstance(r.value, str):
            found.setdefault(r.toward, {})[r.component] = r.value
    return found
