"""A diagnosis as JSON: frozen models, a published schema, and the way there and back.

The schema's number changes when a reader of the old one could misread the new one.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Annotated, Literal

from operator_core.actions import RiskClass
from operator_core.claims import Claim, Comparison, Interval, Struck
from operator_core.components import ComponentRef
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.knowledge import ModeName, OptionName, SignName
from operator_core.readings import ClusterName, ReadingId, SignalName, Unit
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

SCHEMA = "diagnosis-1"

_Ref = Annotated[str, Field(pattern=r"^[^/]+/[\s\S]", description="kind/id of a component")]
_Probability = Annotated[float, Field(ge=0, le=1)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimJson(_Wire):
    """A statement that code can check against the cited readings."""

    component: _Ref
    toward: _Ref | None
    signal: str
    comparison: Comparison
    value: FiniteFloat | str
    unit: str
    start: AwareDatetime
    end: AwareDatetime
    readings: tuple[str, ...]

    @classmethod
    def of(cls, claim: Claim) -> ClaimJson:
        return cls(
            component=claim.component.key,
            toward=None if claim.toward is None else claim.toward.key,
            signal=claim.signal,
            comparison=claim.comparison,
            value=claim.value,
            unit=claim.unit,
            start=claim.interval.start,
            end=claim.interval.end,
            readings=claim.readings,
        )

    def claim(self) -> Claim:
        return Claim(
            component=ComponentRef.parse(self.component),
            toward=None if self.toward is None else ComponentRef.parse(self.toward),
            signal=SignalName(self.signal),
            comparison=self.comparison,
            value=self.value,
            unit=Unit(self.unit),
            interval=Interval(start=self.start, end=self.end),
            readings=tuple(ReadingId(r) for r in self.readings),
        )


class EvidenceJson(_Wire):
    """A sign that was looked for; weight is a natural log likelihood ratio."""

    standing: Standing
    sign: str
    statement: str
    weight: FiniteFloat
    missing_because: str
    claims: tuple[ClaimJson, ...]

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceJson:
        return cls(
            standing=evidence.standing,
            sign=evidence.sign,
            statement=evidence.statement,
            weight=evidence.weight,
            missing_because=evidence.missing_because,
            claims=tuple(ClaimJson.of(c) for c in evidence.claims),
        )

    def evidence(self) -> Evidence:
        return Evidence(
            standing=self.standing,
            sign=SignName(self.sign),
            statement=self.statement,
            weight=self.weight,
            missing_because=self.missing_because,
            claims=tuple(c.claim() for c in self.claims),
        )


class HypothesisJson(_Wire):
    """A failure mode, or "unknown", bound to components."""

    mode: str
    title: str
    components: tuple[_Ref, ...]
    probability: _Probability
    evidence: tuple[EvidenceJson, ...]
    unlike_first: str

    @classmethod
    def of(cls, hypothesis: Hypothesis) -> HypothesisJson:
        return cls(
            mode=hypothesis.mode,
            title=hypothesis.title,
            components=tuple(ref.key for ref in hypothesis.components),
            probability=hypothesis.probability,
            evidence=tuple(EvidenceJson.of(e) for e in hypothesis.evidence),
            unlike_first=hypothesis.unlike_first,
        )

    def hypothesis(self) -> Hypothesis:
        return Hypothesis(
            mode=ModeName(self.mode),
            title=self.title,
            components=tuple(ComponentRef.parse(ref) for ref in self.components),
            probability=self.probability,
            evidence=tuple(e.evidence() for e in self.evidence),
            unlike_first=self.unlike_first,
        )


class StepJson(_Wire):
    """One step of how it came about; without claims it is inferred."""

    says: str
    claims: tuple[ClaimJson, ...]

    @classmethod
    def of(cls, step: CausalStep) -> StepJson:
        return cls(says=step.says, claims=tuple(ClaimJson.of(c) for c in step.claims))

    def step(self) -> CausalStep:
        return CausalStep(says=self.says, claims=tuple(c.claim() for c in self.claims))


class OptionJson(_Wire):
    """Something that could be done; why_not is empty for the recommended one."""

    name: str
    does: str
    gains: str
    costs: str
    risk: RiskClass
    undo: str
    is_action: bool
    refused: str | None
    why_not: str

    @classmethod
    def of(cls, option: Option) -> OptionJson:
        return cls(
            name=option.name,
            does=option.does,
            gains=option.gains,
            costs=option.costs,
            risk=option.risk,
            undo=option.undo,
            is_action=option.is_action,
            refused=option.refused,
            why_not=option.why_not,
        )

    def option(self) -> Option:
        return Option(
            name=OptionName(self.name),
            does=self.does,
            gains=self.gains,
            costs=self.costs,
            risk=self.risk,
            undo=self.undo,
            is_action=self.is_action,
            refused=self.refused,
            why_not=self.why_not,
        )


class StruckJson(_Wire):
    """A claim that did not hold, and why."""

    claim: ClaimJson
    why: str


class DiagnosisJson(_Wire):
    """What is happening, ranked hypotheses, the causal path, the options and the recommended one."""

    version: Literal["diagnosis-1"] = Field(alias="schema")
    cluster: str
    at: AwareDatetime
    diagnoser: str
    knowledge: str
    ticket: int | None
    observations: tuple[int, int] | None = Field(description="numbers of the first and the last one it rests on")
    summary: str
    hypotheses: Annotated[tuple[HypothesisJson, ...], Field(min_length=1)]
    path: tuple[StepJson, ...]
    options: tuple[OptionJson, ...]
    recommended: str
    because: str
    dont: tuple[str, ...]
    struck: tuple[StruckJson, ...]

    @classmethod
    def of(cls, diagnosis: Diagnosis) -> DiagnosisJson:
        return cls(
            schema=SCHEMA,
            cluster=diagnosis.cluster,
            at=diagnosis.at,
            diagnoser=diagnosis.diagnoser,
            knowledge=diagnosis.knowledge,
            ticket=diagnosis.ticket,
            observations=diagnosis.observations,
            summary=diagnosis.summary,
            hypotheses=tuple(HypothesisJson.of(h) for h in diagnosis.hypotheses),
            path=tuple(StepJson.of(s) for s in diagnosis.path),
            options=tuple(OptionJson.of(o) for o in diagnosis.options),
            recommended=diagnosis.recommended,
            because=diagnosis.because,
            dont=diagnosis.dont,
            struck=tuple(StruckJson(claim=ClaimJson.of(s.claim), why=s.why) for s in diagnosis.struck),
        )

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            cluster=ClusterName(self.cluster),
            at=self.at,
            diagnoser=self.diagnoser,
            knowledge=self.knowledge,
            ticket=self.ticket,
            observations=self.observations,
            summary=self.summary,
            hypotheses=tuple(h.hypothesis() for h in self.hypotheses),
            path=tuple(s.step() for s in self.path),
            options=tuple(o.option() for o in self.options),
            recommended=OptionName(self.recommended),
            because=self.because,
            dont=self.dont,
            struck=tuple(Struck(claim=s.claim.claim(), why=s.why) for s in self.struck),
        )


def to_json(diagnosis: Diagnosis, *, indent: int | None = None) -> str:
    """One JSON object of the schema ``diagnosis-1``; all its text is ASCII, so that it is inert on a terminal.

    Raises:
        ValueError: it does not fit the schema; a claim has a value that JSON has no number for.
    """
    wire = DiagnosisJson.of(diagnosis)
    return wire.model_dump_json(by_alias=True, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


def from_json(text: str) -> Diagnosis:
    """The diagnosis that :func:`to_json` wrote.

    Raises:
        ValueError: the text is not of the schema; it names the place.
    """
    return DiagnosisJson.model_validate_json(text).diagnosis()


def schema_text() -> str:
    """The JSON schema of ``diagnosis-1`` as it is published, made from the models."""
    schema = DiagnosisJson.model_json_schema(by_alias=True, mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{SCHEMA}.json"}
    return json.dumps(head | schema, indent=2) + "\n"


def published_schema() -> str:
    """The text of the schema file that travels in this package."""
    return resources.files("operator_diagnosis").joinpath(f"schema/{SCHEMA}.json").read_text(encoding="utf-8")
