"""What a person writes: instants, components, invariants, signatures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.moments import parse_future, parse_past
from operator_cli.signature import said
from operator_cli.terms import component_named, invariant_named, kind_named, signal_named
from operator_core.errors import ConfigurationError
from operator_tikv import KNOWLEDGE

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone an hour ahead of UTC."""
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("5m ago", NOW - timedelta(minutes=5)),
        ("0s", NOW),
        ("12:30", datetime(2026, 3, 10, 11, 30, tzinfo=UTC)),
        ("13:30", datetime(2026, 3, 9, 12, 30, tzinfo=UTC)),  # still to come today, so yesterday's
        ("9:05:30", datetime(2026, 3, 10, 8, 5, 30, tzinfo=UTC)),
        ("2026-03-10T12:30", datetime(2026, 3, 10, 11, 30, tzinfo=UTC)),
        ("2026-03-10 11:30Z", datetime(2026, 3, 10, 11, 30, tzinfo=UTC)),
        ("2026-03-10T11:30+05:00", datetime(2026, 3, 10, 6, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_that_is_over_is_read_in_the_local_zone(text: str, expected: datetime) -> None:
    assert parse_past(text, of="--since", now=NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13:30", datetime(2026, 3, 10, 12, 30, tzinfo=UTC)),
        ("12:30", datetime(2026, 3, 11, 11, 30, tzinfo=UTC)),  # over today, so tomorrow's
        ("2026-03-10T12:30Z", datetime(2026, 3, 10, 12, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_to_come_is_read_in_the_local_zone(text: str, expected: datetime) -> None:
    assert parse_future(text, of="--until", now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "-3h", "25:00", "2026-13-01T00:00", "3030-01-01", "1e99s", "99999999999h"]
)
def test_what_is_no_instant_of_the_past_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--since is {text!r}"):
        parse_past(text, of="--since", now=NOW)


@pytest.mark.parametrize("text", ["", "soon", "2h", "2026-03-10T11:59Z", "9999-12-31T23:59:59-12:00"])
def test_what_is_no_instant_to_come_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--until is {text!r}"):
        parse_future(text, of="--until", now=NOW)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("store/4", "store/4"),
        ("store 4", "store/4"),
        (" store/4 ", "store/4"),
        ("pd0", "pd/pd0"),
        ("pd/pd0", "pd/pd0"),
        ("pd-0", "pd/pd-0"),
        ("cluster", "cluster/cluster"),
        ("source/metrics of store 4", "source/metrics of store 4"),
    ],
)
def test_a_component_is_known_however_it_is_written(text: str, key: str) -> None:
    assert component_named(text, KNOWLEDGE, of="--component").key == key


@pytest.mark.parametrize("text", ["", "4", "stor/4", "/", "store/", "disk 4"])
def test_what_is_no_component_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--component is"):
        component_named(text, KNOWLEDGE, of="--component")


def test_a_wrong_word_is_answered_with_those_that_are_alike() -> None:
    with pytest.raises(ConfigurationError, match="store-reachable"):
        invariant_named("store-reachabel", KNOWLEDGE, of="--invariant")
    with pytest.raises(ConfigurationError, match="there is append-quick"):
        invariant_named("xyz", KNOWLEDGE, of="--invariant")
    with pytest.raises(ConfigurationError, match="did you mean store"):
        kind_named("stores", KNOWLEDGE, of="--kind")
    with pytest.raises(ConfigurationError, match=r"store\.leaders"):
        signal_named("store.leader", KNOWLEDGE.signals, of="--readings")
    assert invariant_named("store-reachable", KNOWLEDGE, of="--invariant") == "store-reachable"


@pytest.mark.parametrize("text", [None, "", "  \n", "x" * 20_001, "\udcff"])
def test_what_cannot_stand_in_a_record_is_refused(text: str | None) -> None:
    with pytest.raises(ConfigurationError, match="--because"):
        said(text, of="--because")


def test_what_a_person_says_is_kept_as_it_was_said() -> None:
    assert said(" größe\nzweite Zeile ", of="--because") == "größe\nzweite Zeile"
