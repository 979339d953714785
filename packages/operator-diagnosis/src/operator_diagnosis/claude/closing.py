"""The closing object as the model writes it, and its schema as it is sent: the way in from the wire.

The schema keeps to what constrained decoding takes: closed objects, every member required, no unions but one, no
bounds. What it cannot say (a probability is at most 1, a list is not endless) is checked here and by those who read.
Names of components are no enumeration: a schema is kept by the API for a day, and is no place for a subject's names.
"""

from __future__ import annotations

from typing import Annotated, Any

from operator_core.claims import Comparison
from operator_core.diagnosis import Standing
from operator_core.knowledge import UNKNOWN_MODE, Knowledge
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MANY = 60
"""More of anything in one list than this is no diagnosis."""

_Many = Field(max_length=MANY)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ClaimWire(_Wire):
    """A statement about readings; code fills in when they were taken."""

    component: str
    toward: str = ""
    signal: str
    comparison: Comparison
    value: FiniteFloat | str
    unit: str
    readings: Annotated[tuple[str, ...], _Many]


class EvidenceWire(_Wire):
    """What bears on a hypothesis."""

    standing: Standing
    sign: str = ""
    statement: str
    claims: Annotated[tuple[ClaimWire, ...], _Many]
    missing_because: str = ""


class HypothesisWire(_Wire):
    """A way to fail, bound to components."""

    mode: str
    components: Annotated[tuple[str, ...], _Many]
    probability: Annotated[float, Field(ge=0, le=1)]
    evidence: Annotated[tuple[EvidenceWire, ...], _Many]
    unlike_first: str = ""


class StepWire(_Wire):
    """One link from a cause to its effect."""

    says: str
    cause: Annotated[tuple[ClaimWire, ...], _Many]
    effect: Annotated[tuple[ClaimWire, ...], _Many]


class ClosingWire(_Wire):
    """The whole."""

    summary: str
    hypotheses: Annotated[tuple[HypothesisWire, ...], Field(min_length=1, max_length=MANY)]
    path: Annotated[tuple[StepWire, ...], _Many]
    recommended: str
    because: str


class AnswerWire(_Wire):
    """The answer to a question."""

    answer: str
    claims: Annotated[tuple[ClaimWire, ...], _Many]


def closing_schema(knowledge: Knowledge) -> dict[str, Any]:
    """The schema of the closing object for a subject's knowledge; the same for every case."""
    modes = [str(m.name) for m in knowledge.modes if m.name != UNKNOWN_MODE] + [str(UNKNOWN_MODE)]
    options = dict.fromkeys(str(o.name) for t in (*knowledge.modes,) for o in t.options)
    options.update(dict.fromkeys(str(o.name) for o in knowledge.unknown))
    evidence = _closed(
        standing=_one_of([s.value for s in Standing], "how it bears on the hypothesis"),
        sign=_text("name of the catalogue's sign that it is; empty when it is none"),
        statement=_text("what is seen, in one plain sentence"),
        claims=_list({"$ref": "#/$defs/claim"}, "what shows it; empty when it is missing"),
        missing_because=_text("why it could not be read; empty unless it is missing"),
    )
    hypothesis = _closed(
        mode=_one_of(modes, "a way to fail of the catalogue, or unknown"),
        components=_list({"type": "string"}, "kind/id of what has failed; empty for unknown"),
        probability={"type": "number", "description": "from 0 to 1"},
        evidence=_list({"$ref": "#/$defs/evidence"}, "the weightiest first"),
        unlike_first=_text("what tells it from the first hypothesis; empty for the first"),
    )
    step = _closed(
        says=_text("one link, from its cause to its effect, in one plain sentence"),
        cause=_list({"$ref": "#/$defs/claim"}, "what shows the cause"),
        effect=_list({"$ref": "#/$defs/claim"}, "what shows the effect"),
    )
    return {
        **_closed(
            summary=_text("what is happening, since when, and how sure that is; two or three plain sentences"),
            hypotheses=_list({"$ref": "#/$defs/hypothesis"}, "the likeliest first"),
            path=_list({"$ref": "#/$defs/step"}, "how it came about, in order; may be empty"),
            recommended=_one_of(list(options), "an option that the catalogue gives for the first hypothesis"),
            because=_text("why this option and not another, in one or two plain sentences"),
        ),
        "$defs": {"claim": _claim(), "evidence": evidence, "hypothesis": hypothesis, "step": step},
    }


def answer_schema() -> dict[str, Any]:
    """The schema of the answer to a question."""
    return {
        **_closed(
            answer=_text("the answer, in plain sentences"),
            claims=_list({"$ref": "#/$defs/claim"}, "what backs every number, time and component in the answer"),
        ),
        "$defs": {"claim": _claim()},
    }


def _claim() -> dict[str, Any]:
    return _closed(
        component=_text("kind/id"),
        toward=_text("kind/id of the other component; empty when the reading is toward none"),
        signal=_text("name of the signal, as listed"),
        comparison=_one_of([c.value for c in Comparison], "how the readings compare with the value"),
        value={"anyOf": [{"type": "number"}, {"type": "string"}], "description": "a number in the unit, or a word"},
        unit=_text("the unit of the signal, as listed"),
        readings=_list({"type": "string"}, "ids of the readings that it is about"),
    )


def _closed(**members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _text(describes: str) -> dict[str, Any]:
    return {"type": "string", "description": describes}


def _one_of(values: list[str], describes: str) -> dict[str, Any]:
    return {"type": "string", "enum": values, "description": describes}


def _list(items: dict[str, Any], describes: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": describes}
