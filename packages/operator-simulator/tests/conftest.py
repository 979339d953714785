from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from operator_simulator import Cluster, ClusterConfig

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Live = Callable[[Cluster, float], None]


@pytest.fixture
def cluster() -> Cluster:
    """Three PD, three stores, no noise."""
    return Cluster(ClusterConfig(noise=0), EPOCH)


@pytest.fixture
def live() -> Live:
    """Let a cluster live on for some seconds."""

    def on(cluster: Cluster, seconds: float) -> None:
        cluster.advance_to(cluster.instant(cluster.now_s) + timedelta(seconds=seconds))

    return on
