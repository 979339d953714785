"""What a store does by the clock apart from serving: slow score, disk statistics, catching up, stopping in order."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Final

from operator_simulator.model.disk import Fullness
from operator_simulator.model.raft import Raft, Role
from operator_simulator.model.store import Store
from operator_simulator.model.workload import Workload

_ROUND_S: Final = 3.0
_INSPECTIONS: Final = 30
_INTERVAL_S: Final = 0.1
_DISK_EVERY_S: Final = 60.0
_LEADERLESS_COUNTED_S: Final = 600.0
"""`raftstore.abnormal-leader-missing-duration`."""
GRACE_S: Final = 20.0
"""`server.graceful-shutdown-timeout`."""


class Housekeeping:
    """Steps every tick; each chore keeps its own time."""

    def __init__(self, stores: Mapping[str, Store], raft: Raft, workload: Workload, rng: random.Random) -> None:
        self._stores = stores
        self._raft = raft
        self._workload = workload
        self._rng = rng
        self._next_round_s = dict.fromkeys(stores, 0.0)
        self._next_disk_s = {n: rng.uniform(0, _DISK_EVERY_S) for n in stores}
        self._next_slow_line_s = dict.fromkeys(stores, 0.0)
        self._leaderless: dict[tuple[int, str], float] = {}

    def step(self, now: float) -> list[Store]:
        """Do what is due; gives the stores whose orderly stop is complete."""
        done: list[Store] = []
        for name, store in self._stores.items():
            if not store.is_running:
                continue
            if now >= self._next_round_s[name]:
                self._next_round_s[name] = now + _ROUND_S
                self._inspect(store, now)
            if now >= self._next_disk_s[name]:
                self._next_disk_s[name] = now + _DISK_EVERY_S
                self._disk(store, now)
            if store.seen_fullness is not Fullness.NORMAL:
                self._hand_over(store, now, batch=2)
            if store.is_busy:
                behind = self._behind(store)
                store.is_busy = now < store.busy_until_s or behind > 20_000
                store.cells.busy.value = float(store.is_busy)
            if store.stopping_since_s is not None and self._stopping(store, now):
                done.append(store)
        return done

    def _behind(self, store: Store) -> float:
        lags = (
            r.last_index - r.peers[store.name].matched
            for r in self._raft.regions
            if store.name in r.peers and not r.is_settled
        )
        return max(lags, default=0.0)

    def _inspect(self, store: Store, now: float) -> None:
        """AIMD: late inspections multiply the score by up to 2, a clean round takes 1 off."""
        median = self._workload.append_s[store.name] * 1.1
        late = 0.5 * math.erfc((math.log(_INTERVAL_S) - math.log(median)) / 0.55 / math.sqrt(2))
        count = sum(self._rng.random() < late for _ in range(_INSPECTIONS)) if late > 1e-4 else 0
        if count:
            ratio = min(0.1, count / _INSPECTIONS)
            store.slow_score = min(100.0, store.slow_score * (1 + ratio / 0.1))
        else:
            store.slow_score = max(1.0, store.slow_score - 1.0)
        store.cells.slow_score.value = float(int(store.slow_score))
        if median > 0.05 and now >= self._next_slow_line_s[store.name]:
            self._next_slow_line_s[store.name] = now + self._rng.uniform(4, 12)
            took = median * self._rng.uniform(1.0, 4.0)
            message = (
                f"[store {store.id}] async write too slow, write_kv: 0.0000{self._rng.randrange(1, 9)}s, "
                f"write_raft: {took:.6f}s, send: 0.000012s, callback: 0.000021s thread: store-writer-0"
            )
            store.log.write(now, "WARN", "write.rs:867", message, {"takes": f"{took * 1000:.0f}ms"}, thread=15)

    def _disk(self, store: Store, now: float) -> None:
        store.note_size()
        fullness = store.disk.fullness
        if fullness is store.seen_fullness:
            return
        size = store.cells.size
        message = (
            f"disk usage {store.seen_fullness.value}->{fullness.value} (raft engine usage: Normal, kv engine usage: "
            f"{fullness.value}), seperated raft mount=false, kv available={store.disk.available_bytes}, snap=0, "
            f"kv={int(size['kv_size'].value)}, raft={int(size['raft_size'].value)}, "
            f"capacity={store.disk.capacity_bytes}"
        )
        store.log.write(now, "WARN", "server.rs:1518", message, {}, thread=6)
        store.seen_fullness = fullness

    def _hand_over(self, store: Store, now: float, *, batch: int) -> int:
        """Transfer some leaders to followers that can take them; gives how many are still led."""
        left = 0
        for region in self._raft.regions:
            if region.leader != store.name:
                continue
            left += 1
            if batch <= 0:
                continue
            able = [
                p.store
                for p in region.peers.values()
                if p.store != store.name
                and self._stores[p.store].takes_leaders
                and self._raft.answers(store.name, p.store)
            ]
            if able and self._raft.transfer(region, able[self._rng.randrange(len(able))], now):
                batch -= 1
                left -= 1
        return left

    def _stopping(self, store: Store, now: float) -> bool:
        assert store.stopping_since_s is not None
        left = self._hand_over(store, now, batch=5)
        elapsed = now - store.stopping_since_s
        if left and elapsed < GRACE_S:
            fields = {"elapsed": f"{elapsed:.3f}s", "leaders_count": left}
            store.log.write(now, "INFO", "server.rs:1711", "Waiting for leader eviction", fields, thread=1)
            return False
        if left:
            message = f"Graceful shutdown timeout reached with {left} leaders remaining"
            store.log.write(now, "WARN", "server.rs:1722", message, {}, thread=1)
        else:
            store.log.write(now, "INFO", "server.rs:1717", "All leaders evicted, completing graceful shutdown")
        store.log.write(now, "INFO", "server.rs:1729", "Graceful shutdown completed", {}, thread=1)
        store.log.write(now, "INFO", "raft_server.rs:233", "stop raft store thread", {"store_id": store.id}, thread=1)
        return True

    def count_leaderless(self, now: float) -> None:
        """Every five minutes: peers that have had no leader for longer than ten."""
        counts = dict.fromkeys(self._stores, 0)
        for region in self._raft.regions:
            for name, peer in region.peers.items():
                alone = peer.role is not Role.LEADER and (
                    peer.follows is None or not self._raft.answers(peer.follows, name)
                )
                if not alone or not self._stores[name].is_running:
                    self._leaderless.pop((region.id, name), None)
                elif now - self._leaderless.setdefault((region.id, name), peer.heard_s) > _LEADERLESS_COUNTED_S:
                    counts[name] += 1
                    fields = {"expect": "600s", "peer_id": peer.id, "region_id": region.id}
                    message = "leader missing longer than abnormal_leader_missing_duration"
                    self._stores[name].log.write(now, "WARN", "peer.rs:6305", message, fields)
        for name, count in counts.items():
            self._stores[name].cells.leader_missing.value = count
