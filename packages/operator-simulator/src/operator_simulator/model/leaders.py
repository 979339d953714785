"""Who should lead: PD's schedulers that move leaders and nothing else.

As in pd v8.5.5: `leader-schedule-limit` 4, evict-leader in batches of 3, one slow store evicted at a time.
"""

from __future__ import annotations

import random
from typing import Final

from operator_simulator.model.scheduling import EVICT_LEADER, Scheduling
from operator_simulator.model.view import MetaState, RegionRecord, StoreRecord, View

_BUSY_S: Final = 1.0
"""A scheduler that has made an operator is run again at once (`MinScheduleInterval`); PD has its second here."""


class LeaderSchedulers:
    """Steps once a second while PD schedules."""

    def __init__(self, view: View, scheduling: Scheduling, rng: random.Random, *, noise: float) -> None:
        self._view = view
        self._scheduling = scheduling
        self._rng = rng
        self._noise = noise
        self._slow_recover_s: float | None = None
        self._next_balance_s = 0.0
        self._next_whim_s = rng.uniform(120, 600)

    def step(self, now: float) -> None:
        self._evict(now)
        self._evict_slow(now)
        if now >= self._next_balance_s:
            idle_s = self._rng.uniform(4, 6)
            self._next_balance_s = now + (_BUSY_S if self._balance(now) else idle_s)
        if self._noise > 0 and now >= self._next_whim_s:
            self._next_whim_s = now + self._rng.expovariate(1 / (420 / self._noise))
            self._whim(now)

    def _can_take(self, store: StoreRecord, now: float) -> bool:
        if store.state is not MetaState.UP or store.silent_s(now) > 20 or store.stats is None or store.stats.is_busy:
            return False
        if store.stats.available_bytes <= 0.05 * store.stats.capacity_bytes:
            return False
        return self._scheduling.takes_leaders(store.id, now) and store.leader_weight > 0

    def choose_target(self, region: RegionRecord, now: float) -> int | None:
        """The store of another voter that can take the leader and leads least; None when there is none."""
        counts = self._view.leader_counts()
        able = [
            p.store_id
            for p in region.peers
            if p.store_id != region.leader_store
            and not p.is_learner
            and p.id not in region.down
            and p.id not in region.pending
            and self._can_take(self._view.stores[p.store_id], now)
        ]
        return min(able, key=lambda s: (counts[s], s)) if able else None

    def _drain(self, ident: int, desc: str, now: float, batch: int = 3) -> None:
        for region in self._view.led_by(ident):
            if batch == 0:
                return
            target = self.choose_target(region, now)
            if target is not None and self._scheduling.transfer(desc, region, target, now):
                batch -= 1

    def _evict(self, now: float) -> None:
        schedulers = self._scheduling.schedulers
        if schedulers.is_active(EVICT_LEADER, now):
            for ident in sorted(schedulers.evicting):
                self._drain(ident, EVICT_LEADER, now, self._scheduling.evict_batch)

    def _evict_slow(self, now: float) -> None:
        scheduling = self._scheduling
        if not scheduling.schedulers.is_active("evict-slow-store-scheduler", now):
            return
        up = [s for s in self._view.stores.values() if s.silent_s(now) <= 20 and s.stats is not None]
        slow = [s for s in up if s.stats is not None and s.stats.slow_score >= 80]
        if scheduling.slow_evicted is None:
            if len(slow) == 1 and slow[0].stats is not None and slow[0].stats.slow_score >= 100:
                scheduling.slow_evicted, self._slow_recover_s = slow[0].id, None
                scheduling.told("detected slow store, start to evict leaders", {"store-id": slow[0].id}, now)
            return
        record = self._view.stores[scheduling.slow_evicted]
        if record.stats is not None and record.stats.slow_score <= 1:
            self._slow_recover_s = self._slow_recover_s or now
            if now - self._slow_recover_s >= 1800:
                scheduling.told("slow store has been recovered", {"store-id": record.id}, now)
                scheduling.slow_evicted = None
                return
        else:
            self._slow_recover_s = None
        self._drain(scheduling.slow_evicted, "evict-slow-store-scheduler", now)

    def _balance(self, now: float) -> bool:
        """Whether anything was to be moved; then it is looked after again at once."""
        scheduling = self._scheduling
        if not scheduling.schedulers.is_active("balance-leader-scheduler", now):
            return False
        counts = self._view.leader_counts()
        moving = [o for o in scheduling.running.values() if o.moves_leader]
        for operator in moving:
            counts[operator.source] -= 1
            counts[operator.target] += 1
        free, has_moved = scheduling.leader_limit - len(moving), bool(moving)
        able = [s for s in self._view.stores.values() if self._can_take(s, now)]
        sources = [s for s in self._view.stores.values() if s.silent_s(now) <= 20 and s.state is MetaState.UP]
        while free > 0 and able and sources:
            source = max(sources, key=lambda s: (counts[s.id] / max(s.leader_weight, 0.01), s.id))
            target = min(able, key=lambda s: (counts[s.id] / s.leader_weight, s.id))
            if counts[source.id] / max(source.leader_weight, 0.01) - counts[target.id] / target.leader_weight <= 2:
                break
            region = next((r for r in self._view.led_by(source.id) if self._can_go(r, target.id)), None)
            if region is None or not scheduling.transfer("balance-leader-scheduler", region, target.id, now):
                break
            counts[source.id] -= 1
            counts[target.id] += 1
            free, has_moved = free - 1, True
        return has_moved

    def _can_go(self, region: RegionRecord, target: int) -> bool:
        return region.id not in self._scheduling.running and any(
            p.store_id == target and not p.is_learner and p.id not in region.down and p.id not in region.pending
            for p in region.peers
        )

    def _whim(self, now: float) -> None:
        """Load is never quite even: now and then the hot-region scheduler moves a leader."""
        if not self._scheduling.schedulers.is_active("balance-hot-region-scheduler", now):
            return
        regions = self._view.ordered(self._view.regions.values())
        region = regions[self._rng.randrange(len(regions))]
        if region.leader is None:
            return
        target = self.choose_target(region, now)
        if target is not None and self._can_take(self._view.stores[region.leader_store], now):
            self._scheduling.transfer("transfer-hot-write-leader", region, target, now, kind="hot-region,leader")
