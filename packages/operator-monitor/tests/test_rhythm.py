"""When cycles begin: in phase, with a little chance, never close to each other."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.errors import ConfigurationError
from operator_monitor.rhythm import Rhythm

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)


def begun(rhythm: Rhythm, takes: list[float]) -> list[float]:
    """When cycles begin that take so many seconds each."""
    starts: list[float] = []
    now = T0
    rhythm.begin(T0)
    for took in takes:
        now = max(now, rhythm.next(now))
        starts.append((now - T0).total_seconds())
        now += timedelta(seconds=took)
    return starts


@pytest.mark.parametrize(
    ("takes", "starts"),
    [
        ([1, 1, 1, 1], [0, 10, 20, 30]),
        ([10, 10, 10], [0, 10, 20]),
        ([9.9, 9.9, 9.9], [0, 10, 20]),
        ([13, 1, 1], [0, 13, 20]),  # what was missed begins at once
        ([17, 1, 1], [0, 20, 30]),  # unless the next is near
        ([43, 1, 1], [0, 43, 50]),  # what was missed for long is one cycle
        ([12, 12, 12, 12], [0, 12, 24, 40]),
    ],
)
def test_cycles_keep_their_phase_however_long_one_takes(takes: list[float], starts: list[float]) -> None:
    assert begun(Rhythm(INTERVAL), takes) == starts


@given(seed=st.integers(0, 2**32), share=st.floats(0.0, 0.49), takes=st.lists(st.floats(0.0, 5.0), max_size=60))
def test_jitter_stays_within_its_share_and_nothing_adds_up(seed: int, share: float, takes: list[float]) -> None:
    starts = begun(Rhythm(INTERVAL, jitter=share, chance=random.Random(seed)), takes)
    for n, start in enumerate(starts):
        assert abs(start - 10 * n) <= 10 * share + 1e-5 or start == pytest.approx(starts[n - 1] + takes[n - 1])


@given(seed=st.integers(0, 2**32), takes=st.lists(st.floats(0.0, 70.0), max_size=60))
def test_two_cycles_never_begin_near_each_other_nor_overlap(seed: int, takes: list[float]) -> None:
    starts = begun(Rhythm(INTERVAL, jitter=0.1, chance=random.Random(seed)), takes)
    for n in range(1, len(starts)):
        assert starts[n] - starts[n - 1] >= max(takes[n - 1], 10 * (0.5 - 0.1)) - 1e-5


@given(takes=st.lists(st.floats(0.0, 70.0), max_size=60))
def test_no_cycle_waits_for_more_than_the_interval(takes: list[float]) -> None:
    starts = begun(Rhythm(INTERVAL), takes)
    for n in range(1, len(starts)):
        assert starts[n] - (starts[n - 1] + takes[n - 1]) <= 10


def test_the_first_cycle_begins_when_it_is_told_to() -> None:
    for seed in range(20):
        rhythm = Rhythm(INTERVAL, jitter=0.4, chance=random.Random(seed))
        rhythm.begin(T0)
        assert rhythm.next(T0) == T0


def test_chance_is_used_and_its_seed_alone_repeats_it() -> None:
    one, two, other = (begun(Rhythm(INTERVAL, jitter=0.1, chance=random.Random(s)), [0.0] * 20) for s in (1, 1, 2))
    assert one == two != other
    assert len({round(s - 10 * n, 6) for n, s in enumerate(one)}) == 20
    assert begun(Rhythm(INTERVAL, jitter=0.1), [0.0] * 3) == [0, 10, 20]


@pytest.mark.parametrize(("interval", "jitter"), [(0, 0.1), (-1, 0.1), (1, -0.1), (1, 0.5)])
def test_terms_that_make_no_rhythm_are_refused(interval: float, jitter: float) -> None:
    with pytest.raises(ConfigurationError):
        Rhythm(timedelta(seconds=interval), jitter=jitter)
