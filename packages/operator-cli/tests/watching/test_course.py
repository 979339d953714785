"""How readings went over time: what was not seen is a gap, and the picture does not dance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_cli.render.course import BARS, GAP, Course, Courses, bars, cells
from operator_core.components import ComponentRef, Kind
from operator_core.knowledge import Knowledge
from operator_core.readings import SignalName, Unit
from operator_monitor import CycleReport

INTERVAL = timedelta(seconds=5)
LOAD = SignalName("lamp.load")
ONE, TWO = (ComponentRef(Kind("lamp"), n) for n in "12")

values = st.lists(st.none() | st.floats(0, 1e9), max_size=400)


def course(seen: list[float | None], first: int = 0) -> Course:
    return Course(unit=Unit("1/s"), values=tuple(seen), first=first)


@given(seen=values, width=st.integers(1, 100), first=st.integers(0, 10_000))
def test_a_course_fits_any_width(seen: list[float | None], width: int, first: int) -> None:
    drawn = cells(course(seen, first), width)
    assert len(drawn) <= width
    assert bool(drawn) == bool(seen)


@given(seen=st.lists(st.none() | st.floats(1, 1e9), min_size=1, max_size=400), width=st.integers(2, 60))
def test_a_peak_is_never_lost_among_its_neighbours_unless_most_of_them_were_unseen(
    seen: list[float | None], width: int
) -> None:
    drawn = [v for v in cells(course(seen), width) if v is not None]
    assert set(drawn) <= set(seen)
    if all(v is not None for v in seen):
        assert max(drawn) == max(v for v in seen if v is not None)


@given(seen=st.lists(st.floats(0, 1e9), min_size=2, max_size=300), width=st.integers(2, 40))
def test_a_cell_that_is_full_stays_as_it_is_until_all_are_put_together_two_by_two(
    seen: list[float], width: int
) -> None:
    for shorter, longer in pairwise(range(1, len(seen) + 1)):
        before, after = cells(course([*seen[:shorter]]), width), cells(course([*seen[:longer]]), width)
        put_together = shorter % width == 0 and (shorter // width).bit_count() == 1
        assert before[:-1] == after[: len(before) - 1] or (put_together and len(after) == width // 2 + 1)


def test_what_was_not_seen_is_drawn_as_a_gap_and_zero_as_the_lowest_bar() -> None:
    assert bars([0.0, None, 0.01, 5.0, 10.0], 10.0) == f"{BARS[0]}{GAP}{BARS[0]}{BARS[4]}{BARS[-1]}"
    assert bars([0.0, 0.0], 0.0) == BARS[0] * 2


def test_a_cell_is_a_gap_when_most_of_its_looks_saw_nothing_and_not_before() -> None:
    assert cells(course([1, None, None, None, 5, 6, None, 8]), 2) == (None, 8)
    assert cells(course([1, None, None, 4, 5, 6, 7, 8]), 2) == (4, 8)


@pytest.fixture
def courses(known: Knowledge, look: Callable[..., CycleReport]) -> Callable[..., Courses]:
    def make(*loads: dict[int, float | None] | None, at: list[datetime] | None = None) -> Courses:
        made = Courses(interval=INTERVAL, keep=20)
        for number, load in enumerate(loads, 1):
            report = look(number, load or {}, at=at[number - 1] if at else None)
            made.add(report.at, report.observation if load is not None else None, known.kinds)
        return made

    return make


def seen(courses: Courses, ref: ComponentRef) -> tuple[float | None, ...] | None:
    found = courses.of(LOAD, ref)
    return None if found is None else found.values


def test_a_reading_that_is_missing_is_missing_in_the_course(courses: Callable[..., Courses]) -> None:
    made = courses({1: 5, 2: 7}, {1: None, 2: 8}, {1: 6, 2: 9})
    assert (seen(made, ONE), seen(made, TWO)) == ((5, None, 6), (7, 8, 9))


def test_a_look_that_failed_is_a_gap_for_all(courses: Callable[..., Courses]) -> None:
    assert seen(courses({1: 5}, None, {1: 6}), ONE) == (5, None, 6)


def test_a_component_that_came_later_has_a_gap_before(courses: Callable[..., Courses]) -> None:
    assert seen(courses({1: 5}, {1: 5, 2: 3}), TWO) == (None, 3)


def test_time_without_any_look_is_a_gap_and_a_look_that_came_late_is_none(courses: Callable[..., Courses]) -> None:
    start = datetime.fromisoformat("2026-01-01T12:00:00+00:00")

    def at(*seconds: float) -> list[datetime]:
        return [start + timedelta(seconds=s) for s in seconds]

    assert seen(courses({1: 1}, {1: 2}, at=at(0, 11)), ONE) == (1, 2)
    assert seen(courses({1: 1}, {1: 2}, at=at(0, 20)), ONE) == (1, None, None, None, 2)
    assert seen(courses({1: 1}, {1: 2}, at=at(0, 9e6)), ONE) == (*[None] * 19, 2)


def test_what_was_seen_in_none_of_the_remembered_looks_has_no_course(courses: Callable[..., Courses]) -> None:
    assert seen(courses({1: 1, 2: 3}, *[{1: 1}] * 20), TWO) is None
    assert seen(courses({1: 1, 2: 3}, *[{1: 1}] * 19), TWO) == (3, *[None] * 19)
