"""A sample of the trials behind the figures: few seeds, every claim of the figures checked on each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from operator_cli.trials.pairs import PAIRS, run_pair
from operator_cli.trials.quiet import run_coming_up, run_healthy, run_killed_soon, run_rolling_restart
from operator_cli.trials.single import run_trial

IN_TIME_S = 15.0
SOON_S = 30.0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", [100, 101])
@pytest.mark.parametrize("command", ["kill-store", "pause-store", "isolate-store", "kill-pd-leader"])
def test_a_fault_is_one_ticket_in_time_told_rightly_and_resolved_after_its_cure_and_not_before(
    command: str, seed: int
) -> None:
    result = run_trial(command, seed)
    assert result.is_one_ticket, result
    assert result.opened_after_s is not None
    assert 0 < result.opened_after_s <= IN_TIME_S
    assert result.is_right, result.first
    assert result.resolved_after_s is not None
    assert result.resolved_after_s > 0


def test_a_store_that_only_pd_does_not_hear_is_not_called_dead() -> None:
    result = run_trial("cut-from-pd", 100)
    assert result.is_right, result.first
    assert not result.stray


@pytest.mark.sampled(1)
@pytest.mark.parametrize("commands", PAIRS, ids=" and ".join)
def test_two_independent_faults_at_once_are_two_tickets(commands: tuple[str, str]) -> None:
    result = run_pair(commands, 100)
    assert result.is_two_tickets, result


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", [100, 101])
def test_a_healthy_stretch_with_noise_opens_nothing(seed: int) -> None:
    assert run_healthy(seed, timedelta(minutes=10)) == ()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", [100, 101, 102])
def test_a_cluster_that_comes_up_opens_nothing_from_its_first_second_on(seed: int) -> None:
    assert run_coming_up(seed, timedelta(minutes=4)) == ()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", [100, 101])
def test_a_store_that_dies_soon_after_the_monitors_start_is_told_in_time(seed: int) -> None:
    after = run_killed_soon(seed)
    assert after is not None
    assert after <= SOON_S


@pytest.mark.sampled(0)
@pytest.mark.parametrize("seed", [100, 101])
def test_a_rolling_restart_opens_nothing(seed: int) -> None:
    assert run_rolling_restart(seed) == ()


@pytest.mark.sampled(0)
def test_a_trial_is_its_seed() -> None:
    assert run_trial("pause-store", 102) == run_trial("pause-store", 102)
