"""A sample of the trials behind the figures: few seeds, every claim of the figures checked on each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from operator_cli.demo.trial import run_healthy, run_rolling_restart, run_trial

IN_TIME_S = 15.0


@pytest.mark.parametrize("seed", [100, 101])
@pytest.mark.parametrize("command", ["kill-store", "pause-store", "isolate-store", "kill-pd-leader"])
def test_a_fault_is_ticketed_in_time_told_rightly_and_resolved_after_its_cure_and_not_before(
    command: str, seed: int
) -> None:
    result = run_trial(command, seed)
    assert not result.early
    assert result.opened_after_s is not None
    assert 0 < result.opened_after_s <= IN_TIME_S
    assert result.is_right, result.first
    assert result.resolved_after_s is not None
    assert result.resolved_after_s > 0
    assert not result.stray


def test_a_store_that_only_pd_does_not_hear_is_not_called_dead() -> None:
    result = run_trial("cut-from-pd", 100)
    assert result.is_right, result.first
    assert not result.stray


def test_ten_healthy_minutes_with_noise_open_nothing() -> None:
    assert run_healthy(100, timedelta(minutes=10)) == ()


@pytest.mark.parametrize("seed", [100, 101])
def test_a_rolling_restart_opens_nothing(seed: int) -> None:
    assert run_rolling_restart(seed) == ()


def test_a_trial_is_its_seed() -> None:
    assert run_trial("pause-store", 102) == run_trial("pause-store", 102)
