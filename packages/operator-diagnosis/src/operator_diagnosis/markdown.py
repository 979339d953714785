"""A diagnosis as Markdown, complete: for tickets, reports and reviews."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from operator_core.claims import Claim
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing

from operator_diagnosis.prose import citation, claim_says, clean, localised, names, percent, sentence, weight
from operator_diagnosis.review import what_would_change

_SPECIAL = re.compile(r"([\\`*\[\]<>|~])")

_HEADS = {
    Standing.FOR: "For",
    Standing.AGAINST: "Against",
    Standing.MISSING: "Missing (it would tell, and could not be read)",
}


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands: no links, no markup, no HTML."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def render_markdown(diagnosis: Diagnosis, *, zone: tzinfo) -> str:
    """The whole diagnosis as Markdown.

    Args:
        zone: in which all times are shown.
    """
    return "\n".join(_Markdown(diagnosis, zone).lines()).rstrip() + "\n"


class _Markdown:
    def __init__(self, diagnosis: Diagnosis, zone: tzinfo) -> None:
        self._diagnosis = diagnosis
        self._zone = zone

    def _text(self, text: str) -> str:
        return escaped(localised(text, zone=self._zone, day_of=self._diagnosis.at))

    def _cited(self, claims: Sequence[Claim]) -> str:
        return "; ".join(
            f"{escaped(claim_says(c, zone=self._zone, day_of=self._diagnosis.at))} {citation(c)}" for c in claims
        )

    def lines(self) -> Iterator[str]:
        """The lines of the document."""
        d = self._diagnosis
        yield from self._head()
        yield from ("", "## Hypotheses")
        for place, hypothesis in enumerate(d.hypotheses, 1):
            yield from self._hypothesis(place, hypothesis)
        if d.path:
            yield from ("", "## How it came about", "")
            yield from (self._step(n, step) for n, step in enumerate(d.path, 1))
        yield from ("", "## Options", "")
        for option in sorted(d.options, key=lambda o: o.name != d.recommended):
            yield from self._option(option)
        if d.dont:
            yield from ("", "## Do not", "")
            yield from (f"- {self._text(text)}" for text in d.dont)
        if d.struck:
            yield from ("", "## Struck claims", "", "These were claimed and do not hold against the record.", "")
            yield from (f"- ~~{self._cited([s.claim])}~~ {self._text(s.why)}" for s in d.struck)
        changes = what_would_change(d)
        if changes:
            yield from ("", "## What would change this", "")
            yield from (f"- {self._text(text)}" for text in changes)

    def _head(self) -> Iterator[str]:
        d = self._diagnosis
        local = d.at.astimezone(self._zone)
        ticket = "" if d.ticket is None else f", ticket {d.ticket}"
        rests = "" if d.observations is None else f" from observations {d.observations[0]} to {d.observations[1]}"
        yield f"# Diagnosis of {escaped(d.cluster)}{ticket}"
        yield ""
        yield (
            f"Made at {local:%Y-%m-%d %H:%M:%S} {local.tzname()} by {escaped(d.diagnoser)}{rests}"
            f" with knowledge {escaped(d.knowledge)}. All times are {local.tzname()}."
        )
        yield ""
        yield f"**{self._text(d.summary)}**"

    def _hypothesis(self, place: int, hypothesis: Hypothesis) -> Iterator[str]:
        where = f", {escaped(names(hypothesis.components))}" if hypothesis.components else ""
        yield ""
        yield f"### {place}. {self._text(hypothesis.title)}{where}: {percent(hypothesis.probability)}"
        for standing, head in _HEADS.items():
            evidence = hypothesis.standing(standing)
            if evidence:
                yield from ("", f"{head}:", "")
                yield from (f"- {self._evidence(e)}" for e in evidence)
        if hypothesis.unlike_first:
            yield from ("", f"Unlike the first: {self._text(hypothesis.unlike_first)}")

    def _evidence(self, evidence: Evidence) -> str:
        said = self._text(evidence.statement)
        if evidence.standing is Standing.MISSING:
            return f"whether {said}: {self._text(evidence.missing_because)}"
        shown = f": {self._cited(evidence.claims)}" if evidence.claims else ""
        weighed = f" ({weight(evidence.weight)})" if evidence.weight else ""
        return f"{said}{weighed}{shown}"

    def _step(self, place: int, step: CausalStep) -> str:
        says = self._text(step.says)
        return f"{place}. {says}: {self._cited(step.claims)}" if step.is_supported else f"{place}. {says} *(inferred)*"

    def _option(self, option: Option) -> Iterator[str]:
        is_chosen = option.name == self._diagnosis.recommended
        mark = "**Recommended:** " if is_chosen else ""
        kind = "" if option.is_action else ", changes nothing"
        yield f"- {mark}**{self._text(option.does)}** ({escaped(option.name)}, risk: {option.risk.value}{kind})"
        yield f"    - gains: {self._text(option.gains)}"
        yield f"    - costs: {self._text(option.costs)}"
        if option.undo:
            yield f"    - undo: {self._text(option.undo)}"
        if option.refused is not None:
            yield f"    - refused now: {self._text(option.refused)}"
        elif not is_chosen:
            yield f"    - why not: {self._text(option.why_not)}"
        if is_chosen:
            yield f"    - why: {self._text(sentence(self._diagnosis.because))}"
