"""What tells one hypothesis from another."""

from __future__ import annotations

import math

from operator_core.knowledge import FailureMode, Sign, SignName

from operator_diagnosis.conditions import Presence
from operator_diagnosis.prose import filled, names
from operator_diagnosis.scoring import Candidate
from operator_diagnosis.signs import Signs, clipped

SITES_NAMED = 3

_NOW = {
    Presence.PRESENT: "it is so now",
    Presence.ABSENT: "it is not so now",
    Presence.UNSEEN: "it could not be read",
}


def unlike(other: Candidate, first: Candidate, signs: Signs) -> str:
    """What tells a hypothesis from the first: what the knowledge says, else the sign on which they differ most."""
    if other.mode is None:
        return "It would have to be assumed when the signs left unexplained turn out to be real."
    if first.mode is None:
        return "It needs the signs that it must show."
    said = first.mode.tells_apart.get(other.mode.name) or other.mode.tells_apart.get(first.mode.name)
    if said:
        return filled(said, other.components)
    if other.mode is first.mode:
        return f"It is the same failure of {names(other.components)} instead."
    sign = _most_different(other.mode, first.mode, signs)
    if sign is None:
        return ""
    ours, theirs = _likely(other.mode, sign), _likely(first.mode, sign)
    witness = next((w for c in (first, other) for w in signs.witnesses(sign, c.components)), None)
    if witness is None:
        return ""
    says = filled(sign.says, witness.sites[:SITES_NAMED])
    now = _NOW[signs.witnessed(witness)]
    return f"“{says}” would speak for {'this' if ours > theirs else 'the first'}; {now}."


def _most_different(one: FailureMode, other: FailureMode, signs: Signs) -> Sign | None:
    spoken: dict[SignName, Sign] = {e.sign: signs.by_name[e.sign] for e in (*one.expects, *other.expects)}

    def difference(sign: Sign) -> float:
        return abs(_logit(_likely(one, sign)) - _logit(_likely(other, sign)))

    best = max(spoken.values(), key=difference, default=None)
    return best if best is not None and difference(best) > 1 else None


def _likely(mode: FailureMode, sign: Sign) -> float:
    return next((e.probability for e in mode.expects if e.sign == sign.name), sign.base_rate)


def _logit(p: float) -> float:
    return math.log(clipped(p) / (1 - clipped(p)))
