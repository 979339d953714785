"""What the API says of the chosen model, turned into what is asked of it and what a person is warned of. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from operator_diagnosis.claude.failures import Failure, FailureKind
from operator_diagnosis.claude.line import Introduced, ModelFacts
from operator_diagnosis.claude.spoken import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How the model may be asked.

    Attributes:
        effort: as asked for; None where the model does not take it.
        most: what it writes at most in one answer; None where it is not known.
        fault: why it cannot be asked before a person has changed something; empty when it can.
        hindrance: why it is not asked at all; None when it is.
    """

    effort: str | None = None
    most: int | None = None
    warnings: tuple[str, ...] = ()
    fault: str = ""
    hindrance: str | None = None


def check_model(introduced: Introduced, model: str, effort: str | None) -> Checked:
    """What to make of a model's facts, or of not having them."""
    facts, failure = introduced.facts, introduced.failure
    if facts is not None:
        return _known(facts, model, effort)
    assert failure is not None
    if failure.kind in (FailureKind.KEY, FailureKind.FORBIDDEN) or _is_unknown(failure):
        return Checked(fault=one_line(str(failure)))
    # a gateway before the API may know messages only
    return Checked(effort=effort, warnings=(f"nothing could be learnt about {model}: {one_line(str(failure))}",))


def _is_unknown(failure: Failure) -> bool:
    return failure.kind is FailureKind.UNKNOWN and bool(failure.said)


def _known(facts: ModelFacts, model: str, effort: str | None) -> Checked:
    warnings: list[str] = []
    until = "" if facts.retires_at is None else f" and retires on {facts.retires_at:%Y-%m-%d}"
    if facts.lifecycle == "retired":
        return Checked(fault=f"{model} is retired; choose another model")
    if facts.lifecycle == "deprecated":
        warnings.append(f"{model} is deprecated{until}; choose another model")
    elif facts.retires_at is not None:
        warnings.append(f"{model} retires on {facts.retires_at:%Y-%m-%d}")
    if facts.has_structured_outputs is False:
        warnings.append(f"{model} does not promise structured outputs; its closing object may not be readable")
    if effort is not None and facts.efforts is not None and effort not in facts.efforts:
        taken = f"takes {', '.join(facts.efforts)}" if facts.efforts else "takes none"
        warnings.append(f"{model} does not take the effort {effort} ({taken}); it is left to the model")
        effort = None
    return Checked(effort=effort, most=facts.max_tokens, warnings=tuple(warnings))
