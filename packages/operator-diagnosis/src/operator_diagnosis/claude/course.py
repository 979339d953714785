"""Readings as lines of text: each place once, with the readings that tell its course, under the ids to be cited. Pure.

A place is a signal at a component (toward another). Of a row of looks that say the same only the ends are shown; what
changed comes first, so that what is left out of a large cluster is what did not move.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise

from operator_core.components import ComponentRef
from operator_core.readings import Observation, Reading, ReadingId, SignalName, Unseen, Value

SHOWN = 8
"""Readings of one place that are shown at most."""
MOVED = 0.25
"""A number that differs by less than this share of the larger is shown as the same."""

_QUOTES = str.maketrans("“”", '""')

Place = tuple[SignalName, ComponentRef, ComponentRef | None]
Spoken = Callable[[str], str]
"""How text from the subject is put into the middle of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The lines for some places, and how many places were left out."""

    lines: tuple[str, ...]
    left_out: int


def place_of(sight: Reading | Unseen) -> Place:
    """Where a reading was taken, or should have been."""
    return (sight.signal, sight.component, sight.toward)


def by_place(readings: Iterable[Reading]) -> dict[Place, list[Reading]]:
    """Readings by their places, each place's in the order of time."""
    found: dict[Place, list[Reading]] = {}
    for reading in sorted(readings, key=lambda r: r.at):
        found.setdefault(place_of(reading), []).append(reading)
    return found


def is_same(one: Value, other: Value) -> bool:
    """Whether two values tell the same at a glance."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=MOVED, abs_tol=1e-9)


def telling(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """The readings that tell a course: the first, each before and after a change, the last; the newest when many."""
    kept: dict[ReadingId, Reading] = {}
    for before, after in pairwise(readings):
        if not is_same(before.value, after.value):
            kept |= {before.id: before, after.id: after}
    ends = {r.id: r for r in (readings[0], readings[-1])}
    ordered = sorted((kept | ends).values(), key=lambda r: r.at)
    return tuple(ordered) if len(ordered) <= SHOWN else (ordered[0], *ordered[1 - SHOWN :])


def course(
    observations: Sequence[Observation],
    *,
    about: Iterable[ComponentRef],
    cited: Iterable[ReadingId],
    spoken: Spoken,
    most: int,
) -> Course:
    """The readings of a case, place by place: the cited and the changed first, then those of some components.

    Args:
        about: components that the case is about.
        cited: readings that something known already rests on; they are always shown.
        most: places that are shown.
    """
    needed, asked = set(cited), set(about)
    places = by_place(r for o in observations for r in o.readings)

    def rank(item: tuple[Place, list[Reading]]) -> tuple[int, int]:
        (_, component, toward), readings = item
        is_cited = any(r.id in needed for r in readings)
        has_moved = not all(is_same(readings[0].value, r.value) for r in readings)
        return (0 if is_cited else 1 if has_moved else 2, 0 if asked.intersection((component, toward)) else 1)

    ordered = sorted(places.items(), key=rank)
    shown = ordered[:most]
    return Course(
        lines=tuple(_line(place, _with(readings, needed), spoken) for place, readings in shown),
        left_out=len(ordered) - len(shown),
    )


def _with(readings: Sequence[Reading], needed: set[ReadingId]) -> tuple[Reading, ...]:
    kept = {r.id: r for r in telling(readings)} | {r.id: r for r in readings if r.id in needed}
    return tuple(sorted(kept.values(), key=lambda r: r.at))


def _line(place: Place, readings: Sequence[Reading], spoken: Spoken) -> str:
    unit = readings[-1].unit
    row = ", ".join(f"{r.id} {value_text(r.value, spoken)}" for r in readings)
    return f"{place_text(place, spoken)} [{unit}] {row}"


def place_text(place: Place, spoken: Spoken) -> str:
    """``signal of kind/id toward kind/id``."""
    signal, component, toward = place
    of = f"{signal} of {spoken(component.key)}"
    return of if toward is None else f"{of} toward {spoken(toward.key)}"


def value_text(value: Value, spoken: Spoken) -> str:
    """A word in quotes; a number in six digits, and a large one, such as an instant, to the tenth."""
    if isinstance(value, str):
        # a word that closes its own quotes could pass for further readings of its row
        return f"“{spoken(value).translate(_QUOTES)}”"
    return f"{value:.1f}".removesuffix(".0") if 1e5 <= abs(value) < 1e15 else f"{value:.6g}"


def instant(reading: Reading | Unseen | Observation) -> str:
    """When it was, in UTC to the second."""
    return reading.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sights(found: Iterable[Reading | Unseen], spoken: Spoken) -> tuple[str, ...]:
    """What a probe gave, a line each, with its id and time."""
    return tuple(_sight(s, spoken) for s in found)


def _sight(sight: Reading | Unseen, spoken: Spoken) -> str:
    where = place_text(place_of(sight), spoken)
    match sight:
        case Reading():
            return f"{sight.id} {where} [{sight.unit}] {value_text(sight.value, spoken)} at {instant(sight)}"
        case Unseen():
            detail = f", “{spoken(sight.detail).translate(_QUOTES)}”" if sight.detail else ""
            return f"unseen, {sight.cause.value}, {where} at {instant(sight)}{detail}"


def unseen_lines(observation: Observation, spoken: Spoken, *, most: int) -> tuple[str, ...]:
    """What the newest look could not read, by cause and source."""
    groups: Mapping[tuple[str, str], list[Unseen]] = _grouped(observation.unseens)
    lines = [
        f"unseen, {cause}, {spoken(source)}, "
        + ", ".join(place_text(place_of(u), spoken) for u in found[:SHOWN])
        + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
        + (f", “{spoken(found[0].detail).translate(_QUOTES)}”" if found[0].detail else "")
        for (cause, source), found in groups.items()
    ]
    more = len(lines) - most
    return (*lines[:most], f"and {more} more sources") if more > 0 else tuple(lines)


def _grouped(unseens: Iterable[Unseen]) -> dict[tuple[str, str], list[Unseen]]:
    groups: dict[tuple[str, str], list[Unseen]] = {}
    for unseen in unseens:
        groups.setdefault((unseen.cause.value, unseen.source), []).append(unseen)
    return groups
