"""How fast the record grows, cluster by cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from operator_core.readings import ClusterName
from sqlalchemy import Connection, func, select

from operator_ledger.sealed import SEGMENT
from operator_ledger.tables import ENTRIES, PENDING, SEGMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What came in of one cluster since an instant, and is there.

    Attributes:
        bytes: of all bodies; what a database adds to them (numbers, indexes, half-filled pages) is little.
    """

    cluster: ClusterName
    observations: int
    events: int
    bytes: int


def growth(connection: Connection, since: datetime) -> tuple[Growth, ...]:
    """What came in since then; a segment counts as a whole when it ends later."""
    observations: dict[str, int] = {}
    events: dict[str, int] = {}
    size: dict[str, int] = {}
    segments = select(
        SEGMENTS.c.cluster, func.sum(SEGMENTS.c.observations), func.sum(func.length(SEGMENTS.c.body))
    ).where(SEGMENTS.c.ends >= since)
    pending = select(PENDING.c.cluster, func.count(), func.sum(func.length(PENDING.c.body))).where(
        PENDING.c.at >= since
    )
    for query in (segments, pending):
        for cluster, count, length in connection.execute(query.group_by(query.selected_columns[0])):
            observations[cluster] = observations.get(cluster, 0) + int(count)
            size[cluster] = size.get(cluster, 0) + int(length)
    said = select(ENTRIES.c.cluster, func.count(), func.sum(func.length(ENTRIES.c.body))).where(
        ENTRIES.c.at >= since, ENTRIES.c.tag != SEGMENT
    )
    for cluster, count, length in connection.execute(said.group_by(ENTRIES.c.cluster)):
        events[cluster] = int(count)
        size[cluster] = size.get(cluster, 0) + int(length)
    return tuple(
        Growth(
            cluster=ClusterName(cluster),
            observations=observations.get(cluster, 0),
            events=events.get(cluster, 0),
            bytes=size[cluster],
        )
        for cluster in sorted(size)
    )
