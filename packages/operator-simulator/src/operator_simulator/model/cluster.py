"""The cluster: all parts together, moved by one clock, changed by the few things that can be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from operator_simulator.config import ClusterConfig
from operator_simulator.exposition import Dialect
from operator_simulator.model.etcd import Member, Quorum
from operator_simulator.model.heartbeats import Heartbeats
from operator_simulator.model.housekeeping import Housekeeping
from operator_simulator.model.logs import Log
from operator_simulator.model.members import Members
from operator_simulator.model.network import Network
from operator_simulator.model.process import Life, Process
from operator_simulator.model.raft import Peer, Raft, Region, Role
from operator_simulator.model.scheduling import Scheduling
from operator_simulator.model.settings import Settings
from operator_simulator.model.store import Store
from operator_simulator.model.view import View
from operator_simulator.model.wires import Wires
from operator_simulator.model.workload import Workload
from operator_simulator.noise import stream

TICK_S: Final = 0.5
_WARM_UP_S: Final = 90.0
_LEADERLESS_COUNTED_S: Final = 600.0


class Cluster:
    """A TiKV cluster as it is at one instant; :meth:`advance_to` moves it on.

    Args:
        epoch: the instant (aware) at which the cluster is handed over; it has been running for hours by then.
    """

    def __init__(self, config: ClusterConfig, epoch: datetime) -> None:
        self.config = config
        self.epoch = epoch
        self.epoch_unix = epoch.timestamp()
        seed = config.seed
        rng = stream(seed, "birth")
        self.id = rng.randrange(7_300_000_000_000_000_000, 7_500_000_000_000_000_000)
        self.bootstrapped_s = -86400.0 * rng.randrange(20, 90) - rng.randrange(86400)
        names = [f"tikv{i}" for i in range(config.stores)]
        pds = [f"pd{i}" for i in range(config.pd)]
        self.network = Network((*names, *pds), stream(seed, "network"))
        self.stores: Mapping[str, Store] = {
            n: Store(
                n, i, [j for j in config.store_ids if j != i], config.version,
                Log(epoch, Dialect.RUST), stream(seed, "store", n),
            )
            for n, i in zip(names, config.store_ids, strict=True)
        }  # fmt: skip
        members = [
            Member(n, rng.getrandbits(63) | 1 << 62, Log(epoch, Dialect.GO), stream(seed, "member", n)) for n in pds
        ]
        self.processes: Mapping[str, Process] = {**self.stores, **{m.name: m for m in members}}
        self.quorum = Quorum(members, self.network, stream(seed, "etcd"))
        self.raft = Raft(self._regions(), self.stores, self.network, stream(seed, "raft"))
        self.view = View(self.stores)
        self.scheduling = Scheduling(self.view, self.raft, stream(seed, "scheduling"), noise=config.noise)
        self.settings = Settings(config)
        self.wires = Wires(self.stores, self.network)
        self.heartbeats = Heartbeats(
            self.stores, self.quorum, self.network, self.view, self.raft, stream(seed, "heartbeats")
        )
        self.workload = Workload(
            self.stores, self.raft, self.network, self.quorum, seed=seed, noise=config.noise, traffic=config.traffic
        )
        self.housekeeping = Housekeeping(self.stores, self.raft, self.workload, stream(seed, "housekeeping"))
        self.members = Members(
            self.quorum, self.stores, self.network, self.view, self.scheduling, self.heartbeats,
            epoch_unix=self.epoch_unix, version=config.version, replicas=config.replicas, seed=seed, noise=config.noise,
        )  # fmt: skip
        self._connect()
        self._changes = 0
        self._seen_network = self.network.version
        self._leaderless: dict[tuple[int, str], float] = {}
        self.now_s = self._tick_s = -_WARM_UP_S
        self._be_born()
        self._run_to(0.0)

    def _regions(self) -> list[Region]:
        config, rng = self.config, stream(self.config.seed, "regions")
        names = [f"tikv{i}" for i in range(config.stores)]
        bounds = [f"{0x7480000000000000 + k * 0x1_0000_0000:016X}" for k in range(1, config.regions)]
        weights = [rng.uniform(0.6, 1.4) for _ in range(config.regions)]
        regions: list[Region] = []
        for k in range(config.regions):
            holders = [names[(k + j) % len(names)] for j in range(config.replicas)]
            first = 16 + 4 * k if k else 2
            index = float(rng.randrange(40_000, 400_000))
            peers = {s: Peer(first + 1 + j, s, matched=index) for j, s in enumerate(holders)}
            regions.append(
                Region(
                    id=first,
                    start_key=bounds[k - 1] if k else "",
                    end_key=bounds[k] if k + 1 < config.regions else "",
                    peers=peers,
                    conf_ver=5,
                    version=config.regions + rng.randrange(1, 9),
                    weight=weights[k] / sum(weights),
                    size_mib=rng.uniform(60, 180),
                    last_index=index,
                )
            )
        return regions

    def _connect(self) -> None:
        raft, scheduling, quorum = self.raft, self.scheduling, self.quorum
        raft.elected = self._elected
        raft.takes_leaders = lambda name: self.stores[name].takes_leaders
        raft.sent = self.wires.sent
        scheduling.told = self._pd_said
        scheduling.reaches = self.heartbeats.reaches
        scheduling.stamped = self.go_time
        quorum.led = self._pd_led
        self.heartbeats.introduced = lambda s, t: self._pd_said(
            "put store ok", {"store": f'id:{s.id} address:"{s.service_address}" '}, t
        )
        self.heartbeats.rates = self.workload.rates

    def _be_born(self) -> None:
        """Give every process a past, and PD a full picture."""
        now, rng = self.now_s, stream(self.config.seed, "ages")
        names = sorted(self.stores)
        past: dict[str, float] = {}
        for process in self.processes.values():
            age = rng.uniform(4, 20) * 3600
            process.started_s = now - age
            past[process.name] = age
        for index, region in enumerate(self.raft.regions):
            holders = list(region.peers)
            self.raft.seat(region, holders[index // len(names) % len(holders)], now)
        for store in self.stores.values():
            store.born(store.started_s, self.epoch_unix)
            self.view.registered(store)
            record = self.view.stores[store.id]
            record.last_heartbeat_s, record.persisted_s = now, now - rng.uniform(0, 290)
            store.log_start(store.started_s, len(self.raft.regions), "http://pd0:2379")
        for member in self.quorum.members:
            self.members.born(member)
            member.log_start(member.started_s)
        self.workload.prefill({n: past[n] for n in self.stores})
        self.members.prefill(min(past.values()))
        for region in self.raft.regions:
            self.heartbeats.report(region, now)

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
        self.quorum.step(now)
        self.raft.step(now, TICK_S)
        self.wires.step(now, TICK_S, self.raft)
        self.heartbeats.step(now)
        for store in self.housekeeping.step(now):
            self._die(store)
        if now % 1 == 0:
            if self.quorum.is_serving(now):
                self.scheduling.step(now)
            self.workload.step(now, 1.0, self._changes)
            self.members.step(now, 1.0)
        if now % 300 == 0:
            self._count_leaderless(now)

    def _changed(self) -> None:
        self._changes += 1
        self._seen_network = self.network.version
        self.raft.disturb(self.now_s)
        self.wires.disturb()

    def _count_leaderless(self, now: float) -> None:
        """Every five minutes: peers that have had no leader for longer than ten."""
        counts = dict.fromkeys(self.stores, 0)
        for region in self.raft.regions:
            for name, peer in region.peers.items():
                alone = peer.role is not Role.LEADER and (
                    peer.follows is None or not self.raft.answers(peer.follows, name)
                )
                if not alone or not self.stores[name].is_running:
                    self._leaderless.pop((region.id, name), None)
                elif now - self._leaderless.setdefault((region.id, name), peer.heard_s) > _LEADERLESS_COUNTED_S:
                    counts[name] += 1
                    fields = {"expect": "600s", "peer_id": peer.id, "region_id": region.id}
                    self.stores[name].log.write(
                        now,
                        "WARN",
                        "peer.rs:6305",
                        "leader missing longer than abnormal_leader_missing_duration",
                        fields,
                    )
        for name, count in counts.items():
            self.stores[name].cells.leader_missing.value = count

    # -- what the parts tell each other -------------------------------------------------------------------------

    def _elected(self, region: Region, now: float) -> None:
        before = self.view.regions.get(region.id)
        self.heartbeats.report(region, now)
        after = self.view.regions.get(region.id)
        if before is not None and after is not None and after.leader.store_id != before.leader.store_id:
            fields = {"region-id": region.id, "from": before.leader.store_id, "to": after.leader.store_id}
            self._pd_said("leader changed", fields, now)

    def _pd_said(self, message: str, fields: Mapping[str, object], now: float) -> None:
        leader = self.quorum.leader
        if leader is not None and leader.is_running:
            source = {"leader changed": "region.go:762", "put store ok": "grpc_service.go:926"}.get(
                message, "operator_controller.go:488"
            )
            leader.log.write(now, "INFO", source, message, fields)

    def _pd_led(self, leader: Member, now: float) -> None:
        self.view.taken_over()
        self.scheduling.taken_over(now)
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
            held = sum(1 for r in self.raft.regions if name in r.peers)
            leader = self.quorum.leader.name if self.quorum.leader else "pd0"
            process.log_start(self.now_s, held, f"http://{leader}:2379")
            process.is_busy, process.busy_until_s = True, self.now_s + process.rng.uniform(8, 25)
            process.seen_fullness = process.disk.fullness
            self.raft.resumed(name, self.now_s)
            self.wires.restarted(process, self.now_s)
            self.heartbeats.started(process, self.now_s)
        elif isinstance(process, Member):
            self.members.born(process)
        self._changed()

    def stop(self, name: str) -> None:
        """SIGTERM: a store hands its leaders over first (up to 20 s), a PD leader resigns."""
        process = self.processes[name]
        if not process.is_running:
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
        if isinstance(process, Store):
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
