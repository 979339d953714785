"""PD's API and TiKV's status port: shapes, oddities and refusals, word for word."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from operator_simulator import Cluster
from operator_simulator.faces import front, values
from operator_simulator.faces.exchange import Answer, Request

Live = Callable[[Cluster, float], None]


def call(
    cluster: Cluster, method: str, target: str, body: object = None, process: str = "pd0", **headers: str
) -> Answer:
    data = b"" if body is None else json.dumps(body).encode()
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    prefix = "" if target.startswith(("/pd/", "//", "/metrics")) or process.startswith("tikv") else "/pd/api/v1"
    outcome = front.answer(cluster, process, Request.of(method, prefix + target, named, data), 0.0)
    assert isinstance(outcome, Answer)
    return outcome


def read(cluster: Cluster, target: str, **more: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(call(cluster, "GET", target, **more).body)


def test_ordinary_answers_are_indented_json_and_region_answers_a_compact_octet_stream(cluster: Cluster) -> None:
    members, regions = call(cluster, "GET", "/members"), call(cluster, "GET", "/regions/key?limit=2")
    assert members.content_type == "application/json; charset=UTF-8"
    assert members.body.startswith(b'{\n  "header": {\n    "cluster_id": ')
    assert members.body.endswith(b"}\n")
    assert regions.content_type == "application/octet-stream"
    assert regions.body.startswith(b'{"count":2,"regions":[{"id":2,"start_key":"","end_key":"7480')
    assert not regions.body.endswith(b"\n")
    assert call(cluster, "GET", "/regions/count").body == b'{\n  "count": 60,\n  "regions": null\n}\n'


def test_zero_values_are_absent(cluster: Cluster) -> None:
    store = read(cluster, "/store/4")["store"]
    assert "state" not in store
    assert store["node_state"] == 1
    assert "labels" not in store
    peer = read(cluster, "/region/id/2")["peers"][0]
    assert list(peer) == ["role_name", "id", "store_id"]
    assert "down_peers" not in read(cluster, "/region/id/2")


def test_stores_come_in_any_order_and_maps_have_text_for_keys(cluster: Cluster, live: Live) -> None:
    orders: set[tuple[int, ...]] = set()
    for _ in range(20):
        live(cluster, 1)
        orders.add(tuple(s["store"]["id"] for s in read(cluster, "/stores")["stores"]))
    assert len(orders) > 2
    assert list(read(cluster, "/stores/limit")) == ["1", "4", "5"]
    assert read(cluster, "/config/schedule")["enable-witness"] == "false"


def test_an_unknown_region_is_full_of_zeros_and_unknown_records_are_an_error(cluster: Cluster) -> None:
    assert read(cluster, "/region/id/999")["id"] == 0
    assert "store_id" not in read(cluster, "/region/id/999")["leader"]
    assert call(cluster, "GET", "/operators").body == b"[]\n"
    records = call(cluster, "GET", "/operators/records")
    assert (records.status, records.body) == (500, b'"[PD:operator:ErrOperatorNotFound]operator not found"\n')


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "said"),
    [
        ("GET", "/store/99", None, 404, b'"[PD:core:ErrStoreNotFound]store 99 not found"\n'),
        ("GET", "/store/x", None, 400, b"ParseUint"),
        ("GET", "/stores?state=9", None, 500, b"9"),
        ("GET", "/stores/check?state=nowhere", None, 400, b"nowhere"),
        ("GET", "/regions/check/lost-peer", None, 404, b"404 page not found"),
        ("GET", "/nothing", None, 404, b"404 page not found\n"),
        ("POST", "/members", None, 405, b""),
        (
            "DELETE",
            "/store/4",
            None,
            400,
            b"can not remove store 4 since the number of up stores would be 2 while need 3",
        ),
        ("POST", "/schedulers", {"name": "evict-leader-scheduler"}, 400, b'"missing store id"\n'),
        ("POST", "/schedulers", {"name": "nonsense"}, 400, b'"unknown scheduler"\n'),
        ("DELETE", "/schedulers/evict-leader-scheduler-4", None, 404, b"null"),
        ("POST", "/operators", {"name": "transfer-leader", "region_id": 2, "store_id": 4}, 400, b"missing"),
        (
            "POST",
            "/operators",
            {"name": "transfer-leader", "region_id": 2, "to_store_id": 99},
            500,
            b"no voter in store 99",
        ),
        ("POST", "/config", {"no-such-thing": 1}, 400, b'"config item no-such-thing not found"\n'),
        ("GET", "/scheduler-config/evict-leader-scheduler/list", None, 404, b"404 page not found"),
    ],
)
def test_refusals_have_their_status_and_words(
    method: str, target: str, body: object, status: int, said: bytes, cluster: Cluster
) -> None:
    answer = call(cluster, method, target, body)
    assert answer.status == status
    assert said in answer.body


def test_a_follower_that_must_answer_itself_knows_nothing_of_stores(cluster: Cluster) -> None:
    answer = call(cluster, "GET", "/stores", process="pd1", pd_allow_follower_handle="true")
    assert answer.status == 500
    assert b"ErrNotBootstrapped" in answer.body
    assert call(cluster, "GET", "/members", process="pd1", pd_allow_follower_handle="true").status == 200


def test_paging_through_the_key_space_meets_every_region_once(cluster: Cluster) -> None:
    seen: list[int] = []
    key = ""
    while True:
        page = read(cluster, f"/regions/key?key={key}&format=hex&limit=7")["regions"]
        seen += [r["id"] for r in page]
        key = page[-1]["end_key"]
        if not key:
            break
    assert len(seen) == len(set(seen)) == 60


def test_an_operator_moves_a_leader_and_is_recorded(cluster: Cluster, live: Live) -> None:
    target = next(p["store_id"] for p in read(cluster, "/region/id/2")["peers"] if p["store_id"] != 1)
    body = {"name": "transfer-leader", "region_id": 2, "to_store_id": target}
    assert call(cluster, "POST", "/operators", body).body == b'"The operator is created."\n'
    assert "transfer leader: store 1 to" in read(cluster, "/operators")[0]
    assert read(cluster, "/operators/2").startswith("status: RUNNING")
    assert call(cluster, "POST", "/operators", body).status == 500
    live(cluster, 4)
    assert read(cluster, "/region/id/2")["leader"]["store_id"] == target
    assert read(cluster, "/operators/2").startswith("status: SUCCESS")
    assert len(read(cluster, "/operators/records")) == 1
    assert any("audit log" in line.text for line in cluster.processes["pd0"].log.lines())


def test_a_rolling_restart_can_be_played_without_an_election(cluster: Cluster, live: Live) -> None:
    for ident, name in ((1, "tikv0"), (4, "tikv1"), (5, "tikv2")):
        body = {"name": "evict-leader-scheduler", "store_id": ident}
        assert call(cluster, "POST", "/schedulers", body).body == b'"The scheduler is created."\n'
        assert read(cluster, "/scheduler-config/evict-leader-scheduler/list")["store-id-ranges"].keys() == {str(ident)}
        for _ in range(60):
            live(cluster, 1)
            if read(cluster, f"/store/{ident}")["status"]["leader_count"] == 0:
                break
        else:
            raise AssertionError("leaders stay")
        cluster.stop(name)
        live(cluster, 3)
        assert cluster.processes[name].is_dead
        cluster.start(name)
        live(cluster, 15)
        assert read(cluster, f"/store/{ident}")["store"]["state_name"] == "Up"
        gone = call(cluster, "DELETE", f"/schedulers/evict-leader-scheduler-{ident}")
        assert (gone.status, gone.body) == (200, b"null\n")
        live(cluster, 60)
    assert "evict-leader-scheduler" not in read(cluster, "/schedulers")
    assert all(s.cells.sent["prevote"].value == 0 for s in cluster.stores.values())
    assert all(15 <= n <= 25 for n in cluster.view.leader_counts().values())


def test_an_evictor_that_is_left_behind_keeps_its_store_empty(cluster: Cluster, live: Live) -> None:
    call(cluster, "POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": 4})
    live(cluster, 600)
    assert read(cluster, "/store/4")["status"]["leader_count"] == 0


def test_paused_schedulers_are_listed_until_they_resume(cluster: Cluster, live: Live) -> None:
    call(cluster, "POST", "/schedulers/balance-leader-scheduler", {"delay": 60})
    assert read(cluster, "/schedulers?status=paused") == ["balance-leader-scheduler"]
    assert list(read(cluster, "/schedulers?status=paused&timestamp")[0]) == ["name", "paused_at", "resume_at"]
    live(cluster, 61)
    assert read(cluster, "/schedulers?status=paused") == []


def test_the_leader_can_be_moved_to_a_member_by_name(cluster: Cluster, live: Live) -> None:
    assert call(cluster, "POST", "/leader/transfer/pd2").status == 200
    live(cluster, 4)
    assert read(cluster, "/leader")["name"] == "pd2"


def test_raft_state_of_a_region_is_told_by_each_store_without_pd(cluster: Cluster, live: Live) -> None:
    cluster.kill("tikv1")
    cluster.kill("tikv2")
    live(cluster, 30)
    alone = read(cluster, "/region/2", process="tikv0")["raft_status"]
    assert alone["soft_state"] == {"leader_id": 0, "raft_state": "PreCandidate"}
    cluster.start("tikv1")
    live(cluster, 30)
    region = next(r for r in cluster.raft.regions if r.id == 2)
    assert region.leader is not None
    led = read(cluster, "/region/2", process=region.leader)["raft_status"]
    assert sorted(v["recent_active"] for v in led["voters"].values()) == [False, True, True]
    assert call(cluster, "GET", "/region/7", process="tikv0").body == b"region(7) not found"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (512, "512B"), (1024, "1KiB"), (100 << 30, "100GiB"), (2_000_000_000_000, "1.819TiB")],
)
def test_sizes_have_four_digits(count: int, text: str) -> None:
    assert values.byte_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.01, "10ms"), (60, "1m0s"), (1800, "30m0s"), (3672.123456789, "1h1m12.123456789s"), (1.5, "1.5s")],
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert values.duration(seconds) == text


def test_json_escapes_what_go_escapes_and_writes_whole_floats_as_integers() -> None:
    assert (
        values.go_json({"a": 1.0, "b": 0.5, "c": "<&>"}, indent=False) == b'{"a":1,"b":0.5,"c":"\\u003c\\u0026\\u003e"}'
    )
