"""The stores' side of PD: heartbeats of stores and regions, and what a store does when PD's leader is out of reach."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace
from typing import Final

from operator_simulator.model.etcd import Member, Quorum
from operator_simulator.model.network import Network
from operator_simulator.model.raft import Raft, Region
from operator_simulator.model.store import Store
from operator_simulator.model.view import StoreStats, View

STORE_HEARTBEAT_S: Final = 10.0
REGION_HEARTBEAT_S: Final = 60.0


@dataclass(slots=True)
class _Client:
    """What one store knows of PD."""

    leader: str | None
    next_heartbeat_s: float
    next_try_s: float = 0.0
    next_complaint_s: float = 0.0


class Heartbeats:
    """All stores' conversations with PD."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        quorum: Quorum,
        network: Network,
        view: View,
        raft: Raft,
        rng: random.Random,
    ) -> None:
        self._stores = stores
        self._quorum = quorum
        self._network = network
        self._view = view
        self._raft = raft
        self._rng = rng
        leader = quorum.leader.name if quorum.leader else None
        self._clients = {
            name: _Client(leader, (i + rng.random()) * STORE_HEARTBEAT_S / max(1, len(stores)) - 30)
            for i, name in enumerate(sorted(stores))
        }
        self._due = [(rng.uniform(0, REGION_HEARTBEAT_S) - 60, k) for k in range(len(raft.regions))]
        """When the leader of each region, by its place in the list of all, sends its next heartbeat; a heap."""
        heapify(self._due)
        self._written = {r.id: r.last_index for r in raft.regions}
        self.region_reports: dict[int, float] = dict.fromkeys((s.id for s in stores.values()), 0.0)
        """Region heartbeats that PD has taken, by store; PD's own counters are made from it."""
        self.rates: dict[str, tuple[float, float]] = dict.fromkeys(stores, (0.0, 0.0))
        """(writes, reads) per second at each store now."""

    def reaches(self, name: str) -> bool:
        """Whether a store can talk to a PD leader that serves."""
        leader = self._quorum.leader
        return leader is not None and leader.is_running and self._network.talks(name, leader.name)

    def step(self, now: float) -> None:
        serving = self._quorum.is_serving(now)
        for name, client in self._clients.items():
            store = self._stores[name]
            if not store.is_running:
                continue
            reached = serving and self.reaches(name)
            self._connection(store, client, now, reached=reached)
            if now >= client.next_heartbeat_s:
                due = client.next_heartbeat_s
                client.next_heartbeat_s = max(due + STORE_HEARTBEAT_S, now) + self._rng.uniform(0, 0.02)
                if reached:
                    self._view.store_heartbeat(store, self._stats(store), max(due, now - 0.5))
                    store.cells.pd_requests["store_heartbeat"].add(1, 0.0012 + self._trip(name))
                else:
                    what = (
                        "request timeout"
                        if client.leader is None
                        else "14-UNAVAILABLE failed to connect to all addresses"
                    )
                    store.log.write(
                        now,
                        "ERROR",
                        "pd.rs:1284",
                        "store heartbeat failed",
                        {"err": f"Grpc(RpcFailure(RpcStatus {{ code: {what} }}))"},
                        thread=11,
                    )
        while len(self._due) < len(self._raft.regions):
            heappush(self._due, (now + REGION_HEARTBEAT_S, len(self._due)))
        places: list[int] = []
        while self._due and self._due[0][0] <= now:
            places.append(heapreplace(self._due, (now + REGION_HEARTBEAT_S, self._due[0][1]))[1])
        for place in sorted(places):
            region = self._raft.regions[place]
            lead = region.leader
            if lead is not None and self._stores[lead].is_running:
                self.report(region, now)

    def _trip(self, name: str) -> float:
        leader = self._quorum.leader
        return self._network.round_trip_s(name, leader.name) if leader is not None else 0.0

    def started(self, store: Store, now: float) -> None:
        """A new process has found PD; its first heartbeat comes a whole interval after its start."""
        client = self._clients[store.name]
        client.next_heartbeat_s = now + STORE_HEARTBEAT_S
        client.leader = self._quorum.leader.name if self._quorum.leader is not None else None

    def report(self, region: Region, now: float) -> None:
        """The region's leader sends a heartbeat now; into the void it is queued."""
        lead = region.leader
        if lead is None:
            return
        store = self._stores[lead]
        cells = store.cells
        cells.heartbeats["send"].value += 1
        if not (self._quorum.is_serving(now) and self.reaches(lead)):
            cells.pending_heartbeats.value += 1
            return
        writes = max(0.0, region.last_index - self._written.get(region.id, region.last_index))
        self._written[region.id] = region.last_index
        cells.heartbeats["noop"].value += 1
        self._view.region_heartbeat(region, now, writes=writes, reads=writes * 3.4)
        self.region_reports[store.id] += 1

    def _connection(self, store: Store, client: _Client, now: float, *, reached: bool) -> None:
        cells = store.cells
        leader: Member | None = self._quorum.leader
        if reached and leader is not None:
            if client.leader != leader.name or cells.pending_heartbeats.value > 0:
                if now < client.next_try_s:
                    return
                cells.reconnects["try_connect"].value += 1
                cells.reconnects["success"].value += 1
                cells.pending_heartbeats.value = 0
                before = f"http://{client.leader}:2379" if client.leader else ""
                fields = {"via": "", "leader": f"http://{leader.name}:2379", "prev_via": "", "prev_leader": before}
                store.log.write(now, "INFO", "util.rs:306", "update pd client", fields, thread=9)
                stale = "heartbeat sender and receiver are stale, refreshing ..."
                store.log.write(now, "INFO", "client.rs:170", stale, {}, thread=9)
                client.leader = leader.name
                for region in self._raft.regions:
                    if region.leader == store.name:
                        self.report(region, now)  # who has found another PD tells it all (`handle_reconnect`)
            return
        if now >= client.next_try_s:
            client.next_try_s = now + self._rng.uniform(1.0, 2.5)
            cells.reconnects["try_connect"].value += 1
            cells.reconnects["failure"].value += 1
        if now >= client.next_complaint_s:
            client.next_complaint_s = now + STORE_HEARTBEAT_S
            endpoint = f"http://{client.leader}:2379" if client.leader else "http://pd0:2379"
            err = 'Grpc(RpcFailure(RpcStatus { code: 14-UNAVAILABLE, message: "failed to connect to all addresses" }))'
            fields = {"err": err, "endpoints": endpoint}
            store.log.write(now, "INFO", "util.rs:570", "PD failed to respond", fields, thread=9)
            store.log.write(
                now, "WARN", "util.rs:452", "request failed, retry", {"err_code": "KV:Pd:Grpc", "err": err}, thread=9
            )

    def _stats(self, store: Store) -> StoreStats:
        writes, reads = self.rates[store.name]
        receiving = sum(
            1 for r in self._raft.regions if store.name in r.peers and r.peers[store.name].snapshot_until_s is not None
        )
        return StoreStats(
            capacity_bytes=store.disk.capacity_bytes,
            available_bytes=store.disk.available_bytes,
            used_bytes=int(store.disk.held_bytes),
            is_busy=store.is_busy,
            slow_score=int(store.slow_score),
            sending_snapshots=0,
            receiving_snapshots=receiving,
            write_bytes=writes * 1100,
            read_bytes=reads * 620,
            write_ops=writes,
            read_ops=reads,
        )
