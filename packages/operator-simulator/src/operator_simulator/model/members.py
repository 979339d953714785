"""What the PD processes count: etcd's disk and links at each one, time and heartbeats at the leader."""

from __future__ import annotations

from collections.abc import Mapping

from operator_simulator.model.etcd import Member, Quorum
from operator_simulator.model.heartbeats import Heartbeats
from operator_simulator.model.member_metrics import MemberMetrics
from operator_simulator.model.network import Network
from operator_simulator.model.scheduling import Scheduling
from operator_simulator.model.store import Store
from operator_simulator.model.view import UNHEALTHY_S, MetaState, View
from operator_simulator.noise import Wobble, stream

_CHECKS = (
    "miss-peer", "extra-peer", "down-peer", "pending-peer", "offline-peer", "learner-peer", "empty-region",
    "oversized-region", "undersized-region",
)  # fmt: skip
_STORE_STATES = (
    "store_up_count", "store_disconnected_count", "store_slow_count", "store_down_count", "store_unhealth_count",
    "store_offline_count", "store_tombstone_count", "store_low_space_count", "store_preparing_count",
    "store_serving_count", "store_removing_count", "store_removed_count",
)  # fmt: skip
_LEADERS_OWN = (
    "pd_cluster_status", "pd_regions_status", "pd_scheduler_store_status", "pd_cluster_health_status",
    "pd_scheduler_status", "pd_cluster_tso",
)  # fmt: skip


class Members:
    """The counting side of the PD members."""

    def __init__(
        self,
        quorum: Quorum,
        stores: Mapping[str, Store],
        network: Network,
        view: View,
        scheduling: Scheduling,
        heartbeats: Heartbeats,
        *,
        epoch_unix: float,
        version: str,
        replicas: int,
        seed: int,
        noise: float,
    ) -> None:
        self._quorum = quorum
        self._stores = stores
        self._network = network
        self._view = view
        self._scheduling = scheduling
        self._heartbeats = heartbeats
        self._epoch_unix = epoch_unix
        self._version = version
        self._replicas = replicas
        self._disks = {
            m.name: Wobble(stream(seed, "pd disk", m.name), sigma=0.1 * noise, memory_s=60) for m in quorum.members
        }
        self._reported = dict(heartbeats.region_reports)
        self.cells: dict[str, MemberMetrics] = {}
        for member in quorum.members:
            self.born(member)
        scheduling.counted = self._count_operator

    def born(self, member: Member) -> None:
        """A process begins with fresh metrics."""
        others = {m.name: m.member_id for m in self._quorum.members if m is not member}
        cells = MemberMetrics(member.metrics, own=member.member_id, others=others, version=self._version)
        cells.started.value = round(self._epoch_unix + member.started_s, 2)
        self.cells[member.name] = cells

    def _count_operator(self, desc: str, event: str) -> None:
        leader = self._quorum.leader
        if leader is not None:
            registry = self.cells[leader.name].registry
            registry.counter(
                "pd_schedule_operators_count", "Counter of schedule operators.", type=desc, event=event
            ).value += 1

    def prefill(self, seconds: float) -> None:
        for member in self._quorum.members:
            self._common(member, 0.0, seconds)
        if self._quorum.leader is not None:
            self._leading(self._quorum.leader, seconds)

    def step(self, now: float, dt: float) -> None:
        for member in self._quorum.members:
            if member.is_running:
                self._common(member, now, dt)
        leader = self._quorum.leader
        if leader is not None and self._quorum.is_serving(now):
            self._leading(leader, dt)
            cells = self.cells[leader.name]
            for ident in self._view.stores:
                n = self._heartbeats.region_reports[ident] - self._reported[ident]
                cells.reports[ident].value += n
                cells.received[ident].value += n
                cells.handle_region[ident].add(n, 0.0004)
                cells.region_interval.add(n, 55.0, 0.3)
        self._reported = dict(self._heartbeats.region_reports)

    def _common(self, member: Member, now: float, dt: float) -> None:
        cells = self.cells[member.name]
        leads = member is self._quorum.leader
        sync = 0.0021 * self._disks[member.name].step(dt)
        cells.cpu.value += (0.06 if leads else 0.022) * dt
        with_leader = member.has_joined and self._quorum.etcd_leader in self._quorum.group(member)
        writes = (3.2 if with_leader else 0.2) * dt
        cells.fsync.add(writes, sync, 0.45)
        cells.backend.add(writes / 3, sync * 1.6, 0.45)
        for name, rtt in cells.rtt.items():
            peer = next(m for m in self._quorum.members if m.name == name)
            if peer.is_running and self._network.talks(member.name, name):
                rtt.add(dt / 3, self._network.round_trip_s(member.name, name) + 0.0002, 0.4)
                cells.active_peers[name].value = 1
            else:
                if cells.active_peers[name].value:
                    cells.lost(name).value += 1
                    fields = {"remote-peer-id": f"{peer.member_id:x}"}
                    member.log.write(
                        now, "WARN", "stream.go:421", "lost TCP streaming connection with remote peer", fields
                    )
                    member.log.write(
                        now,
                        "WARN",
                        "peer_status.go:66",
                        "peer became inactive (message send to peer failed)",
                        {"peer-id": f"{peer.member_id:x}", "error": "failed to dial (i/o timeout)"},
                    )
                cells.active_peers[name].value = 0
                cells.unsent(name).value += 4 * dt

    def _leading(self, leader: Member, dt: float) -> None:
        cells = self.cells[leader.name]
        cells.has_led()
        for record in self._view.stores.values():
            cells.meets(record.id, record.name)
        cells.tso_events["save"].value += 20 * dt
        cells.handle_tso.add(180 * dt, 0.00012, 0.6)
        cells.transactions.add(1.4 * dt, 0.0032, 0.5)
        cells.grpc["Tso"].add(0.01 * dt, 4.0)
        cells.grpc["GetRegion"].add(0.6 * dt, 0.0005)
        for record in self._view.stores.values():
            store = self._stores[record.name]
            if store.is_running and self._heartbeats.reaches(store.name):
                cells.handle_store[store.id].add(0.1 * dt, 0.0003)
                cells.store_interval.add(0.1 * dt, 9.9, 0.05)
                cells.grpc["StoreHeartbeat"].add(0.1 * dt, 0.0006)

    def publish(self, member: Member, now: float) -> None:
        """Bring the gauges up to date, as a scrape finds them."""
        cells = self.cells[member.name]
        quorum = self._quorum
        sees = quorum.etcd_leader is not None and quorum.etcd_leader in quorum.group(member)
        cells.has_leader.value = float(sees)
        cells.is_leader.value = float(sees and quorum.etcd_leader is member)
        cells.leader_changes.value = member.changes_seen
        cells.tso_role.value = float(quorum.leader is member)
        if cells.role is not None:
            cells.role.value = cells.tso_role.value
        cells.etcd_state["term"].value = quorum.term if sees else cells.etcd_state["term"].value or quorum.term
        index = 4000 + int(now * 3.2) + quorum.revision if sees else cells.etcd_state["appliedIndex"].value
        cells.etcd_state["appliedIndex"].value = cells.etcd_state["committedIndex"].value = index
        cells.resident.value = (132 + 30 * (quorum.leader is member)) * (1 << 20)
        cells.virtual.value = 11 * (1 << 30)
        cells.open_fds.value = 84 + (now // 60) % 5
        cells.goroutines.value = 412 + 230 * (quorum.leader is member) + (now // 15) % 9
        cells.heap.value = (38 + (now // 10) % 11) * (1 << 20)
        cells.db_size.value = 1_089_536
        if quorum.leader is member and quorum.is_serving(now):
            self._publish_leader(cells, now)
            if self._view.stores:
                self._publish_cluster(cells, now)
        else:
            for name in _LEADERS_OWN:
                cells.registry.forget(name)

    def _publish_cluster(self, cells: MemberMetrics, now: float) -> None:
        gauge, view = cells.registry.gauge, self._view
        counts = view.leader_counts()
        held = {i: len(view.held_by(i)) for i in view.stores}
        collected = now - now % 10
        learners = [p for r in view.check("learner-peer", self._replicas) for p in r.peers if p.is_learner]
        for record in view.stores.values():
            place = {"engine": "tikv", "store": str(record.id)}
            flags = self._flags(record.id, collected)
            stats = record.stats
            for name in _STORE_STATES:
                gauge("pd_cluster_status", "Status of the cluster.", type=name, **place).value = float(name in flags)
            values = {"region_count": held[record.id], "leader_count": counts[record.id]}
            values["storage_size"] = stats.used_bytes if stats else 0
            values["storage_capacity"] = stats.capacity_bytes if stats else 0
            for name, value in values.items():
                gauge("pd_cluster_status", "Status of the cluster.", type=name, **place).value = float(value)
            sizes = sum(r.size_mib for r in view.held_by(record.id))
            lead = sum(r.size_mib for r in view.led_by(record.id))
            table = {
                "region_score": float(sizes), "leader_score": float(counts[record.id]), "region_size": float(sizes),
                "region_count": float(held[record.id]), "leader_size": float(lead),
                "leader_count": float(counts[record.id]), "witness_count": 0.0,
                "learner_count": float(sum(p.store_id == record.id for p in learners)),
                "store_available": float(stats.available_bytes if stats else 0),
                "store_used": float(stats.used_bytes if stats else 0),
                "store_capacity": float(stats.capacity_bytes if stats else 0),
                "store_write_rate_bytes": stats.write_bytes if stats else 0.0,
                "store_read_rate_bytes": stats.read_bytes if stats else 0.0,
                "store_write_query_rate": stats.write_ops if stats else 0.0,
                "store_read_query_rate": stats.read_ops if stats else 0.0,
            }  # fmt: skip
            for name, value in table.items():
                gauge(
                    "pd_scheduler_store_status",
                    "Store status for schedule",
                    type=name,
                    address=f"{record.name}:20160",
                    store=str(record.id),
                ).value = round(value, 3)
        for check in _CHECKS:
            found = float(len(view.check(check, self._replicas)))
            gauge(
                "pd_regions_status",
                "Status of the regions.",
                type=f"{check}-count" if check.endswith("region") else f"{check}-region-count",
            ).value = found
        leader = self._quorum.leader
        for member in self._quorum.members:
            healthy = member.is_running and leader is not None and self._network.talks(leader.name, member.name)
            gauge("pd_cluster_health_status", "Status of the cluster.", name=member.name).value = float(
                healthy or (member is leader)
            )
        cells.registry.forget("pd_scheduler_status")
        for name in self._scheduling.schedulers.paused_until_s if self._scheduling.is_prepared else ():
            allowed = float(self._scheduling.schedulers.is_active(name, now))
            gauge("pd_scheduler_status", "Inner status of the scheduler.", kind=name, type="allow").value = allowed

    def _publish_leader(self, cells: MemberMetrics, now: float) -> None:
        """What a leader exports also before there is a cluster."""
        gauge, tso = cells.registry.gauge, "Record of tso metadata."
        gauge("pd_cluster_tso", tso, type="tso", group="0", dc="global").value = float(
            int((self._epoch_unix + now) * 20) * 50
        )

    def _flags(self, ident: int, now: float) -> frozenset[str]:
        record = self._view.stores[ident]
        if record.state is MetaState.OFFLINE:
            return frozenset({"store_offline_count", "store_removing_count"})
        if record.state is MetaState.TOMBSTONE:
            return frozenset({"store_tombstone_count", "store_removed_count"})
        flags = {"store_serving_count" if record.is_serving else "store_preparing_count"}
        silent, stats = record.silent_s(now), record.stats
        if silent >= 1800:
            flags.add("store_down_count")
        elif silent > UNHEALTHY_S:
            flags.add("store_unhealth_count")
        elif silent > 20:
            flags.add("store_disconnected_count")
        else:
            flags.add("store_slow_count" if stats is not None and stats.slow_score >= 80 else "store_up_count")
        low = stats is not None and stats.available_bytes < 0.2 * stats.capacity_bytes
        if low and stats is not None and (stats.available_bytes <= 8 << 30 or len(self._view.held_by(ident)) >= 100):
            flags.add("store_low_space_count")
        return frozenset(flags)
