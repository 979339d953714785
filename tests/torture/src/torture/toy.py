"""A subject that flaps as violently as one can, and a diagnoser that always has something to say.

What is seen at a number depends on the seed and the number alone, so a monitor that was killed goes on with the same
subject that another would have seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from operator_core.actions import RiskClass
from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import CLUSTER, Component, ComponentRef, Kind, RedundancyGroup
from operator_core.diagnosis import Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.judgements import CheckResult, Invariant, InvariantName, Severity, Verdict
from operator_core.knowledge import (
    DO_NOTHING,
    UNKNOWN_MODE,
    ComponentKind,
    Consequence,
    FailureMode,
    Knowledge,
    ModeName,
    Of,
    SignName,
)
from operator_core.ports import Case, Clock, Probe
from operator_core.readings import (
    Cause,
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Unseen,
)
from operator_core.sight import lost_sight

NODE = Kind("node")
STATE, DELAY, LEADS = SignalName("state"), SignalName("delay"), SignalName("leads")
ANSWERS, QUICK, LED = InvariantName("node-answers"), InvariantName("node-quick"), InvariantName("cluster-led")
_SECOND = timedelta(seconds=1)


def _answers(observation: Observation) -> Iterable[CheckResult]:
    for ref in observation.refs(NODE):
        reading = observation.reading(STATE, ref)
        if reading is None:
            yield CheckResult(component=ref, verdict=Verdict.UNKNOWN, because=f"{ref} was not seen")
        elif reading.value == "up":
            yield CheckResult(component=ref, verdict=Verdict.HOLDS, because=f"{ref} is up", readings=(reading.id,))
        else:
            yield CheckResult(
                component=ref, verdict=Verdict.VIOLATED, because=f"{ref} is {reading.value}", readings=(reading.id,)
            )


def _quick(observation: Observation) -> Iterable[CheckResult]:
    for reading in observation.of_signal(DELAY):
        slow = not isinstance(reading.value, str) and reading.value > 0.5
        yield CheckResult(
            component=reading.component,
            verdict=Verdict.VIOLATED if slow else Verdict.HOLDS,
            because=f"{reading.component} takes {reading.value} s",
            readings=(reading.id,),
        )


def _led(observation: Observation) -> Iterable[CheckResult]:
    leads = observation.of_signal(LEADS)
    yield CheckResult(
        component=CLUSTER,
        verdict=Verdict.HOLDS if leads else Verdict.VIOLATED,
        because="somebody leads" if leads else "nobody leads",
        readings=tuple(r.id for r in leads),
        severity=Severity.CRITICAL,
    )


def knowledge() -> Knowledge:
    """What is known of the subject: short graces, so that much happens."""
    return Knowledge(
        version="toy",
        kinds=(ComponentKind(kind=NODE, title="node"),),
        signals=(),
        invariants=(
            Invariant(
                name=ANSWERS, title="every node answers", check=_answers, grace=5 * _SECOND, stability=5 * _SECOND,
                required=True, takes_away=True,
            ),
            Invariant(
                name=QUICK, title="every node is quick", check=_quick, grace=0 * _SECOND, stability=10 * _SECOND,
                severity=Severity.INFO,
            ),
            Invariant(name=LED, title="somebody leads", check=_led, grace=0 * _SECOND, stability=0 * _SECOND),
            lost_sight(grace=5 * _SECOND, stability=5 * _SECOND),
        ),
        signs=(),
        modes=(
            FailureMode(
                name=ModeName("gone"), title="a node is gone", about=NODE, summary="{it} is gone", mechanism="it ended",
                expects=(), path=(), options=(),
                violates=(Consequence(invariant=ANSWERS), Consequence(invariant=LED, of=Of.CLUSTER)),
            ),
        ),
        unknown=(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingSubject:
    """Nodes in groups of three, each with a mood that lasts one to eight looks."""

    cluster: ClusterName
    clock: Clock
    seed: int
    nodes: int

    def _mood(self, node: int, number: int) -> random.Random:
        lasts = 1 + node % 8
        return random.Random(f"{self.seed} {self.cluster} {node} {number // lasts}")

    async def observe(self, number: int) -> Observation:
        at = self.clock.now()
        components: list[Component] = []
        readings: list[Reading] = []
        unseens: list[Unseen] = []
        sources: list[SourceLook] = []

        def read(ref: ComponentRef, signal: SignalName, value: float | str, unit: str) -> None:
            ident = ReadingId(f"o{number}.{len(readings) + 1}")
            source = f"GET http://{ref.id}.example:7000/{signal}"
            readings.append(
                Reading(id=ident, component=ref, signal=signal, value=value, unit=Unit(unit), at=at, source=source)
            )

        for node in range(1, self.nodes + 1):
            ref = ComponentRef(NODE, str(node))
            chance = self._mood(node, number)
            components.append(Component(ref=ref, version=f"1.{chance.randrange(3)}"))
            mood = chance.choice(("up", "up", "up", "down", "slow", "unseen"))
            failure = Cause.SILENT if mood == "unseen" else None
            sources.append(SourceLook(source=f"metrics of {ref}", component=ref, required=False, failure=failure))
            if mood == "unseen":
                unseens.append(
                    Unseen(component=ref, signal=STATE, cause=Cause.SILENT, detail="no answer", at=at, source=f"{ref}")
                )
                continue
            read(ref, STATE, "down" if mood == "down" else "up", "state")
            if mood != "down":
                read(ref, DELAY, 0.9 if mood == "slow" else round(chance.random() / 10, 6), "s")
                if chance.random() < 1.5 / self.nodes:
                    read(ref, LEADS, 1.0, "1")
        groups = tuple(
            RedundancyGroup(
                name=f"group {start}", members=tuple(c.ref for c in components[start : start + 3]), needed=2
            )
            for start in range(0, self.nodes, 3)
        )
        return Observation(
            cluster=self.cluster,
            number=number,
            at=at,
            components=tuple(components),
            groups=groups,
            readings=tuple(readings),
            unseens=tuple(unseens),
            sources=tuple(sources),
        )

    async def knowledge(self) -> Knowledge:
        return knowledge()

    async def probes(self) -> Sequence[Probe]:
        return ()

    async def locate(self, labels: Mapping[str, str]) -> ComponentRef | None:
        return None

    async def close(self) -> None:
        pass


class TalkativeDiagnoser:
    """Makes a claim of every reading that it is shown last."""

    name = "talkative"

    async def diagnose(self, case: Case) -> Diagnosis:
        last = case.observations[-1]
        claims = tuple(
            Claim(
                component=r.component,
                signal=r.signal,
                comparison=Comparison.EQUALS,
                value=r.value,
                unit=r.unit,
                interval=Interval(start=r.at, end=r.at),
                readings=(r.id,),
            )
            for r in last.readings[:5]
        )
        evidence = Evidence(
            standing=Standing.FOR, sign=SignName("seen"), statement="this was seen", claims=claims, weight=0.5
        )
        return Diagnosis(
            cluster=case.cluster,
            at=case.at,
            diagnoser=self.name,
            knowledge=case.knowledge.version,
            summary=f"{len(case.observations)} observations were shown",
            hypotheses=(
                Hypothesis(mode=UNKNOWN_MODE, title="unknown", components=(), probability=1.0, evidence=(evidence,)),
            ),
            path=(),
            options=(Option(name=DO_NOTHING, does="Do nothing.", gains="", costs="", risk=RiskClass.SAFE),),
            recommended=DO_NOTHING,
            because="nothing is known",
            observations=(case.observations[0].number, last.number),
        )
