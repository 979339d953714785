"""Observations as a large cluster gives them, generated: what the loop and the ledger are measured with.

Six nodes of a hundred readings each, in the mixture that a database's own metrics have: words and constants, counters'
rates and quantiles with every digit a division leaves, gauges that wander, numbers that change now and then.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from operator_core.components import CLUSTER, Component, ComponentRef, Kind, RedundancyGroup
from operator_core.judgements import CheckResult, Invariant, InvariantName, Verdict
from operator_core.knowledge import ComponentKind, Knowledge
from operator_core.ports import Clock, Probe
from operator_core.readings import (
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Value,
)

NODE = Kind("node")
WORDS, CONSTANTS, RATES, WANDERING, RARE = 10, 25, 30, 20, 15
"""How many readings of each sort a node has; a hundred together."""


def _signals() -> tuple[tuple[str, SignalName], ...]:
    sorts = ["word"] * WORDS + ["constant"] * CONSTANTS + ["rate"] * RATES + ["wanders"] * WANDERING + ["rare"] * RARE
    return tuple((sort, SignalName(f"node.{sort}_{n}")) for n, sort in enumerate(sorts))


SIGNALS = _signals()


def _check(signal: SignalName) -> Invariant:
    def check(seen: Observation) -> Iterable[CheckResult]:
        for reading in seen.of_signal(signal):
            holds = isinstance(reading.value, str) or reading.value >= 0
            yield CheckResult(
                component=reading.component,
                verdict=Verdict.HOLDS if holds else Verdict.VIOLATED,
                because=f"{signal} of {reading.component} is {reading.value}",
                readings=(reading.id,),
            )

    return Invariant(
        name=InvariantName(f"{signal} is sane"),
        title=f"{signal} is sane",
        check=check,
        grace=timedelta(seconds=30),
        stability=timedelta(seconds=30),
    )


KNOWLEDGE = Knowledge(
    version="generated-1",
    kinds=(ComponentKind(kind=NODE, title="node"),),
    signals=(),
    invariants=tuple(_check(signal) for _, signal in SIGNALS[::10]),
    signs=(),
    modes=(),
    unknown=(),
)
"""Ten invariants, each about every node."""


class Generated:
    """A subject whose every look is generated, from its seed alone; nothing is ever wrong with it."""

    def __init__(self, cluster: ClusterName, clock: Clock, seed: int, *, nodes: int = 6) -> None:
        self._cluster = cluster
        self._clock = clock
        self._chance = random.Random(seed)
        self._components = tuple(Component(ref=ComponentRef(NODE, str(n)), version="1.0") for n in range(1, nodes + 1))
        self._groups = (
            RedundancyGroup(name="nodes", members=tuple(c.ref for c in self._components), needed=nodes // 2 + 1),
        )
        self._sources = (
            *(SourceLook(source=f"metrics of {c.ref}", component=c.ref, required=False) for c in self._components),
            SourceLook(source="coordinator", component=CLUSTER, required=True),
        )
        self._values: dict[tuple[ComponentRef, SignalName], Value] = {}

    def _next(self, sort: str, before: Value | None) -> Value:
        chance = self._chance
        match sort:
            case "word":
                return "Up"
            case "rate":
                return chance.gauss(1000.0, 40.0)
            case "wanders" if isinstance(before, float):
                return before + chance.gauss(0.0, 4096.0)
            case _ if before is None or (sort == "rare" and chance.random() < 0.02):
                return float(chance.randrange(10**6, 10**11))
            case _:
                return before

    async def observe(self, number: int) -> Observation:
        at = self._clock.now()
        readings: list[Reading] = []
        for component in self._components:
            for sort, signal in SIGNALS:
                place = (component.ref, signal)
                self._values[place] = value = self._next(sort, self._values.get(place))
                readings.append(
                    Reading(
                        id=ReadingId(f"o{number}.{len(readings) + 1}"),
                        component=component.ref,
                        signal=signal,
                        value=value,
                        unit=Unit("state" if sort == "word" else "1/s" if sort == "rate" else "bytes"),
                        at=at,
                        source=f"GET http://{component.ref.id}.example:20180/metrics",
                    )
                )
        return Observation(
            cluster=self._cluster,
            number=number,
            at=at,
            components=self._components,
            groups=self._groups,
            readings=tuple(readings),
            sources=self._sources,
        )

    async def knowledge(self) -> Knowledge:
        return KNOWLEDGE

    async def probes(self) -> Sequence[Probe]:
        return ()

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        del labels
        return None

    async def close(self) -> None:
        pass
