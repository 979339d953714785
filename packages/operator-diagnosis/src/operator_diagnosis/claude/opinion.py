"""Whether the model and the rules say the same, found by code from what both gave. Pure."""

from __future__ import annotations

from operator_core.diagnosis import Diagnosis, Hypothesis

from operator_diagnosis.claude.results import Opinion
from operator_diagnosis.prose import clean, names, percent


def opinion(models: Diagnosis, rules: Diagnosis) -> Opinion:
    """How the model's first hypothesis stands to that of the rules."""
    one, other = models.first, rules.first
    if one.mode == other.mode and (set(one.components) & set(other.components) or one.components == other.components):
        where = "" if one.components == other.components else f", of {names(other.components)}"
        return Opinion(agrees=True, says=f"The rules agree{where} ({percent(other.probability)}).")
    ranked = next((h for h in rules.hypotheses[1:] if _is_same(h, one)), None)
    theirs = f"“{clean(other.title)}” of {names(other.components)} ({percent(other.probability)})"
    second = "" if ranked is None else f"; to this they give {percent(ranked.probability)}"
    return Opinion(agrees=False, says=f"The rules disagree: they say {theirs}{second}.")


def _is_same(one: Hypothesis, other: Hypothesis) -> bool:
    return one.mode == other.mode and bool(set(one.components) & set(other.components))
