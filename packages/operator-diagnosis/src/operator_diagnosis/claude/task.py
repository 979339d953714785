"""What an interview with the model is to bring: a diagnosis, or the answer to a question. Reading it is pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from operator_core.claims import Claim, Struck
from operator_core.ports import Case
from operator_core.readings import Reading
from pydantic import BaseModel, ValidationError

from operator_diagnosis.claude.assembling import Assembled, assemble
from operator_diagnosis.claude.closing import AnswerWire, ClosingWire, answer_schema, closing_schema
from operator_diagnosis.claude.grounding import STRUCK, Ground
from operator_diagnosis.claude.json_values import Json

T = TypeVar("T")
Wire = TypeVar("Wire", bound=BaseModel)

SHOWN = 12
"""Faults of a closing object that are told to the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[T]):
    """What a closing text says.

    Attributes:
        value: None when it could not be read.
        problems: what did not hold; for one that could not be read, where it is at fault, in our words.
        is_usable: whether something of it can be shown.
    """

    value: T | None
    problems: tuple[str, ...] = ()
    is_usable: bool = False


class Task(Protocol[T]):
    """What the model is to close with."""

    @property
    def schema(self) -> Json: ...

    def read(self, text: str, asked: tuple[Reading, ...]) -> Read[T]:
        """Read a closing text against the record and what was asked for since."""
        ...


@dataclass(frozen=True, slots=True)
class Diagnosing:
    """The closing object is a diagnosis of the case."""

    case: Case

    @property
    def schema(self) -> Json:
        return closing_schema(self.case.knowledge)

    def read(self, text: str, asked: tuple[Reading, ...]) -> Read[Assembled]:
        closing = _wire(ClosingWire, text)
        if not isinstance(closing, ClosingWire):
            return Read(value=None, problems=closing)
        assembled = assemble(closing, Ground(case=self.case, asked=asked))
        return Read(value=assembled, problems=assembled.problems, is_usable=assembled.diagnosis is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it may be shown."""

    says: str
    claims: tuple[Claim, ...]
    struck: tuple[Struck, ...]


@dataclass(frozen=True, slots=True)
class Answering:
    """The closing object is the answer to a question about the case."""

    case: Case

    @property
    def schema(self) -> Json:
        return answer_schema()

    def read(self, text: str, asked: tuple[Reading, ...]) -> Read[Reply]:
        answer = _wire(AnswerWire, text)
        if not isinstance(answer, AnswerWire):
            return Read(value=None, problems=answer)
        ground = Ground(case=self.case, asked=asked)
        checked = ground.check(answer.claims)
        says = ground.told(answer.answer, checked.held)
        problems = [f"claims: {s.why}" for s in checked.struck]
        if STRUCK in says:
            problems.append("answer: it says numbers, times or components that no held claim is about")
        reply = Reply(says=says, claims=checked.held, struck=checked.struck)
        return Read(value=reply, problems=tuple(problems), is_usable=bool(says))


def _wire(model: type[Wire], text: str) -> Wire | tuple[str, ...]:
    """The object in a text; else where it is at fault, without what stands there."""
    plain = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        return model.model_validate_json(plain)
    except ValidationError as e:
        faults = e.errors(include_url=False, include_input=False, include_context=False)
        return tuple(f"{'.'.join(map(str, f['loc'])) or 'the whole'}: {_said(f['type'])}" for f in faults[:SHOWN])


def _said(kind: str) -> str:
    """What is wrong, in words that repeat nothing of what was written."""
    match kind:
        case "missing":
            return "it is missing"
        case "json_invalid":
            return "it is no JSON"
        case "enum" | "literal_error":
            return "it is none of the words that are taken there"
        case "too_long" | "too_short":
            return "there are too many or too few"
        case "greater_than_equal" | "less_than_equal":
            return "it is out of range"
        case _:
            return "it is not of the right type"
