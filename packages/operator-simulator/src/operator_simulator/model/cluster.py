"""The cluster: all parts together, moved by one clock, changed by the few things that can be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from operator_simulator.config import ClusterConfig
from operator_simulator.exposition import Dialect
from operator_simulator.model import birth, past
from operator_simulator.model.client import Client
from operator_simulator.model.etcd import Member, Quorum
from operator_simulator.model.heartbeats import Heartbeats
from operator_simulator.model.housekeeping import Housekeeping
from operator_simulator.model.leaders import LeaderSchedulers
from operator_simulator.model.logs import Log
from operator_simulator.model.members import Members
from operator_simulator.model.membership import Membership
from operator_simulator.model.network import Network
from operator_simulator.model.placement import Placement
from operator_simulator.model.process import Life, Process
from operator_simulator.model.raft import Raft, Region
from operator_simulator.model.scheduling import Scheduling
from operator_simulator.model.settings import Settings
from operator_simulator.model.starting import Starting
from operator_simulator.model.store import Store
from operator_simulator.model.view import View
from operator_simulator.model.wires import Wires
from operator_simulator.model.workload import Workload
from operator_simulator.noise import stream

TICK_S: Final = 0.5
_WARM_UP_S: Final = 90.0
_DARK_S: Final = 30.0
"""How long a cluster that is restarted has been down."""
_SOURCES: Final = {
    "leader changed": "region.go:762", "put store ok": "grpc_service.go:926", "bootstrap cluster ok": "server.go:777",
}  # fmt: skip


class Cluster:
    """A TiKV cluster as it is at one instant; :meth:`advance_to` moves it on.

    Args:
        epoch: the instant (aware) at which the cluster is handed over. It has been running for hours by then, unless
            it is started cold or restarted: then the first process is started at that instant.
    """

    def __init__(self, config: ClusterConfig, epoch: datetime) -> None:
        self.config = config
        self.epoch = epoch
        self.epoch_unix = epoch.timestamp()
        seed, is_new = config.seed, config.cold_start
        rng = stream(seed, "birth")
        self.id = rng.randrange(7_300_000_000_000_000_000, 7_500_000_000_000_000_000)
        self.bootstrapped_s: float | None = -86400.0 * rng.randrange(20, 90) - rng.randrange(86400)
        """When the first store joined; None while there is none."""
        if is_new:
            self.bootstrapped_s = None
        names, pds = birth.store_names(config), birth.member_names(config)
        self.network = Network((*names, *pds), stream(seed, "network"))
        self.stores: Mapping[str, Store] = {
            n: Store(
                n, i, [j for j in config.store_ids if j != i], config.version,
                Log(epoch, Dialect.RUST), stream(seed, "store", n), has_data=not is_new,
                reserve_space=config.reserve_space_bytes,
            )
            for n, i in zip(names, config.store_ids, strict=True)
        }  # fmt: skip
        members = [
            Member(n, rng.getrandbits(63) | 1 << 62, Log(epoch, Dialect.GO), stream(seed, "member", n)) for n in pds
        ]
        self.processes: Mapping[str, Process] = {**self.stores, **{m.name: m for m in members}}
        if is_new:
            for process in self.processes.values():
                process.die(0.0)
        self.quorum = Quorum(members, self.network, stream(seed, "etcd"), led_by=None if is_new else members[0])
        there, keys = [] if is_new else birth.regions(config), birth.key_space(config)
        self.raft = Raft(there, self.stores, self.network, stream(seed, "raft"))
        next_id = partial(next, birth.ids(config, there))
        self.membership = Membership(self.raft, stream(seed, "membership"), next_id, keys.share)
        self.view = View(self.stores)
        orders = stream(seed, "scheduling")
        self.scheduling = Scheduling(self.view, self.raft, self.membership, orders)
        self.leaders = LeaderSchedulers(self.view, self.scheduling, orders, noise=config.noise)
        self.settings = Settings(config)
        self.placement = Placement(self.view, self.scheduling, self.leaders, self.settings, next_id)
        self.wires = Wires(self.stores, self.network)
        self.heartbeats = Heartbeats(
            self.stores, self.quorum, self.network, self.view, self.raft, stream(seed, "heartbeats")
        )
        self.workload = Workload(
            self.stores, self.raft, self.network, self.quorum, seed=seed, noise=config.noise, traffic=config.traffic,
            majority=config.replicas // 2 + 1, has_begun=not is_new,
        )  # fmt: skip
        self.client = Client(self.view, self.scheduling, self.workload, keys, config.replicas)
        self.housekeeping = Housekeeping(self.stores, self.raft, self.workload, stream(seed, "housekeeping"))
        self.members = Members(
            self.quorum, self.stores, self.network, self.view, self.scheduling, self.heartbeats,
            epoch_unix=self.epoch_unix, version=config.version, replicas=config.replicas, seed=seed, noise=config.noise,
        )  # fmt: skip
        self.starting = Starting(self.quorum, self.network)
        self._launches = birth.launches(config) if (is_new or config.restarted) and config.launched else []
        self._connect()
        self._changes = 0
        self._seen_network = self.network.version
        self.now_s = self._tick_s = 0.0 if is_new else -_WARM_UP_S
        if not is_new:
            past.give(self)
        if config.restarted:
            self._run_to(-_DARK_S)
            for name in self.processes:
                self.kill(name)
        self._run_to(0.0)
        self._launch(0.0)

    def _connect(self) -> None:
        raft, scheduling, quorum = self.raft, self.scheduling, self.quorum
        raft.elected = self._elected
        raft.changed = self._region_changed
        raft.takes_leaders = lambda name: self.stores[name].takes_leaders
        raft.sent = self.wires.sent
        scheduling.told = self._pd_said
        scheduling.reaches = self.heartbeats.reaches
        scheduling.stamped = self.go_time
        quorum.led = self._pd_led
        self.starting.has_data = lambda name: any(name in r.peers for r in raft.regions)
        self.starting.is_known = lambda store: store.id in self.view.stores
        self.starting.registers = self._registers
        self.starting.listens = self._listens
        self.heartbeats.rates = self.workload.rates

    # -- time ---------------------------------------------------------------------------------------------------

    def advance_to(self, instant: datetime) -> None:
        """Live on until then; an instant that is past changes nothing."""
        self._run_to((instant - self.epoch).total_seconds())

    def instant(self, at_s: float) -> datetime:
        return self.epoch + timedelta(seconds=at_s)

    def go_time(self, at_s: float) -> str:
        """time.Time.String() in a process that has been running for a while."""
        since_start = at_s - min(m.started_s for m in self.quorum.members)
        return f"{self.instant(at_s):%Y-%m-%d %H:%M:%S.%f} +0000 UTC m=+{since_start:.9f}"

    def _run_to(self, target: float) -> None:
        while self._tick_s + TICK_S <= target:
            self._tick_s += TICK_S
            self.now_s = self._tick_s
            self._step(self._tick_s)
        self.now_s = max(self.now_s, target)

    def _step(self, now: float) -> None:
        if self.network.version != self._seen_network:
            self._changed()
        self.starting.step(now, TICK_S)
        self._launch(now)
        self.quorum.step(now)
        self.raft.step(now, TICK_S)
        self.wires.step(now, TICK_S, self.raft)
        self.heartbeats.step(now)
        for store in self.housekeeping.step(now):
            self._die(store)
        if now % 1 == 0:
            if self.bootstrapped_s is not None and self.quorum.is_serving(now):
                self._schedule(now)
            self.workload.step(now, 1.0, self._changes)
            self.members.step(now, 1.0)
        if now % 300 == 0:
            self.housekeeping.count_leaderless(now)

    def _schedule(self, now: float) -> None:
        """A second of PD's leader."""
        leader = self.quorum.leader
        assert leader is not None
        for member in self.quorum.group(leader):
            member.is_synced = member.is_synced or member.has_joined
        if now % 10 == 0:
            self.view.prepared()
        if self.scheduling.step(now):
            self.leaders.step(now)
            self.placement.step(now)
        self.client.step(now)

    def _launch(self, now: float) -> None:
        """Start what its deployer starts by now."""
        while self._launches and self._launches[0][0] <= now:
            self.start(self._launches.pop(0)[1])

    def _changed(self) -> None:
        self._changes += 1
        self._seen_network = self.network.version
        self.raft.disturb(self.now_s)
        self.wires.disturb()

    # -- what the parts tell each other -------------------------------------------------------------------------

    def _elected(self, region: Region, now: float) -> None:
        before = self.view.regions.get(region.id)
        self.heartbeats.report(region, now)
        after = self.view.regions.get(region.id)
        if before is not None and after is not None and after.leader_store != before.leader_store:
            fields = {"region-id": region.id, "from": before.leader_store, "to": after.leader_store}
            self._pd_said("leader changed", fields, now)

    def _region_changed(self, region: Region, now: float) -> None:
        self._met(region)
        self.heartbeats.report(region, now)

    def _met(self, region: Region) -> None:
        lead = region.leader
        for name in region.peers:
            if lead is not None and name != lead and not self.stores[lead].wires[name].is_used:
                self.wires.met(lead, name)

    def _registers(self, store: Store, now: float) -> None:
        """PD takes a store's registration; from the first one of all the cluster is bootstrapped."""
        is_first = self.bootstrapped_s is None
        if is_first:
            self.bootstrapped_s = now
        self.view.registered(store)
        if is_first:
            region = self.membership.bootstrap(store.name, now)
            self.view.bootstrapped(region)
            self.scheduling.taken_over(now)
            self._pd_said("bootstrap cluster ok", {"cluster-id": self.id}, now)
        self._pd_said("put store ok", {"store": f'id:{store.id} address:"{store.service_address}" '}, now)

    def _listens(self, process: Process, now: float) -> None:
        """A process has come up."""
        if isinstance(process, Store):
            held = [r for r in self.raft.regions if process.name in r.peers]
            process.log_ready(now, len(held))
            process.is_busy = bool(held) and not all(r.leader == process.name for r in held)
            process.busy_until_s = now + process.rng.uniform(8, 25)
            process.seen_fullness = process.disk.fullness
            self.raft.resumed(process.name, now)
            self.wires.restarted(process, now)
            self.heartbeats.started(process, now)
            for region in held:
                if [p.store for p in region.voters] == [process.name]:
                    self.raft.seat(region, process.name, now)  # who is alone elects himself when he is made
                    self._region_changed(region, now)
        self._changed()

    def _pd_said(self, message: str, fields: Mapping[str, object], now: float) -> None:
        leader = self.quorum.leader
        if leader is not None and leader.is_running:
            leader.log.write(now, "INFO", _SOURCES.get(message, "operator_controller.go:488"), message, fields)

    def _pd_led(self, leader: Member, now: float) -> None:
        self.view.taken_over(is_synced=leader.is_synced)
        self.scheduling.taken_over(now)
        if self.bootstrapped_s is None:
            leader.log.write(now, "WARN", "cluster.go:374", "cluster is not bootstrapped")
            return
        counts = {"load stores": len(self.view.stores), "load regions": len(self.view.regions)}
        for message, count in counts.items():
            leader.log.write(now, "INFO", "cluster.go:480", message, {"count": count, "cost": "3.1ms"})

    # -- what can be done to it ---------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """SIGKILL; nothing is written, connections are reset."""
        process = self.processes[name]
        if not process.is_dead:
            self._die(process)

    def _die(self, process: Process) -> None:
        process.die(self.now_s)
        if isinstance(process, Store):
            process.stopping_since_s = None
            self.raft.stopped(process.name)
        elif isinstance(process, Member):
            self.quorum.stopped(process, self.now_s)
        self._changed()

    def start(self, name: str) -> None:
        """Start a process that does not run; with its data."""
        process = self.processes[name]
        if not process.is_dead:
            return
        process.start(self.now_s)
        if isinstance(process, Store):
            process.born(self.now_s, self.epoch_unix)
            process.log_launched(self.now_s)
        elif isinstance(process, Member):
            self.members.born(process)
        self.starting.launched(process)
        self._changed()

    def stop(self, name: str) -> None:
        """SIGTERM: a store hands its leaders over first (up to 20 s), a PD leader resigns."""
        process = self.processes[name]
        if process.life is not Life.RUNNING:
            return
        if not process.is_up:
            self._die(process)
            return
        if isinstance(process, Store):
            if process.stopping_since_s is None:
                process.stopping_since_s = self.now_s
                message = "receive signal 15, starting graceful shutdown..."
                process.log.write(self.now_s, "INFO", "signal_handler.rs:54", message)
            return
        process.log.write(self.now_s, "INFO", "main.go:238", "got signal to exit", {"signal": "terminated"})
        if self.quorum.leader is process or self.quorum.etcd_leader is process:
            self.quorum.resign(self.now_s)
        process.log.write(self.now_s, "INFO", "server.go:563", "close server")
        self._die(process)

    def freeze(self, name: str) -> None:
        """SIGSTOP: nothing runs, the kernel keeps the sockets."""
        self.processes[name].freeze(self.now_s)
        self._changed()

    def thaw(self, name: str) -> None:
        process = self.processes[name]
        if process.life is not Life.FROZEN:
            return
        process.thaw(self.now_s)
        if isinstance(process, Store) and process.is_up:
            self.raft.resumed(name, self.now_s)
        self._changed()

    # -- what can be read from it -------------------------------------------------------------------------------

    def publish(self, process: Process) -> bytes:
        """The metrics page of a process, as it is now."""
        if isinstance(process, Store):
            cells = process.cells
            held = [r for r in self.raft.regions if process.name in r.peers]
            cells.region_count["region"].value = len(held)
            cells.region_count["buckets"].value = len(held)
            cells.region_count["leader"].value = sum(1 for r in held if self.raft.leads(r, process.name))
            cells.snapshots["receiving"].value = sum(
                1 for r in held if r.peers[process.name].snapshot_until_s is not None
            )
        elif isinstance(process, Member):
            self.members.publish(process, self.now_s)
        return process.metrics.render()
