"""The clients' steady load, the way of each request through a store, and what is counted on the way.

A write is durable when a majority has it: its commit takes as long as the second fastest of append plus round trip
(tikv v8.5.5 commits through two followers while the leader's own disk is late, up to a limit of unpersisted entries,
so a share of the writes waits for a slow leader all the same).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operator_simulator.model.disk import Fullness
from operator_simulator.model.etcd import Quorum
from operator_simulator.model.network import OUTSIDE, Network
from operator_simulator.model.raft import Raft, Region
from operator_simulator.model.store import CORES, Store
from operator_simulator.model.store_metrics import SCHEDULER_TYPES
from operator_simulator.noise import Wobble, stream

RATES: Final = {
    "raw_get": 900.0, "raw_put": 210.0, "kv_get": 360.0, "kv_prewrite": 90.0, "kv_commit": 90.0, "coprocessor": 24.0,
}  # fmt: skip
"""Requests per second of the whole cluster at traffic 1."""
_WRITES: Final = ("raw_put", "kv_prewrite", "kv_commit")
_WRITES_PER_S: Final = sum(RATES[t] for t in _WRITES)
_ALL_PER_S: Final = sum(RATES.values())
_NEED_TSO: Final = ("kv_get", "kv_prewrite", "kv_commit", "coprocessor")
_CPU_S: Final = {
    "raw_get": 0.00028, "raw_put": 0.0006, "kv_get": 0.0003, "kv_prewrite": 0.0008, "kv_commit": 0.0007,
    "coprocessor": 0.006,
}  # fmt: skip
_WAITS_FOR_OWN_DISK: Final = 0.12
_CLIENT_GIVES_UP_S: Final = 5.0
ENTRY_BYTES: Final = 1100
"""What one write adds to its region, in a cluster that is being filled."""
RETRANSMISSION_S: Final = 0.2
"""Linux's least time after which TCP sends a lost segment again."""


@dataclass(slots=True)
class _Lead:
    """The regions that a store leads, by where their followers are."""

    weight: float = 0.0
    groups: dict[tuple[str, ...], float] | None = None
    stuck: float = 0.0
    """Share of the load that lies on regions it leads without a majority."""


class Workload:
    """Steps once a second of cluster time."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        raft: Raft,
        network: Network,
        quorum: Quorum,
        *,
        seed: int,
        noise: float,
        traffic: float,
        majority: int,
        has_begun: bool,
    ) -> None:
        self._stores = stores
        self._raft = raft
        self._network = network
        self._quorum = quorum
        self._noise = noise
        self.has_begun = has_begun
        """Clients have something to talk to; before that there is no load, and what they write is new afterwards."""
        self._wanted = traffic
        self._fills = not has_begun
        self.traffic = traffic if has_begun else 0.0
        self._load = Wobble(stream(seed, "load"), sigma=0.06 * noise, memory_s=150)
        self._shares = {n: Wobble(stream(seed, "share", n), sigma=0.04 * noise, memory_s=60) for n in stores}
        self._disks = {n: Wobble(stream(seed, "disk", n), sigma=0.10 * noise, memory_s=45) for n in stores}
        self._cpus = {n: Wobble(stream(seed, "cpu", n), sigma=0.08 * noise, memory_s=20) for n in stores}
        self._rng = stream(seed, "slow requests")
        self._majority = majority
        self._hiccup_until_s = dict.fromkeys(stores, 0.0)
        self._leads: dict[str, _Lead] = {}
        self._orphaned = 0.0
        self._seen = (-1, -1)
        self._tso_lost_s: float | None = None
        self.append_s: dict[str, float] = {n: s.disk.sync_s for n, s in stores.items()}
        self.rates: dict[str, tuple[float, float]] = dict.fromkeys(stores, (0.0, 0.0))

    def begin(self) -> None:
        """The clients begin."""
        self.has_begun, self.traffic = True, self._wanted

    @property
    def asked(self) -> float:
        """The clients' load as it was asked for, as a multiple of the usual one."""
        return self._wanted

    def drive(self, traffic: float) -> None:
        """The clients' load is this multiple of the usual one from now on, or from when they begin."""
        self._wanted = traffic
        if self.has_begun:
            self.traffic = traffic

    def prefill(self, seconds: Mapping[str, float]) -> None:
        """Give each process the counts of an uneventful past of that many seconds."""
        self._regroup()
        for name, past in seconds.items():
            self._serve(self._stores[name], 0.0, past, 1.0)
            self._follow(self._stores[name], past)

    def step(self, now: float, dt: float, changes: int) -> None:
        """One second.

        Args:
            changes: grows whenever processes or links change.
        """
        if self._seen != (self._raft.leadership, changes):
            self._seen = (self._raft.leadership, changes)
            self._regroup()
        if self._quorum.is_serving(now):
            self._tso_lost_s = None
        elif self._tso_lost_s is None:
            self._tso_lost_s = now
        load = self._load.step(dt)
        for name, store in self._stores.items():
            disk, cpu, share = self._disks[name].step(dt), self._cpus[name].step(dt), self._shares[name].step(dt)
            if not store.is_running:
                self.rates[name] = (0.0, 0.0)
                continue
            sync = store.disk.sync_s * disk
            self.append_s[name] = sync * (1 + 0.5 * min(1.0, sync * 200))
            self._hiccup(store, now, dt)
            self._serve(store, now, dt, load * share * cpu)
            self._follow(store, dt)
        self._append(load, dt)

    def _can_commit(self, region: Region) -> bool:
        lead = region.leader
        if lead is None or not self._stores[lead].is_running:
            return False
        answering = sum(1 for p in region.voters if p.store == lead or self._raft.answers(lead, p.store))
        return answering >= region.majority

    def _regroup(self) -> None:
        leads: dict[str, _Lead] = {n: _Lead(groups=defaultdict(float)) for n in self._stores}
        orphaned = 0.0
        for region in self._raft.regions:
            lead = region.leader
            if lead is None or not self._stores[lead].is_running or not self._network.talks(OUTSIDE, lead):
                orphaned += region.weight
                continue
            entry = leads[lead]
            if not self._can_commit(region):
                entry.stuck += region.weight
                continue
            entry.weight += region.weight
            assert entry.groups is not None
            answering = (p.store for p in region.voters if p.store != lead and self._raft.answers(lead, p.store))
            entry.groups[tuple(sorted(answering))] += region.weight
        self._leads = leads
        self._orphaned = orphaned

    def _append(self, load: float, dt: float) -> None:
        per_s = _WRITES_PER_S * self.traffic * load * dt
        for region in self._raft.regions:
            if region.is_settled:
                region.last_index += per_s * region.weight
            elif self._can_commit(region):
                self._raft.appended(region, per_s * region.weight)
            else:
                continue
            if self._fills:
                region.size_mib += per_s * region.weight * ENTRY_BYTES / (1 << 20)

    def _hiccup(self, store: Store, now: float, dt: float) -> None:
        if self._noise > 0 and self._raft.regions and self._rng.random() < dt / 400 * self._noise:
            self._hiccup_until_s[store.name] = now + self._rng.uniform(0.5, 2.5)
            if self._rng.random() < 0.3:
                took = self._rng.uniform(1.02, 1.6)
                store.log.write(
                    now,
                    "WARN",
                    "scheduler.rs:1204",
                    f"[region {self._raft.regions[self._rng.randrange(len(self._raft.regions))].id}] scheduler handle "
                    f"command: prewrite, ts: {451_000_000_000_000_000 + int(now * 262_144_000)}, details: none",
                    {"takes": f"{took * 1000:.0f}ms"},
                    thread=23,
                )

    def _commit_s(self, leader: str, followers: tuple[str, ...], majority: int) -> float:
        ways = [self.append_s[leader]]
        ways += [self.append_s[f] + self._network.round_trip_s(leader, f) for f in followers]
        return sorted(ways)[min(majority, len(ways)) - 1]

    def _serve(self, store: Store, now: float, dt: float, wobble: float) -> None:
        """What a store does for clients in `dt` seconds."""
        cells, name, lead = store.cells, store.name, self._leads[store.name]
        no_tso = self._tso_lost_s is not None and now - self._tso_lost_s > 1.0
        rates = {
            t: 0.0 if no_tso and t in _NEED_TSO else r * self.traffic * wobble * lead.weight for t, r in RATES.items()
        }
        used_cpu = 0.15 + sum(_CPU_S[t] * r for t, r in rates.items())
        queue = 1 / (1 - min(0.97, used_cpu / CORES))
        slow = 6.0 if now < self._hiccup_until_s[name] else 1.0
        writes = sum(rates[t] for t in _WRITES)
        reads = sum(rates.values()) - writes
        self.rates[name] = (writes, reads)
        write = 0.0
        if store.seen_fullness is Fullness.NORMAL:
            write = self._write(store, lead, rates, dt, queue, slow)
        else:
            for kind in _WRITES:
                cells.grpc_failed[kind].value += rates[kind] * dt
            cells.disk_full_drops.value += writes * dt
            for status in ("all", "err_disk_full"):
                cells.async_total["write", status].value += writes * dt
        self._read(store, rates, dt, queue, slow)
        self._failures(store, lead, dt)
        self._processor(store, dt, used_cpu, writes, rates)
        stuck = lead.stuck * 200 * min(_CLIENT_GIVES_UP_S, now + 1)
        cells.scheduler_context.value = round(writes * write + stuck)

    def _write(
        self, store: Store, lead: _Lead, rates: Mapping[str, float], dt: float, queue: float, slow: float
    ) -> float:
        """The write path, step by step; gives the usual time of the whole in seconds."""
        cells, own = store.cells, self.append_s[store.name]
        n = sum(rates[t] for t in _WRITES) * dt
        propose = 0.00006 * queue + 0.10 * max(0.0, own - 0.004)
        apply_wait, apply = 0.00009 * queue, 0.00035 * queue * slow
        usual = repeated = 0.0
        for followers, weight in (lead.groups or {}).items():
            share = weight / lead.weight
            commit = self._commit_s(store.name, followers, self._majority)
            late = self._retransmitted(store.name, followers)
            cells.commit.add(n * share * (1 - _WAITS_FOR_OWN_DISK) * (1 - late), commit)
            cells.commit.add(n * share * _WAITS_FOR_OWN_DISK * (1 - late), max(commit, own))
            cells.commit.add(n * share * late, commit + RETRANSMISSION_S)
            usual += commit * share
            repeated += late * share
        around = propose + apply_wait + apply
        ways = (
            ((1 - _WAITS_FOR_OWN_DISK) * (1 - repeated), around + usual),
            (_WAITS_FOR_OWN_DISK * (1 - repeated), around + max(usual, own)),
            (repeated, around + usual + RETRANSMISSION_S),
        )
        cells.request_wait.add(n, propose)
        cells.apply_wait.add(n, apply_wait)
        for status in ("all", "success"):
            cells.async_total["write", status].value += n
        cells.proposals["normal"].value += n
        cells.proposals["all"].value += n
        for share, seconds in ways if repeated else ways[:2]:
            cells.write.add(n * share, seconds)
            for kind in SCHEDULER_TYPES:
                cells.scheduler[kind].add(rates[f"kv_{kind}"] * dt * share, seconds + 0.0002 * queue)
            for kind in _WRITES:
                cells.grpc[kind].add(rates[kind] * dt * share, seconds + 0.00025 * queue)
        for kind in SCHEDULER_TYPES:
            cells.latch[kind].add(rates[f"kv_{kind}"] * dt, 0.000012 + 0.02 * max(0.0, ways[0][1] - 0.01))
            cells.processing_read[kind].add(rates[f"kv_{kind}"] * dt, 0.00011 * queue)
        store.disk.used_bytes += n * 44
        return ways[0][1]

    def _retransmitted(self, leader: str, followers: tuple[str, ...]) -> float:
        """The share of writes for which TCP must send again: every follower's way has lost a packet."""
        share = 1.0
        for follower in followers:
            arrived = (1 - self._network.loss(leader, follower)) ** 2
            share *= 1 - arrived
        return share if followers else 0.0

    def _read(self, store: Store, rates: Mapping[str, float], dt: float, queue: float, slow: float) -> None:
        cells = store.cells
        snapshot = 0.00012 * queue
        for kind, rate in rates.items():
            if kind in _WRITES:
                continue
            n = rate * dt
            for status in ("all", "success"):
                cells.async_total["snapshot", status].value += n
            cells.proposals["local_read"].value += n
            cells.snapshot.add(n, snapshot)
            if kind == "coprocessor":
                cells.grpc[kind].add(n, 0.0045 * queue * slow, 0.8)
            else:
                cells.grpc[kind].add(n * 0.997, (snapshot + 0.0002 * queue) * slow)
                cells.grpc[kind].add(n * 0.003, (snapshot + 0.0002 * queue) * slow * 20)

    def _failures(self, store: Store, lead: _Lead, dt: float) -> None:
        """Requests that find no leader, or one without a majority."""
        cells = store.cells
        asked = _ALL_PER_S * self.traffic * dt
        if lead.stuck:
            stuck = min(40.0 * dt, asked * lead.stuck)
            cells.async_total["write", "err_timeout"].value += stuck * 0.3
            cells.async_total["write", "all"].value += stuck * 0.3
            cells.async_total["snapshot", "err_timeout"].value += stuck * 0.7
            cells.async_total["snapshot", "all"].value += stuck * 0.7
            cells.read_index_pending.value = round(min(4000.0, cells.read_index_pending.value + stuck * 0.7))
        else:
            cells.read_index_pending.value = 0
        if self._orphaned > 0 and self._network.talks(OUTSIDE, store.name):
            lost = min(60.0 * dt, asked * self._orphaned * 0.3)
            cells.async_total["snapshot", "err_not_leader"].value += lost * 0.7
            cells.async_total["snapshot", "all"].value += lost * 0.7
            cells.async_total["write", "err_not_leader"].value += lost * 0.3
            cells.async_total["write", "all"].value += lost * 0.3

    def _follow(self, store: Store, dt: float) -> None:
        """What a store appends and applies for the regions that it holds, as leader or follower."""
        cells, name = store.cells, store.name
        total = _WRITES_PER_S * self.traffic
        held = 0.0
        for other, lead in self._leads.items():
            if other == name:
                held += lead.weight
                continue
            theirs = sum(w for f, w in (lead.groups or {}).items() if name in f)
            held += theirs
            led = sum(w for f, w in (self._leads[name].groups or {}).items() if other in f)
            if theirs or led:
                n = total * (theirs + led) * dt * 0.55 + 0.5 * len(self._raft.regions) * (theirs + led) * dt
                sender = self._stores[other]
                cells.received_from[str(sender.id)].value += n
                cells.raft_received.value += n
                cells.unreachable[str(sender.id)].value += self._network.loss(other, name) * 0.4 * dt
                cells.sent["append"].value += total * led * dt * 0.55
                cells.sent["append_resp"].value += total * theirs * dt * 0.55
                cells.sent["heartbeat"].value += 0.5 * len(self._raft.regions) * led * dt
                cells.sent["heartbeat_resp"].value += 0.5 * len(self._raft.regions) * theirs * dt
        n = total * held * dt
        if self._fills:
            store.disk.used_bytes += n * ENTRY_BYTES
        append = self.append_s[name]
        cells.append.add(n, append)
        cells.task_wait.add(n, 0.00004 + 0.5 * max(0.0, append - 0.002))
        cells.apply.add(n, 0.00035)
        syncs = n / (1 + n / max(dt, 1e-9) * append)
        cells.engine_write.add(syncs, append * 0.9)
        cells.engine_sync.add(syncs, append * 0.8)
        cells.inspect.add(10 * dt, append * 1.1)
        cells.log_lag.add(len(self._raft.regions) / 60 * dt, 3.0)

    def _processor(self, store: Store, dt: float, cores: float, writes: float, rates: Mapping[str, float]) -> None:
        cells = store.cells
        cells.cpu.value += cores * dt
        reads = sum(rates.values()) - writes
        each = writes / 2
        shares = {
            "grpc": 0.000014 * (reads + writes) + 0.004, "raftstore": 0.0002 * each + 0.01,
            "apply": 0.00018 * each + 0.004, "sched": 0.0002 * each + 0.002, "writer": 0.0004 * each + 0.006,
            "read": 0.00016 * reads + 0.005 * rates["coprocessor"] + 0.005, "rocksdb": 0.0002 * each + 0.004,
            "other": 0.003,
        }  # fmt: skip
        for pool, cell in cells.threads.values():
            cell.value += shares[pool] * dt
        cells.resident.value = float(int(store.resident_bytes * (1 + 0.01 * (cores - 0.5))) // 4096 * 4096)
        cells.memory_usage.value = cells.resident.value
        cells.virtual.value = float(int(store.resident_bytes * 2.1) // 4096 * 4096)
        stuck = 1 if self.append_s[store.name] > 0.03 else 0
        cells.thread_states["D"].value = stuck
        cells.thread_states["R"].value = 1 + round(cores)
        cells.thread_states["S"].value = 96 - stuck
