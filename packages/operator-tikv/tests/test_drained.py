"""Whether a store's leaders had left it before it went, from PD's leader counts and our looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from operator_tikv.memory import Leading

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def drained(*looks: tuple[float, int, float | None]) -> bool:
    leading = Leading()
    for at, regions, unheard_for in looks:
        now = T0 + timedelta(seconds=at)
        leading.leads(regions, now, None if unheard_for is None else now - timedelta(seconds=unheard_for))
    return leading.is_drained


@pytest.mark.parametrize(
    ("looks", "is_drained"),
    [
        pytest.param([(0, 20, 0), (5, 0, 0), (10, 0, 4)], True, id="they left while it answered"),
        pytest.param([(0, 20, 0), (5, 0, 3)], True, id="they were gone sooner than anybody can elect others"),
        pytest.param([(0, 20, 0), (5, 20, 3), (10, 20, 8), (15, 0, 13)], False, id="others were elected after it"),
        pytest.param([(0, 20, 0), (5, 0, 0), (60, 12, 0), (65, 12, 3)], False, id="they came back before"),
        pytest.param([(0, 3, 0), (5, 0, 0)], False, id="it never led more than a few"),
        pytest.param([(0, 0, 0), (5, 0, 3)], False, id="it never led any"),
        pytest.param([(0, 20, 0), (1200, 0, 0)], False, id="that was long ago"),
        pytest.param([(0, 20, None), (5, 0, None)], False, id="it was dead before we looked first"),
    ],
)
def test_leaders_that_leave_before_are_told_from_leaders_that_are_lost(
    looks: list[tuple[float, int, float | None]], *, is_drained: bool
) -> None:
    assert drained(*looks) is is_drained
