"""Where peers should be: PD's rule checker, which adds what is missing, and its balance-region scheduler.

As in pd v8.5.5: a store is given peers only while it is heard of and has room, at most `store-limit` (15 a minute, a
small region counts a fifth) at each receiver, and balance moves a peer only where the source stays ahead of the target
by more than an average region (`pkg/schedule/checker/rule_checker.go`, `pkg/schedule/schedulers/balance_region.go`,
`pkg/core/storelimit`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operator_simulator.model.leaders import LeaderSchedulers
from operator_simulator.model.operators import AddLearner, ChangeRoles, steps_of_move
from operator_simulator.model.scheduling import Scheduling
from operator_simulator.model.settings import Settings
from operator_simulator.model.view import MetaState, PeerRecord, RegionRecord, StoreRecord, View

_SMALL_MIB: Final = 20
_SMALL_COST: Final = 0.2
_LOW_SPACE: Final = 0.2
_BALANCED_EVERY_S: Final = 5.0
_EMPTY_MIB: Final = 1
_NEW_CLUSTER_REGIONS: Final = 100
"""Empty regions are balanced only while a cluster has fewer regions than this."""
_TOLERANCE_PER_REGION: Final = 0.005


class _Limit:
    """A token bucket: so many a minute, one at once, or a second's worth where that is more."""

    def __init__(self, per_minute: float) -> None:
        self._per_s = per_minute / 60
        self._most = self._has = max(1.0, per_minute / 60)
        self._at_s: float | None = None

    def take(self, cost: float, now: float) -> bool:
        passed = 0.0 if self._at_s is None else now - self._at_s
        self._at_s = now
        self._has = min(self._most, self._has + passed * self._per_s)
        if self._has < cost:
            return False
        self._has -= cost
        return True


class Placement:
    """Steps once a second while PD schedules."""

    def __init__(
        self,
        view: View,
        scheduling: Scheduling,
        leaders: LeaderSchedulers,
        settings: Settings,
        next_id: Callable[[], int],
    ) -> None:
        self._view = view
        self._scheduling = scheduling
        self._leaders = leaders
        self._settings = settings
        self._next_id = next_id
        self._limits: dict[int, _Limit] = {}
        self._next_balance_s = 0.0

    def step(self, now: float) -> None:
        wanted = int(self._settings.replication["max-replicas"])
        if self._settings.schedule["enable-make-up-replica"] == "true":
            for region in list(self._view.regions.values()):
                if len(region.peers) < wanted and region.leader is not None:
                    self._add(region, now)
        if now >= self._next_balance_s:
            self._next_balance_s = now + _BALANCED_EVERY_S
            if len(self._view.stores) > wanted:
                self._balance(now)

    def _has_room(self, store: StoreRecord, now: float) -> bool:
        if store.state is not MetaState.UP or store.silent_s(now) > 20 or store.stats is None or store.stats.is_busy:
            return False
        return store.stats.available_bytes > _LOW_SPACE * store.stats.capacity_bytes

    def _size_of(self, ident: int) -> float:
        return sum(r.size_mib for r in self._view.held_by(ident))

    def _may_receive(self, ident: int, region: RegionRecord, now: float) -> bool:
        limit = self._limits.setdefault(ident, _Limit(self._settings.store_limits[ident]["add-peer"]))
        return limit.take(_SMALL_COST if region.size_mib <= _SMALL_MIB else 1.0, now)

    def _add(self, region: RegionRecord, now: float) -> None:
        if region.id in self._scheduling.running:
            return
        there = {p.store_id for p in region.peers}
        able = [s for s in self._view.stores.values() if s.id not in there and self._has_room(s, now)]
        if not able:
            return
        target = min(able, key=lambda s: (self._size_of(s.id), s.id)).id
        if not self._may_receive(target, region, now):
            return
        peer = self._next_id()
        steps = (AddLearner(peer, target), ChangeRoles(peer, target))
        brief = f"add peer: store [{target}]"
        self._scheduling.add("add-rule-peer", brief, region, (0, target), steps, "replica,region", now)

    def _balance(self, now: float) -> None:
        if not self._scheduling.schedulers.is_active("balance-region-scheduler", now) or not self._view.regions:
            return
        stores = [s for s in self._view.stores.values() if self._has_room(s, now)]
        if len(stores) < len([s for s in self._view.stores.values() if s.state is MetaState.UP]):
            return  # who is silent would look empty or full for no reason of his own
        sizes = {s.id: self._size_of(s.id) for s in stores}
        for operator in self._scheduling.running.values():
            if operator.source in sizes and not operator.moves_leader:
                sizes[operator.source] -= operator.region.size_mib
            if operator.target in sizes and not operator.moves_leader:
                sizes[operator.target] += operator.region.size_mib
        average = sum(r.size_mib for r in self._view.regions.values()) / len(self._view.regions)
        most = max(len(self._view.held_by(i)) for i in sizes)
        tolerance = average * max(1.0, most * _TOLERANCE_PER_REGION)
        while True:
            source = max(sizes, key=lambda i: (sizes[i], i))
            target = min(sizes, key=lambda i: (sizes[i], i))
            if sizes[source] - tolerance <= sizes[target] + tolerance:
                return
            region = next((r for r in self._view.held_by(source) if self._can_move(r, target)), None)
            if region is None or not self._may_receive(target, region, now):
                return
            self._move(region, source, target, now)
            sizes[source] -= region.size_mib
            sizes[target] += region.size_mib

    def _can_move(self, region: RegionRecord, target: int) -> bool:
        if region.id in self._scheduling.running or region.leader is None or region.down or region.pending:
            return False
        is_empty = region.size_mib <= _EMPTY_MIB and len(self._view.regions) >= _NEW_CLUSTER_REGIONS
        return not is_empty and all(p.store_id != target and not p.is_learner for p in region.peers)

    def _move(self, region: RegionRecord, source: int, target: int, now: float) -> None:
        old = next(p for p in region.peers if p.store_id == source)
        leader_to = self._successor(region, old, now) if region.leader_store == source else None
        if region.leader_store == source and leader_to is None:
            return
        steps = steps_of_move(region, (old.id, source), (self._next_id(), target), leader_to)
        kind = "region" if leader_to is None else "region,leader"
        brief = f"mv peer: store [{source}] to [{target}]"
        self._scheduling.add("balance-region-scheduler", brief, region, (source, target), steps, kind, now)

    def _successor(self, region: RegionRecord, old: PeerRecord, now: float) -> int | None:
        target = self._leaders.choose_target(region, now)
        return target if target != old.store_id else None
