"""A cluster that comes up: for the first time, or again with its data; what is seen of it from the first second on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from operator_core.errors import ConfigurationError
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Door, Later, Request
from operator_simulator.model.birth import key_space
from operator_simulator.model.network import Cut
from prometheus_client.parser import text_string_to_metric_families

Live = Callable[[Cluster, float], None]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
NOT_BOOTSTRAPPED = b'"[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"\n'


def cold(seed: int = 1, noise: float = 1.0) -> Cluster:
    return Cluster(ClusterConfig(cold_start=True, seed=seed, noise=noise), EPOCH)


def seconds(cluster: Cluster, within: float) -> Iterator[float]:
    """Every half second of a stretch."""
    for half in range(round(within * 2)):
        cluster.advance_to(EPOCH + timedelta(seconds=half / 2 + 0.1))
        yield half / 2


def until(cluster: Cluster, holds: Callable[[], bool], within: float = 120) -> float:
    return next(at for at in seconds(cluster, within) if holds())


def ask(cluster: Cluster, path: str, process: str | None = None) -> Answer:
    """What PD's leader says, or another process."""
    leader = cluster.quorum.leader
    name = process or (leader.name if leader is not None else "pd0")
    target = path if path.startswith("/metrics") else f"/pd/api/v1{path}"
    outcome = front.answer(cluster, name, Request.of("GET", target, {}, b""), 0.0)
    assert isinstance(outcome, Answer)
    return outcome


def read(cluster: Cluster, path: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(ask(cluster, path).body)


def doors(cluster: Cluster) -> dict[str, Door]:
    return {name: front.door(cluster, name) for name in cluster.processes}


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_at_first_every_port_refuses_and_stores_listen_only_when_pd_has_a_leader(seed: int, is_new: bool) -> None:
    cluster = Cluster(ClusterConfig(seed=seed, cold_start=is_new, restarted=not is_new), EPOCH)
    assert set(doors(cluster).values()) == {Door.REFUSES}
    opened: dict[str, float] = {}
    for at in seconds(cluster, 60):
        for name, door in doors(cluster).items():
            if door is Door.OPEN:
                opened.setdefault(name, at)
        if set(cluster.stores) & set(opened):
            assert cluster.quorum.is_serving(cluster.now_s)
    assert set(opened) == set(cluster.processes)
    assert max(opened[m.name] for m in cluster.quorum.members) < min(opened[s] for s in cluster.stores)
    assert len({at for name, at in opened.items() if name in cluster.stores}) > 1


def test_a_pd_without_a_leader_is_mute_and_one_without_a_cluster_says_so() -> None:
    cluster = cold()
    until(cluster, lambda: front.door(cluster, "pd0") is Door.OPEN)
    request = Request.of("GET", "/pd/api/v1/ping", {}, b"")
    assert isinstance(front.answer(cluster, "pd0", request, 5.0), Later)
    until(cluster, lambda: cluster.quorum.is_serving(cluster.now_s))
    assert cluster.bootstrapped_s is None
    for path in ("/stores", "/regions/count", "/schedulers", "/operators", "/stores/limit"):
        answer = ask(cluster, path)
        assert (path, answer.status, answer.body) == (path, 500, NOT_BOOTSTRAPPED)
    assert len(read(cluster, "/members")["members"]) == 3
    assert read(cluster, "/config/replicate")["max-replicas"] == 3
    status = {"raft_bootstrap_time": "0001-01-01T00:00:00Z", "is_initialized": False, "replication_status": ""}
    assert read(cluster, "/cluster/status") == status
    page = ask(cluster, "/metrics").body.decode()
    assert "pd_cluster_status" not in page
    assert 'store="1"' not in page
    assert "pd_cluster_tso" in page


def test_a_store_is_down_for_pd_until_its_first_heartbeat_and_prepares_before_it_serves() -> None:
    cluster = cold()
    until(cluster, lambda: bool(cluster.view.stores))
    shown = read(cluster, "/store/1")
    assert shown["store"]["state_name"] == "Down"
    assert shown["status"]["last_heartbeat_ts"] == "1970-01-01T00:00:00Z"
    assert (shown["status"]["capacity"], "uptime" in shown["status"]) == ("0B", False)
    assert {"last_heartbeat", "node_state"}.isdisjoint(shown["store"])
    registered = cluster.now_s
    until(cluster, lambda: read(cluster, "/store/1")["store"]["state_name"] == "Up")
    assert 9.5 <= cluster.now_s - registered <= 11
    until(cluster, lambda: "node_state" in read(cluster, "/store/1")["store"])
    assert read(cluster, "/store/1")["status"]["capacity"] == "500GiB"


def test_stores_appear_as_they_register_and_nobody_hears_of_the_others_before() -> None:
    cluster = cold()
    grown: list[list[str]] = [[]]
    for _ in seconds(cluster, 40):
        if cluster.bootstrapped_s is not None:
            known = sorted(read(cluster, "/stores/limit"))
            assert known == sorted(str(i) for i in cluster.view.stores)
            grown += [known] if grown[-1] != known else []
        if len(cluster.view.stores) == 1 and cluster.stores["tikv0"].is_up:
            assert b'store="4"' not in cluster.publish(cluster.stores["tikv0"])
    assert grown[-1] == ["1", "4", "5"]
    assert len(grown) > 2
    assert all(known == grown[-1][: len(known)] for known in grown)


def test_counters_begin_at_zero_and_histograms_empty() -> None:
    cluster = cold()
    until(cluster, lambda: cluster.stores["tikv2"].is_up)
    page = cluster.publish(cluster.stores["tikv2"]).decode()
    counted = {
        (s.name, *s.labels.values()): s.value
        for f in text_string_to_metric_families(page)
        if f.type in {"counter", "histogram"} and not f.name.startswith(("process_", "raft_engine", "tikv_raftstore_i"))
        for s in f.samples
    }
    assert {k for k, v in counted.items() if v > 2} == set()
    assert 'tikv_raftstore_region_count{type="region"} 0' in page


@pytest.mark.parametrize("seed", range(3))
def test_regions_grow_from_one_and_keep_covering_the_key_space(seed: int) -> None:
    cluster = cold(seed)
    counts: list[int] = []
    for _ in seconds(cluster, 90):
        regions = cluster.view.ordered(cluster.view.regions.values())
        counts.append(len(regions))
        bounds = [(r.start_key, r.end_key) for r in regions]
        if bounds:
            assert (bounds[0][0], bounds[-1][1]) == ("", "")
            assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
            assert sum(r.weight for r in cluster.raft.regions) == pytest.approx(1)
    assert counts == sorted(counts)
    assert {0, 1, 60} < set(counts)
    assert cluster.workload.has_begun
    assert cluster.raft.by_id[2].version == 60  # one more for each region that was split off
    held = [r for r in cluster.raft.regions for _ in r.peers]
    assert len(held) == 180
    ids = [*cluster.view.stores, *(r.id for r in cluster.raft.regions), *(p.id for r in held[::3] for p in r.voters)]
    assert len(ids) == len(set(ids)) == 3 + 60 + 180
    assert max(cluster.view.leader_counts().values()) - min(cluster.view.leader_counts().values()) <= 2


def test_the_first_region_gets_its_replicas_one_after_the_other_by_operators_of_pd() -> None:
    cluster = cold(noise=0)
    until(cluster, lambda: bool(cluster.scheduling.running))
    (text,) = read(cluster, "/operators")
    assert text.startswith(
        "add-rule-peer {add peer: store [4]} (kind:replica,region, region:2(1, 1), createAt:2026-01-01"
    )
    steps = "0:{add learner peer 6 on store 4}, 1:{use joint consensus, promote learner peer 6 on store 4 to voter}"
    assert text.endswith(f"currentStep:0, size:1, steps:[{steps}], timeout:[11m0s])")
    (row,) = json.loads(ask(cluster, "/operators?object=1").body)
    assert (row["kind"], row["timeout"], row["status"]) == (16 + 128, "11m0s", 1)
    until(cluster, lambda: len(read(cluster, "/region/id/2")["peers"]) == 2)
    shown = read(cluster, "/region/id/2")
    assert [p["role_name"] for p in shown["peers"]] == ["Voter", "Learner"]
    assert shown["pending_peers"] == [shown["peers"][1]]
    assert read(cluster, "/cluster/status")["is_initialized"] is False
    until(cluster, lambda: bool(read(cluster, "/cluster/status")["is_initialized"]))
    assert read(cluster, "/region/id/2")["epoch"]["conf_ver"] == 5


def test_schedulers_are_made_when_pd_knows_its_regions() -> None:
    cluster = cold()
    until(cluster, lambda: bool(cluster.view.stores))
    assert read(cluster, "/schedulers") == []
    page = ask(cluster, "/metrics").body.decode()
    assert "pd_cluster_status" in page
    assert "pd_scheduler_status" not in page
    until(cluster, lambda: len(read(cluster, "/schedulers")) == 5, within=20)


def test_nobody_misses_a_store_that_has_not_come_yet() -> None:
    cluster = cold(noise=0)
    cluster.advance_to(EPOCH + timedelta(seconds=60))
    for store in cluster.stores.values():
        assert sum(c.value for c in store.cells.unreachable.values()) == 0
        assert store.cells.sent["prevote"].value == 0
        assert [line.text for line in store.log.lines() if "ERROR" in line.text or "connection" in line.text] == []


def test_nobody_writes_before_there_is_something_to_write_to() -> None:
    cluster = cold()
    writes = 0.0
    for _ in seconds(cluster, 60):
        if not cluster.workload.has_begun:
            assert sum(w + r for w, r in cluster.workload.rates.values()) == 0
            assert len(cluster.raft.regions) < 60 or cluster.scheduling.running
        writes = sum(w for w, _ in cluster.workload.rates.values())
    assert writes > 300


def history(cluster: Cluster, steps: int) -> list[bytes]:
    found: list[bytes] = []
    for k in range(steps):
        cluster.advance_to(EPOCH + timedelta(seconds=k * 90 / steps))
        if cluster.quorum.is_serving(cluster.now_s):
            found += (ask(cluster, path).body for path in ("/stores", "/regions", "/operators", "/metrics"))
    found += ("\n".join(line.text for line in p.log.lines()).encode() for p in cluster.processes.values())
    return found


def test_the_same_seed_comes_up_the_same_way_however_often_it_is_looked_at() -> None:
    assert history(cold(7), 30) == history(cold(7), 30)
    often, seldom = cold(7), cold(7)
    history(often, 200)
    seldom.advance_to(EPOCH + timedelta(seconds=120))
    often.advance_to(EPOCH + timedelta(seconds=120))
    assert [often.publish(p) for p in often.processes.values()] == [
        seldom.publish(p) for p in seldom.processes.values()
    ]
    assert history(cold(7), 30) != history(cold(8), 30)


@pytest.mark.parametrize(("stores", "pds", "regions"), [(1, 1, 1), (1, 1, 8), (2, 1, 8), (5, 3, 40), (9, 5, 90)])
def test_every_shape_comes_up_and_no_store_stays_empty(stores: int, pds: int, regions: int) -> None:
    cluster = Cluster(ClusterConfig(cold_start=True, stores=stores, pd=pds, regions=regions, noise=0), EPOCH)
    cluster.advance_to(EPOCH + timedelta(seconds=60 if stores <= 3 else 400))
    assert len(cluster.raft.regions) == regions
    assert cluster.workload.has_begun
    replicas = cluster.config.replicas
    assert {len(r.voters) for r in cluster.raft.regions} == {replicas}
    held = [len(cluster.view.held_by(i)) for i in cluster.view.stores]
    assert min(held) >= 0.5 * regions * replicas / stores
    assert {o.desc for o in cluster.scheduling.running.values()} <= {"balance-region-scheduler"}


def test_a_peer_moves_by_learner_joint_state_and_removal() -> None:
    cluster = Cluster(ClusterConfig(cold_start=True, stores=4, regions=20, noise=0), EPOCH)
    seen: set[str] = set()
    for _ in seconds(cluster, 120):
        seen |= {o.desc for o in cluster.scheduling.running.values()}
        if "balance-region-scheduler" in seen:
            break
    text = next(t for t in read(cluster, "/operators") if t.startswith("balance-region"))
    for step in (
        "add learner peer",
        "use joint consensus, promote",
        "leave joint state, promote",
        "remove peer on store",
    ):
        assert step in text
    assert "{mv peer: store [" in text


def test_keys_and_shares_of_the_key_space_agree() -> None:
    keys = key_space(ClusterConfig(regions=40))
    bounds = ["", *keys.bounds, ""]
    shares = [keys.share(a, b) for a, b in pairwise(bounds)]
    assert sum(shares) == pytest.approx(1)
    assert all(s > 0 for s in shares)
    assert keys.share(bounds[3], bounds[9]) == pytest.approx(sum(shares[3:9]))
    assert keys.within("", "") == keys.bounds
    assert keys.within(bounds[3], bounds[6]) == tuple(bounds[4:6])
    assert keys.within(bounds[3], bounds[4]) == ()


# -- with data --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_restart_of_everything_finds_the_data_again(seed: int) -> None:
    born = Cluster(ClusterConfig(seed=seed), EPOCH)
    cluster = Cluster(ClusterConfig(seed=seed, restarted=True), EPOCH)
    assert (cluster.id, cluster.bootstrapped_s) == (born.id, born.bootstrapped_s)
    until(cluster, lambda: cluster.quorum.is_serving(cluster.now_s))
    shown = read(cluster, "/regions")
    assert shown["count"] == 60
    assert {(str(r["leader"]), r["approximate_size"]) for r in shown["regions"]} == {("{'role_name': ''}", 0)}
    assert read(cluster, "/schedulers") == []
    assert {s["store"]["state_name"] for s in read(cluster, "/stores")["stores"]} == {"Disconnected"}
    cluster.advance_to(EPOCH + timedelta(seconds=75))
    assert {s["store"]["state_name"] for s in read(cluster, "/stores")["stores"]} == {"Up"}
    assert {r["id"] for r in read(cluster, "/regions")["regions"]} == {r.id for r in born.raft.regions}
    assert all(r["leader"]["store_id"] for r in read(cluster, "/regions")["regions"])
    assert len(read(cluster, "/schedulers")) == 5
    started = [s["store"]["start_timestamp"] for s in read(cluster, "/stores")["stores"]]
    assert all(s >= EPOCH.timestamp() for s in started)


def test_a_new_pd_leader_that_was_synced_knows_every_leader_at_once(live: Live) -> None:
    cluster = Cluster(ClusterConfig(noise=0), EPOCH)
    cluster.quorum.resign(cluster.now_s)
    until(cluster, lambda: cluster.quorum.is_serving(cluster.now_s))
    assert all(r.leader is not None for r in cluster.view.regions.values())
    live(cluster, 4)
    assert len(read(cluster, "/schedulers")) == 5


# -- what can go wrong on the way -------------------------------------------------------------------------------


def test_a_store_that_starts_without_pd_refuses_until_pd_is_there(live: Live) -> None:
    cluster = Cluster(ClusterConfig(noise=0), EPOCH)
    for name in ("pd0", "pd1", "pd2", "tikv1"):
        cluster.kill(name)
    cluster.start("tikv1")
    live(cluster, 30)
    assert front.door(cluster, "tikv1") is Door.REFUSES
    assert "validate PD endpoints failed" in cluster.stores["tikv1"].log.lines()[-1].text
    for name in ("pd0", "pd1", "pd2"):
        cluster.start(name)
    live(cluster, 25)
    assert front.door(cluster, "tikv1") is Door.OPEN


@pytest.mark.parametrize("how", ["cut", "kill", "freeze"])
def test_a_first_store_that_never_comes_keeps_nobody_waiting(how: str) -> None:
    cluster = cold(noise=0)
    cluster.advance_to(EPOCH + timedelta(seconds=6))
    if how == "cut":
        cluster.network.put("x", Cut(one=frozenset({"tikv0"}), other=cluster.network.everyone_but("tikv0")))
    else:
        getattr(cluster, how)("tikv0")
    cluster.advance_to(EPOCH + timedelta(seconds=40))
    assert list(cluster.view.stores) == [4, 5]
    assert [len(r.voters) for r in cluster.raft.regions] == [2]
    assert not cluster.workload.has_begun
    cluster.network.take("x")
    cluster.thaw("tikv0")
    cluster.start("tikv0")
    cluster.advance_to(EPOCH + timedelta(seconds=80))
    assert {len(r.voters) for r in cluster.raft.regions} == {3}
    assert len(cluster.raft.regions) == 60


def test_a_start_can_be_frozen_stopped_and_killed(live: Live) -> None:
    cluster = Cluster(ClusterConfig(noise=0), EPOCH)
    for end in (cluster.stop, cluster.kill):
        cluster.kill("tikv1")
        cluster.start("tikv1")
        live(cluster, 0.5)
        end("tikv1")
        live(cluster, 10)
        assert cluster.processes["tikv1"].is_dead
    cluster.start("tikv1")
    live(cluster, 0.5)
    cluster.freeze("tikv1")
    live(cluster, 20)
    assert front.door(cluster, "tikv1") is Door.REFUSES
    cluster.thaw("tikv1")
    live(cluster, 10)
    assert front.door(cluster, "tikv1") is Door.OPEN


def test_the_only_store_leads_again_as_soon_as_it_is_back(live: Live) -> None:
    cluster = Cluster(ClusterConfig(stores=1, pd=1, noise=0), EPOCH)
    cluster.kill("tikv0")
    live(cluster, 1)
    cluster.start("tikv0")
    until(cluster, lambda: cluster.stores["tikv0"].is_up)
    assert all(r.leader == "tikv0" for r in cluster.raft.regions)


def test_a_first_start_has_no_data_to_come_back_to() -> None:
    with pytest.raises(ConfigurationError, match="cold_start and restarted exclude each other"):
        ClusterConfig(cold_start=True, restarted=True)
