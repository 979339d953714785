"""The raft connections between stores: how they break, what is counted while they are broken, how they come back.

A dead process refuses at once. A frozen one, or one behind a cut, is noticed when gRPC's keepalive gives up after
10 + 3 s. Retries back off from 1 s to 5 s (tikv v8.5.5 `src/server/raft_client.rs`).
"""

from __future__ import annotations

from collections.abc import Mapping

from operator_simulator.model.network import Network
from operator_simulator.model.raft import Raft
from operator_simulator.model.store import KEEPALIVE_S, Store, Wire


class Wires:
    """All connections from store to store."""

    def __init__(self, stores: Mapping[str, Store], network: Network) -> None:
        self._stores = stores
        self._network = network
        self._troubled = True
        for a in stores.values():
            a.wires = {b: Wire(is_used=a.is_up) for b in stores if b != a.name}

    def disturb(self) -> None:
        """Something changed in who can hear whom."""
        self._troubled = True

    def restarted(self, store: Store, now: float) -> None:
        """A new process has no connections yet; it makes them at once where it can."""
        store.wires = {b: Wire(broadcast_s=now - 10, is_used=w.is_used) for b, w in store.wires.items()}
        self._troubled = True

    def met(self, a: str, b: str) -> None:
        """The two have a region in common: they have something to say to each other."""
        self._stores[a].wires[b].is_used = self._stores[b].wires[a].is_used = True
        self._troubled = True

    def sent(self, a: str, b: str, kind: str, n: float) -> None:
        """Messages that raft hands to the connection from `a` to `b`."""
        source, target = self._stores[a], self._stores[b]
        source.cells.sent[kind].value += n
        if not source.wires[b].is_up:
            source.cells.unreachable[str(target.id)].value += n
        elif target.is_running and self._network.carries(a, b):
            target.cells.received_from[str(source.id)].value += n
            target.cells.raft_received.value += n

    def step(self, now: float, dt: float, raft: Raft) -> None:
        if not self._troubled:
            return
        all_up = True
        for a in self._stores.values():
            if not a.is_running:
                continue
            for name, wire in a.wires.items():
                if not wire.is_used:
                    continue
                b = self._stores[name]
                reachable = self._network.talks(a.name, name)
                if reachable and b.is_running:
                    self._well(a, b, wire, now)
                    all_up = all_up and wire.is_up
                    continue
                all_up = False
                if reachable and b.refuses:
                    self._break(a, b, wire, now, refused=True)
                else:
                    if wire.silent_since_s is None:
                        wire.silent_since_s = now
                    if now - wire.silent_since_s >= KEEPALIVE_S:
                        self._break(a, b, wire, now, refused=False)
                if not wire.is_up:
                    self._report(a, b, wire, now, dt, raft)
        self._troubled = not all_up

    def _well(self, a: Store, b: Store, wire: Wire, now: float) -> None:
        wire.silent_since_s = None
        if wire.is_up:
            return
        if now >= wire.retry_at_s:
            fields = {
                "msg_count": 2,
                "try_count": wire.tries,
                "cost": "1.842ms",
                "addr": b.service_address,
                "store_id": b.id,
            }
            a.log.write(now, "INFO", "raft_client.rs:1044", "connection established", fields, thread=13)
            wire.is_up, wire.backoff_s, wire.tries = True, 1.0, 0

    def _break(self, a: Store, b: Store, wire: Wire, now: float, *, refused: bool) -> None:
        if wire.is_up:
            wire.is_up = False
            wire.retry_at_s = now + wire.backoff_s
            said = "RpcFailure: 14-UNAVAILABLE " + (
                "Connection reset by peer" if refused else "keepalive watchdog timeout"
            )
            fields = {
                "store_id": b.id,
                "sink_error": f'Some("{said}")',
                "receiver_err": "None",
                "addr": b.service_address,
            }
            a.log.write(now, "ERROR", "raft_client.rs:832", "connection aborted", fields, thread=13)
            a.cells.unreachable[str(b.id)].value += 2
        elif now >= wire.retry_at_s:
            wire.tries += 1
            wire.backoff_s = min(5.0, wire.backoff_s * 2)
            wire.retry_at_s = now + wire.backoff_s
            fields = {"addr": b.service_address, "store_id": b.id}
            a.log.write(now, "WARN", "raft_client.rs:1024", "wait connect timeout", fields, thread=13)
            a.cells.unreachable[str(b.id)].value += 1
        if now - wire.broadcast_s >= 10:
            wire.broadcast_s = now
            fields = {"unreachable_store_id": b.id, "store_id": a.id}
            a.log.write(now, "INFO", "store.rs:3155", "broadcasting unreachable", fields, thread=17)

    def _report(self, a: Store, b: Store, wire: Wire, now: float, dt: float, raft: Raft) -> None:  # noqa: ARG002
        """Every leader sends each follower a heartbeat every 2 s; into a broken connection they are only counted."""
        led = sum(1 for r in raft.regions if b.name in r.peers and raft.leads(r, a.name))
        a.cells.unreachable[str(b.id)].value += 0.5 * led * dt
        a.cells.sent["heartbeat"].value += 0.5 * led * dt
