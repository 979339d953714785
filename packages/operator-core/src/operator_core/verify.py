"""Re-checking claims against the recorded readings. Whoever made a claim has no say in this."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from operator_core.claims import Claim, Comparison, Struck, Verified
from operator_core.readings import Reading, ReadingId, Value

RELATIVE_TOLERANCE = 0.005
"""Two numbers this close are the same when spoken of: half a per cent, three significant digits."""


def same(left: Value, right: Value) -> bool:
    """Whether two values are the same when spoken of; a word is never a number."""
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)


def compares(value: Value, comparison: Comparison, other: Value) -> bool:
    """Whether one value stands to another as said. Words know only equal and different; NaN is never true."""
    match comparison:
        case Comparison.EQUALS:
            return same(value, other)
        case Comparison.DIFFERS:
            return (
                isinstance(value, str) == isinstance(other, str)
                and not _is_nan(value, other)
                and not same(value, other)
            )
        case _ if isinstance(value, str) or isinstance(other, str):
            return False
        case Comparison.ABOVE:
            return value > other
        case Comparison.BELOW:
            return value < other
        case Comparison.AT_LEAST | Comparison.RISES:
            return value >= other
        case Comparison.AT_MOST:
            return value <= other
        case Comparison.FALLS:
            return -value >= other


def _is_nan(*values: Value) -> bool:
    return any(isinstance(v, float) and math.isnan(v) for v in values)


def why_not(claim: Claim, recorded: Mapping[ReadingId, Reading]) -> str | None:
    """Why a claim does not hold against the record, or None when it holds."""
    if not claim.readings:
        return "it cites no reading"
    cited: list[Reading] = []
    for ident in claim.readings:
        reading = recorded.get(ident)
        if reading is None:
            return f"reading {ident} is not in the record"
        if mismatch := _mismatch(claim, reading):
            return f"reading {ident} {mismatch}"
        cited.append(reading)
    return _why_values_fail(claim, cited)


def _mismatch(claim: Claim, reading: Reading) -> str | None:
    if reading.component != claim.component:
        return f"is about {reading.component}, not {claim.component}"
    if reading.toward != claim.toward:
        return f"is toward {reading.toward}, not {claim.toward}"
    if reading.signal != claim.signal:
        return f"measures {reading.signal}, not {claim.signal}"
    if reading.unit != claim.unit:
        return f"is in {reading.unit}, not {claim.unit}"
    if reading.at not in claim.interval:
        return f"was taken at {reading.at.isoformat()}, outside the claimed interval"
    return None


def _why_values_fail(claim: Claim, cited: Sequence[Reading]) -> str | None:
    if not claim.comparison.is_direction:
        wrong = next((r for r in cited if not compares(r.value, claim.comparison, claim.value)), None)
        return None if wrong is None else f"reading {wrong.id} says {wrong.value}"
    ordered = sorted(cited, key=lambda r: r.at)
    first, last = ordered[0], ordered[-1]
    if first.at == last.at:
        return "a direction needs readings of two instants"
    if isinstance(first.value, str) or isinstance(last.value, str):
        return "words have no direction"
    if isinstance(claim.value, str) or claim.value < 0:
        return f"a direction has a size of 0 or more, not {claim.value}"
    change = last.value - first.value
    if change == 0 or not compares(change, claim.comparison, claim.value):
        return f"from {first.id} to {last.id} it changed by {change:g}"
    return None


def verify(claims: Iterable[Claim], recorded: Mapping[ReadingId, Reading]) -> Verified:
    """Re-check value, component, time and direction of each claim against the recorded readings."""
    held: list[Claim] = []
    struck: list[Struck] = []
    for claim in claims:
        why = why_not(claim, recorded)
        if why is None:
            held.append(claim)
        else:
            struck.append(Struck(claim=claim, why=why))
    return Verified(held=tuple(held), struck=tuple(struck))
