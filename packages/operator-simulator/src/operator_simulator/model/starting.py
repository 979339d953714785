"""From the start of a process to the moment at which it listens.

A TiKV (v8.5.5 `components/server/src/server.rs` `run_impl`, `src/server/raft_server.rs`) first looks for a PD that has
a leader, every 300 ms and for as long as it takes. Then it opens its engines and introduces itself to PD, where the
first store of all bootstraps the cluster; and only then it binds its service port and, last, its status port. A PD
binds its port within moments, and answers once its etcd has found a majority.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from operator_simulator.model.etcd import Member, Quorum
from operator_simulator.model.network import Network
from operator_simulator.model.process import Life, Process
from operator_simulator.model.store import Store

_LOADS_S: Final = (0.2, 0.6)
"""To read the configuration, and to bind the port of a PD."""
_OPENS_NEW_S: Final = (0.5, 1.5)
_OPENS_S: Final = (0.8, 3.0)
"""To make engines, and to open those that hold data."""
_COMPLAINS_EVERY_S: Final = 3.0
"""Every tenth of the tries to reach PD is written down."""


class _Stage(Enum):
    LOADING = 1
    SEEKING_PD = 2
    OPENING = 3
    REGISTERING = 4


@dataclass(slots=True)
class _Start:
    """How far a process has come.

    Attributes:
        left_s: what is left of the stage, where it takes a time of its own.
    """

    process: Process
    left_s: float
    stage: _Stage = _Stage.LOADING
    complains_s: float = 0.0


class Starting:
    """All processes that are on their way."""

    def __init__(self, quorum: Quorum, network: Network) -> None:
        self._quorum = quorum
        self._network = network
        self._starts: dict[str, _Start] = {}
        self._newest_s: float | None = None
        """When the newest id was given to a store."""
        self.registers: Callable[[Store, float], None] = lambda _s, _t: None
        """Told when PD takes a store's registration."""
        self.is_known: Callable[[Store], bool] = lambda _s: True
        """Whether a store has been given its id already."""
        self.listens: Callable[[Process, float], None] = lambda _p, _t: None
        """Told when a process has bound its ports."""
        self.has_data: Callable[[str], bool] = lambda _n: True
        """Whether a store has peers on its disk."""

    def launched(self, process: Process) -> None:
        """A process has just been started."""
        self._starts[process.name] = _Start(process, process.rng.uniform(*_LOADS_S))

    def step(self, now: float, dt: float) -> None:
        for name, start in list(self._starts.items()):
            if start.process.life is Life.STOPPED:
                del self._starts[name]
            elif start.process.life is Life.RUNNING:
                self._go_on(start, now, dt)

    def _go_on(self, start: _Start, now: float, dt: float) -> None:
        process = start.process
        match start.stage:
            case _Stage.LOADING | _Stage.OPENING:
                start.left_s -= dt
                if start.left_s > 0:
                    return
                if isinstance(process, Member):
                    self._up(process, now)
                    return
                start.stage = _Stage.SEEKING_PD if start.stage is _Stage.LOADING else _Stage.REGISTERING
            case _Stage.SEEKING_PD:
                assert isinstance(process, Store)
                leader = self._leader_for(process, now)
                if leader is None:
                    self._complain(start, process, now)
                    return
                process.log_connected(now, leader.name)
                start.stage = _Stage.OPENING
                start.left_s = process.rng.uniform(*(_OPENS_S if self.has_data(process.name) else _OPENS_NEW_S))
            case _Stage.REGISTERING:
                assert isinstance(process, Store)
                if self._leader_for(process, now) is not None and self._is_next(process, now):
                    self.registers(process, now)
                    self._up(process, now)

    def _is_next(self, store: Store, now: float) -> bool:
        """PD hands ids out in the order in which it is asked, so who has a lower one has asked before."""
        if self.is_known(store):
            return True
        if self._newest_s == now:
            return False
        others = (s.process for s in self._starts.values() if s.process.life is Life.RUNNING)
        before = [o for o in others if isinstance(o, Store) and o.id < store.id and not self.is_known(o)]
        is_next = all(self._leader_for(o, now) is None for o in before)
        self._newest_s = now if is_next else self._newest_s
        return is_next

    def _up(self, process: Process, now: float) -> None:
        del self._starts[process.name]
        process.listens()
        self.listens(process, now)

    def _leader_for(self, store: Store, now: float) -> Member | None:
        leader = self._quorum.leader
        if leader is None or not self._quorum.is_serving(now) or not self._network.talks(store.name, leader.name):
            return None
        return leader

    def _complain(self, start: _Start, store: Store, now: float) -> None:
        if now >= start.complains_s:
            start.complains_s = now + _COMPLAINS_EVERY_S
            err = 'Other("[components/pd_client/src/util.rs:599]: PD cluster failed to respond")'
            store.log.write(now, "WARN", "client.rs:169", "validate PD endpoints failed", {"err": err}, thread=1)
