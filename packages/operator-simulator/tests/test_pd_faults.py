"""PD without a leader, without a majority, or with a new leader: times, words, and who knows what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from operator_simulator import Cluster
from operator_simulator.faces import pd
from operator_simulator.faces.exchange import Answer, Later, Outcome, Request
from operator_simulator.model.etcd import Member
from operator_simulator.model.network import Cut

Live = Callable[[Cluster, float], None]


def member(cluster: Cluster, name: str) -> Member:
    return next(m for m in cluster.quorum.members if m.name == name)


def ask(cluster: Cluster, name: str, path: str, waited_s: float = 0.0) -> Outcome:
    return pd.answer(cluster, member(cluster, name), Request(method="GET", path=f"/pd/api/v1{path}"), waited_s)


def leaderless_s(cluster: Cluster, live: Live) -> float:
    for half_seconds in range(60):
        if cluster.quorum.is_serving(cluster.now_s):
            return half_seconds / 2
        live(cluster, 0.5)
    raise AssertionError("no PD leader within 30 s")


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_lost_pd_leader_leaves_eleven_to_thirteen_seconds_without_one(cluster: Cluster, live: Live, how: str) -> None:
    getattr(cluster, how)("pd0")
    live(cluster, 0.5)
    assert not cluster.quorum.is_serving(cluster.now_s)
    assert 10.5 <= leaderless_s(cluster, live) <= 13
    assert cluster.quorum.leader is not member(cluster, "pd0")


def test_resigning_takes_less_than_half_a_second(cluster: Cluster, live: Live) -> None:
    assert cluster.quorum.resign(cluster.now_s)
    assert not cluster.quorum.is_serving(cluster.now_s)
    assert leaderless_s(cluster, live) <= 0.5


def test_an_orderly_stop_of_the_pd_leader_resigns_first(cluster: Cluster, live: Live) -> None:
    cluster.stop("pd0")
    assert leaderless_s(cluster, live) <= 0.5
    assert any("got signal to exit" in line.text for line in member(cluster, "pd0").log.lines())


def test_after_a_change_of_leader_stores_look_disconnected_and_empty_until_their_next_heartbeat(
    cluster: Cluster, live: Live
) -> None:
    live(cluster, 100)
    cluster.quorum.resign(cluster.now_s)
    for _ in range(12):
        live(cluster, 0.5)
        if cluster.quorum.is_serving(cluster.now_s):
            break
    shown = ask(cluster, cluster.quorum.leader.name if cluster.quorum.leader else "", "/stores")
    assert isinstance(shown, Answer)
    assert b'"capacity": "0B"' in shown.body
    assert b'"state_name": "Disconnected"' in shown.body
    live(cluster, 11)
    assert {r.state_name(cluster.now_s) for r in cluster.view.stores.values()} == {"Up"}
    assert all(r.stats is not None for r in cluster.view.stores.values())


def test_no_pd_follower_is_missed(cluster: Cluster, live: Live) -> None:
    cluster.kill("pd2")
    live(cluster, 60)
    assert cluster.quorum.leader is member(cluster, "pd0")
    shown = ask(cluster, "pd0", "/health")
    assert isinstance(shown, Answer)
    assert shown.body.count(b'"health": true') == 2


def test_the_ping_of_a_frozen_member_costs_three_seconds(cluster: Cluster, live: Live) -> None:
    cluster.freeze("pd2")
    live(cluster, 1)
    assert isinstance(ask(cluster, "pd0", "/health"), Later)
    assert isinstance(ask(cluster, "pd0", "/health", waited_s=3.0), Answer)


def test_without_a_majority_the_survivor_serves_what_is_local_and_refuses_the_rest(
    cluster: Cluster, live: Live
) -> None:
    cluster.kill("pd0")
    cluster.kill("pd2")
    live(cluster, 60)
    for path in ("/ping", "/status", "/version", "/health"):
        answer = ask(cluster, "pd1", path)
        assert isinstance(answer, Answer)
        assert answer.status == 200
    assert ask(cluster, "pd1", "/stores") == Answer.error("[PD:apiutil:ErrRedirect]redirect failed", 500)


def test_a_former_leader_without_a_majority_looks_for_a_leader_for_three_seconds(cluster: Cluster, live: Live) -> None:
    cluster.kill("pd1")
    cluster.kill("pd2")
    live(cluster, 60)
    assert isinstance(ask(cluster, "pd0", "/stores"), Later)
    assert isinstance(ask(cluster, "pd0", "/stores", waited_s=2.9), Later)
    refused = ask(cluster, "pd0", "/stores", waited_s=3.0)
    assert refused == Answer.error("[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader", 503)


def test_a_follower_that_still_knows_the_dead_leader_says_that_the_redirect_failed(
    cluster: Cluster, live: Live
) -> None:
    cluster.kill("pd0")
    live(cluster, 1)
    assert ask(cluster, "pd1", "/stores") == Answer.error("[PD:apiutil:ErrRedirect]redirect failed", 500)


def test_a_follower_gives_the_leaders_answer(cluster: Cluster) -> None:
    own, passed = ask(cluster, "pd0", "/members"), ask(cluster, "pd1", "/members")
    assert isinstance(own, Answer)
    assert isinstance(passed, Answer)
    assert (own.body, own.status) == (passed.body, passed.status)
    assert passed.after_s > own.after_s


def test_a_member_that_starts_without_a_majority_is_mute_and_gives_up_after_five_minutes(
    cluster: Cluster, live: Live
) -> None:
    for name in ("pd0", "pd1", "pd2"):
        cluster.kill(name)
    live(cluster, 5)
    cluster.start("pd1")
    live(cluster, 200)
    assert isinstance(ask(cluster, "pd1", "/ping", waited_s=60), Later)
    live(cluster, 110)
    assert member(cluster, "pd1").is_dead


def test_a_majority_that_comes_back_has_a_leader_again(cluster: Cluster, live: Live) -> None:
    for name in ("pd0", "pd1", "pd2"):
        cluster.kill(name)
    live(cluster, 30)
    cluster.start("pd1")
    cluster.start("pd2")
    live(cluster, 40)
    assert cluster.quorum.is_serving(cluster.now_s)
    assert ask(cluster, "pd1", "/ping") == Answer(status=200)


def test_an_isolated_leader_steps_down_by_its_own_clock_and_the_others_choose_a_new_one(
    cluster: Cluster, live: Live
) -> None:
    old = member(cluster, "pd0")
    cluster.network.put("test", Cut(one=frozenset({"pd0"}), other=cluster.network.everyone_but("pd0")))
    live(cluster, 4)
    assert cluster.quorum.leader is old
    live(cluster, 3)
    assert cluster.quorum.leader is None
    live(cluster, 10)
    assert cluster.quorum.leader not in {None, old}
    cluster.network.take("test")
    live(cluster, 5)
    answered = ask(cluster, "pd0", "/leader")
    assert isinstance(answered, Answer)
    assert answered.status == 200


def test_stores_without_pd_serve_on_and_count_their_failures(cluster: Cluster, live: Live) -> None:
    before = {r.id: r.leader for r in cluster.raft.regions}
    for name in ("pd0", "pd1", "pd2"):
        cluster.kill(name)
    live(cluster, 120)
    assert {r.id: r.leader for r in cluster.raft.regions} == before
    cells = cluster.stores["tikv0"].cells
    assert cells.reconnects["failure"].value > 20
    assert cells.pending_heartbeats.value >= 20
    assert cells.heartbeats["send"].value > cells.heartbeats["noop"].value
    assert any("PD failed to respond" in line.text for line in cluster.stores["tikv0"].log.lines())
