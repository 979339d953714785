"""The rules diagnoser: what a subject knows as data, evaluated against what was read. It calls nobody.

Its claims are re-checked by the same code as anybody's. A sign whose claims do not hold counts as unseen from then
on and the hypotheses are weighed again without it, so that nothing in a diagnosis rests on a struck claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from operator_core.claims import Claim, Struck
from operator_core.components import CLUSTER_KIND, ComponentRef
from operator_core.diagnosis import Diagnosis, Hypothesis, Standing
from operator_core.errors import ConfigurationError
from operator_core.ports import Case
from operator_core.readings import Reading, ReadingId, by_id
from operator_core.verify import verify

from operator_diagnosis.conditions import Conditions
from operator_diagnosis.evidence import Piece, is_besides, path, pieces
from operator_diagnosis.looks import Looks
from operator_diagnosis.options import CLEAR_OF, SURE_ABOVE, is_doubtful, offer
from operator_diagnosis.prose import filled, listed, names, percent, sentence, stored
from operator_diagnosis.scoring import Candidate, keep, rank
from operator_diagnosis.signs import Sighting, Signs
from operator_diagnosis.telling import unlike

UNKNOWN_TITLE = "something that is not in the catalogue of failures"


class RulesDiagnoser:
    """Weighs every failure mode of the knowledge against the readings; pure, and the same every time."""

    @property
    def name(self) -> str:
        return "rules"

    async def diagnose(self, case: Case) -> Diagnosis:
        """Always gives a diagnosis, if only "unknown".

        Raises:
            ConfigurationError: the case has no observation.
        """
        return reason(case)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The hypotheses worth telling with what bears on them."""

    candidates: tuple[Candidate, ...]
    pieces: tuple[tuple[Piece, ...], ...]


def reason(case: Case) -> Diagnosis:
    """The diagnosis of a case.

    Raises:
        ConfigurationError: the case has no observation.
    """
    if not case.observations:
        raise ConfigurationError(f"there is nothing to diagnose: no observation of {case.cluster} was given")
    recorded = by_id(case.observations)
    signs = Signs(knowledge=case.knowledge, conditions=Conditions(Looks.of(case)))
    struck: dict[Claim, Struck] = {}
    while True:
        weighed = _weigh(signs, case)
        new, doubted = _struck(weighed, recorded)
        # every round takes at least one more sign out, so the rounds come to an end
        if not doubted - signs.distrusted:
            break
        struck |= {s.claim: s for s in new}
        signs = signs.distrusting(doubted)
    return _made(case, signs, weighed, tuple(struck.values()))


def _weigh(signs: Signs, case: Case) -> _Weighed:
    candidates = keep(rank(signs, case.ticket))
    return _Weighed(candidates, tuple(pieces(c, signs) for c in candidates))


def _struck(weighed: _Weighed, recorded: Mapping[ReadingId, Reading]) -> tuple[tuple[Struck, ...], frozenset[Sighting]]:
    struck: dict[Claim, Struck] = {}
    doubted: set[Sighting] = set()
    for piece in (p for found in weighed.pieces for p in found):
        failed = verify(piece.evidence.claims, recorded).struck
        if failed:
            struck |= {s.claim: s for s in failed}
            components = {s.claim.component for s in failed} | {s.claim.toward for s in failed}
            blamed = [s for s in piece.sightings if s[1] in components]
            doubted.update(blamed or piece.sightings)
    return tuple(struck.values()), frozenset(doubted)


def _made(case: Case, signs: Signs, weighed: _Weighed, struck: tuple[Struck, ...]) -> Diagnosis:
    first = weighed.candidates[0]
    hypotheses = tuple(
        Hypothesis(
            mode=candidate.name,
            title=title(candidate),
            components=candidate.components,
            probability=candidate.probability,
            evidence=tuple(p.evidence for p in found),
            unlike_first="" if candidate is first else unlike(candidate, first, signs),
        )
        for candidate, found in zip(weighed.candidates, weighed.pieces, strict=True)
    )
    offered = offer(weighed.candidates, case.knowledge, signs.looks.newest)
    steps = path(first, signs)
    held = set(verify((c for step in steps for c in step.claims), by_id(case.observations)).held)
    return Diagnosis(
        cluster=case.cluster,
        at=case.at,
        diagnoser="rules",
        knowledge=case.knowledge.version,
        summary=summary(case, signs, weighed.candidates, weighed.pieces[0]),
        hypotheses=hypotheses,
        path=tuple(type(s)(says=s.says, claims=tuple(c for c in s.claims if c in held)) for s in steps),
        options=offered.options,
        recommended=offered.recommended,
        because=offered.because,
        dont=() if first.mode is None else tuple(filled(d, first.components) for d in first.mode.dont),
        struck=struck,
        ticket=None if case.ticket is None else int(case.ticket.id),
        observations=(case.observations[0].number, case.observations[-1].number),
    )


def title(candidate: Candidate) -> str:
    """A hypothesis in a few words."""
    return UNKNOWN_TITLE if candidate.mode is None else filled(candidate.mode.title, candidate.components)


def summary(case: Case, signs: Signs, candidates: Sequence[Candidate], found: Sequence[Piece]) -> str:
    """What is happening, since when, and how sure that is."""
    first = candidates[0]
    if first.mode is None:
        said = _unknown_summary(first, signs, found)
    else:
        began = since(case, signs, found, first.components)
        said = filled(first.mode.summary, first.components).removesuffix(".") + f"{began}."
    return " ".join(part for part in (said, _besides(candidates, signs), _doubt(candidates)) if part)


def _besides(candidates: Sequence[Candidate], signs: Signs) -> str:
    other = next((c for c in candidates[1:] if is_besides(c, candidates[0], signs)), None)
    return "" if other is None else f"Besides, as a trouble of its own: {_named(other)}."


def since(case: Case, signs: Signs, found: Sequence[Piece], blamed: Sequence[ComponentRef]) -> str:
    """`` since …``: when the first of the odd signs that still last was first seen; empty when that is not known.

    Only claims about what is blamed count, where it is a component: that the others were well all along, which some
    signs claim beside it, is no beginning.
    """
    everything = any(ref.kind == CLUSTER_KIND for ref in blamed)
    newest = {r.id for r in signs.looks.newest.readings}
    starts = [
        # a sign has been there since the last of what it takes came to be so
        max(claim.interval.start for claim in claims)
        for piece in found
        if piece.evidence.standing is Standing.FOR
        and signs.odd_sightings.intersection(piece.sightings)
        and (
            claims := [
                claim
                for claim in piece.evidence.claims
                if newest.intersection(claim.readings)
                and (everything or {claim.component, claim.toward}.intersection(blamed))
            ]
        )
    ]
    if not starts:
        return f" since {stored(case.trouble_since)}" if case.trouble_since else ""
    start = min(starts)
    known_before = len(case.observations) > 1 and start > _end_of_first_look(case)
    return f" since {stored(start)}" + ("" if known_before else " or before")


def _end_of_first_look(case: Case) -> datetime:
    first = case.observations[0]
    return max((first.at, *(r.at for r in first.readings)))


def _unknown_summary(first: Candidate, signs: Signs, found: Sequence[Piece]) -> str:
    odd = [p.evidence.statement for p in found if p.evidence.standing is Standing.FOR]
    unseen = _unseen_share(signs, found)
    if not odd:
        return f"Nothing that could be read shows a known failure.{unseen}"
    where = f" about {names(first.components)}" if first.components else ""
    return f"Something is wrong{where} that no known failure explains: {sentence(listed(odd[:3]))}{unseen}"


def _unseen_share(signs: Signs, found: Sequence[Piece]) -> str:
    if signs.coverage > 1 - SURE_ABOVE:
        return ""
    why = dict.fromkeys(p.evidence.missing_because for p in found if p.evidence.missing_because)
    reason_given = f" ({'; '.join(tuple(why)[:2])})" if why else ""
    return f" Most of what would tell could not be read{reason_given}."


def _doubt(candidates: Sequence[Candidate]) -> str:
    first = candidates[0]
    if len(candidates) < 2 or not is_doubtful(candidates):
        return ""
    second = candidates[1]
    rival = f"{_named(second)} ({percent(second.probability)})"
    if second.probability * CLEAR_OF > first.probability:
        return f"This is not sure: {_named(first)} ({percent(first.probability)}) is hardly likelier than {rival}."
    return f"This is not sure: {_named(first)} has {percent(first.probability)}; next is {rival}."


def _named(candidate: Candidate) -> str:
    where = f" ({names(candidate.components)})" if candidate.components else ""
    return f"“{title(candidate)}”{where}"
