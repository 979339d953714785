"""When the model takes a node for dead, frozen or started anew."""

from __future__ import annotations

import pytest
from operator_simulator import Cluster
from operator_simulator.model.process import Life
from operator_simulator.nodes.lives import FROZEN_AFTER_S, GONE_AFTER_S, Lives


@pytest.fixture
def lives(cluster: Cluster) -> Lives:
    """The first store has said hello as life 1; no time passes but what a test lets pass."""
    found = Lives(lambda: cluster, lambda _: None)
    found.begins("tikv0", 1)
    return found


def quiet(lives: Lives, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        lives.passes(0.1)


def life(cluster: Cluster) -> Life:
    return cluster.processes["tikv0"].life


def test_silence_is_a_freeze_only_after_two_seconds_and_ends_with_the_next_sign(cluster: Cluster, lives: Lives) -> None:
    quiet(lives, FROZEN_AFTER_S - 0.2)
    assert life(cluster) is Life.RUNNING
    quiet(lives, 0.3)
    assert life(cluster) is Life.FROZEN
    lives.beats("tikv0")
    assert life(cluster) is Life.RUNNING


def test_signs_in_time_keep_a_node_running(cluster: Cluster, lives: Lives) -> None:
    for _ in range(100):
        quiet(lives, FROZEN_AFTER_S - 0.2)
        lives.beats("tikv0")
    assert life(cluster) is Life.RUNNING


def test_a_model_that_was_held_up_itself_takes_nobody_for_frozen(cluster: Cluster, lives: Lives) -> None:
    for _ in range(5):
        lives.passes(600.0)
    assert life(cluster) is Life.RUNNING


def test_a_connection_that_ended_is_a_death_unless_the_same_life_is_back_at_once(
    cluster: Cluster, lives: Lives
) -> None:
    lives.hangs_up("tikv0")
    quiet(lives, GONE_AFTER_S - 0.2)
    assert not lives.begins("tikv0", 1)
    quiet(lives, GONE_AFTER_S + 0.2)
    assert life(cluster) is Life.RUNNING
    lives.hangs_up("tikv0")
    quiet(lives, GONE_AFTER_S + 0.2)
    assert life(cluster) is Life.STOPPED
    assert lives.running() == {}
    assert lives.begins("tikv0", 1)
    assert life(cluster) is Life.RUNNING


def test_another_life_is_a_restart_even_when_the_end_of_the_first_was_not_seen(cluster: Cluster, lives: Lives) -> None:
    quiet(lives, 1)
    lives.beats("tikv0")
    assert lives.begins("tikv0", 2)
    assert not cluster.processes["tikv0"].is_up
    assert lives.running() == {"tikv0": 2}


def test_a_frozen_node_whose_connection_ends_is_dead(cluster: Cluster, lives: Lives) -> None:
    quiet(lives, FROZEN_AFTER_S + 0.2)
    lives.hangs_up("tikv0")
    quiet(lives, GONE_AFTER_S + 0.2)
    assert life(cluster) is Life.STOPPED
