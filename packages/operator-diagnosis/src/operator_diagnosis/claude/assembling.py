"""From the closing object to a diagnosis: what holds is kept, what does not is struck, and options are ours. Pure.

The model chooses among typed things and says what readings show. Titles, what an option does, gains and costs, what
a guard would refuse and what not to do come from the catalogue and from code, whatever the model, or a text that it
has read, would like them to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from operator_core.actions import RiskClass
from operator_core.claims import Claim, Struck
from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef
from operator_core.diagnosis import CausalStep, Diagnosis, Evidence, Hypothesis, Option, Standing
from operator_core.knowledge import UNKNOWN_MODE, FailureMode, Knowledge, OptionName, SignName

from operator_diagnosis.claude.causality import Causality, order_of
from operator_diagnosis.claude.closing import ClosingWire, EvidenceWire, HypothesisWire, StepWire
from operator_diagnosis.claude.grounding import STRUCK, Checked, Ground
from operator_diagnosis.claude.spoken import one_line
from operator_diagnosis.options import Offer, is_doubtful, offer, templates
from operator_diagnosis.prose import filled
from operator_diagnosis.rules import UNKNOWN_TITLE
from operator_diagnosis.scoring import Candidate
from operator_diagnosis.signs import clipped

NAME = "claude"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What has become of a closing object.

    Attributes:
        diagnosis: None when no hypothesis is left for which anything holds.
        problems: what did not hold, a line each, with its place in the object.
    """

    diagnosis: Diagnosis | None
    problems: tuple[str, ...]
    struck: tuple[Struck, ...]


@dataclass(slots=True)
class _Found:
    """What is met on the way through the object."""

    held: dict[Claim, None] = field(default_factory=dict[Claim, None])
    struck: dict[Claim, Struck] = field(default_factory=dict[Claim, Struck])
    problems: list[str] = field(default_factory=list[str])

    def take(self, checked: Checked, place: str) -> tuple[Claim, ...]:
        self.held.update(dict.fromkeys(checked.held))
        for struck in checked.struck:
            self.struck.setdefault(struck.claim, struck)
            self.problems.append(f"{place}: {struck.why}")
        return checked.held


OWN_WORD = "seen in this order; that one led to the other is the model's own word, no failure in the catalogue has both"
"""What is said of a link that readings bear out and nothing else."""


def assemble(closing: ClosingWire, ground: Ground) -> Assembled:
    """Check a closing object against the record, and make a diagnosis of what holds."""
    found = _Found()
    case, knowledge = ground.case, ground.case.knowledge
    bound = [
        made
        for n, wire in enumerate(closing.hypotheses)
        if (made := _hypothesis(wire, f"hypotheses[{n}]", ground, found)) is not None
    ]
    bound.sort(key=lambda b: -b[0].probability)
    if not bound:
        return Assembled(diagnosis=None, problems=tuple(found.problems), struck=tuple(found.struck.values()))
    candidates = _whole([c for c, _ in bound])
    hypotheses = tuple(
        replace(h, probability=c.probability, unlike_first=h.unlike_first if n else "")
        for n, ((_, h), c) in enumerate(zip(bound, candidates, strict=True))
    )
    causality = Causality(case=case, asked=ground.asked, order=order_of(candidates[0].mode, knowledge.signs))
    path = tuple(_step(wire, f"path[{n}]", ground, causality, found) for n, wire in enumerate(closing.path))
    held = tuple(found.held)
    offered = _offered(closing, candidates, ground, held, found)
    summary = ground.told(closing.summary, held)
    if STRUCK in summary:
        found.problems.append("summary: it says numbers, times or components that no held claim is about")
    return Assembled(
        diagnosis=Diagnosis(
            cluster=case.cluster,
            at=case.at,
            diagnoser=NAME,
            knowledge=knowledge.version,
            summary=summary,
            hypotheses=tuple(replace(h, unlike_first=ground.told(h.unlike_first, held)) for h in hypotheses),
            path=path,
            options=offered.options,
            recommended=offered.recommended,
            because=offered.because,
            dont=_dont(candidates[0]),
            struck=tuple(found.struck.values()),
            ticket=None if case.ticket is None else int(case.ticket.id),
            observations=(case.observations[0].number, case.observations[-1].number),
        ),
        problems=tuple(found.problems),
        struck=tuple(found.struck.values()),
    )


def _hypothesis(wire: HypothesisWire, place: str, ground: Ground, found: _Found) -> tuple[Candidate, Hypothesis] | None:
    mode = _mode(wire.mode, ground.case.knowledge)
    if mode is None and wire.mode != UNKNOWN_MODE:
        found.problems.append(f"{place}: there is no such mode in the catalogue")
        return None
    components = _components(wire, mode, place, ground, found)
    evidence = tuple(_evidence(e, mode, f"{place}.evidence[{n}]", ground, found) for n, e in enumerate(wire.evidence))
    if mode is not None and not components:
        found.problems.append(f"{place}: it names no component that it could be about")
        return None
    if mode is not None and not any(e.standing is Standing.FOR for e in evidence):
        found.problems.append(f"{place}: no held claim speaks for it")
        return None
    candidate = Candidate(mode, components, wire.probability)
    return candidate, Hypothesis(
        mode=candidate.name,
        title=UNKNOWN_TITLE if mode is None else filled(mode.title, components),
        components=components,
        probability=wire.probability,
        evidence=evidence,
        unlike_first=wire.unlike_first,
    )


def _mode(name: str, knowledge: Knowledge) -> FailureMode | None:
    return next((m for m in knowledge.modes if m.name == name), None)


def _components(
    wire: HypothesisWire, mode: FailureMode | None, place: str, ground: Ground, found: _Found
) -> tuple[ComponentRef, ...]:
    if mode is not None and mode.about == CLUSTER_KIND:
        return (CLUSTER,)
    refs: dict[ComponentRef, None] = {}
    for text in wire.components:
        ref = ground.ref(text)
        if ref is None or (mode is not None and ref.kind != mode.about):
            kind = "component" if mode is None else mode.about
            found.problems.append(f"{place}: {one_line(text, longest=80)} is no {kind} of this system")
        else:
            refs[ref] = None
    return tuple(refs)


def _evidence(wire: EvidenceWire, mode: FailureMode | None, place: str, ground: Ground, found: _Found) -> Evidence:
    sign = _sign(wire.sign, ground.case.knowledge)
    if wire.standing is Standing.MISSING:
        return Evidence(
            standing=Standing.MISSING,
            sign=sign,
            statement=ground.told(wire.statement, (), is_bound=False),
            missing_because=ground.told(wire.missing_because, (), is_bound=False) or "the model does not say why",
        )
    checked = ground.check(wire.claims)
    held = found.take(checked, place)
    if held:
        return Evidence(
            standing=wire.standing,
            sign=sign,
            statement=ground.told(wire.statement, held),
            claims=held,
            weight=_weight(sign, wire.standing, mode, ground.case.knowledge),
        )
    if not wire.claims:
        found.problems.append(f"{place}: it cites no reading")
    why = "; ".join(dict.fromkeys(s.why for s in checked.struck)) or "it cites no reading"
    return Evidence(
        standing=Standing.MISSING,
        sign=sign,
        statement=ground.told(wire.statement, (), is_bound=False),
        missing_because=f"struck: {why}",
    )


def _sign(name: str, knowledge: Knowledge) -> SignName:
    return next((s.name for s in knowledge.signs if s.name == name.strip()), SignName("observed"))


def _weight(sign: SignName, standing: Standing, mode: FailureMode | None, knowledge: Knowledge) -> float:
    """The catalogue's weight of a sign that is present or absent; 0 where the catalogue has none.

    The model says how it bears; the catalogue says how much that is worth.
    """
    expected = next((e for e in mode.expects if e.sign == sign), None) if mode is not None else None
    if expected is None:
        return 0.0
    p, base = clipped(expected.probability), clipped(knowledge.sign(sign).base_rate)
    ratios = (math.log(p / base), math.log((1 - p) / (1 - base)))
    return max(ratios) if standing is Standing.FOR else min(ratios)


def _whole(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The same with probabilities that sum to 1 at most."""
    total = max(1.0, sum(c.probability for c in candidates))
    return [replace(c, probability=c.probability / total) for c in candidates]


def _step(wire: StepWire, place: str, ground: Ground, causality: Causality, found: _Found) -> CausalStep:
    """One link; its claims stand by it only when they bear it out, and its own claims alone back its words."""
    causes = found.take(ground.check(wire.cause), f"{place}.cause")
    effects = found.take(ground.check(wire.effect), f"{place}.effect")
    claims = tuple(dict.fromkeys((*causes, *effects)))
    says = ground.told(wire.says, claims)
    if not wire.cause and not wire.effect:
        return CausalStep(says=ground.told(wire.says, tuple(found.held)))
    why = causality.why_unsupported(causes, effects)
    if why is None and STRUCK in says:
        why = "it says more than its claims"
    if why is None and causality.is_in_catalogue(causes, effects):
        return CausalStep(says=says, claims=claims)
    if why is None:
        return CausalStep(says=f"{says.rstrip('.')} ({OWN_WORD})", claims=claims)
    found.problems.append(f"{place}: {why}")
    return CausalStep(says=f"{says.rstrip('.')} (not supported: {why})")


def _dont(first: Candidate) -> tuple[str, ...]:
    return () if first.mode is None else tuple(filled(d, first.components) for d in first.mode.dont)


def _offered(
    closing: ClosingWire, candidates: Sequence[Candidate], ground: Ground, held: Sequence[Claim], found: _Found
) -> Offer:
    """The options of the catalogue, with the model's choice among them where it may be chosen."""
    ours = offer(candidates, ground.case.knowledge, ground.case.observations[-1])
    chosen = next((o for o in ours.options if o.name == closing.recommended), None)
    why = _why_not_chosen(chosen, is_doubted=is_doubtful(candidates), ours=ours)
    if chosen is None or why is not None:
        found.problems.append(f"recommended: {why}")
        return replace(ours, because=f"{ours.because} (The model would choose another; {why}.)")
    because = ground.told(closing.because, held) or ours.because
    if chosen.name == ours.recommended:
        return replace(ours, because=because)
    options = tuple(_rival(o, chosen, ours.recommended, candidates[0], ground.case.knowledge) for o in ours.options)
    return Offer(options=options, recommended=chosen.name, because=because)


def _why_not_chosen(chosen: Option | None, *, is_doubted: bool, ours: Offer) -> str | None:
    if chosen is None:
        return "the first hypothesis has no such option"
    if chosen.refused is not None:
        return f"it is refused now: {chosen.refused}"
    if chosen.risk is RiskClass.HUMAN_ONLY and chosen.name != ours.recommended:
        return "it is for a person alone to choose"
    safe = next(o.risk for o in ours.options if o.name == ours.recommended)
    if is_doubted and chosen.risk.rank > safe.rank:
        return "it is riskier than what is right under both leading explanations"
    return None


def _rival(option: Option, chosen: Option, was_first: OptionName, first: Candidate, knowledge: Knowledge) -> Option:
    if option.name == chosen.name:
        return replace(option, why_not="")
    if option.name != was_first or option.why_not:
        return option
    template = next((t for t in templates(first, knowledge) if t.name == option.name), None)
    return replace(option, why_not="" if template is None else filled(template.unless, first.components))
