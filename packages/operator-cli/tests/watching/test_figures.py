"""Numbers and ages that fit a cell and say what they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_cli.render.figures import age, amount, between_of, short_time
from operator_core.readings import Unit


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, "1/s", "0/s"),
        (656.9, "1/s", "657/s"),
        (12_345, "1/s", "12.3k/s"),
        (999.6, "1/s", "1k/s"),
        (0.004498, "s", "4.5 ms"),
        (0.9999, "s", "1000 ms"),
        (0.00002, "s", "20 µs"),
        (0, "s", "0 s"),
        (75, "s", "75 s"),
        (429_496_729_600, "bytes", "400 GiB"),
        (512, "bytes", "512 B"),
        (20, "1", "20"),
        (0.8, "1", "0.8"),
        (1234, "1", "1234"),
        (3, "peers", "3 peers"),
        (float("nan"), "1", "nan"),
    ],
)
def test_an_amount_has_three_digits_and_its_unit(value: float, unit: str, shown: str) -> None:
    assert amount(value, Unit(unit)) == shown


@given(
    value=st.floats(-1e15, 1e15).filter(lambda v: v == 0 or abs(v) > 1e-9),
    unit=st.sampled_from(["s", "bytes", "1/s", "1"]),
)
def test_no_amount_is_wider_than_its_cell(value: float, unit: str) -> None:
    assert len(amount(value, Unit(unit))) <= 12
    assert "e+" not in amount(value, Unit(unit))


def test_a_range_names_a_common_unit_once() -> None:
    assert between_of(418, 482, Unit("1/s")) == "418–482/s"
    assert between_of(0.00475, 0.00482, Unit("s")) == "4.75–4.82 ms"
    assert between_of(0.0005, 0.0012, Unit("s")) == "500 µs–1.2 ms"
    assert between_of(5, 5, Unit("1")) == "5"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3599, "59 min"),
        (7980, "2 h 13 min"),
        (356_400, "4 d 3 h"),
    ],
)
def test_an_age_is_said_in_its_two_largest_units(seconds: float, shown: str) -> None:
    assert age(timedelta(seconds=seconds)) == shown


def test_an_instant_of_another_day_has_its_date() -> None:
    now = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert ":" in short_time(now, now=now)
    assert "-" not in short_time(now, now=now)
    assert "-" in short_time(now - timedelta(days=2), now=now)
