"""Leases as rows: each change is one comparison and one write."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from operator_core.errors import LeaseLost
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from operator_ledger.tables import LEASES

_TICK = timedelta(microseconds=1)


async def load_lease(connection: AsyncConnection, cluster: ClusterName, *, lock: bool = False) -> Lease | None:
    """The lease of a cluster.

    Args:
        lock: nobody takes it over before the transaction ends.
    """
    query = select(LEASES).where(LEASES.c.cluster == cluster, LEASES.c.holder.is_not(None))
    row = (await connection.execute(query.with_for_update(read=True) if lock else query)).one_or_none()
    if row is None:
        return None
    return Lease(
        cluster=cluster, holder=row.holder, term=row.term, beat=row.beat, patience=timedelta(microseconds=row.patience)
    )


async def take(
    connection: AsyncConnection, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None
) -> Lease | None:
    """Take a lease that still stands as it was seen; None when it does not."""
    term: int = await connection.scalar(select(LEASES.c.term).where(LEASES.c.cluster == cluster)) or 0
    taken = Lease(cluster=cluster, holder=holder, term=term + 1, beat=0, patience=patience)
    values = {"holder": holder, "term": taken.term, "beat": 0, "patience": patience // _TICK}
    seen = [LEASES.c.holder.is_(None), LEASES.c.term == term] if over is None else _as_seen(over)
    changed = await connection.execute(update(LEASES).where(LEASES.c.cluster == cluster, *seen).values(values))
    if changed.rowcount == 1:
        return taken
    if over is not None or term > 0:
        return None
    try:
        await connection.execute(insert(LEASES).values(cluster=cluster, **values))
    except IntegrityError:
        return None  # somebody was faster, and is the first of all
    return taken


def _as_seen(lease: Lease) -> list[ColumnElement[bool]]:
    return [
        LEASES.c.holder == lease.holder,
        LEASES.c.term == lease.term,
        LEASES.c.beat == lease.beat,
        LEASES.c.patience == lease.patience // _TICK,
    ]


async def beat(connection: AsyncConnection, lease: Lease) -> Lease | None:
    """Show a sign of life; None when somebody else has taken it."""
    held = await load_lease(connection, lease.cluster)
    if held is None or held.term != lease.term:
        return None
    beaten = replace(held, beat=held.beat + 1)
    mine = update(LEASES).where(LEASES.c.cluster == lease.cluster, LEASES.c.term == lease.term)
    changed = await connection.execute(mine.where(LEASES.c.holder.is_not(None)).values(beat=beaten.beat))
    return beaten if changed.rowcount == 1 else None


async def release(connection: AsyncConnection, lease: Lease) -> None:
    """Give it up; its term stays, so that nobody ever has it again."""
    mine = update(LEASES).where(LEASES.c.cluster == lease.cluster, LEASES.c.term == lease.term)
    await connection.execute(mine.values(holder=None))


async def check_lease(connection: AsyncConnection, cluster: ClusterName, lease: Lease | None) -> None:
    """Refuse to write under a lease that is lost; one that is not stays until the transaction ends.

    Raises:
        LeaseLost: it is.
    """
    if lease is None:
        return
    held = await load_lease(connection, cluster, lock=True)
    if held is None or held.term != lease.term:
        raise LeaseLost(f"{held.holder if held else 'nobody'} has the watch of {cluster} now, not {lease.holder}")
