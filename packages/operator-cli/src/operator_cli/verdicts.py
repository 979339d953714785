"""How a component is, by the verdicts about it."""

from __future__ import annotations

from collections.abc import Iterable

from operator_core.components import ComponentRef
from operator_core.judgements import Concern, Judgement, Verdict

WORST_FIRST = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS)


def by_component(judgements: Iterable[Judgement]) -> dict[ComponentRef, list[Judgement]]:
    """Judgements by what they are about."""
    found: dict[ComponentRef, list[Judgement]] = {}
    for judgement in judgements:
        found.setdefault(judgement.key.component, []).append(judgement)
    return found


def verdict_on(ref: ComponentRef, judgements: Iterable[Judgement]) -> Verdict:
    """The worst verdict about a component; of one that nothing was said about nothing is known."""
    found = {j.verdict for j in judgements if j.key.component == ref and j.concern is Concern.SUBJECT}
    return next((v for v in WORST_FIRST if v in found), Verdict.UNKNOWN)
