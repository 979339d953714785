"""The claims that show why a condition is present or absent, and the reasons why it is unseen.

A claim says what was measured, so that a person sees the value and code can check it: the newest value as it is,
and, when it has been so for a while, a second claim from the first reading of that row to the newest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import ComponentRef
from operator_core.knowledge import AllOf, AnyOf, Condition, Quantifier, Test, When
from operator_core.readings import Cause, Reading, Unseen, Value
from operator_core.verify import compares, same

from operator_diagnosis.conditions import Conditions, Presence, goes
from operator_diagnosis.looks import Place, speaks

CLAIMS_SHOWN = 6
"""More claims than this for one sign tell a person nothing new."""

READINGS_CITED = 5
"""Readings that one claim about a stretch of time cites at most; the newest are kept."""

_NEGATED = {
    Comparison.EQUALS: Comparison.DIFFERS,
    Comparison.DIFFERS: Comparison.EQUALS,
    Comparison.ABOVE: Comparison.AT_MOST,
    Comparison.AT_MOST: Comparison.ABOVE,
    Comparison.BELOW: Comparison.AT_LEAST,
    Comparison.AT_LEAST: Comparison.BELOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What shows a presence.

    Attributes:
        missing: why it could not be read, for an unseen one; one sentence a source.
    """

    presence: Presence
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()


def shown(conditions: Conditions, condition: Condition, it: ComponentRef) -> Shown:
    """A condition's presence at a component with what shows it."""
    presence = conditions.presence(condition, it)
    if presence is Presence.UNSEEN:
        return Shown(presence=presence, missing=tuple(dict.fromkeys(_reasons(conditions, condition, it))))
    claims = tuple(dict.fromkeys(_claims(conditions, condition, it)))
    return Shown(presence=presence, claims=claims[:CLAIMS_SHOWN])


def _parts(
    conditions: Conditions, condition: AllOf | AnyOf, it: ComponentRef, presence: Presence
) -> Iterator[Condition]:
    return (part for part in condition.tests if conditions.presence(part, it) is presence)


def _claims(conditions: Conditions, condition: Condition, it: ComponentRef) -> Iterator[Claim]:
    presence = conditions.presence(condition, it)
    match condition:
        case AllOf() | AnyOf():
            for part in _parts(conditions, condition, it, presence):
                yield from _claims(conditions, part, it)
        case Test() if condition.comparison.is_direction:
            yield from _directions(conditions, condition, it, truth=_telling(condition.quantifier, presence))
        case Test():
            yield from _values(conditions, condition, it, truth=_telling(condition.quantifier, presence))


def _telling(quantifier: Quantifier, presence: Presence) -> bool:
    """Whether it is the true or the false readings that show the answer."""
    is_present = presence is Presence.PRESENT
    match quantifier:
        case Quantifier.ANY | Quantifier.MOST | Quantifier.ALL:
            return is_present
        case Quantifier.NONE:
            return not is_present
    assert_never(quantifier)


def _values(conditions: Conditions, test: Test, it: ComponentRef, *, truth: bool) -> Iterator[Claim]:
    indices = conditions.indices(test)
    if test.when is When.EVER:
        # the first time it was so is what tells, or, if it never was, the newest look
        tells = [i for i in indices if any(_tells(conditions, test, it, i, truth=truth))]
        indices = tells[:1] if truth else tells[-1:]
    if not indices:
        return
    for place in dict.fromkeys(p for i in indices for p in _tells(conditions, test, it, i, truth=truth)):
        readings = [r for i in indices if (r := _true_reading(conditions, test, place, i, truth=truth))]
        if test.when is When.LATEST:
            yield from _latest(test, _row(conditions, test, place, truth=truth))
        else:
            yield from _stretch(test, readings[-READINGS_CITED:])


def _tells(conditions: Conditions, test: Test, it: ComponentRef, index: int, *, truth: bool) -> Iterator[Place]:
    return (p for p in conditions.places(test, it, index) if conditions.truth(test, p, index) is truth)


def _true_reading(conditions: Conditions, test: Test, place: Place, index: int, *, truth: bool) -> Reading | None:
    if conditions.truth(test, place, index) is not truth:
        return None
    sight = conditions.looks.panel(test.signal, index).sights[place]
    assert isinstance(sight, Reading)
    return sight


def _row(conditions: Conditions, test: Test, place: Place, *, truth: bool) -> list[Reading]:
    """The readings back from the newest for which the comparison stayed as it is; failed looks do not end the row."""
    row: list[Reading] = []
    for index in reversed(range(len(conditions.looks.observations))):
        found = conditions.truth(test, place, index)
        if found is None:
            continue
        if found is not truth:
            break
        sight = conditions.looks.panel(test.signal, index).sights[place]
        assert isinstance(sight, Reading)
        row.append(sight)
    return row[::-1]


def _latest(test: Test, row: Sequence[Reading]) -> Iterator[Claim]:
    first, last = row[0], row[-1]
    if first is last:
        yield measured(last) or _compared(test, row)
    elif same(first.value, last.value) and is_speakable(last.value):
        yield claim_about((first, last), Comparison.EQUALS, last.value)
    else:
        now = measured(last)
        if now is not None:
            yield now
        yield _compared(test, (first, last))


def _stretch(test: Test, readings: Sequence[Reading]) -> Iterator[Claim]:
    if len(readings) == 1:
        yield measured(readings[0]) or _compared(test, readings)
    elif all(same(r.value, readings[0].value) for r in readings) and is_speakable(readings[0].value):
        yield claim_about(readings, Comparison.EQUALS, readings[0].value)
    else:
        yield _compared(test, readings)


def _directions(conditions: Conditions, test: Test, it: ComponentRef, *, truth: bool) -> Iterator[Claim]:
    for place in conditions.direction_places(test, it):
        ends = conditions.ends(test, place)
        if ends is None or goes(test.comparison, *ends, by=test.value) is not truth:
            continue
        first, last = ends
        assert not isinstance(first.value, str)
        assert not isinstance(last.value, str)
        change = last.value - first.value
        if math.isfinite(change) and change != 0 and first.at != last.at:
            yield claim_about(ends, Comparison.RISES if change > 0 else Comparison.FALLS, abs(change))
        elif is_speakable(last.value) and same(first.value, last.value):
            yield claim_about(ends, Comparison.EQUALS, last.value)


def is_speakable(value: Value) -> bool:
    """Whether a value can be said as it is; an infinite one is only ever above something."""
    return isinstance(value, str) or math.isfinite(value)


def measured(reading: Reading) -> Claim | None:
    """That this was measured; None for an infinite value."""
    return claim_about((reading,), Comparison.EQUALS, reading.value) if is_speakable(reading.value) else None


def _compared(test: Test, readings: Sequence[Reading]) -> Claim:
    """How the readings stand to the test's own value, said positively."""
    holds = all(compares(r.value, test.comparison, test.value) for r in readings)
    return claim_about(readings, test.comparison if holds else _NEGATED[test.comparison], test.value)


def claim_about(readings: Sequence[Reading], comparison: Comparison, value: Value) -> Claim:
    """A claim about readings of one place, with the tightest interval that holds them."""
    one = readings[0]
    return Claim(
        component=one.component,
        signal=one.signal,
        comparison=comparison,
        value=value,
        unit=one.unit,
        interval=Interval(start=min(r.at for r in readings), end=max(r.at for r in readings)),
        readings=tuple(dict.fromkeys(r.id for r in readings)),
        toward=one.toward,
    )


def _reasons(conditions: Conditions, condition: Condition, it: ComponentRef) -> Iterator[str]:
    match condition:
        case AllOf() | AnyOf():
            for part in _parts(conditions, condition, it, Presence.UNSEEN):
                yield from _reasons(conditions, part, it)
        case Test():
            yield from _test_reasons(conditions, condition, it)


def _test_reasons(conditions: Conditions, test: Test, it: ComponentRef) -> Iterator[str]:
    looks = conditions.looks
    if test.when is When.BEFORE and looks.before == 0:
        yield "no look was taken before trouble began"
        return
    if test.comparison.is_direction and len(looks.observations) < 2:
        yield "a direction needs two looks"
        return
    found = (tuple(_reasons_at(conditions, test, it, index)) for index in reversed(conditions.indices(test)))
    yield from next((reasons for reasons in found if reasons), ())


def _reasons_at(conditions: Conditions, test: Test, it: ComponentRef, index: int) -> Iterator[str]:
    panel = conditions.looks.panel(test.signal, index)
    places = tuple(conditions.places(test, it, index))
    if not places:
        yield f"nobody measures {test.signal}"
    for place in places:
        sight = panel.sights.get(place)
        if isinstance(sight, Unseen):
            yield said(sight)
        elif sight is None:
            mute = panel.sights.get((place[0], None))
            yield said(mute) if isinstance(mute, Unseen) else f"{test.signal} of {place[0]} was not asked for"
        elif not speaks(sight):
            yield f"{test.signal} of {place[0]} has no value"
        elif test.comparison.is_direction and conditions.ends(test, place) is None:
            yield f"{test.signal} of {place[0]} was read only once"


def said(unseen: Unseen) -> str:
    """A failed look in a few words."""
    if unseen.cause is Cause.TOO_EARLY:
        return f"{unseen.source}: too early to know"
    return f"{unseen.source}: {unseen.cause.value}" + (f" ({unseen.detail})" if unseen.detail else "")
