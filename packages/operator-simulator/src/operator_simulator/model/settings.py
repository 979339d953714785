"""PD's settings as its API shows and changes them (defaults of pd v8.5.5)."""

from __future__ import annotations

from operator_simulator.config import ClusterConfig

Setting = str | int | float


class Settings:
    """The parts of PD's configuration that can be read and changed."""

    def __init__(self, config: ClusterConfig) -> None:
        self.version = config.version
        self.schedule: dict[str, Setting] = {
            "max-snapshot-count": 64, "max-pending-peer-count": 64, "max-merge-region-size": 54,
            "max-merge-region-keys": 540000, "split-merge-interval": "1h0m0s", "switch-witness-interval": "1h0m0s",
            "enable-one-way-merge": "false", "enable-cross-table-merge": "true", "patrol-region-interval": "10ms",
            "max-store-down-time": "30m0s", "max-store-preparing-time": "48h0m0s", "leader-schedule-limit": 4,
            "leader-schedule-policy": "count", "region-schedule-limit": 2048, "witness-schedule-limit": 4,
            "replica-schedule-limit": 64, "merge-schedule-limit": 8, "hot-region-schedule-limit": 4,
            "affinity-schedule-limit": 0, "hot-region-cache-hits-threshold": 3, "tolerant-size-ratio": 0,
            "low-space-ratio": 0.8, "high-space-ratio": 0.7, "region-score-formula-version": "v2",
            "scheduler-max-waiting-operator": 5, "enable-remove-down-replica": "true",
            "enable-replace-offline-replica": "true", "enable-make-up-replica": "true",
            "enable-remove-extra-replica": "true", "enable-location-replacement": "true",
            "enable-debug-metrics": "false", "enable-joint-consensus": "true", "enable-tikv-split-region": "true",
            "enable-heartbeat-breakdown-metrics": "true", "enable-heartbeat-concurrent-runner": "true",
            "hot-regions-write-interval": "10m0s", "hot-regions-reserved-days": 7, "max-movable-hot-peer-size": 512,
            "enable-diagnostic": "true", "enable-witness": "false",
            "slow-store-evicting-affected-store-ratio-threshold": 0.3, "store-limit-version": "v1",
            "halt-scheduling": "false",
            "patrol-region-worker-count": 1, "max-affinity-merge-region-size": 256,
        }  # fmt: skip
        self.replication: dict[str, Setting] = {
            "max-replicas": config.replicas, "location-labels": "", "strictly-match-label": "false",
            "enable-placement-rules": "true", "enable-placement-rules-cache": "false", "isolation-level": "",
        }  # fmt: skip
        self.store_limits: dict[int, dict[str, float]] = {
            i: {"add-peer": 15, "remove-peer": 15} for i in config.store_ids
        }

    def find(self, key: str) -> dict[str, Setting] | None:
        """The section that holds a dotted or bare key."""
        section, dot, bare = key.partition(".")
        if dot and section == "schedule":
            return self.schedule if bare in self.schedule else None
        if dot and section == "replication":
            return self.replication if bare in self.replication else None
        return next((s for s in (self.schedule, self.replication) if key in s), None)
