"""PD's answers about regions and hot spots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from operator_simulator.faces.exchange import Answer, Request
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.view import PeerRecord, RegionRecord
from operator_simulator.noise import stream

_LIMIT: Final = 10240
_ORDERS: Final[dict[str, Callable[[RegionRecord], int]]] = {
    "writeflow": lambda r: r.written_bytes,
    "readflow": lambda r: r.read_bytes,
    "writequery": lambda r: r.written_keys,
    "readquery": lambda r: r.read_keys,
    "size": lambda r: r.size_mib,
    "keys": lambda r: r.keys,
    "cpu": lambda _r: 0,
    "confver": lambda r: r.conf_ver,
    "version": lambda r: r.version,
}


def _peer(peer: PeerRecord) -> dict[str, object]:
    found: dict[str, object] = {"role_name": "Learner" if peer.is_learner else "Voter"}
    if peer.is_learner:
        found["is_learner"] = True
    found |= {"id": peer.id, "store_id": peer.store_id}
    if peer.is_learner:
        found["role"] = 1
    return found


def region_object(region: RegionRecord) -> dict[str, object]:
    """`RegionInfo` in the order in which it is served."""
    found: dict[str, object] = {
        "id": region.id,
        "start_key": region.start_key,
        "end_key": region.end_key,
        "epoch": {"conf_ver": region.conf_ver, "version": region.version},
        "peers": [_peer(p) for p in region.peers],
        "leader": _peer(region.leader) if region.leader is not None else {"role_name": ""},
    }
    if region.down:
        found["down_peers"] = [
            {"peer": _peer(p), "down_seconds": region.down[p.id]} for p in region.peers if p.id in region.down
        ]
    if region.pending:
        found["pending_peers"] = [_peer(p) for p in region.peers if p.id in region.pending]
    return found | {
        "cpu_usage": 0,
        "written_bytes": region.written_bytes,
        "read_bytes": region.read_bytes,
        "written_keys": region.written_keys,
        "read_keys": region.read_keys,
        "approximate_size": region.size_mib,
        "approximate_keys": region.keys,
    }


def _listed(regions: Sequence[RegionRecord]) -> Answer:
    return Answer.easyjson({"count": len(regions), "regions": [region_object(r) for r in regions]})


def everything(cluster: Cluster, _request: Request) -> Answer:
    """`GET /regions`."""
    return _listed(cluster.view.ordered(cluster.view.regions.values()))


def count(cluster: Cluster, _request: Request) -> Answer:
    """`GET /regions/count`: ordinary JSON."""
    return Answer.json({"count": len(cluster.view.regions), "regions": None})


def by_id(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """An unknown region is a region full of zeros."""
    if not ident.isdigit():
        return Answer.json(f'strconv.ParseUint: parsing "{ident}": invalid syntax', 400)
    region = cluster.view.regions.get(int(ident))
    if region is not None:
        return Answer.easyjson(region_object(region))
    zero: dict[str, object] = {
        "id": 0, "start_key": "", "end_key": "", "leader": {"role_name": ""},
        "cpu_usage": 0, "written_bytes": 0, "read_bytes": 0, "written_keys": 0, "read_keys": 0,
        "approximate_size": 0, "approximate_keys": 0,
    }  # fmt: skip
    return Answer.easyjson(zero)


def _key(request: Request, name: str) -> str:
    text = request.first(name) or ""
    return text.upper() if request.first("format") == "hex" else text.encode().hex().upper()


def scan(cluster: Cluster, request: Request) -> Answer:
    """`GET /regions/key`: from a key on, 16 unless said otherwise."""
    text = request.first("limit")
    if text is not None and not text.lstrip("-").isdigit():
        return Answer.json(f'strconv.Atoi: parsing "{text}": invalid syntax', 400)
    limit = int(text) if text is not None else 16
    start, end = _key(request, "key"), _key(request, "end_key")
    found = [
        r
        for r in cluster.view.ordered(cluster.view.regions.values())
        if (not r.end_key or r.end_key > start) and (not end or r.start_key < end)
    ]
    return _listed(found if limit < 0 else found[: min(limit, _LIMIT)])


def of_store(cluster: Cluster, request: Request, ident: str) -> Answer:
    """`GET /regions/store/{id}`."""
    if not ident.isdigit():
        return Answer.json(f'strconv.ParseUint: parsing "{ident}": invalid syntax', 400)
    number, kind = int(ident), request.first("type") or "all"
    led, held = cluster.view.led_by(number), cluster.view.held_by(number)
    chosen: Sequence[RegionRecord] = {
        "all": held,
        "leader": led,
        "follower": [r for r in held if r.leader_store != number],
        "pending": [r for r in held if any(p.store_id == number and p.id in r.pending for p in r.peers)],
    }.get(kind, ())
    return _listed(chosen)


def check(cluster: Cluster, request: Request, name: str) -> Answer:
    """`GET /regions/check/…`, in no particular order."""
    found = list(cluster.view.check(name, int(cluster.settings.replication["max-replicas"])))
    stream(cluster.config.seed, "order", request.path, round(cluster.now_s * 1000)).shuffle(found)
    return _listed(found)


def top(cluster: Cluster, request: Request, name: str) -> Answer:
    """`GET /regions/writeflow` and its likes: the first ones by some quantity."""
    limit = int(request.first("limit") or 16)
    order = _ORDERS[name]
    return _listed(sorted(cluster.view.regions.values(), key=lambda r: (-order(r), r.id))[: min(limit, _LIMIT)])


def siblings(cluster: Cluster, _request: Request, ident: str) -> Answer:
    """`GET /regions/sibling/{id}`: the neighbours; at an end of the key space the one there is stands twice."""
    ordered = cluster.view.ordered(cluster.view.regions.values())
    place = next((i for i, r in enumerate(ordered) if str(r.id) == ident), None)
    if place is None:
        return Answer.json(f"[PD:region:ErrRegionNotFound]region {ident} not found", 404)
    around = [ordered[i] for i in (place - 1, place + 1) if 0 <= i < len(ordered)]
    return _listed(around * (2 if len(around) == 1 else 1))


def holes(_cluster: Cluster, _request: Request) -> Answer:
    """`GET /regions/range-holes`: nothing is missing here."""
    return Answer.json([])


def totals(cluster: Cluster, request: Request) -> Answer:
    """`GET /stats/region`; with `count` only the count is true."""
    regions, view = list(cluster.view.regions.values()), cluster.view
    by_store: dict[str, dict[str, int] | None] = {
        "store_leader_count": {str(i): len(view.led_by(i)) for i in view.stores},
        "store_peer_count": {str(i): len(view.held_by(i)) for i in view.stores},
        "store_leader_size": {str(i): sum(r.size_mib for r in view.led_by(i)) for i in view.stores},
        "store_leader_keys": {str(i): sum(r.keys for r in view.led_by(i)) for i in view.stores},
        "store_peer_size": {str(i): sum(r.size_mib for r in view.held_by(i)) for i in view.stores},
        "store_peer_keys": {str(i): sum(r.keys for r in view.held_by(i)) for i in view.stores},
    }
    is_count = request.first("count") is not None
    found: dict[str, object] = {
        "count": len(regions),
        "empty_count": 0 if is_count else sum(r.size_mib <= 1 for r in regions),
        "storage_size": 0 if is_count else sum(r.size_mib for r in regions),
        "user_storage_size": 0,
        "storage_keys": 0 if is_count else sum(r.keys for r in regions),
    }
    return Answer.json(found | (dict.fromkeys(by_store) if is_count else by_store))


def hot_regions(cluster: Cluster, request: Request, _kind: str) -> Answer:
    """What a scheduler would move; an evenly loaded cluster has nothing of the kind here."""
    given = request.every("store_id")
    unknown = next((i for i in given if not i.isdigit() or int(i) not in cluster.view.stores), None)
    if unknown is not None:
        return Answer.json(f"[PD:core:ErrStoreNotFound]store {unknown} not found", 500)
    empty: dict[str, object] = {
        "store_bytes": 0, "store_keys": 0, "store_query": 0, "total_flow_bytes": 0, "total_flow_keys": 0,
        "total_flow_query": 0, "regions_count": 0, "statistics": [],
    }  # fmt: skip
    stores = {str(i): empty for i in sorted(cluster.view.stores, key=str) if not given or str(i) in given}
    return Answer.json({"as_peer": stores, "as_leader": stores})


def hot_stores(cluster: Cluster, _request: Request) -> Answer:
    """`GET /hotspot/stores`: rates per second; empty columns are left out."""
    stats = {i: r.stats for i, r in sorted(cluster.view.stores.items(), key=lambda x: str(x[0])) if r.stats is not None}
    columns = {
        "bytes-write-rate": {str(i): round(s.write_bytes) for i, s in stats.items()},
        "bytes-read-rate": {str(i): round(s.read_bytes) for i, s in stats.items()},
        "keys-write-rate": {str(i): s.write_ops for i, s in stats.items()},
        "keys-read-rate": {str(i): s.read_ops for i, s in stats.items()},
        "query-write-rate": {str(i): round(s.write_ops) for i, s in stats.items()},
        "query-read-rate": {str(i): round(s.read_ops) for i, s in stats.items()},
    }
    return Answer.json({name: column for name, column in columns.items() if column})
