"""What investigations cost, found again in the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from operator_core.readings import ClusterName
from operator_core.record import InvestigationPaid
from sqlalchemy import Connection, select

from operator_ledger.codec import Written, read
from operator_ledger.tables import CHAINS, ENTRIES


def load_paid(
    connection: Connection, *, since: datetime | None, cluster: ClusterName | None
) -> Iterator[InvestigationPaid]:
    """What was paid, cluster by cluster, each in the order in which it was written."""
    names = [cluster] if cluster is not None else sorted(connection.scalars(select(CHAINS.c.cluster)))
    for name in names:  # one by one, for the index begins with the cluster
        query = select(ENTRIES).where(ENTRIES.c.cluster == name, ENTRIES.c.tag == "paid")
        if since is not None:
            query = query.where(ENTRIES.c.happened_at >= since)
        for row in connection.execute(query.order_by(ENTRIES.c.position)):
            entry = read(Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body))
            if isinstance(entry, InvestigationPaid):
                yield entry
