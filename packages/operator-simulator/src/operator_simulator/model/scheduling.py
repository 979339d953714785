"""What PD's leader does about the cluster: schedulers that make operators, and operators that move leaders.

Limits and names are those of pd v8.5.5: `leader-schedule-limit` 4, evict-leader in batches of 3, no work before 90 % of
the regions have reported to a new leader (or 5 minutes have passed).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from operator_simulator.model.raft import Raft
from operator_simulator.model.view import MetaState, RegionRecord, StoreRecord, View

EVICT_LEADER: Final = "evict-leader-scheduler"
DEFAULT_SCHEDULERS: Final = (
    "balance-region-scheduler", "balance-leader-scheduler", "balance-hot-region-scheduler",
    "evict-slow-store-scheduler", "evict-stopping-store-scheduler",
)  # fmt: skip
ADDABLE: Final = frozenset(
    (
        *DEFAULT_SCHEDULERS, EVICT_LEADER, "grant-leader-scheduler", "shuffle-leader-scheduler",
        "shuffle-region-scheduler", "random-merge-scheduler", "label-scheduler", "evict-slow-trend-scheduler",
    )
)  # fmt: skip
_TIMEOUT_S: Final = 60.0
_TIMEOUT_S_PER_MIB: Final = 0.6
"""An operator on a large region is given more time."""
_KEPT_S: Final = 600.0


class OperatorStatus(Enum):
    """How `GET /operators/{region}` names it."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    TIMEOUT = "TIMEOUT"
    CANCEL = "CANCEL"


@dataclass(slots=True)
class Operator:
    """One PD operator: a leader that is to move."""

    desc: str
    region: RegionRecord
    source: int
    target: int
    created_s: float
    due_s: float
    kind: str = "leader"
    timeout_s: float = _TIMEOUT_S
    status: OperatorStatus = OperatorStatus.RUNNING
    finished_s: float | None = None


@dataclass(slots=True)
class Schedulers:
    """Which schedulers exist, and until when they are paused."""

    paused_until_s: dict[str, tuple[float, float]] = field(
        default_factory=lambda: dict.fromkeys(DEFAULT_SCHEDULERS, (0.0, 0.0))
    )
    """By name: since when and until when it is paused."""
    evicting: set[int] = field(default_factory=set[int])
    granting: set[int] = field(default_factory=set[int])

    def is_active(self, name: str, now: float) -> bool:
        return name in self.paused_until_s and now >= self.paused_until_s[name][1]


class Scheduling:
    """PD's scheduling; steps once a second while a PD leader serves."""

    def __init__(self, view: View, raft: Raft, rng: random.Random, *, noise: float) -> None:
        self._view = view
        self._raft = raft
        self._rng = rng
        self._noise = noise
        self._by_id = {r.id: r for r in raft.regions}
        self.schedulers = Schedulers()
        self.running: dict[int, Operator] = {}
        self.finished: list[Operator] = []
        self.slow_evicted: int | None = None
        self._slow_recover_s: float | None = None
        self.leading_since_s = -1e9
        self._is_prepared = True
        self._next_balance_s = 0.0
        self._next_whim_s = rng.uniform(120, 600)
        self.leader_limit = 4
        self.evict_batch = 3
        self.halted = False
        self.told: Callable[[str, dict[str, object], float], None] = lambda _m, _f, _t: None
        """Told each line that PD's leader writes about an operator."""
        self.counted: Callable[[str, str], None] = lambda _d, _e: None
        """Told (operator desc, event)."""
        self.stamped: Callable[[float], str] = str
        """How PD's leader writes an instant in the text of an operator."""
        self.reaches: Callable[[str], bool] = lambda _n: True
        """Whether PD's leader can send a command to a store."""

    def taken_over(self, now: float) -> None:
        """A new PD leader begins without operators and waits for reports."""
        self.running.clear()
        self.finished.clear()
        self.leading_since_s = now
        self._is_prepared = False

    def _prepared(self, now: float) -> bool:
        if not self._is_prepared:
            regions = self._view.regions.values()
            reported = sum(1 for r in regions if r.reported_s >= self.leading_since_s)
            self._is_prepared = reported >= 0.9 * len(regions) or now - self.leading_since_s >= 300
        return self._is_prepared

    def step(self, now: float) -> None:
        self._advance(now)
        if self.halted or not self._prepared(now):
            return
        self._evict(now)
        self._evict_slow(now)
        if now >= self._next_balance_s:
            self._next_balance_s = now + self._rng.uniform(4, 6)
            self._balance(now)
        if self._noise > 0 and now >= self._next_whim_s:
            self._next_whim_s = now + self._rng.expovariate(1 / (420 / self._noise))
            self._whim(now)

    def _advance(self, now: float) -> None:
        for operator in list(self.running.values()):
            region = self._by_id[operator.region.id]
            lead = region.leader
            if now >= operator.due_s and lead is not None and self.reaches(lead):
                target = self._view.stores[operator.target].name
                moved = lead == target or self._raft.transfer(region, target, now)
                if moved:
                    self._end(operator, OperatorStatus.SUCCESS, now)
                    continue
            if now - operator.created_s > operator.timeout_s:
                self._end(operator, OperatorStatus.TIMEOUT, now)
        if self.finished and now - (self.finished[0].finished_s or 0.0) > _KEPT_S:
            del self.finished[0]

    def _end(self, operator: Operator, status: OperatorStatus, now: float) -> None:
        del self.running[operator.region.id]
        operator.status, operator.finished_s = status, now
        self.finished.append(operator)
        done = {
            OperatorStatus.SUCCESS: ("operator finish", "finish"),
            OperatorStatus.TIMEOUT: ("operator timeout", "timeout"),
        }
        message, event = done.get(status, ("operator canceled", "cancel"))
        self.told(
            message,
            {
                "region-id": operator.region.id,
                "takes": f"{now - operator.created_s + self._rng.uniform(-0.4, 0.4):.6f}s",
            },
            now,
        )
        self.counted(operator.desc, event)

    def cancel(self, region_id: int, now: float) -> bool:
        operator = self.running.get(region_id)
        if operator is not None:
            self._end(operator, OperatorStatus.CANCEL, now)
        return operator is not None

    def add(self, desc: str, region: RegionRecord, target: int, now: float, *, kind: str = "leader") -> bool:
        """Make an operator that moves a leader; False when the region has one already."""
        if region.id in self.running:
            return False
        source = region.leader.store_id
        due = now + self._rng.uniform(0.3, 1.4)
        timeout = max(_TIMEOUT_S, float(int(region.size_mib * _TIMEOUT_S_PER_MIB)))
        self.running[region.id] = Operator(desc, region, source, target, now, due, kind, timeout)
        brief = f'"{desc} {{transfer leader: store {source} to {target}}} (kind:{kind}, region:{region.id}'
        detail = f'{brief}({region.version}, {region.conf_ver}), createAt:{self.stamped(now)})"'
        self.told("add operator", {"region-id": region.id, "operator": detail, "additional-info": ""}, now)
        self.counted(desc, "create")
        self.counted(desc, "start")
        return True

    def takes_leaders(self, ident: int, now: float) -> bool:
        """Whether an operator may move a leader there: neither silent nor being emptied of leaders."""
        store = self._view.stores[ident]
        return store.silent_s(now) <= 20 and ident not in self.schedulers.evicting and ident != self.slow_evicted

    def _can_take(self, store: StoreRecord, now: float) -> bool:
        if store.state is not MetaState.UP or store.silent_s(now) > 20 or store.stats is None or store.stats.is_busy:
            return False
        if store.stats.available_bytes <= 0.05 * store.stats.capacity_bytes:
            return False
        return store.id not in self.schedulers.evicting and store.id != self.slow_evicted and store.leader_weight > 0

    def _choose_target(self, region: RegionRecord, now: float) -> int | None:
        counts = self._view.leader_counts()
        able = [
            p.store_id
            for p in region.peers
            if p.store_id != region.leader.store_id
            and p.id not in region.down
            and p.id not in region.pending
            and self._can_take(self._view.stores[p.store_id], now)
        ]
        return min(able, key=lambda s: (counts[s], s)) if able else None

    def _drain(self, ident: int, desc: str, now: float, batch: int = 3) -> None:
        for region in self._view.led_by(ident):
            if batch == 0:
                return
            target = self._choose_target(region, now)
            if target is not None and self.add(desc, region, target, now):
                batch -= 1

    def _evict(self, now: float) -> None:
        if self.schedulers.is_active(EVICT_LEADER, now):
            for ident in sorted(self.schedulers.evicting):
                self._drain(ident, EVICT_LEADER, now, self.evict_batch)

    def _evict_slow(self, now: float) -> None:
        if not self.schedulers.is_active("evict-slow-store-scheduler", now):
            return
        up = [s for s in self._view.stores.values() if s.silent_s(now) <= 20 and s.stats is not None]
        slow = [s for s in up if s.stats is not None and s.stats.slow_score >= 80]
        if self.slow_evicted is None:
            if len(slow) == 1 and slow[0].stats is not None and slow[0].stats.slow_score >= 100:
                self.slow_evicted, self._slow_recover_s = slow[0].id, None
                self.told("detected slow store, start to evict leaders", {"store-id": slow[0].id}, now)
            return
        record = self._view.stores[self.slow_evicted]
        if record.stats is not None and record.stats.slow_score <= 1:
            self._slow_recover_s = self._slow_recover_s or now
            if now - self._slow_recover_s >= 1800:
                self.told("slow store has been recovered", {"store-id": record.id}, now)
                self.slow_evicted = None
                return
        else:
            self._slow_recover_s = None
        self._drain(self.slow_evicted, "evict-slow-store-scheduler", now)

    def _balance(self, now: float) -> None:
        if not self.schedulers.is_active("balance-leader-scheduler", now):
            return
        counts = self._view.leader_counts()
        for operator in self.running.values():
            counts[operator.source] -= 1
            counts[operator.target] += 1
        free = self.leader_limit - len(self.running)
        able = [s for s in self._view.stores.values() if self._can_take(s, now)]
        sources = [s for s in self._view.stores.values() if s.silent_s(now) <= 20 and s.state is MetaState.UP]
        while free > 0 and able and sources:
            source = max(sources, key=lambda s: (counts[s.id] / max(s.leader_weight, 0.01), s.id))
            target = min(able, key=lambda s: (counts[s.id] / s.leader_weight, s.id))
            if counts[source.id] / max(source.leader_weight, 0.01) - counts[target.id] / target.leader_weight <= 2:
                return
            region = next(
                (
                    r
                    for r in self._view.led_by(source.id)
                    if r.id not in self.running
                    and any(p.store_id == target.id and p.id not in r.down and p.id not in r.pending for p in r.peers)
                ),
                None,
            )
            if region is None or not self.add("balance-leader-scheduler", region, target.id, now):
                return
            counts[source.id] -= 1
            counts[target.id] += 1
            free -= 1

    def _whim(self, now: float) -> None:
        """Load is never quite even: now and then the hot-region scheduler moves a leader."""
        if not self.schedulers.is_active("balance-hot-region-scheduler", now):
            return
        regions = self._view.ordered(self._view.regions.values())
        region = regions[self._rng.randrange(len(regions))]
        target = self._choose_target(region, now)
        if target is not None and self._can_take(self._view.stores[region.leader.store_id], now):
            self.add("transfer-hot-write-leader", region, target, now, kind="hot-region,leader")
