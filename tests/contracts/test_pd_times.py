"""How long PD is without a leader, and what is said meanwhile: recorded on a real PD v8.5.5, and simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces.exchange import Answer

if TYPE_CHECKING:
    from tests.contracts.conftest import Simulated

Timeline = Callable[[str], Sequence[dict[str, Any]]]
STORES: Final = "/pd/api/v1/stores"
MEMBERS: Final = "/pd/api/v1/members"
ETCD: Final = "/health"
REFUSED: Final = b"[PD:apiutil:ErrRedirect]redirect failed\n"
NOT_LEADER: Final = b"[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader\n"
NO_LEADER: Final = b"[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n"
KILLED_S: Final = (11.0, 13.0)
PAUSED_S: Final = (11.0, 13.5)


def asked(rows: Sequence[dict[str, Any]], path: str, role: str = "survivor") -> list[dict[str, Any]]:
    return [r for r in rows if r["path"] == path and r["asked_role"] == role and not r["request_headers"]]


def first_answer_s(rows: Sequence[dict[str, Any]]) -> float:
    """From the fault to the first good answer of a survivor that was sent after it."""
    return min(r["t_s"] + r["elapsed_s"] for r in rows if r["t_s"] > 1 and r["status"] == 200)


@pytest.fixture(params=[1, 2, 3, 4, 5])
def any_simulated(request: pytest.FixtureRequest, simulated: Simulated) -> Simulated:
    """Several runs of chance."""
    cluster = simulated.cluster
    simulated.cluster = Cluster(ClusterConfig(noise=0, regions=34, seed=request.param), cluster.epoch)
    simulated.live(30)
    return simulated


def leaderless_s(simulated: Simulated) -> float:
    cluster = simulated.cluster
    return simulated.live_until(lambda: cluster.quorum.is_serving(cluster.now_s), 30)


# -- killed -----------------------------------------------------------------------------------------------------


def test_survivors_of_a_real_killed_leader_refuse_at_once_until_there_is_a_new_one(timeline: Timeline) -> None:
    rows = asked(timeline("leader_killed"), STORES)
    leaderless = [r for r in rows if 0 < r["t_s"] < 12]
    assert {(r["status"], r["body"].encode()) for r in leaderless} == {(500, REFUSED)}
    assert max(r["elapsed_s"] for r in leaderless) < 0.1
    assert KILLED_S[0] <= first_answer_s(rows) <= KILLED_S[1]


def test_survivors_of_a_simulated_killed_leader_do_the_same(any_simulated: Simulated) -> None:
    simulated = any_simulated
    simulated.cluster.kill(simulated.leader.name)
    for _ in range(10):
        for member in simulated.followers:
            answer, took = simulated.ask(member, STORES)
            assert isinstance(answer, Answer)
            assert (answer.status, answer.body) == (500, REFUSED)
            assert took < 0.1
        simulated.live(1)
    assert KILLED_S[0] <= 10 + leaderless_s(simulated) <= KILLED_S[1]
    assert {r.state_name(simulated.cluster.now_s) for r in simulated.cluster.view.stores.values()} == {"Disconnected"}


def test_the_stores_of_a_new_leader_are_back_within_twelve_seconds(any_simulated: Simulated) -> None:
    """Measured: 8.0 to 10.8 s; each store is back with its next heartbeat."""
    cluster = any_simulated.cluster
    cluster.kill(any_simulated.leader.name)
    any_simulated.live(1)
    leaderless_s(any_simulated)

    def all_up() -> bool:
        return {r.state_name(cluster.now_s) for r in cluster.view.stores.values()} == {"Up"}

    assert any_simulated.live_until(all_up, 12) >= 1


# -- frozen -----------------------------------------------------------------------------------------------------


def test_requests_through_a_real_follower_hang_while_the_leader_is_frozen(timeline: Timeline) -> None:
    rows = asked(timeline("leader_paused"), STORES)
    early = [r for r in rows if 0.5 < r["t_s"] < 7]
    assert {r.get("status") for r in early} == {None}
    assert min(r["elapsed_s"] for r in early) > 19
    late = [r for r in rows if 7.5 < r["t_s"] < 11]
    assert {(r["status"], r["body"].encode()) for r in late} == {(500, NOT_LEADER)}, "answered when it goes on"
    fresh = [r["t_s"] for r in rows if r.get("status") == 200 and r["t_s"] > 1 and r["elapsed_s"] < 1]
    assert PAUSED_S[0] <= min(fresh) <= PAUSED_S[1]


def test_requests_through_a_simulated_follower_hang_as_well(any_simulated: Simulated) -> None:
    simulated = any_simulated
    old = simulated.leader
    simulated.cluster.freeze(old.name)
    began = simulated.cluster.now_s
    assert simulated.ask(simulated.followers[0], STORES) == (None, 20.0), "also when there is a new leader by then"
    assert simulated.cluster.quorum.leader is not old
    assert PAUSED_S[0] <= simulated.cluster.quorum.serving_since_s - began <= PAUSED_S[1]
    answer, took = simulated.ask(simulated.followers[0], STORES)
    assert isinstance(answer, Answer)
    assert (answer.status, took < 0.1) == (200, True), "a fresh request finds the new leader"


def test_a_request_that_hung_at_a_frozen_leader_is_refused_when_it_goes_on(simulated: Simulated) -> None:
    cluster, old = simulated.cluster, simulated.leader
    cluster.freeze(old.name)
    simulated.live(5)
    follower = next(m for m in cluster.quorum.members if m is not old)
    assert simulated.ask(follower, STORES, gives_up_s=10) == (None, 10.0)
    cluster.thaw(old.name)
    simulated.live(0.5)
    known = cluster.quorum.known_leader(follower, cluster.now_s - 11, cluster.now_s)
    assert known is old, "where it was sent to, there it stays"


# -- resigned ---------------------------------------------------------------------------------------------------


def test_a_real_resignation_is_hardly_noticed(timeline: Timeline) -> None:
    assert {r["status"] for r in asked(timeline("leader_resigned"), STORES)} == {200}


@pytest.mark.parametrize("how", ["resign", "stop"])
def test_a_simulated_resignation_takes_a_tenth_of_a_second_or_three(any_simulated: Simulated, how: str) -> None:
    cluster, old = any_simulated.cluster, any_simulated.leader
    follower = any_simulated.followers[0]
    if how == "stop":
        cluster.stop(old.name)
    else:
        assert cluster.quorum.resign(cluster.now_s)
    assert cluster.quorum.leader is not old
    assert 0.05 <= cluster.quorum.serving_since_s - cluster.now_s <= 0.3
    if cluster.quorum.leader is not follower:
        answer, _ = any_simulated.ask(follower, STORES)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.body) == (500, NOT_LEADER)
    any_simulated.live(0.3)
    answer, _ = any_simulated.ask(follower, STORES)
    assert isinstance(answer, Answer)
    assert answer.status == 200


# -- without a majority -----------------------------------------------------------------------------------------


def test_a_real_former_leader_serves_for_some_seconds_what_it_has_in_memory(timeline: Timeline) -> None:
    rows = timeline("quorum_lost_leader_survives")
    after = [r for r in asked(rows, STORES) if r["t_s"] > 0]
    assert 3 <= max(r["t_s"] for r in after if r["status"] == 200) < 5
    assert {(r["status"], r["body"].encode()) for r in after if r["t_s"] > 5} == {(503, NO_LEADER)}
    assert all(3 <= r["elapsed_s"] < 3.2 for r in after if r["t_s"] > 5)
    early = [r for r in asked(rows, MEMBERS) if 0.5 < r["t_s"] < 3]
    assert all(r["status"] == 500 and 9.9 < r["elapsed_s"] < 10.2 for r in early), "what needs etcd does not"


def test_a_simulated_former_leader_does_the_same(any_simulated: Simulated) -> None:
    cluster, leader = any_simulated.cluster, any_simulated.leader
    for member in any_simulated.followers:
        cluster.kill(member.name)
    any_simulated.live(3)
    answer, took = any_simulated.ask(leader, STORES)
    assert isinstance(answer, Answer)
    assert (answer.status, took < 0.1) == (200, True)
    assert 3.2 <= 3 + any_simulated.live_until(lambda: not cluster.quorum.leads(leader, cluster.now_s), 4) <= 5.5
    answer, took = any_simulated.ask(leader, STORES)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, round(took, 1)) == (503, NO_LEADER, 3.0)


def test_what_a_simulated_former_leader_reads_through_etcd_fails_after_ten_seconds(simulated: Simulated) -> None:
    leader = simulated.leader
    for member in simulated.followers:
        simulated.cluster.kill(member.name)
    simulated.live(1)
    healthy, _ = simulated.ask(leader, ETCD)
    assert isinstance(healthy, Answer)
    assert (healthy.status, healthy.body) == (503, b'{"health":"false","reason":"RAFT NO LEADER"}\n')
    answer, took = simulated.ask(leader, MEMBERS, headers={"PD-Allow-follower-handle": "true"})
    assert isinstance(answer, Answer)
    assert (answer.status, round(took)) == (500, 10)
    assert answer.body == b'"[PD:etcd:ErrEtcdKVGet]context deadline exceeded: context deadline exceeded"\n'


def test_a_follower_without_a_majority_refuses_for_ever(simulated: Simulated, timeline: Timeline) -> None:
    rows = [r for r in asked(timeline("quorum_lost"), STORES) if r["t_s"] > 0]
    assert {(r["status"], r["body"].encode()) for r in rows} == {(500, REFUSED)}
    leader, (one, other) = simulated.leader, simulated.followers
    simulated.cluster.kill(leader.name)
    simulated.cluster.kill(one.name)
    for _ in range(5):
        simulated.live(timedelta(minutes=1).total_seconds())
        answer, took = simulated.ask(other, STORES)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.body, took < 0.1) == (500, REFUSED, True)
        health, took = simulated.ask(other, "/pd/api/v1/health")
        assert isinstance(health, Answer)
        assert (health.body.count(b'"health": false'), took < 0.1) == (2, True), "the dead cost no time"
