"""One TiKV process: its life, its disk, its connections to the other stores, and what it counts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from operator_simulator.exposition import Dialect, Registry
from operator_simulator.model.disk import GIB, Disk, Fullness
from operator_simulator.model.logs import Log
from operator_simulator.model.process import Process
from operator_simulator.model.store_metrics import StoreMetrics

CORES: Final = 8
MEMORY_BYTES: Final = 16 * GIB
KEEPALIVE_S: Final = 13.0
"""gRPC asks for a sign of life after 10 s of silence and gives it 3 s."""


@dataclass(slots=True)
class Wire:
    """The connection over which one store sends raft messages to another."""

    is_up: bool = True
    silent_since_s: float | None = None
    retry_at_s: float = 0.0
    backoff_s: float = 1.0
    is_used: bool = True
    """There has been something to send; nobody connects before that."""
    broadcast_s: float = -1e9
    tries: int = 0


class Store(Process):
    """One store, from its first start on; a restart keeps id, disk and peers."""

    def __init__(
        self,
        name: str,
        ident: int,
        others: Sequence[int],
        version: str,
        log: Log,
        rng: random.Random,
        *,
        has_data: bool,
        reserve_space: int,
    ) -> None:
        self.id = ident
        self._others = tuple(str(i) for i in others) if has_data else ()
        self._version = version
        self.disk = Disk(
            capacity=500 * GIB,
            used=int(rng.uniform(38, 46) * GIB) if has_data else 0,
            foreign=int(rng.uniform(55, 65) * GIB),
            sync_s=rng.uniform(0.0009, 0.0013),
            reserve_space=reserve_space,
        )
        super().__init__(name, log, rng)
        self.wires: dict[str, Wire] = {}
        self.slow_score = 1.0
        self.is_busy = False
        self.busy_until_s = 0.0
        self.stopping_since_s: float | None = None
        self.seen_fullness = Fullness.NORMAL
        self.resident_bytes = rng.uniform(3.2, 3.8) * GIB

    def fresh_metrics(self) -> Registry:
        registry = Registry(Dialect.RUST)
        self.cells = StoreMetrics(registry, others=self._others, version=self._version)
        self.cells.cores.value = CORES
        self.cells.memory_quota.value = MEMORY_BYTES
        return registry

    @property
    def takes_leaders(self) -> bool:
        """A store that stops, or whose disk is full, wants none."""
        return self.stopping_since_s is None and self.seen_fullness is Fullness.NORMAL

    @property
    def service_address(self) -> str:
        return f"{self.name}:20160"

    @property
    def status_address(self) -> str:
        return f"{self.name}:20180"

    def born(self, now: float, epoch_unix: float) -> None:
        """Set what a process knows of itself from its start."""
        self.started_s = now
        self.cells.started.value = float(int(epoch_unix + now))
        self.cells.info.value = float(int(epoch_unix + now))
        self.slow_score = 1.0
        self.cells.slow_score.value = 1.0
        self.note_size()

    def note_size(self) -> None:
        """What the storage statistics of TiKV refresh once a minute."""
        size, disk = self.cells.size, self.disk
        size["capacity"].value = disk.capacity_bytes
        size["available"].value = disk.available_bytes
        used = disk.held_bytes
        size["used"].value = float(int(used))
        size["kv_size"].value = float(int(used * 0.97))
        size["raft_size"].value = float(int(used * 0.03))

    def log_launched(self, now: float) -> None:
        """The first lines of a life."""
        self.log.write(now, "INFO", "lib.rs:83", "Welcome to TiKV")
        self.log.write(now, "INFO", "lib.rs:88", f"Release Version:   {self._version}")

    def log_connected(self, now: float, leader: str) -> None:
        """It has found a PD with a leader."""
        endpoint = f"http://{leader}:2379"
        self.log.write(now + 0.05, "INFO", "util.rs:638", "connecting to PD endpoint", {"endpoints": endpoint})
        found = {"endpoints": f'["{endpoint}"]'}
        self.log.write(now + 0.10, "INFO", "util.rs:810", "all PD endpoints are consistent", found)

    def log_ready(self, now: float, regions: int) -> None:
        """It has its regions, PD knows it, and it listens."""
        write = self.log.write
        counts: Mapping[str, object] = {
            "takes": "31.204ms", "merge_count": 0, "applying_count": 0, "tombstone_count": 0,
            "region_count": regions, "store_id": self.id,
        }  # fmt: skip
        write(now, "INFO", "store.rs:1356", "start store", counts)
        write(
            now + 0.1,
            "INFO",
            "raft_server.rs:187",
            "put store to PD",
            {"store": f'id: {self.id} address: "{self.service_address}"'},
        )
        write(now + 0.2, "INFO", "server.rs:285", "listening on addr", {"addr": self.service_address})
        write(now + 0.3, "INFO", "server.rs:337", "TiKV is ready to serve")
