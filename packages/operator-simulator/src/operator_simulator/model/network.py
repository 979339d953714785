"""Who can talk to whom. Every node has a direct link to every other one, and to the observer outside.

A fault of the network is a layer with a key. What a link does is computed from all layers that lie on it, so taking
one away leaves exactly what the others make, in whatever order they come and go.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

OUTSIDE: Final = "outside"
"""Where clients and the observer sit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """No packet passes between `one` and `other`; only from `one` to `other` when `one_way`."""

    one: frozenset[str]
    other: frozenset[str]
    one_way: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Every packet to or from `node` takes this much longer, so a round trip takes twice as much."""

    node: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """This share of packets to or from `node` is lost."""

    node: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Impaired:
    """What is sent from `one` to `other`, and nothing else, takes longer, and this share of it is lost; 1 is all."""

    one: str
    other: str
    seconds: float = 0.0
    share: float = 0.0


Disturbance = Cut | Delay | Loss | Impaired


class Network:
    """The links between all nodes."""

    def __init__(self, nodes: Sequence[str], rng: random.Random) -> None:
        self._nodes = (*nodes, OUTSIDE)
        self._base = {(a, b): rng.uniform(0.00010, 0.00022) for a in self._nodes for b in self._nodes if a != b}
        self._layers: dict[str, Disturbance] = {}
        self._cut: frozenset[tuple[str, str]] = frozenset()
        self._extra: dict[str, float] = {}
        self._lost: dict[str, float] = {}
        self._impaired: dict[tuple[str, str], Impaired] = {}
        self.version = 0
        """Grows with every change, so that others can keep what they derived from it."""

    @property
    def layers(self) -> dict[str, Disturbance]:
        return dict(self._layers)

    def put(self, key: str, disturbance: Disturbance) -> None:
        self._layers[key] = disturbance
        self._derive()

    def take(self, key: str) -> bool:
        """Whether there was such a layer."""
        found = self._layers.pop(key, None) is not None
        if found:
            self._derive()
        return found

    def _derive(self) -> None:
        cut: set[tuple[str, str]] = set()
        extra: dict[str, float] = {}
        passed: dict[str, float] = {}
        impaired: dict[tuple[str, str], Impaired] = {}
        for layer in self._layers.values():
            match layer:
                case Cut():
                    pairs = {(a, b) for a in layer.one for b in layer.other if a != b}
                    cut |= pairs if layer.one_way else pairs | {(b, a) for a, b in pairs}
                case Delay():
                    extra[layer.node] = extra.get(layer.node, 0.0) + layer.seconds
                case Loss():
                    passed[layer.node] = passed.get(layer.node, 1.0) * (1 - layer.share)
                case Impaired(one=one, other=other):
                    lies = impaired.get((one, other), Impaired(one=one, other=other))
                    impaired[one, other] = Impaired(
                        one=one,
                        other=other,
                        seconds=lies.seconds + layer.seconds,
                        share=1 - (1 - lies.share) * (1 - layer.share),
                    )
        self._cut = frozenset(cut)
        self._extra = extra
        self._lost = {node: 1 - share for node, share in passed.items()}
        self._impaired = impaired
        self.version += 1

    def everyone_but(self, node: str) -> frozenset[str]:
        return frozenset(self._nodes) - {node}

    def carries(self, a: str, b: str) -> bool:
        """Whether a packet from `a` arrives at `b`, ever."""
        if not self._layers:
            return True
        return (a, b) not in self._cut and self.loss(a, b) < 1

    def talks(self, a: str, b: str) -> bool:
        """Whether a conversation is possible; TCP needs both ways."""
        if not self._layers:
            return True
        return self.carries(a, b) and self.carries(b, a)

    def loss(self, a: str, b: str) -> float:
        if not self._lost and not self._impaired:
            return 0.0
        own = self._impaired.get((a, b))
        lost = 1 - (1 - self._lost.get(a, 0.0)) * (1 - self._lost.get(b, 0.0))
        return lost if own is None else 1 - (1 - lost) * (1 - own.share)

    def one_way_s(self, a: str, b: str) -> float:
        """How long a packet travels that is not lost on the way."""
        if a == b:
            return 0.0
        usual = self._base[a, b] + self._extra.get(a, 0.0) + self._extra.get(b, 0.0)
        own = self._impaired.get((a, b))
        return usual if own is None else usual + own.seconds

    def round_trip_s(self, a: str, b: str) -> float:
        return self.one_way_s(a, b) + self.one_way_s(b, a)
