"""The signs of a case: which are present where, which of them are odd, and which a hypothesis speaks of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.knowledge import Knowledge, Sign, SignName

from operator_diagnosis.conditions import Conditions, Presence
from operator_diagnosis.looks import Looks
from operator_diagnosis.showing import Shown, shown

FLOOR = 0.005
"""No sign is taken to be surer than one in two hundred, whatever the knowledge says: tables have errors too."""

Sighting = tuple[SignName, ComponentRef]
"""A sign at a component."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A sign as one hypothesis looks at it: at one component, or at any of several.

    Attributes:
        base_rate: how often it is present there when nothing is wrong.
    """

    sign: Sign
    sites: tuple[ComponentRef, ...]
    base_rate: float


def clipped(probability: float) -> float:
    """A probability that leaves room for being wrong."""
    return min(max(probability, FLOOR), 1 - FLOOR)


def log_ratio(presence: Presence, likely: float, base_rate: float) -> float:
    """Natural logarithm of the likelihood ratio of what was seen; 0 when it was unseen."""
    p, base = clipped(likely), clipped(base_rate)
    match presence:
        case Presence.PRESENT:
            return math.log(p / base)
        case Presence.ABSENT:
            return math.log((1 - p) / (1 - base))
        case Presence.UNSEEN:
            return 0.0


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What the looks say of every sign.

    Attributes:
        distrusted: signs whose claims did not hold when they were re-checked; they count as unseen.
    """

    knowledge: Knowledge
    conditions: Conditions
    distrusted: frozenset[Sighting] = frozenset()
    _shown: dict[Sighting, Shown] = field(default_factory=dict[Sighting, Shown])

    @property
    def looks(self) -> Looks:
        return self.conditions.looks

    @cached_property
    def by_name(self) -> dict[SignName, Sign]:
        return {sign.name: sign for sign in self.knowledge.signs}

    def presence(self, sign: Sign, site: ComponentRef) -> Presence:
        if (sign.name, site) in self.distrusted:
            return Presence.UNSEEN
        return self.conditions.presence(sign.condition, site)

    def shown(self, sign: Sign, site: ComponentRef) -> Shown:
        """A sign at a component with its claims, or with why it is unseen."""
        key = (sign.name, site)
        if key in self.distrusted:
            return Shown(presence=Presence.UNSEEN, missing=("its claims did not hold when they were re-checked",))
        if key not in self._shown:
            self._shown[key] = shown(self.conditions, sign.condition, site)
        return self._shown[key]

    def witnessed(self, witness: Witness) -> Presence:
        """A sign at any of the components that a hypothesis asks."""
        found = [self.presence(witness.sign, site) for site in witness.sites]
        return next((p for p in (Presence.PRESENT, Presence.UNSEEN) if p in found), Presence.ABSENT)

    def witnesses(self, sign: Sign, bound: tuple[ComponentRef, ...]) -> Iterator[Witness]:
        """How a hypothesis bound to some components looks at a sign.

        A sign about their own kind is asked of each; one about the whole, of the whole; one about another kind,
        of all of that kind at once.
        """
        own = tuple(ref for ref in bound if ref.kind == sign.about)
        if own:
            yield from (Witness(sign, (ref,), sign.base_rate) for ref in own)
        elif sign.about == CLUSTER_KIND:
            yield Witness(sign, (CLUSTER,), sign.base_rate)
        else:
            sites = self.looks.components(sign.about)
            if sites:
                yield Witness(sign, sites, 1 - (1 - sign.base_rate) ** len(sites))

    def everywhere(self) -> Iterator[tuple[Sign, ComponentRef]]:
        """Every sign at every component that it can be asked about."""
        for sign in self.knowledge.signs:
            for site in self.looks.components(sign.about):
                yield sign, site

    @cached_property
    def odd(self) -> tuple[tuple[Sign, ComponentRef], ...]:
        """What is not as it is where nothing is wrong: a rare sign that is present, or a common one that is absent."""
        return tuple((sign, site) for sign, site in self.everywhere() if is_odd(sign, self.presence(sign, site)))

    @cached_property
    def odd_sightings(self) -> frozenset[Sighting]:
        return frozenset((sign.name, site) for sign, site in self.odd)

    @cached_property
    def odd_components(self) -> frozenset[ComponentRef]:
        return frozenset(site for _, site in self.odd)

    @cached_property
    def coverage(self) -> float:
        """The share of all signs everywhere that could be read, 0 to 1; 0 when there are none."""
        states = [self.presence(sign, site) for sign, site in self.everywhere()]
        return sum(s is not Presence.UNSEEN for s in states) / len(states) if states else 0.0

    def distrusting(self, sightings: Iterable[Sighting]) -> Signs:
        """The same signs with some more of them taken for unseen."""
        return Signs(
            knowledge=self.knowledge, conditions=self.conditions, distrusted=self.distrusted | frozenset(sightings)
        )


def is_odd(sign: Sign, presence: Presence) -> bool:
    """Whether this is what one would not see where nothing is wrong."""
    match presence:
        case Presence.PRESENT:
            return sign.base_rate < 0.5
        case Presence.ABSENT:
            return sign.base_rate >= 0.5
        case Presence.UNSEEN:
            return False
