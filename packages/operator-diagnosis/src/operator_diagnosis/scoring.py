"""How likely each hypothesis is, given what was seen.

A hypothesis says how often each sign is present; of every sign that it does not speak of it says what is true
where nothing is wrong, the sign's base rate. The likelihood of *everything* that was seen, divided by its
likelihood when nothing is wrong anywhere, is then the product of the ratios of the signs it speaks of:

    score = log prior + (1 / TEMPER) · Σ log( p(seen | mode) / p(seen | nothing wrong) )

All hypotheses thus account for the same evidence. One that is bound to X leaves the odd signs of Y at their base
rates and pays for each by not gaining its ratio, while a hypothesis about Y, or about X and Y together, gains it.
A sign that could not be read has the ratio 1.

Two faults at once that have nothing to do with each other compete here as though only one could be true. A ticket
says which of them is asked about: where there is one, signs of components that it is not about weigh
ELSEWHERE of what they would, for every hypothesis alike, and so they may still name the cause of what the ticket
is about, but do not drown it.

Calibration. Signs are not independent: three signs of a dead process are one fact told by three witnesses, and
multiplying their ratios would report 0.999999 where 0.9 is deserved. Three corrections, all fixed:

- TEMPER divides the log ratios, as though every fact were told twice on average.
- LAPSE is the chance that the truth is not in the catalogue at all, or that its numbers are wrong; so much always
  goes to "unknown", and no mode can be above 1 − LAPSE.
- No single probability is taken below :data:`operator_diagnosis.signs.FLOOR` or above its complement.

"Unknown" is a hypothesis of its own: half of it is that nothing is wrong (ratio 1), half that something not in
the catalogue happened to one component, which makes each of its signs odd with the chance ODD_WHEN_UNKNOWN, be it
explained by a mode or not. It gains where signs are odd that no mode speaks of. Its prior grows as less can be
read: a verdict about a mode needs readings, and with nearly none of them the honest answer is that one cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from operator_core.components import CLUSTER_KIND, ComponentRef
from operator_core.knowledge import UNKNOWN_MODE, Expectation, FailureMode, ModeName, Sign
from operator_core.tickets import Ticket

from operator_diagnosis.bindings import bindings, shares
from operator_diagnosis.signs import Signs, Witness, log_ratio

TEMPER = 2.0
LAPSE = 0.02
ELSEWHERE = 0.5
UNKNOWN_PRIOR = 0.1
"""Prior of "unknown" when everything can be read and something seems wrong."""
IDLE_PRIOR = 0.5
"""The same when there is no ticket and nothing is odd: mostly, nothing is wrong."""
BLIND_PRIOR = 0.9
"""Prior of "unknown" when nothing can be read."""
ODD_WHEN_UNKNOWN = 0.25

ALWAYS_KEPT = 5
KEPT_ABOVE = 0.01


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mode, or None for "unknown", bound to components."""

    mode: FailureMode | None
    components: tuple[ComponentRef, ...]
    probability: float

    @property
    def name(self) -> ModeName:
        return UNKNOWN_MODE if self.mode is None else self.mode.name


def rank(signs: Signs, ticket: Ticket | None) -> tuple[Candidate, ...]:
    """Every hypothesis with its probability, likeliest first; the probabilities sum to 1."""
    modes = signs.knowledge.modes
    unknown_prior = prior_of_unknown(signs.coverage, is_asked=ticket is not None or bool(signs.odd))
    focus = Focus.on(ticket, signs)
    bound = [(mode, bindings(mode, signs, ticket)) for mode in modes]
    total = sum(mode.prior for mode, found in bound if found)
    scored: list[tuple[FailureMode | None, tuple[ComponentRef, ...], float]] = [
        (
            mode,
            binding.components,
            math.log((1 - unknown_prior) * mode.prior / total * binding.share)
            + evidence_of(mode, binding.components, signs, focus) / TEMPER,
        )
        for mode, found in bound
        for binding in found
    ]
    where, ratio = unknown(signs, ticket, focus)
    scored.append((None, where, math.log(unknown_prior) + ratio))
    ceiling = max(score for *_, score in scored)
    weights = [math.exp(score - ceiling) for *_, score in scored]
    mass = sum(weights)
    found = [
        Candidate(mode, components, (1 - LAPSE) * weight / mass + (LAPSE if mode is None else 0.0))
        for (mode, components, _), weight in zip(scored, weights, strict=True)
    ]
    return tuple(sorted(found, key=lambda c: -c.probability))  # stable: the order of the knowledge decides ties


def keep(ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The hypotheses worth telling: the likeliest few, and all that are not improbable."""
    return tuple(c for n, c in enumerate(ranked) if n < ALWAYS_KEPT or c.probability > KEPT_ABOVE)


def prior_of_unknown(coverage: float, *, is_asked: bool) -> float:
    """How likely it is beforehand that no mode is at work, or that one cannot tell.

    It stays low until most is unseen (the fourth power), for a few good readings decide a case.

    Args:
        coverage: share of the signs that could be read, 0 to 1.
        is_asked: whether a ticket, or an odd sign, says that something is wrong.
    """
    least = UNKNOWN_PRIOR if is_asked else IDLE_PRIOR
    return least + (BLIND_PRIOR - least) * (1 - coverage) ** 4


@dataclass(frozen=True, slots=True)
class Focus:
    """What is asked about; without components, everything."""

    components: frozenset[ComponentRef] = frozenset()

    @classmethod
    def on(cls, ticket: Ticket | None, signs: Signs) -> Focus:
        """A ticket's components; a ticket about the whole, or about nothing that has signs, is about everything."""
        if ticket is None or any(ref.kind == CLUSTER_KIND for ref in ticket.components):
            return cls()
        return cls(frozenset(ref for ref in ticket.components if ref in signs.looks.components(ref.kind)))

    def weight(self, sites: tuple[ComponentRef, ...]) -> float:
        """How much a sign at these components counts, 0 to 1."""
        if not self.components or any(ref.kind == CLUSTER_KIND or ref in self.components for ref in sites):
            return 1.0
        return ELSEWHERE


EVERYTHING = Focus()


def expected(
    mode: FailureMode, components: tuple[ComponentRef, ...], signs: Signs
) -> Iterator[tuple[Expectation, Witness]]:
    """Every sign that a hypothesis speaks of, as it looks at it."""
    for expectation in mode.expects:
        sign = signs.by_name[expectation.sign]
        for witness in signs.witnesses(sign, components):
            yield expectation, witness


def evidence_of(
    mode: FailureMode, components: tuple[ComponentRef, ...], signs: Signs, focus: Focus = EVERYTHING
) -> float:
    """Natural logarithm of the ratio of the likelihoods of everything seen: this hypothesis, nothing wrong."""
    return sum(
        focus.weight(witness.sites) * log_ratio(signs.witnessed(witness), expectation.probability, witness.base_rate)
        for expectation, witness in expected(mode, components, signs)
    )


def likely_when_unknown(sign: Sign) -> float:
    """How often a sign is present at a component with which something unknown is wrong."""
    return sign.base_rate + ODD_WHEN_UNKNOWN * (1 - 2 * sign.base_rate)


def unknown(signs: Signs, ticket: Ticket | None, focus: Focus) -> tuple[tuple[ComponentRef, ...], float]:
    """The component that "unknown" is bound to, and the tempered log ratio of the hypothesis."""
    per_component: dict[ComponentRef, float] = {}
    for sign, site in signs.everywhere():
        ratio = log_ratio(signs.presence(sign, site), likely_when_unknown(sign), sign.base_rate)
        per_component[site] = per_component.get(site, 0.0) + focus.weight((site,)) * ratio
    share = shares(per_component, signs, ticket)
    something = _log_sum(math.log(share[ref]) + ratio / TEMPER for ref, ratio in per_component.items())
    ratio = _log_sum((math.log(0.5), math.log(0.5) + something))
    if ticket is not None:
        return (ticket.component,), ratio
    worst = max(per_component, key=lambda ref: per_component[ref], default=None)
    return (() if worst is None or worst not in signs.odd_components else (worst,)), ratio


def _log_sum(logs: Iterable[float]) -> float:
    values = tuple(logs)
    if not values:
        return -math.inf
    ceiling = max(values)
    if ceiling == -math.inf:
        return ceiling
    return ceiling + math.log(sum(math.exp(v - ceiling) for v in values))
