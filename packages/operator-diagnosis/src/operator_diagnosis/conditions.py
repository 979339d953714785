"""Whether a condition is present, absent or unseen at a component: three-valued, for unseen is never absent.

A test looks at places (:class:`operator_core.knowledge.Of`) in some of the observations
(:class:`~operator_core.knowledge.When`) and counts in how many of them its comparison is true
(:class:`~operator_core.knowledge.Quantifier`). It counts readings. As long as at least half of the places could be
read, the readings decide: with one of five components gone, "none of the others is slow" is still known. With
fewer, the unseen places could be anything: the answer is unseen unless it holds however they would turn out.

- LATEST looks at the newest observation. EVER is true when the whole test is true in any one observation; that it
  never was is known when at least half of the observations could tell.
  BEFORE pools the readings of all observations made before trouble began, ACROSS those of the first and the last.
- A direction compares two readings of one place: under ACROSS the first and the newest, under LATEST the two
  newest, under BEFORE the first and the last before trouble, under EVER any two in their order. All but BEFORE
  and EVER need a value in the newest observation, for an old rise says nothing about now.
- An observation that has no value for a place because nobody asked, or because it was too early for a rate, is
  passed over where others speak. Every other failed look counts as unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from operator_core.claims import Comparison
from operator_core.components import CLUSTER, ComponentRef
from operator_core.knowledge import AllOf, AnyOf, Condition, Of, Quantifier, Test, When
from operator_core.readings import Reading
from operator_core.verify import compares

from operator_diagnosis.looks import Looks, Place, speaks


class Presence(Enum):
    """What the readings say of a sign."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many places a comparison is true, false, unseen, or not spoken of."""

    true: int = 0
    false: int = 0
    unseen: int = 0
    silent: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.true + other.true, self.false + other.false, self.unseen + other.unseen, self.silent + other.silent
        )

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.true - other.true, self.false - other.false, self.unseen - other.unseen, self.silent - other.silent
        )

    @property
    def has_spoken(self) -> bool:
        return self.true + self.false > 0


def quantified(quantifier: Quantifier, *, true: int, false: int, unseen: int) -> Presence:
    """The answer of the readings when at least half could be read, else the one that holds in any case, or UNSEEN."""
    if true + false >= unseen:
        unseen = 0
    match quantifier:
        case Quantifier.ANY:
            yes, no = true > 0, unseen == 0
        case Quantifier.ALL:
            yes, no = false == 0 and unseen == 0, false > 0
        case Quantifier.NONE:
            yes, no = true == 0 and unseen == 0, true > 0
        case Quantifier.MOST:
            total = true + false + unseen
            yes, no = 2 * true > total, 2 * (true + unseen) <= total
        case _:
            assert_never(quantifier)
    if true + false + unseen == 0:
        return Presence.UNSEEN
    if yes:
        return Presence.PRESENT
    return Presence.ABSENT if no else Presence.UNSEEN


class Conditions:
    """Evaluates conditions over the looks of one case and remembers what it found."""

    def __init__(self, looks: Looks) -> None:
        self.looks = looks
        self._found: dict[tuple[Condition, ComponentRef], Presence] = {}
        self._tallies: dict[tuple[Test, int, ComponentRef], Tally] = {}
        self._sums: dict[tuple[Test, int, tuple[ComponentRef, ...]], Tally] = {}

    def presence(self, condition: Condition, it: ComponentRef) -> Presence:
        """Whether a condition is present at a component."""
        key = (condition, it)
        if key not in self._found:
            self._found[key] = self._evaluate(condition, it)
        return self._found[key]

    def _evaluate(self, condition: Condition, it: ComponentRef) -> Presence:
        match condition:
            case AllOf(tests):
                parts = [self.presence(t, it) for t in tests]
                return _first_of(parts, Presence.ABSENT, Presence.UNSEEN, otherwise=Presence.PRESENT)
            case AnyOf(tests):
                parts = [self.presence(t, it) for t in tests]
                return _first_of(parts, Presence.PRESENT, Presence.UNSEEN, otherwise=Presence.ABSENT)
            case Test():
                return self._test(condition, it)

    def _test(self, test: Test, it: ComponentRef) -> Presence:
        if test.comparison.is_direction:
            return self._answer(test, self._tally_directions(test, it))
        indices = self.indices(test)
        if test.when is When.EVER:
            tallies = [self._tally_at(test, it, index) for index in indices]
            answers = [self._answer(test, t) for t in tallies if t.true + t.false + t.unseen]
            return quantified(
                Quantifier.ANY,
                true=answers.count(Presence.PRESENT),
                false=answers.count(Presence.ABSENT),
                unseen=answers.count(Presence.UNSEEN),
            )
        return self._answer(test, sum((self._tally_at(test, it, index) for index in indices), Tally()))

    def _answer(self, test: Test, tally: Tally) -> Presence:
        pooled = test.when is not When.LATEST and tally.has_spoken
        unseen = tally.unseen if pooled else tally.unseen + tally.silent
        return quantified(test.quantifier, true=tally.true, false=tally.false, unseen=unseen)

    def indices(self, test: Test) -> Sequence[int]:
        """The observations that a test looks at."""
        count = len(self.looks.observations)
        match test.when:
            case When.LATEST:
                return (count - 1,)
            case When.EVER:
                return range(count)
            case When.BEFORE:
                return range(self.looks.before)
            case When.ACROSS:
                return (0, count - 1) if count > 1 else (0,)
        assert_never(test.when)

    def subjects(self, test: Test, it: ComponentRef) -> tuple[ComponentRef, ...]:
        """The components whose own readings a test looks at; none for a test about what is measured toward it."""
        looks = self.looks
        match test.of:
            case Of.SELF | Of.TO_OTHERS:
                return (it,)
            case Of.CLUSTER:
                return (CLUSTER,)
            case Of.OTHERS:
                return tuple(c for c in looks.components(it.kind) if c != it)
            case Of.ALL:
                return looks.components(looks.about.get(test.signal, it.kind))
            case Of.BY_OTHERS:
                return ()
        assert_never(test.of)

    def places(self, test: Test, it: ComponentRef, index: int) -> Iterator[Place]:
        """The places that a test looks at in one observation, seen from a component."""
        if test.of is Of.BY_OTHERS:
            yield from self._toward(test, it, index)
        else:
            for component in self.subjects(test, it):
                yield from self._own(test, component, index)

    def _own(self, test: Test, component: ComponentRef, index: int) -> Iterator[Place]:
        panel = self.looks.panel(test.signal, index)
        pairs = panel.pairs_by_component.get(component, ())
        if test.of is Of.TO_OTHERS:
            pairs = tuple(p for p in pairs if p[1] != component)
            if pairs or component not in panel.mute:
                yield from pairs
            else:
                yield component, None
        elif pairs and (component, None) not in panel.sights:
            yield from pairs
        else:
            yield component, None

    def _toward(self, test: Test, it: ComponentRef, index: int) -> Iterator[Place]:
        panel = self.looks.panel(test.signal, index)
        kind = self.looks.about.get(test.signal)
        met: set[ComponentRef] = set()
        for component, toward in panel.pairs_by_toward.get(it, ()):
            if component != it and kind in (None, component.kind):
                met.add(component)
                yield component, toward
        # who could not be asked for anything may well have had something to say about it
        yield from ((c, it) for c in panel.mute if c != it and c not in met and kind in (None, c.kind))

    def truth(self, test: Test, place: Place, index: int) -> bool | None:
        """Whether a comparison is true of the reading at a place in one observation; None without a value."""
        sight = self.looks.panel(test.signal, index).sights.get(place)
        if not speaks(sight):
            return None
        assert isinstance(sight, Reading)
        return compares(sight.value, test.comparison, test.value)

    def _count(self, test: Test, places: Iterable[Place], index: int) -> Tally:
        true = false = unseen = silent = 0
        for place in places:
            match self.truth(test, place, index):
                case True:
                    true += 1
                case False:
                    false += 1
                case None:
                    if self.looks.is_silent(test.signal, place, index):
                        silent += 1
                    else:
                        unseen += 1
        return Tally(true, false, unseen, silent)

    def _tally_of(self, test: Test, component: ComponentRef, index: int) -> Tally:
        key = (test, index, component)
        if key not in self._tallies:
            self._tallies[key] = self._count(test, self._own(test, component, index), index)
        return self._tallies[key]

    def _tally_at(self, test: Test, it: ComponentRef, index: int) -> Tally:
        if test.of is Of.BY_OTHERS:
            return self._count(test, self._toward(test, it, index), index)
        if test.of is Of.OTHERS:  # the sum over all is kept, or a thousand components would cost a million looks
            everyone = self.looks.components(it.kind)
            total = self._sum(test, everyone, index)
            return total - self._tally_of(test, it, index) if it in everyone else total
        return self._sum(test, self.subjects(test, it), index)

    def _sum(self, test: Test, components: tuple[ComponentRef, ...], index: int) -> Tally:
        if len(components) == 1:
            return self._tally_of(test, components[0], index)
        key = (test, index, components)
        if key not in self._sums:
            self._sums[key] = sum((self._tally_of(test, c, index) for c in components), Tally())
        return self._sums[key]

    def _tally_directions(self, test: Test, it: ComponentRef) -> Tally:
        true = false = unseen = 0
        for place in self.direction_places(test, it):
            ends = self.ends(test, place)
            if ends is None:
                unseen += 1
            elif goes(test.comparison, *ends, by=test.value):
                true += 1
            else:
                false += 1
        return Tally(true, false, unseen)

    def direction_places(self, test: Test, it: ComponentRef) -> tuple[Place, ...]:
        """The places of a direction test: those of the newest observation that it looks at."""
        indices = self._span(test)
        return tuple(dict.fromkeys(self.places(test, it, indices[-1]))) if indices else ()

    def _span(self, test: Test) -> Sequence[int]:
        return range(self.looks.before if test.when is When.BEFORE else len(self.looks.observations))

    def ends(self, test: Test, place: Place) -> tuple[Reading, Reading] | None:
        """The two readings that a direction is judged by, or None when there are not two."""
        span = self._span(test)
        readings = [r for i in span if (r := self._numeric(test, place, i)) is not None]
        if len(readings) < 2:
            return None
        if test.when is When.EVER:
            return _widest(readings, test.comparison)
        if test.when is not When.BEFORE and self._numeric(test, place, span[-1]) is None:
            return None
        return readings[-2 if test.when is When.LATEST else 0], readings[-1]

    def _numeric(self, test: Test, place: Place, index: int) -> Reading | None:
        sight = self.looks.panel(test.signal, index).sights.get(place)
        return sight if isinstance(sight, Reading) and speaks(sight) and not isinstance(sight.value, str) else None


def goes(comparison: Comparison, first: Reading, last: Reading, *, by: float | str) -> bool:
    """Whether a value went in a direction by at least so much; standing still is no direction."""
    assert not isinstance(first.value, str)
    assert not isinstance(last.value, str)
    change = last.value - first.value
    return change != 0 and compares(change, comparison, by)


def _widest(readings: Sequence[Reading], comparison: Comparison) -> tuple[Reading, Reading]:
    sign = 1 if comparison is Comparison.RISES else -1
    lowest = readings[0]
    best = (readings[0], readings[1])
    for reading in readings[1:]:
        if _climb(lowest, reading, sign) > _climb(*best, sign):
            best = (lowest, reading)
        if _climb(lowest, reading, sign) < 0:
            lowest = reading
    return best


def _climb(first: Reading, last: Reading, sign: int) -> float:
    assert not isinstance(first.value, str)
    assert not isinstance(last.value, str)
    return sign * (last.value - first.value)


def _first_of(parts: Sequence[Presence], *order: Presence, otherwise: Presence) -> Presence:
    return next((p for p in order if p in parts), otherwise)
