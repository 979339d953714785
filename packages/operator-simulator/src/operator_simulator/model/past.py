"""The past of a cluster that has been running for hours: its processes' ages and counts, and what PD knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operator_simulator.noise import stream

if TYPE_CHECKING:
    from operator_simulator.model.cluster import Cluster


def give(cluster: Cluster) -> None:
    """Give every process a past, and PD a full picture, as of the instant at which the cluster is."""
    now, rng = cluster.now_s, stream(cluster.config.seed, "ages")
    names = sorted(cluster.stores)
    ages: dict[str, float] = {}
    for process in cluster.processes.values():
        age = rng.uniform(4, 20) * 3600
        process.started_s = now - age
        ages[process.name] = age
    for index, region in enumerate(cluster.raft.regions):
        holders = list(region.peers)
        cluster.raft.seat(region, holders[index // len(names) % len(holders)], now)
    for store in cluster.stores.values():
        store.born(store.started_s, cluster.epoch_unix)
        cluster.view.registered(store)
        record = cluster.view.stores[store.id]
        record.last_heartbeat_s, record.persisted_s = now, now - rng.uniform(0, 290)
        store.log_launched(store.started_s)
        store.log_connected(store.started_s, "pd0")
        store.log_ready(store.started_s + 0.6, len(cluster.raft.regions))
    cluster.view.prepared()
    for member in cluster.quorum.members:
        cluster.members.born(member)
        member.log_start(member.started_s)
    cluster.workload.prefill({n: ages[n] for n in cluster.stores})
    cluster.members.prefill(min(ages.values()))
    for region in cluster.raft.regions:
        cluster.heartbeats.report(region, now)
