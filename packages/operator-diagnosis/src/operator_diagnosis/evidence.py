"""What speaks for a hypothesis, what against it, and what would tell if it could be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from operator_core.claims import Claim
from operator_core.components import ComponentRef
from operator_core.diagnosis import CausalStep, Evidence, Standing
from operator_core.knowledge import Expectation, PathStep, Sign, SignName
from operator_core.readings import ReadingId
from operator_core.redaction import redact_text

from operator_diagnosis.conditions import Presence
from operator_diagnosis.prose import clean, filled, listed
from operator_diagnosis.scoring import Candidate, expected, likely_when_unknown
from operator_diagnosis.signs import Sighting, Signs, Witness, clipped, log_ratio

TELLING = 0.2
"""A log likelihood ratio nearer to 0 than this tells nothing and is not shown."""

LEFT_OPEN = 4
"""How many of the odd signs that a hypothesis does not explain are shown."""

OF_ITS_OWN = 3.0
"""Log likelihood ratio (twenty to one) from which what is left unexplained is told as a second trouble."""

MEMBERS_SAID = 3
"""How many members of a group are named in one statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Evidence with the sightings that it was made from, so that a struck claim leads back to its sign."""

    evidence: Evidence
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """One sign as a hypothesis found it at one place."""

    witness: Witness
    presence: Presence
    weight: float
    telling: float
    """How much it tells, or would tell if it could be read."""


def pieces(candidate: Candidate, signs: Signs) -> tuple[Piece, ...]:
    """Everything that bears on a hypothesis, the weightiest first; what is missing after it, the most telling first."""
    found = list(_of_unknown(candidate, signs) if candidate.mode is None else _of_mode(candidate, signs))
    return tuple(sorted(found, key=_order))


def _order(piece: Piece) -> tuple[int, float]:
    # the missing are in the order of what they would tell already, and weigh nothing
    return (1, 0.0) if piece.evidence.standing is Standing.MISSING else (0, -abs(piece.evidence.weight))


def _of_mode(candidate: Candidate, signs: Signs) -> Iterator[Piece]:
    assert candidate.mode is not None
    looks = [
        _look(witness, expectation, signs)
        for expectation, witness in expected(candidate.mode, candidate.components, signs)
    ]
    yield from _told(looks, signs)
    yield from _left_open(candidate, looks, signs)


def _look(witness: Witness, expectation: Expectation, signs: Signs) -> _Look:
    presence = signs.witnessed(witness)
    p, base = clipped(expectation.probability), clipped(witness.base_rate)
    telling = max(abs(math.log(p / base)), abs(math.log((1 - p) / (1 - base))))
    return _Look(witness, presence, log_ratio(presence, expectation.probability, witness.base_rate), telling)


def _told(looks: Iterable[_Look], signs: Signs) -> Iterator[Piece]:
    """One piece for each sign and standing: the members of a group speak together."""
    groups: dict[tuple[SignName, Standing], list[_Look]] = {}
    for look in sorted(looks, key=lambda seen: -seen.telling):
        if look.presence is Presence.UNSEEN:
            standing = Standing.MISSING
        elif abs(look.weight) < TELLING:
            continue
        else:
            standing = Standing.FOR if look.weight > 0 else Standing.AGAINST
        groups.setdefault((look.witness.sign.name, standing), []).append(look)
    for (_, standing), group in groups.items():
        yield _piece(group[0].witness.sign, standing, group, signs)


def _piece(sign: Sign, standing: Standing, looks: Sequence[_Look], signs: Signs) -> Piece:
    presence = looks[0].presence
    sites = tuple(
        dict.fromkeys(
            site for look in looks for site in look.witness.sites if signs.presence(sign, site) is look.presence
        )
    )
    if presence is Presence.UNSEEN:
        reasons = tuple(dict.fromkeys(why for site in sites for why in signs.shown(sign, site).missing))
        return Piece(
            evidence=Evidence(
                standing=standing,
                sign=sign.name,
                statement=_statement(sign.says, sites),
                missing_because=_reasons(reasons),
            ),
            sightings=tuple((sign.name, site) for site in sites),
        )
    return Piece(
        evidence=Evidence(
            standing=standing,
            sign=sign.name,
            statement=_statement(sign.says if presence is Presence.PRESENT else sign.says_not, sites),
            claims=_claims(sign, sites, signs),
            weight=sum(look.weight for look in looks),
        ),
        sightings=tuple((sign.name, site) for site in sites),
    )


def _claims(sign: Sign, sites: Sequence[ComponentRef], signs: Signs) -> tuple[Claim, ...]:
    shown = (signs.shown(sign, site).claims for site in sites[:MEMBERS_SAID])
    return tuple(dict.fromkeys(claim for claims in shown for claim in claims))


def _statement(template: str, sites: Sequence[ComponentRef]) -> str:
    said = "; ".join(dict.fromkeys(filled(template, (site,)) for site in sites[:MEMBERS_SAID]))
    more = len(sites) - MEMBERS_SAID
    return f"{said}; and so with {more} more" if more > 0 and "{it}" in template else said


def _reasons(reasons: Sequence[str]) -> str:
    if not reasons:
        return "not all of the looks that it needs could be taken"
    more = len(reasons) - MEMBERS_SAID
    return listed([clean(redact_text(r).value) for r in reasons[:MEMBERS_SAID]]) + (
        f" and {more} more" if more > 0 else ""
    )


def _left_open(candidate: Candidate, looks: Sequence[_Look], signs: Signs) -> Iterator[Piece]:
    """The odd signs anywhere that the hypothesis does not account for.

    Their weight is what a hypothesis that does account for them gains at the least: the ratio under "something
    unknown is wrong there", taken negatively. It is shown, not scored: in the score it stands as the gain of others.
    """
    explained = {(look.witness.sign.name, site) for look in looks if look.weight > 0 for site in look.witness.sites}
    spoken_against = {
        (look.witness.sign.name, site) for look in looks if look.weight <= -TELLING for site in look.witness.sites
    }
    accounted = {
        ident
        for name, site in explained
        for claim in signs.shown(signs.by_name[name], site).claims
        for ident in claim.readings
    }
    rest = [
        (sign, site)
        for sign, site in signs.odd
        if (sign.name, site) not in explained | spoken_against
        and not _is_told(signs.shown(sign, site).claims, accounted)
    ]
    for sign, site in sorted(rest, key=lambda odd: (odd[1] not in candidate.components, -_surprise(*odd, signs)))[
        :LEFT_OPEN
    ]:
        presence = signs.presence(sign, site)
        says = sign.says if presence is Presence.PRESENT else sign.says_not
        yield Piece(
            evidence=Evidence(
                standing=Standing.AGAINST,
                sign=sign.name,
                statement=f"left unexplained: {filled(says, (site,))}",
                claims=signs.shown(sign, site).claims,
                weight=-_surprise(sign, site, signs),
            ),
            sightings=((sign.name, site),),
        )


def _is_told(claims: Sequence[Claim], accounted: AbstractSet[ReadingId]) -> bool:
    """Whether an odd sign says nothing new: every reading that it rests on is explained as part of another sign."""
    return bool(claims) and all(ident in accounted for claim in claims for ident in claim.readings)


def is_besides(other: Candidate, first: Candidate, signs: Signs) -> bool:
    """Whether another hypothesis explains odd signs that the first leaves open, as a trouble of its own."""
    if other.mode is None or first.mode is None or set(other.components) & set(first.components):
        return False
    taken = {s for s, weight in _gains(first, signs) if weight > 0}
    gains = dict(_gains(other, signs))
    rest = sum(w for s, w in gains.items() if s not in taken and s in signs.odd_sightings)
    return min(rest, sum(gains.values())) >= OF_ITS_OWN


def _gains(candidate: Candidate, signs: Signs) -> Iterator[tuple[Sighting, float]]:
    assert candidate.mode is not None
    for expectation, witness in expected(candidate.mode, candidate.components, signs):
        weight = log_ratio(signs.witnessed(witness), expectation.probability, witness.base_rate)
        yield from (((witness.sign.name, site), weight) for site in witness.sites)


def _surprise(sign: Sign, site: ComponentRef, signs: Signs) -> float:
    return log_ratio(signs.presence(sign, site), likely_when_unknown(sign), sign.base_rate)


def _of_unknown(candidate: Candidate, signs: Signs) -> Iterator[Piece]:
    here = set(candidate.components)
    looks = [
        _Look(Witness(sign, (site,), sign.base_rate), signs.presence(sign, site), _surprise(sign, site, signs), 0.0)
        for sign, site in signs.odd
    ]
    near = [look for look in looks if here.intersection(look.witness.sites)]
    far = [look for look in looks if not here.intersection(look.witness.sites)]
    for look in (*near, *far[: LEFT_OPEN - min(len(near), LEFT_OPEN)]):
        yield _piece(look.witness.sign, Standing.FOR, (look,), signs)
    unseen = [(sign, site) for sign, site in signs.everywhere() if signs.presence(sign, site) is Presence.UNSEEN]
    for sign, site in sorted(unseen, key=lambda u: u[1] not in here)[:LEFT_OPEN]:
        look = _Look(Witness(sign, (site,), sign.base_rate), Presence.UNSEEN, 0.0, 0.0)
        yield _piece(sign, Standing.MISSING, (look,), signs)


def path(candidate: Candidate, signs: Signs) -> tuple[CausalStep, ...]:
    """How it came about, step by step; a step whose sign is present carries its claims."""
    if candidate.mode is None:
        return ()
    return tuple(_step(step, candidate, signs) for step in candidate.mode.path)


def _step(step: PathStep, candidate: Candidate, signs: Signs) -> CausalStep:
    says = filled(step.says, candidate.components)
    sign = signs.by_name.get(step.sign) if step.sign is not None else None
    if sign is None:
        return CausalStep(says=says)
    witnesses = tuple(signs.witnesses(sign, candidate.components))
    present = [site for w in witnesses for site in w.sites if signs.presence(sign, site) is Presence.PRESENT]
    if present:
        return CausalStep(says=says, claims=_claims(sign, present, signs))
    unseen = any(signs.witnessed(w) is Presence.UNSEEN for w in witnesses)
    return CausalStep(says=f"{says.rstrip('.')}: {'could not be read' if unseen else 'looked for and not seen'}")
