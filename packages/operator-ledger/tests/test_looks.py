"""Observations in compact form come back as they were, to the bit."""

import math
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operator_core.components import Address, Component, ComponentRef, Kind, RedundancyGroup, Role
from operator_core.errors import LedgerError
from operator_core.readings import (
    Cause,
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Unseen,
)
from operator_ledger.looks import look, segment, series, shape
from operator_ledger.looks.planes import bits_of, integers_of, of_bits, of_integers

NORTH = ClusterName("north")
T0 = datetime(2026, 3, 1, tzinfo=UTC)

WORDS = st.text(max_size=12)  # any string of Python, also what cannot be encoded
INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=30))])) | st.just(T0)
REFS = st.builds(ComponentRef, st.sampled_from("ab").map(Kind) | WORDS.map(Kind), st.sampled_from("12") | WORDS)


def decimal(digits: int, places: int) -> float:
    return digits / 10**places


DECIMALS = st.builds(decimal, st.integers(-(10**9), 10**9), st.integers(0, 6))
NUMBERS = (
    st.floats()
    | DECIMALS
    | st.integers(-(2**60), 2**60).map(float)
    | st.sampled_from([0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324, 2.0**53, 2.0**53 + 2, 0.1 + 0.2])
)
UNSEENS = st.builds(
    Unseen,
    component=REFS,
    signal=WORDS.map(SignalName),
    cause=st.sampled_from(Cause),
    detail=WORDS,
    at=INSTANTS,
    source=WORDS,
    toward=st.none() | REFS,
)
SOURCES = st.builds(
    SourceLook,
    source=WORDS,
    component=REFS,
    required=st.booleans(),
    failure=st.none() | st.sampled_from(Cause),
    detail=WORDS,
)
COMPONENTS = st.builds(
    Component,
    ref=REFS,
    addresses=st.dictionaries(WORDS, WORDS.map(Address), max_size=3),
    roles=st.frozensets(WORDS.map(Role), max_size=3),
    version=st.none() | WORDS,
)
GROUPS = st.builds(RedundancyGroup, name=WORDS, members=st.lists(REFS, max_size=3).map(tuple), needed=st.integers(0, 9))


@st.composite
def observations(draw: st.DrawFn, number: int) -> Observation:
    at = draw(INSTANTS)
    places = draw(st.lists(st.tuples(REFS, WORDS, st.none() | REFS, WORDS, WORDS), max_size=6))
    ids = draw(
        st.sampled_from(
            [
                [f"o{number}.{n}" for n in range(1, len(places) + 1)],
                [f"o{number}.{n * 3}" for n in range(len(places))],
            ]
        )
        | st.lists(WORDS | st.sampled_from([f"o{number}.", f"o{number}", ".", "="]), min_size=6, max_size=6)
    )
    readings = [
        Reading(
            id=ReadingId(ident),
            component=component,
            signal=SignalName(signal),
            value=draw(NUMBERS | WORDS),
            unit=Unit(unit),
            at=draw(st.just(at) | INSTANTS),
            source=source,
            toward=toward,
        )
        for ident, (component, signal, toward, unit, source) in zip(ids, places, strict=False)
    ]
    return Observation(
        cluster=NORTH,
        number=number,
        at=at,
        components=tuple(draw(st.lists(COMPONENTS, max_size=3))),
        groups=tuple(draw(st.lists(GROUPS, max_size=2))),
        readings=tuple(readings),
        unseens=tuple(draw(st.lists(UNSEENS, max_size=3))),
        sources=tuple(draw(st.lists(SOURCES, max_size=3))),
    )


@st.composite
def courses(draw: st.DrawFn) -> list[Observation]:
    """Looks at one subject: some differ in everything, some in values alone, some in nothing but their number."""
    looks = [draw(observations(1))]
    for number in range(2, draw(st.integers(2, 6))):
        last = looks[-1]
        match draw(st.integers(0, 3)):
            case 0:
                looks.append(draw(observations(number)))
            case 1:
                looks.append(replace(last, number=number))
            case _:
                values = [
                    draw(NUMBERS | st.just(r.value)) if not isinstance(r.value, str) else draw(WORDS)
                    for r in last.readings
                ]
                at = last.at + draw(st.timedeltas(timedelta(0), timedelta(microseconds=3))) if last.at < T0 else last.at
                readings = [
                    replace(r, value=v, at=at, id=ReadingId(f"o{number}.{n}"))
                    for n, (r, v) in enumerate(zip(last.readings, values, strict=True), 1)
                ]
                looks.append(replace(last, number=number, at=at, readings=tuple(readings)))
    return looks


def bits(value: float | str) -> object:
    return value if isinstance(value, str) else struct.pack("<d", value)


def exactly(observation: Observation) -> object:
    """What must be the same; equality of dataclasses alone would take -0.0 for 0.0, and NaN for another."""
    return (
        replace(observation, readings=()),
        [tuple(c.addresses.items()) for c in observation.components],
        [(replace(r, value=0.0), type(r.value) is str, bits(r.value)) for r in observation.readings],
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(course=courses())
def test_any_looks_come_back_from_a_segment_to_the_bit(course: list[Observation]) -> None:
    seen: list[segment.Seen] = []
    for observation in course:
        its_shape, its_look = look.split(observation)
        body = look.to_bytes(its_look)
        assert look.from_bytes(its_look.number, its_look.at, body) == its_look
        seen.append(segment.Seen(shape.to_bytes(its_shape), its_look))
    back = list(segment.opened(segment.sealed(seen)).observations(NORTH, lambda _: True))
    assert [exactly(o) for o in back] == [exactly(o) for o in course]


@given(observation=observations(7))
def test_a_shape_comes_back_as_it_was(observation: Observation) -> None:
    its = shape.shape_of(observation)
    assert shape.from_bytes(shape.to_bytes(its)) == its


def test_equal_shapes_have_equal_bytes_in_whatever_order_their_sets_are_walked() -> None:
    ways = ((frozenset([a, b]), frozenset([b, a])) for a, b in combinations(map(Role, map(str, range(1000))), 2))
    one, other = next((one, other) for one, other in ways if [*one] != [*other])

    def written(roles: frozenset[Role]) -> bytes:
        part = Component(ref=ComponentRef(Kind("node"), "1"), addresses={}, roles=roles)
        return shape.to_bytes(shape.shape_of(Observation(cluster=NORTH, number=1, at=T0, components=(part,))))

    assert written(one) == written(other)


@given(rows=st.integers(1, 8).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1)))
def test_columns_of_any_numbers_come_back_to_the_bit(rows: list[list[float]]) -> None:
    packed = [struct.pack(f"<{len(row)}d", *row) for row in rows]
    assert series.rows_of(series.columns_of(packed), len(packed)) == packed


@given(numbers=st.lists(st.integers(0, 2**64 - 1)))
def test_rows_of_bits_come_back(numbers: list[int]) -> None:
    assert bits_of(of_bits(numbers)) == numbers


@given(numbers=st.lists(st.integers(-(2**62) + 1, 2**62 - 1)))
def test_rows_of_integers_come_back(numbers: list[int]) -> None:
    assert integers_of(of_integers(numbers)) == numbers


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5] * 3, "c"),
        ([math.nan] * 3, "c"),
        ([1.0, 2.0, 3.0], "0"),
        ([0.25, 0.5, 12.0], "2"),
        ([0.0, -0.0, 1.0], "p"),
        ([0.1, 1 / 3, 0.2], "p"),
        ([1.0, math.inf, 2.0], "p"),
        ([1.0, 1e300, 2.0], "p"),
    ],
)
def test_a_column_is_written_as_what_it_is(values: list[float], kind: str) -> None:
    assert series.columns_of([struct.pack("<d", value) for value in values]).kinds == kind


def _seen(observation: Observation) -> segment.Seen:
    its_shape, its_look = look.split(observation)
    return segment.Seen(shape.to_bytes(its_shape), its_look)


def test_looks_that_hardly_differ_take_hardly_any_room(observation: Callable[..., Observation]) -> None:
    one = observation(1)
    large = [
        replace(
            one,
            number=n,
            at=one.at + timedelta(seconds=n),
            readings=tuple(replace(r, value=float(n)) for r in one.readings),
        )
        for n in range(40)
    ]
    assert len(segment.sealed(list(map(_seen, large)))) < 40 * 30


def test_an_instant_of_another_zone_is_the_same_instant_in_utc(observation: Callable[..., Observation]) -> None:
    east = replace(observation(1), at=datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))))
    (back,) = segment.opened(segment.sealed([_seen(east)])).observations(NORTH, lambda _: True)
    assert (back.at, back.at.tzinfo) == (east.at, UTC)


def test_a_segment_that_is_damaged_anywhere_is_refused_in_words_or_read_otherwise(
    observation: Callable[..., Observation],
) -> None:
    body = segment.sealed([_seen(observation(n, value=n / 7)) for n in range(5)])
    for place in range(len(body)):
        damaged = bytearray(body)
        damaged[place] ^= 1
        with suppress(LedgerError):
            list(segment.opened(bytes(damaged)).observations(NORTH, lambda _: True))
    for length in range(len(body)):
        with pytest.raises(LedgerError):
            segment.opened(body[:length])
