"""One TiKV process at its status port (tikv v8.5.5 `src/server/status_server`) and its service port."""

from __future__ import annotations

import struct
from typing import Final

from operator_simulator.faces.exchange import Answer, Outcome, Request
from operator_simulator.faces.scrape import scrape
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.raft import Region
from operator_simulator.model.store import Store

_SETTINGS: Final = ((3, 1024), (4, 2 << 20), (5, 16384), (6, 16384), (0xFE03, 1))
"""Concurrent streams, initial window, frame size, header list size, and gRPC's own."""
_PAYLOAD: Final = b"".join(struct.pack(">HI", *pair) for pair in _SETTINGS)
SETTINGS_FRAME: Final = struct.pack(">I", len(_PAYLOAD))[1:] + bytes((4, 0, 0, 0, 0, 0)) + _PAYLOAD
"""What a gRPC server says first, unasked: an HTTP/2 SETTINGS frame on stream 0 (RFC 9113, 6.5)."""


def answer(cluster: Cluster, store: Store, request: Request, waited_s: float) -> Outcome:
    """What this store answers over HTTP."""
    if request.method != "GET":
        return Answer.text("path not found", 404)
    match request.path:
        case "/metrics":
            return scrape(cluster, store, waited_s)
        case "/status":
            return Answer(status=200)
        case "/engine_type":
            return Answer.text("raft-kv")
        case "/config":
            return Answer.json(_config(store))
        case path if path.startswith("/region/"):
            return _region(cluster, store, path.removeprefix("/region/"))
        case _:
            return Answer.text("path not found", 404)


def _config(store: Store) -> dict[str, object]:
    return {
        "log": {"level": "info", "format": "text"},
        "server": {
            "addr": "0.0.0.0:20160",
            "advertise-addr": store.service_address,
            "status-addr": "0.0.0.0:20180",
            "advertise-status-addr": store.status_address,
            "grpc-concurrency": 5,
        },
        "storage": {"data-dir": f"/data/{store.name}", "reserve-space": _readable(store.disk.reserve_space_bytes)},
        "raftstore": {
            "raft-base-tick-interval": "1s",
            "raft-heartbeat-ticks": 2,
            "raft-election-timeout-ticks": 10,
            "raft-store-max-leader-lease": "9s",
            "pd-heartbeat-tick-interval": "1m",
            "pd-store-heartbeat-tick-interval": "10s",
            "max-peer-down-duration": "10m",
            "abnormal-leader-missing-duration": "10m",
            "inspect-interval": "100ms",
        },
    }


def _readable(size: int) -> str:
    """A ReadableSize as TiKV shows it: the largest unit that divides it."""
    units = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
    return next((f"{size // by}{unit}" for unit, by in units if size and size % by == 0), f"{size}B")


def _region(cluster: Cluster, store: Store, text: str) -> Answer:
    region = cluster.raft.by_id.get(int(text)) if text.isdecimal() else None
    if region is None or store.name not in region.peers:
        return Answer.text(f"region({text}) not found", 404)
    return Answer.json(_raft_state(cluster, store, region))


def _raft_state(cluster: Cluster, store: Store, region: Region) -> dict[str, object]:
    own = region.peers[store.name]
    followed = region.peers.get(own.follows or "")
    heard = followed is not None and (followed is own or cluster.raft.answers(followed.store, store.name))
    last = int(region.last_index if region.is_settled or own.store == region.leader else own.matched)
    voters: dict[str, object] = {}
    learners: dict[str, object] = {}
    if cluster.raft.leads(region, store.name):
        for peer in region.peers.values():
            matched = last if region.is_settled else int(peer.matched)
            (learners if peer.is_learner else voters)[str(peer.id)] = {
                "matched": matched, "next_idx": matched + 1,
                "state": "Snapshot" if peer.snapshot_until_s is not None else "Replicate", "paused": False,
                "pending_snapshot": 0, "pending_request_snapshot": 0,
                "recent_active": peer is own or cluster.raft.answers(store.name, peer.store),
            }  # fmt: skip
    return {
        "group_state": "Ordered",
        "raft_status": {
            "id": own.id,
            "hard_state": {"term": own.term, "vote": followed.id if followed else 0, "commit": last},
            "soft_state": {"leader_id": followed.id if followed and heard else 0, "raft_state": own.role.value},
            "applied": last, "voters": voters, "learners": learners, "last_index": last, "persisted_index": last,
        },
        "raft_apply": {
            "applied_index": last, "commit_index": last, "commit_term": own.term,
            "truncated_state": {"index": max(5, last - 4000), "term": max(5, own.term - 1)},
        },
        "region_state": {
            "id": region.id, "start_key": list(bytes.fromhex(region.start_key)),
            "end_key": list(bytes.fromhex(region.end_key)),
            "epoch": {"conf_ver": region.conf_ver, "version": region.version},
            "peers": [
                {"id": p.id, "store_id": cluster.stores[p.store].id, "role": "Learner" if p.is_learner else "Voter",
                 "is_witness": False}
                for p in region.peers.values()
            ],
            "merge_state": None, "tablet_index": 0,
        },
        "bucket_keys": [],
    }  # fmt: skip
