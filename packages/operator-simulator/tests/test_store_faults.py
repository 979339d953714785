"""What the loss of a store looks like in time, as PD and the other stores see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces.exchange import Door
from operator_simulator.faces.front import door
from operator_simulator.model.network import Cut

Live = Callable[[Cluster, float], None]


def state(cluster: Cluster, ident: int) -> str:
    return cluster.view.stores[ident].state_name(cluster.now_s)


def led(cluster: Cluster, ident: int) -> int:
    return cluster.view.leader_counts()[ident]


@pytest.mark.parametrize("how", ["kill", "freeze", "isolate"])
def test_the_leaders_of_a_lost_store_are_elected_elsewhere_in_ten_to_twenty_seconds(
    cluster: Cluster, live: Live, how: str
) -> None:
    before = led(cluster, 4)
    lose(cluster, "tikv1", how)
    live(cluster, 9.4)
    assert led(cluster, 4) == before > 0
    live(cluster, 12)
    assert led(cluster, 4) == 0
    assert sum(cluster.view.leader_counts().values()) == 60


def lose(cluster: Cluster, name: str, how: str) -> None:
    match how:
        case "kill":
            cluster.kill(name)
        case "freeze":
            cluster.freeze(name)
        case _:
            cluster.network.put("test", Cut(one=frozenset({name}), other=cluster.network.everyone_but(name)))


@pytest.mark.sampled(0)
def test_pd_calls_a_killed_store_disconnected_within_ten_to_twenty_seconds_and_down_after_thirty_minutes(
    cluster: Cluster, live: Live
) -> None:
    cluster.kill("tikv1")
    live(cluster, 9.5)
    assert state(cluster, 4) == "Up"
    live(cluster, 12)
    assert state(cluster, 4) == "Disconnected"
    live(cluster, 1740)
    assert state(cluster, 4) == "Disconnected"
    live(cluster, 60)
    assert state(cluster, 4) == "Down"


def test_a_store_that_comes_back_is_up_again_and_gets_leaders_back_slowly(cluster: Cluster, live: Live) -> None:
    cluster.kill("tikv1")
    live(cluster, 60)
    before = cluster.view.stores[4].start_s
    cluster.start("tikv1")
    live(cluster, 10)
    assert state(cluster, 4) == "Disconnected"  # its first heartbeat comes ten seconds after it has come up
    live(cluster, 6)
    assert state(cluster, 4) == "Up"
    assert led(cluster, 4) <= 4  # PD may have begun to give it leaders before it saw the loss
    assert cluster.view.stores[4].start_s > before
    live(cluster, 4)
    assert led(cluster, 4) < 16
    live(cluster, 120)
    assert led(cluster, 4) >= 18


def test_the_same_start_time_returns_after_a_pause(cluster: Cluster, live: Live) -> None:
    before = cluster.view.stores[4].start_s
    cluster.freeze("tikv1")
    assert door(cluster, "tikv1") is Door.MUTE
    live(cluster, 60)
    assert state(cluster, 4) == "Disconnected"
    cluster.thaw("tikv1")
    live(cluster, 11)
    assert state(cluster, 4) == "Up"
    assert cluster.view.stores[4].start_s == before


def test_a_pause_below_the_election_timeout_moves_no_leader(cluster: Cluster, live: Live) -> None:
    before = cluster.view.leader_counts()
    cluster.freeze("tikv1")
    live(cluster, 5)
    cluster.thaw("tikv1")
    live(cluster, 60)
    assert cluster.view.leader_counts() == before


def test_an_isolated_leader_steps_down_and_says_why(cluster: Cluster, live: Live) -> None:
    lose(cluster, "tikv1", "isolate")
    assert door(cluster, "tikv1") is Door.UNANSWERED
    live(cluster, 12)
    assert all(not cluster.raft.leads(r, "tikv1") for r in cluster.raft.regions)
    said = [line.text for line in cluster.processes["tikv1"].log.lines()]
    assert any("stepped down to follower since quorum is not active" in text for text in said)


def test_a_store_cut_off_from_pd_keeps_its_leaders_while_pd_calls_it_disconnected(cluster: Cluster, live: Live) -> None:
    before = led(cluster, 4)
    pds = frozenset(m.name for m in cluster.quorum.members)
    cluster.network.put("test", Cut(one=frozenset({"tikv1"}), other=pds))
    live(cluster, 900)
    assert state(cluster, 4) == "Disconnected"
    assert led(cluster, 4) == before == sum(cluster.raft.leads(r, "tikv1") for r in cluster.raft.regions)
    assert cluster.view.check("down-peer", 3) == []
    assert all(c.value == 0 for n in ("tikv0", "tikv2") for c in cluster.stores[n].cells.unreachable.values())


def test_two_stores_that_cannot_talk_stay_up_and_show_as_down_peers_after_ten_minutes(
    cluster: Cluster, live: Live
) -> None:
    before = cluster.view.leader_counts()
    cluster.network.put("test", Cut(one=frozenset({"tikv0"}), other=frozenset({"tikv1"})))
    live(cluster, 500)
    assert [state(cluster, i) for i in (1, 4, 5)] == ["Up"] * 3
    assert cluster.view.check("down-peer", 3) == []
    assert cluster.view.leader_counts() == before
    live(cluster, 200)
    assert len(cluster.view.check("down-peer", 3)) == led(cluster, 1) + led(cluster, 4)
    cells = cluster.stores["tikv0"].cells
    assert cells.unreachable["4"].value > 100
    assert cells.unreachable["5"].value == 0


def test_with_two_of_three_stores_dead_pd_shows_their_leaders_for_ever_and_no_election_ends(
    cluster: Cluster, live: Live
) -> None:
    cluster.kill("tikv1")
    cluster.kill("tikv2")
    live(cluster, 600)
    assert led(cluster, 4) > 0
    assert led(cluster, 5) > 0
    assert all(not cluster.raft.leads(r, "tikv0") for r in cluster.raft.regions)
    assert cluster.stores["tikv0"].cells.sent["prevote"].value > 1000
    assert cluster.stores["tikv0"].cells.sent["vote"].value == 0
    cluster.start("tikv1")
    live(cluster, 25)
    assert {r.leader for r in cluster.raft.regions} <= {"tikv0", "tikv1"}


def test_neighbours_notice_a_dead_process_at_once_and_a_frozen_one_after_the_keepalive(live: Live) -> None:
    noticed: dict[str, list[bool]] = {}
    for how in ("kill", "freeze"):
        cluster = Cluster(ClusterConfig(noise=0), datetime(2026, 1, 1, tzinfo=UTC))
        lose(cluster, "tikv1", how)
        seen: list[bool] = []
        for _ in range(3):
            live(cluster, 5)
            seen.append(cluster.stores["tikv0"].cells.unreachable["4"].value > 0)
        noticed[how] = seen
    assert noticed == {"kill": [True, True, True], "freeze": [False, False, True]}
