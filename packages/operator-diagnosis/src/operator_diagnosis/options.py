"""Which options there are, which of them a guard would refuse now, and which one to choose.

When it is clear what is wrong, the first option of the mode that no guard refuses is recommended: the knowledge
lists them in the order in which one would choose. When it is not clear, an option is recommended only when it is
right under both of the leading hypotheses; the least risky of those. Without one, the next step is to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from operator_core.actions import Availability, Refused, RiskClass, availability, guard
from operator_core.components import ComponentRef
from operator_core.diagnosis import Option
from operator_core.judgements import Concern, Invariant, judge
from operator_core.knowledge import DO_NOTHING, Knowledge, OptionName, OptionTemplate
from operator_core.readings import Observation

from operator_diagnosis.prose import filled, sentence
from operator_diagnosis.scoring import Candidate

SURE_ABOVE = 0.5
"""Below this the first hypothesis is not believed to be the one."""
CLEAR_OF = 2.0
"""The first must be this many times as likely as the second."""
MAY_BE_DOWN = 0.2
"""A component that a hypothesis of this probability blames is not counted on."""
RISKIEST_UNDER_DOUBT = RiskClass.MEDIUM

_DO_NOTHING = OptionTemplate(
    name=DO_NOTHING,
    does="do nothing and go on looking",
    gains="nothing is made worse by a hand that does not know",
    costs="it lasts as long as it lasts",
    risk=RiskClass.SAFE,
    unless="it would not end by itself",
    is_action=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The options of a diagnosis and the recommended one."""

    options: tuple[Option, ...]
    recommended: OptionName
    because: str


@dataclass(frozen=True, slots=True)
class _Listed:
    option: Option
    template: OptionTemplate
    of: Candidate


def is_doubtful(hypotheses: Sequence[Candidate]) -> bool:
    """Whether the first hypothesis is not sure enough to act on alone."""
    first = hypotheses[0].probability
    return first < SURE_ABOVE or (len(hypotheses) > 1 and hypotheses[1].probability * CLEAR_OF > first)


def state_of(
    observation: Observation, hypotheses: Sequence[Candidate], invariants: Iterable[Invariant]
) -> dict[ComponentRef, Availability]:
    """How each component is, as far as a guard may count on it.

    The verdicts speak first; a subject without invariants about its components is taken to have them available
    where they could be looked at. What the first hypothesis blames is unavailable whatever the verdicts; what
    another likely one blames, and what could not be looked at itself, is at best unknown. Components that the
    observation does not have are left out: a guard counts them as lost.
    """
    judgements = [j for j in judge(invariants, observation) if j.concern is Concern.SUBJECT]
    refs = observation.refs()
    state = availability(refs, judgements) if judgements else dict.fromkeys(refs, Availability.AVAILABLE)
    doubted = {s.component for s in observation.sources if s.failure} | {
        ref for h in hypotheses[1:] if h.probability >= MAY_BE_DOWN for ref in h.components
    }
    for ref, found in state.items():
        if ref in hypotheses[0].components:
            state[ref] = Availability.UNAVAILABLE
        elif ref in doubted and found is Availability.AVAILABLE:
            state[ref] = Availability.UNKNOWN
    return state


def offer(hypotheses: Sequence[Candidate], knowledge: Knowledge, observation: Observation) -> Offer:
    """The options under some ranked hypotheses, the recommended one, and why not each of the others."""
    state = state_of(observation, hypotheses, knowledge.invariants)
    first = hypotheses[0]
    found = [_Listed(_offered(t, first, observation, state), t, first) for t in templates(first, knowledge)]
    if len(hypotheses) > 1 and is_doubtful(hypotheses):
        chosen, because = _under_doubt(found, hypotheses[1], knowledge, observation, state)
        if chosen not in found:
            found.insert(0, chosen)
        found = [_with_why_not_in_doubt(o, chosen, hypotheses[1]) for o in found]
    else:
        chosen = next((o for o in found if o.option.refused is None), found[-1])
        because = _because(chosen)
        found = [_with_why_not(o, chosen) for o in found]
    return Offer(options=tuple(o.option for o in found), recommended=chosen.option.name, because=because)


def templates(hypothesis: Candidate, knowledge: Knowledge) -> tuple[OptionTemplate, ...]:
    """A hypothesis's options in order; doing nothing is always one."""
    own = knowledge.unknown if hypothesis.mode is None else hypothesis.mode.options
    if any(t.name == DO_NOTHING for t in own):
        return own
    return (*own, next((t for t in knowledge.unknown if t.name == DO_NOTHING), _DO_NOTHING))


def _offered(
    template: OptionTemplate,
    hypothesis: Candidate,
    observation: Observation,
    state: Mapping[ComponentRef, Availability],
) -> Option:
    refusals = (
        guard(ref, takes_away=template.takes_away, groups=observation.groups, state=state)
        for ref in hypothesis.components
    )
    refused = next((r.reason for r in refusals if isinstance(r, Refused)), None)
    return Option(
        name=template.name,
        does=filled(template.does, hypothesis.components),
        gains=filled(template.gains, hypothesis.components),
        costs=filled(template.costs, hypothesis.components),
        risk=template.risk,
        undo=filled(template.undo, hypothesis.components),
        is_action=template.is_action,
        refused=refused,
    )


def _because(chosen: _Listed) -> str:
    return f"{sentence(chosen.option.gains)} The price: {sentence(chosen.option.costs)}"


def _under_doubt(
    found: Sequence[_Listed],
    second: Candidate,
    knowledge: Knowledge,
    observation: Observation,
    state: Mapping[ComponentRef, Availability],
) -> tuple[_Listed, str]:
    others = [_Listed(_offered(t, second, observation, state), t, second) for t in templates(second, knowledge)]
    shared = [o for o in found if any(_is_same(o, other) for other in others) and _is_fit(o)]
    if shared:
        best = min(shared, key=lambda o: o.option.risk.rank)
        return best, f"It is right under both leading explanations. {_because(best)}"
    unknown = Candidate(None, found[0].of.components, 0.0)
    rest = [_Listed(_offered(t, unknown, observation, state), t, unknown) for t in knowledge.unknown]
    looking = [o for o in (*found, *others, *rest) if not o.option.is_action and _is_fit(o)]
    if looking:
        return looking[
            0
        ], f"It changes nothing, and the leading explanations ask for different cures. {_because(looking[0])}"
    nothing = next(o for o in found if o.option.name == DO_NOTHING)
    return (
        nothing,
        f"The leading explanations ask for different cures, and none is safe under both. {_because(nothing)}",
    )


def _is_fit(listed: _Listed) -> bool:
    option = listed.option
    return option.name != DO_NOTHING and option.refused is None and option.risk.rank <= RISKIEST_UNDER_DOUBT.rank


def _is_same(one: _Listed, other: _Listed) -> bool:
    """Whether two hypotheses offer the same thing; what changes something must change the same components."""
    if one.option.name != other.option.name or other.option.refused is not None:
        return False
    return not one.option.is_action or one.of.components == other.of.components


def _with_why_not(listed: _Listed, chosen: _Listed) -> _Listed:
    if listed is chosen:
        return listed
    option = listed.option
    why = option.refused or filled(listed.template.unless, listed.of.components)
    return replace(listed, option=replace(option, why_not=why))


def _with_why_not_in_doubt(listed: _Listed, chosen: _Listed, second: Candidate) -> _Listed:
    if listed is chosen or listed.option.refused is not None or not listed.option.is_action:
        return _with_why_not(listed, chosen)
    rival = "something unknown" if second.mode is None else second.mode.title
    why = f"{filled(listed.template.unless, listed.of.components)}; and it is not sure enough: it may be {rival}"
    return replace(listed, option=replace(listed.option, why_not=why))
