"""A case of the toy subject, a prober that answers from a table, and an investigator at a server on loopback."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from messages_replies import Reply, Said
from messages_server import MessagesServer, ScriptedModel, serving
from messages_shapes import ModelFacts
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import Diagnosis
from operator_core.errors import ConfigurationError
from operator_core.ports import Case, Probe, ProbeParameter
from operator_core.readings import Cause, Reading, ReadingId, SignalName, Unit, Unseen
from operator_core.runtime import RealClock
from operator_diagnosis import RulesDiagnoser
from operator_diagnosis.claude import Investigator, Limits, Prices, Spent
from operator_diagnosis.outward import Outward

Json = dict[str, Any]

MODEL = "claude-sonnet-5-5"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyProbe:
    """A probe that is only described; it is put through the prober."""

    name: str
    describes: str
    parameters: tuple[ProbeParameter, ...]

    async def ask(self, arguments: Mapping[str, str], *, number: int) -> tuple[Reading | Unseen, ...]:
        raise AssertionError("a probe is put through the prober")


KNOCK = ToyProbe(
    name="knock",
    describes="whether the door of a node answers",
    parameters=(ProbeParameter(name="node", describes="number of the node"),),
)
LISTEN = ToyProbe(
    name="listen.in",
    describes="what a node hears of another",
    parameters=(
        ProbeParameter(name="node", describes="number of the node"),
        ProbeParameter(name="ear", describes="which ear", required=False, choices=("left", "right")),
    ),
)


@dataclass(slots=True)
class ToyProber:
    """Answers from a table, and remembers what was asked."""

    case: Case
    raises: Exception | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    @property
    def probes(self) -> Sequence[Probe]:
        return (KNOCK, LISTEN)

    async def ask(self, name: str, arguments: Mapping[str, str]) -> tuple[Reading | Unseen, ...]:
        self.asked.append((name, dict(arguments)))
        if self.raises is not None:
            raise self.raises
        node = arguments["node"]
        if node not in ("1", "2", "3"):
            raise ConfigurationError(f"/etc/secret/path: there is no node {node}")
        at = self.case.at + timedelta(seconds=len(self.asked))
        ref, door = ComponentRef(Kind("node"), node), SignalName("door")
        if node == "3":
            return (Unseen(component=ref, signal=door, at=at, cause=Cause.SILENT, detail="it hung", source="knock"),)
        return (
            Reading(
                id=ReadingId(f"p{len(self.asked)}.1"),
                component=ref,
                signal=door,
                at=at,
                value="refused" if node == "2" else "answered",
                unit=Unit("state"),
                source="knock",
            ),
        )


class SleeplessClock:
    """Real time, but that every sleep is over at once and counted all the same, and every look at it takes a while."""

    def __init__(self, looking: timedelta) -> None:
        self._real = RealClock()
        self._slept = timedelta(0)
        self._looking = looking

    def now(self) -> datetime:
        self._slept += self._looking
        return self._real.now() + self._slept

    async def sleep(self, duration: timedelta) -> None:
        self._slept += duration

    def deadline(self, within: timedelta) -> AbstractAsyncContextManager[object]:
        return self._real.deadline(within)


@dataclass(frozen=True, slots=True)
class Script:
    """Writes what a model would write about a case."""

    case: Case

    def claim(
        self,
        signal: str,
        component: str,
        comparison: str,
        value: float | str,
        *readings: str,
        toward: str = "",
        unit: str | None = None,
    ) -> Json:
        """A claim as the model writes it."""
        units = {"write_p99": "s", "beat_age": "s", "restarts": "1", "hum": "1", "free": "bytes"}
        return {
            "component": component,
            "toward": toward,
            "signal": signal,
            "comparison": comparison,
            "value": value,
            "unit": units.get(signal, "state") if unit is None else unit,
            "readings": list(readings),
        }

    def ids(self, signal: str, component: str, toward: str | None = None) -> list[str]:
        """The ids of a place's readings, oldest first."""
        return [
            r.id
            for o in self.case.observations
            for r in o.readings
            if (r.signal, r.component.key, r.toward and r.toward.key) == (signal, component, toward)
        ]

    @property
    def door(self) -> Json:
        return self.claim("door", "node/2", "is", "refused", *self.ids("door", "node/2")[-2:])

    @property
    def beat(self) -> Json:
        return self.claim("beat_age", "node/2", "is above", 15, self.ids("beat_age", "node/2")[-1])

    def evidence(self, statement: str, *claims: Json, standing: str = "for", sign: str = "", why: str = "") -> Json:
        return {
            "standing": standing,
            "sign": sign,
            "statement": statement,
            "claims": list(claims),
            "missing_because": why,
        }

    def hypothesis(
        self, *evidence: Json, mode: str = "crashed", components: Sequence[str] = ("node/2",), probability: float = 0.9
    ) -> Json:
        return {
            "mode": mode,
            "components": list(components),
            "probability": probability,
            "evidence": list(evidence),
            "unlike_first": "",
        }

    def step(self, says: str, cause: Sequence[Json], effect: Sequence[Json]) -> Json:
        return {"says": says, "cause": list(cause), "effect": list(effect)}

    def closing(self, **changed: object) -> Json:
        """What a model that understands the crash of node 2 closes with; single members may be changed."""
        whole: Json = {
            "summary": "Node 2 refuses callers and its beat is 42 s old.",
            "hypotheses": [
                self.hypothesis(
                    self.evidence("node 2 refuses callers", self.door, sign="door-refused"),
                    self.evidence("the beat of node 2 is 42 s old", self.beat, sign="beat-lost"),
                )
            ],
            "path": [self.step("node 2 refuses callers, so its beats are missed", [self.door], [self.beat])],
            "recommended": "restart",
            "because": "The process is gone and does not come back by itself.",
        }
        return whole | changed

    def said(self, **changed: object) -> Reply:
        """The same as an answer of the model."""
        return Reply(blocks=[Said(json.dumps(self.closing(**changed)))])


@dataclass(slots=True)
class Bench:
    """An investigator at a server, with all that it was given and has told."""

    server: MessagesServer
    investigator: Investigator
    told: list[str]
    booked: list[Spent]
    prober: ToyProber
    second: Diagnosis | None


Benches = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def bench(crash_case: Case) -> Benches:
    """``bench(model, **changed)``: what is changed goes to the investigator; ``facts`` to the server."""

    @asynccontextmanager
    async def make(
        model: ScriptedModel,
        *,
        facts: ModelFacts | None = None,
        prober: ToyProber | None = None,
        second: Diagnosis | str | None = "rules",
        is_blind: bool = False,
        looking: timedelta = timedelta(0),
        piece: int = 400,
        **changed: Any,
    ) -> AsyncGenerator[Bench]:
        told: list[str] = []
        booked: list[Spent] = []

        async def book(spent: Spent) -> None:
            booked.append(spent)

        asked = prober or ToyProber(crash_case)
        opinion = await RulesDiagnoser().diagnose(crash_case) if isinstance(second, str) else second
        async with serving(model, facts or ModelFacts(id=MODEL), piece=piece) as server:
            given: Json = {
                "model": MODEL,
                "effort": "medium",
                "key": server.key,
                "base_url": server.base_url,
                "limits": Limits(),
                "prices": Prices(),
                "prober": None if is_blind else asked,
                "clock": SleeplessClock(looking),
                "told": told.append,
                "second_opinion": opinion,
                "outward": Outward(chance=random.Random(7)),
                "book": book,
            }
            yield Bench(server, Investigator(**(given | changed)), told, booked, asked, opinion)

    return make


@pytest.fixture
def script(crash_case: Case) -> Script:
    """Writes about node 2 of three, which crashed between the second look and the third."""
    return Script(crash_case)


@pytest.fixture
def prober(crash_case: Case) -> ToyProber:
    """Knows two probes, and what the doors of three nodes do."""
    return ToyProber(crash_case)
