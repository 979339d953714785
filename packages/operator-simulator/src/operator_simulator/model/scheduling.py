"""The operators of PD's leader: they are made, done step by step, and ended; and what decides whether any is made.

Limits and names are those of pd v8.5.5. Nothing is scheduled before 90 % of the regions, and of each store's, are known
from elsewhere than PD's own storage, or 5 minutes have passed; schedulers are made only then (`pkg/schedule`
`prepare_checker.go`, `coordinator.go`). A member that was synced by the leader before knows them at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from operator_simulator.model.membership import Membership
from operator_simulator.model.operators import (
    AddLearner,
    ChangeRoles,
    LeaveJoint,
    Operator,
    OperatorStatus,
    RemovePeer,
    SplitRegion,
    Step,
    TransferLeader,
    timeout_s,
)
from operator_simulator.model.raft import Raft, Region
from operator_simulator.model.view import RegionRecord, View

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
_KEPT_S: Final = 600.0
_PREPARED_SHARE: Final = 0.9
_PREPARED_ANYWAY_S: Final = 300.0
_LOOKS_EVERY_S: Final = 3.0
"""`runSchedulerCheckInterval`."""


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
    """PD's operators; steps once a second while a PD leader serves a bootstrapped cluster."""

    def __init__(self, view: View, raft: Raft, membership: Membership, rng: random.Random) -> None:
        self._view = view
        self._raft = raft
        self._membership = membership
        self._rng = rng
        self.schedulers = Schedulers()
        self.running: dict[int, Operator] = {}
        self.finished: list[Operator] = []
        self.slow_evicted: int | None = None
        self._begun_s = -1e9
        self._looks_s = -1e9
        self.is_prepared = True
        """The schedulers have been made and run."""
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
        """A new PD leader begins without operators, and without schedulers until it knows enough."""
        self.running.clear()
        self.finished.clear()
        self._begun_s = self._looks_s = now
        self.is_prepared = False
        self._prepares(now)

    def _prepares(self, now: float) -> None:
        if now < self._looks_s:
            return
        self._looks_s = now + _LOOKS_EVERY_S
        known = all(
            sum(not r.is_from_storage for r in held) >= _PREPARED_SHARE * len(held)
            for held in (self._view.regions.values(), *(self._view.held_by(i) for i in self._view.stores))
        )
        self.is_prepared = known or now - self._begun_s >= _PREPARED_ANYWAY_S

    def step(self, now: float) -> bool:
        """Go on with what runs; gives whether schedulers and checkers may make more."""
        self._advance(now)
        if not self.is_prepared:
            self._prepares(now)
        return self.is_prepared and not self.halted

    def _advance(self, now: float) -> None:
        for operator in list(self.running.values()):
            region = self._raft.by_id[operator.region.id]
            lead = region.leader
            if now >= operator.due_s and lead is not None and self.reaches(lead):
                if self._is_done(operator.steps[operator.current], region, now):
                    operator.current += 1
                if operator.current == len(operator.steps):
                    self._end(operator, OperatorStatus.SUCCESS, now)
                    continue
            if now - operator.created_s > operator.timeout_s:
                self._end(operator, OperatorStatus.TIMEOUT, now)
        if self.finished and now - (self.finished[0].finished_s or 0.0) > _KEPT_S:
            del self.finished[0]

    def _is_done(self, step: Step, region: Region, now: float) -> bool:
        """Send the command of a step, unless it is done already; gives whether it is."""
        membership, name = self._membership, self._view.name_of
        match step:
            case TransferLeader(_, target):
                return region.leader == name(target) or self._raft.transfer(region, name(target), now)
            case AddLearner(peer, store):
                if name(store) not in region.peers:
                    membership.add_learner(region, name(store), peer, now)
                    return False
                return region.peers[name(store)].snapshot_until_s is None
            case ChangeRoles(_, store, _, old):
                if old is not None and region.leader == name(old):
                    return False
                if not membership.promote(region, name(store), now):
                    return False
                return old is None or membership.demote(region, name(old), now)
            case LeaveJoint():
                return True
            case RemovePeer(store):
                return name(store) not in region.peers or membership.remove(region, name(store), now)
            case SplitRegion(keys):
                return membership.split(region, keys, now)

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

    def transfer(self, desc: str, region: RegionRecord, target: int, now: float, *, kind: str = "leader") -> bool:
        """Make an operator that moves a leader; False when the region has one already, or no leader."""
        source = region.leader_store
        if source == 0:
            return False
        brief = f"transfer leader: store {source} to {target}"
        if desc == EVICT_LEADER:
            able = " ".join(str(p.store_id) for p in region.peers if p.store_id != source)
            brief = f"evict leader: from store {source} to one in [{able}], or to {target} (for compatibility)"
        return self.add(desc, brief, region, (source, target), (TransferLeader(source, target),), kind, now)

    def add(
        self,
        desc: str,
        brief: str,
        region: RegionRecord,
        ends: tuple[int, int],
        steps: tuple[Step, ...],
        kind: str,
        now: float,
    ) -> bool:
        """Make an operator; False when the region has one already.

        Args:
            ends: from which store and to which it moves something; 0 for none.
        """
        if region.id in self.running:
            return False
        due = now + self._rng.uniform(0.3, 1.4)
        limit = timeout_s(steps, region.size_mib)
        self.running[region.id] = Operator(desc, brief, region, *ends, steps, kind, limit, now, due)
        text = f'"{desc} {{{brief}}} (kind:{kind}, region:{region.id}'
        detail = f'{text}({region.version}, {region.conf_ver}), createAt:{self.stamped(now)})"'
        self.told("add operator", {"region-id": region.id, "operator": detail, "additional-info": ""}, now)
        self.counted(desc, "create")
        self.counted(desc, "start")
        return True

    def takes_leaders(self, ident: int, now: float) -> bool:
        """Whether an operator may move a leader there: neither silent nor being emptied of leaders."""
        store = self._view.stores[ident]
        return store.silent_s(now) <= 20 and ident not in self.schedulers.evicting and ident != self.slow_evicted
