"""The readings of a case, arranged by signal and place, so that a test finds its readings without a search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef, Kind
from operator_core.knowledge import Knowledge
from operator_core.ports import Case
from operator_core.readings import Cause, Observation, Reading, SignalName, Unseen

Place = tuple[ComponentRef, ComponentRef | None]
"""Where a signal is measured: the component, and toward whom when the signal is about a pair."""

Sight = Reading | Unseen
"""What was found at a place."""


def speaks(sight: Sight | None) -> bool:
    """Whether there is a value; NaN is what an idle histogram says and is no value."""
    return isinstance(sight, Reading) and not (isinstance(sight.value, float) and math.isnan(sight.value))


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One signal in one observation."""

    sights: Mapping[Place, Sight]

    @cached_property
    def pairs_by_component(self) -> Mapping[ComponentRef, tuple[Place, ...]]:
        return _grouped((place, place[0]) for place in self.sights if place[1] is not None)

    @cached_property
    def pairs_by_toward(self) -> Mapping[ComponentRef, tuple[Place, ...]]:
        return _grouped((place, place[1]) for place in self.sights if place[1] is not None)

    @cached_property
    def mute(self) -> tuple[ComponentRef, ...]:
        """Components that could not be asked for their pairs at all."""
        return tuple(c for (c, toward), s in self.sights.items() if toward is None and isinstance(s, Unseen))


def _grouped(
    pairs: Iterator[tuple[Place, ComponentRef | None]],
) -> dict[ComponentRef, tuple[Place, ...]]:
    groups: dict[ComponentRef, list[Place]] = {}
    for place, ref in pairs:
        assert ref is not None
        groups.setdefault(ref, []).append(place)
    return {ref: tuple(places) for ref, places in groups.items()}


_EMPTY = Panel(sights={})


@dataclass(frozen=True, kw_only=True)
class Looks:
    """All observations of a case, oldest first; never empty.

    Attributes:
        before: how many of the observations were made before trouble began. Without a known beginning these are
            all but the newest.
        about: the kind at which each signal is measured.
    """

    observations: tuple[Observation, ...]
    before: int
    about: Mapping[SignalName, Kind] = field(default_factory=dict[SignalName, Kind])

    @classmethod
    def of(cls, case: Case) -> Looks:
        """The looks of a case that has at least one observation."""
        began = case.trouble_since
        return cls(
            observations=case.observations,
            before=_count_before(case.observations, began),
            about=_about(case.knowledge),
        )

    @property
    def newest(self) -> Observation:
        return self.observations[-1]

    @cached_property
    def _panels(self) -> tuple[Mapping[SignalName, Panel], ...]:
        panels: list[Mapping[SignalName, Panel]] = []
        for observation in self.observations:
            sights: dict[SignalName, dict[Place, Sight]] = {}
            for unseen in observation.unseens:
                sights.setdefault(unseen.signal, {})[(unseen.component, unseen.toward)] = unseen
            for reading in observation.readings:
                sights.setdefault(reading.signal, {})[(reading.component, reading.toward)] = reading
            panels.append({signal: Panel(sights=found) for signal, found in sights.items()})
        return tuple(panels)

    def panel(self, signal: SignalName, index: int) -> Panel:
        """A signal as it was in one of the observations."""
        return self._panels[index].get(signal, _EMPTY)

    @cached_property
    def signals(self) -> frozenset[SignalName]:
        """The signals that any observation has a reading of, or says that it could not read."""
        return frozenset(signal for panels in self._panels for signal in panels)

    def components(self, kind: Kind) -> tuple[ComponentRef, ...]:
        """The components of a kind: those of the newest observation that knows any."""
        return self._components.get(kind, ())

    @cached_property
    def _components(self) -> Mapping[Kind, tuple[ComponentRef, ...]]:
        found: dict[Kind, tuple[ComponentRef, ...]] = {CLUSTER_KIND: (CLUSTER,)}
        for observation in reversed(self.observations):
            here: dict[Kind, list[ComponentRef]] = {}
            for ref in observation.refs():
                here.setdefault(ref.kind, []).append(ref)
            for kind, refs in here.items():
                found.setdefault(kind, tuple(refs))
        return found

    def is_silent(self, signal: SignalName, place: Place, index: int) -> bool:
        """Whether an observation has nothing to say about a place: nobody asked, or it was too early to know."""
        sight = self.panel(signal, index).sights.get(place)
        return sight is None or (isinstance(sight, Unseen) and sight.cause is Cause.TOO_EARLY)


def _count_before(observations: Sequence[Observation], began: datetime | None) -> int:
    if began is None:
        return len(observations) - 1
    return sum(1 for o in observations if o.at < began)


def _about(knowledge: Knowledge) -> dict[SignalName, Kind]:
    return {signal.name: signal.about for signal in knowledge.signals}
