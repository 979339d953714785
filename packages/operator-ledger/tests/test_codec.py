"""Values survive being written; what is newer or damaged is refused, not guessed at."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import ComponentRef, Kind, Role
from operator_core.decide import Tracked
from operator_core.errors import LedgerError
from operator_core.judgements import InvariantName, JudgementKey, Verdict
from operator_core.readings import Observation, Reading, ReadingId, SignalName, Unit
from operator_core.record import Entry, ObservationKept, Progress
from operator_ledger.codec import FORMAT, TAGS, from_json, read, to_json, written

INSTANTS = st.timedeltas(timedelta(0), timedelta(days=365 * 200)).map(datetime(1990, 1, 1, tzinfo=UTC).__add__)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
REFS = st.builds(ComponentRef, WORDS.map(Kind), WORDS)
KEYS = st.builds(JudgementKey, invariant=WORDS.map(InvariantName), component=REFS)
TRACKED = st.builds(
    Tracked,
    verdict=st.sampled_from(Verdict),
    violated_since=st.none() | INSTANTS,
    held_since=st.none() | INSTANTS,
    is_open=st.booleans(),
)
READINGS = st.builds(
    Reading,
    id=WORDS.map(ReadingId),
    component=REFS,
    signal=WORDS.map(SignalName),
    value=st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.integers(0, 2**62).map(str),
    unit=WORDS.map(Unit),
    at=INSTANTS,
    source=WORDS,
    toward=st.none() | REFS,
)


@given(reading=READINGS)
def test_a_reading_survives_whatever_its_words_and_numbers(reading: Reading) -> None:
    again = from_json(Reading, to_json(reading))
    assert again == reading
    assert type(again.value) is type(reading.value)


@given(number=st.integers(0, 2**60), at=INSTANTS, tracked=st.dictionaries(KEYS, TRACKED, max_size=5))
def test_progress_survives_whatever_is_tracked(number: int, at: datetime, tracked: dict[JudgementKey, Tracked]) -> None:
    progress = Progress(number=number, at=at, tracked=tracked)
    assert read(written(progress)) == progress


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e308, 5e-324, 0.1, -0.0, "", "inf", "1"])
def test_no_value_changes_its_kind(observation: Callable[..., Observation], value: float | str) -> None:
    entry = read(written(ObservationKept(observation=observation(1, value=value))))
    assert isinstance(entry, ObservationKept)
    assert repr(entry.observation.readings[0].value) == repr(value)


def test_a_set_is_written_in_one_order(observation: Callable[..., Observation]) -> None:
    one = observation(1)
    names = [f"role {n:02}" for n in range(20)]
    played = replace(one.components[0], roles=frozenset(map(Role, names)))
    told = to_json(replace(one, components=(played,)))
    assert to_json(names) in told
    assert from_json(Observation, told).components == (played,)


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    east = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert to_json(east) == '"2026-03-01T12:00:00+00:00"'


def test_every_type_of_entry_has_a_tag() -> None:
    assert set(TAGS.values()) == set(get_args(Entry))


def test_a_newer_format_is_refused_and_the_present_one_is_not(observation: Callable[..., Observation]) -> None:
    there = written(ObservationKept(observation=observation(1)))
    read(there)
    with pytest.raises(LedgerError, match=f"format {FORMAT + 1}; this program reads up to {FORMAT}"):
        read(replace(there, format=FORMAT + 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"body": b"\x00"}, "damaged"),
        ({"coding": "json"}, "cannot be read"),
        ({"coding": "morse"}, "unknown coding 'morse'"),
        ({"tag": "omen"}, "unknown tag 'omen'"),
        ({"tag": "note"}, "a recorded NoteAdded cannot be read: ticket"),
    ],
)
def test_what_is_damaged_is_refused_in_words(
    observation: Callable[..., Observation], change: dict[str, str | bytes], says: str
) -> None:
    there = written(ObservationKept(observation=observation(1)))
    with pytest.raises(LedgerError, match=says):
        read(replace(there, **change))  # pyright: ignore[reportArgumentType] - each by its own type


def test_what_is_compressed_is_small(observation: Callable[..., Observation]) -> None:
    one = observation(1)
    large = replace(one, readings=one.readings * 500)
    there = written(ObservationKept(observation=large))
    assert len(there.body) < len(there.text) / 20
