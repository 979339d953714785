"""Whether readings bear out that one thing led to another. Pure.

True readings do not make a true link. What code can see of a link: that cause and effect are two things; that both
have begun, rather than having been so all along; that the cause did not begin after the effect; that the catalogue
does not know it the other way round. A claim's beginning is looked up in the record, whatever readings it cites: the
newest readings of two things that began minutes apart are of the same second. What code cannot see is whether two
things that began in this order have anything to do with each other: there the catalogue is asked, and what it does not
know stands as the model's own word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from operator_core.claims import Claim
from operator_core.knowledge import AllOf, AnyOf, Condition, FailureMode, Sign, SignName, Test
from operator_core.ports import Case
from operator_core.readings import Reading, ReadingId, SignalName
from operator_core.verify import compares

from operator_diagnosis.claude.course import Place, by_place

FELT = 0.1
"""Share of its whole change from which on a rise or fall is taken to have begun."""


@dataclass(frozen=True, kw_only=True)
class Causality:
    """The record of a case, arranged for the question what began when.

    Attributes:
        order: the signals of the first hypothesis's path by the catalogue, step by step.
    """

    case: Case
    asked: tuple[Reading, ...] = ()
    order: tuple[frozenset[SignalName], ...] = ()

    def is_in_catalogue(self, causes: Sequence[Claim], effects: Sequence[Claim]) -> bool:
        """Whether a pair that bears out a link is of signals that some failure mode is told by together.

        Two things that began one after the other may have nothing to do with each other; readings do not tell.
        """
        return any(
            self._why_not(cause, effect) is None and any({cause.signal, effect.signal} <= mode for mode in self._modes)
            for cause in causes
            for effect in effects
        )

    def why_unsupported(self, causes: Sequence[Claim], effects: Sequence[Claim]) -> str | None:
        """Why held claims do not bear out a link, or None when some pair of them does."""
        if not causes and not effects:
            return "no reading is cited"
        if not causes:
            return "no held claim shows the cause"
        if not effects:
            return "no held claim shows the effect"
        reasons = [self._why_not(cause, effect) for cause in causes for effect in effects]
        return None if None in reasons else reasons[0]

    def _why_not(self, cause: Claim, effect: Claim) -> str | None:
        if _place(cause) == _place(effect):
            return "cause and effect are the same thing"
        if self._was_so_before(cause):
            return "the cause was so before the trouble began"
        if self._was_so_before(effect):
            return "the effect was so before the trouble began"
        if self.began(cause) > self.began(effect):
            return "the cause is later than the effect"
        if self._is_reversed(cause, effect):
            return "the catalogue has it the other way round"
        return None

    def began(self, claim: Claim) -> datetime:
        """When what a held claim says is first seen to be so, without a break until the readings that it cites."""
        row = self._rows.get(_place(claim), [])
        cited = set(claim.readings)
        ends = [n for n, r in enumerate(row) if r.id in cited]
        if not ends:
            return claim.interval.start
        if claim.comparison.is_direction:
            return self._at(_first_felt(row[ends[0] : ends[-1] + 1]))
        start = ends[0]
        while start > 0 and compares(row[start - 1].value, claim.comparison, claim.value):
            start -= 1
        return self._at(row[start])

    def _was_so_before(self, claim: Claim) -> bool:
        """Whether it was so in every look before the trouble; nothing begins that was there all along."""
        began = self.case.trouble_since
        if began is None or claim.comparison.is_direction:
            return False
        before = [r for r in self._rows.get(_place(claim), []) if self._at(r) < began]
        return bool(before) and all(compares(r.value, claim.comparison, claim.value) for r in before)

    def _is_reversed(self, cause: Claim, effect: Claim) -> bool:
        causes = [n for n, signals in enumerate(self.order) if cause.signal in signals]
        effects = [n for n, signals in enumerate(self.order) if effect.signal in signals]
        return bool(causes and effects) and min(causes) > max(effects)

    @cached_property
    def _modes(self) -> Sequence[AbstractSet[SignalName]]:
        knowledge = self.case.knowledge
        by_name = {s.name: s for s in knowledge.signs}
        modes: list[AbstractSet[SignalName]] = []
        for mode in knowledge.modes:
            expected = {e.sign for e in mode.expects if e.probability > by_name[e.sign].base_rate}
            names = expected | {step.sign for step in mode.path if step.sign is not None}
            modes.append({signal for name in names for signal in _signals_of(name, by_name)})
        return modes

    @cached_property
    def _rows(self) -> Mapping[Place, list[Reading]]:
        everything = [r for o in self.case.observations for r in o.readings]
        return by_place((*everything, *self.asked))

    @cached_property
    def _look_of(self) -> Mapping[ReadingId, datetime]:
        return {r.id: o.at for o in self.case.observations for r in o.readings}

    def _at(self, reading: Reading) -> datetime:
        """The instant of its look: which of a look's readings came first says nothing."""
        return self._look_of.get(reading.id, reading.at)


def _place(claim: Claim) -> Place:
    return (claim.signal, claim.component, claim.toward)


def _first_felt(row: Sequence[Reading]) -> Reading:
    first, last = row[0], row[-1]
    if isinstance(first.value, str) or isinstance(last.value, str):
        return first
    whole = abs(last.value - first.value)
    for reading in row[1:]:
        if not isinstance(reading.value, str) and abs(reading.value - first.value) >= whole * FELT:
            return reading
    return last


def order_of(mode: FailureMode | None, signs: Iterable[Sign]) -> tuple[frozenset[SignalName], ...]:
    """The signals that show each step of a mode's path, in the catalogue's order; a signal of many steps tells none."""
    if mode is None:
        return ()
    by_name = {s.name: s for s in signs}
    steps = [_signals_of(step.sign, by_name) for step in mode.path]
    return tuple(
        frozenset(s for s in signals if not any(s in other for m, other in enumerate(steps) if m != n))
        for n, signals in enumerate(steps)
    )


def _signals_of(name: SignName | None, by_name: Mapping[SignName, Sign]) -> AbstractSet[SignalName]:
    return set(_in(by_name[name].condition)) if name is not None and name in by_name else set()


def _in(condition: Condition) -> Iterable[SignalName]:
    match condition:
        case Test():
            yield condition.signal
        case AllOf() | AnyOf():
            for part in condition.tests:
                yield from _in(part)
