"""Leases as rows: each change looks at the row, which nobody else can change meanwhile, and writes it anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from operator_core.errors import LeaseLost
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from operator_ledger.chain import of_row
from operator_ledger.tables import LEASES

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Stands:
    """The row of a cluster.

    Attributes:
        term: of the lease, or of the last one when nobody holds it.
    """

    term: int
    held: Lease | None


def lease_digest(cluster: str, holder: str | None, term: int, beat: int, patience: int) -> bytes:
    """The digest that stands in a row of leases."""
    return of_row(cluster, holder, term, beat, patience)


def _stands(connection: Connection, cluster: ClusterName, *, share: bool | None = None) -> _Stands | None:
    """The row as it stands; locked against changes (`share`) or against everybody (not `share`), unless None."""
    query = select(LEASES).where(LEASES.c.cluster == cluster)
    row = connection.execute(query if share is None else query.with_for_update(read=share)).one_or_none()
    if row is None:
        return None
    patience = timedelta(microseconds=row.patience)
    held = row.holder is not None
    lease = Lease(cluster=cluster, holder=row.holder, term=row.term, beat=row.beat, patience=patience) if held else None
    return _Stands(row.term, lease)


def _values(cluster: ClusterName, term: int, lease: Lease | None) -> dict[str, object]:
    holder = None if lease is None else lease.holder
    beat, patience = (0, 0) if lease is None else (lease.beat, lease.patience // _TICK)
    digest = lease_digest(cluster, holder, term, beat, patience)
    return {"holder": holder, "term": term, "beat": beat, "patience": patience, "digest": digest}


def _put(connection: Connection, cluster: ClusterName, term: int, lease: Lease | None) -> None:
    values = _values(cluster, term, lease)
    connection.execute(update(LEASES).where(LEASES.c.cluster == cluster).values(values))


def load_lease(connection: Connection, cluster: ClusterName) -> Lease | None:
    """The lease of a cluster; None when nobody holds it."""
    stands = _stands(connection, cluster)
    return None if stands is None else stands.held


def take(
    connection: Connection, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None
) -> Lease | None:
    """Take a lease that still stands as it was seen; None when it does not."""
    stands = _stands(connection, cluster, share=False)
    if (None if stands is None else stands.held) != over:
        return None
    term = 1 if stands is None else stands.term + 1
    taken = Lease(cluster=cluster, holder=holder, term=term, beat=0, patience=patience)
    if stands is not None:
        _put(connection, cluster, term, taken)
        return taken
    try:
        with connection.begin_nested():
            connection.execute(insert(LEASES).values(cluster=cluster, **_values(cluster, term, taken)))
    except IntegrityError:
        return None  # somebody was faster, and is the first of all
    return taken


def beat(connection: Connection, lease: Lease) -> Lease | None:
    """Show a sign of life; None when somebody else has taken it."""
    stands = _stands(connection, lease.cluster, share=False)
    if stands is None or stands.held is None or stands.term != lease.term:
        return None
    beaten = replace(stands.held, beat=stands.held.beat + 1)
    _put(connection, lease.cluster, lease.term, beaten)
    return beaten


def release(connection: Connection, lease: Lease) -> None:
    """Give it up; its term stays, so that nobody ever has it again."""
    stands = _stands(connection, lease.cluster, share=False)
    if stands is not None and stands.term == lease.term:
        _put(connection, lease.cluster, lease.term, None)


def check_lease(connection: Connection, cluster: ClusterName, lease: Lease | None) -> None:
    """Refuse to write under a lease that is lost; one that is not stays until the transaction ends.

    Raises:
        LeaseLost: it is.
    """
    if lease is None:
        return
    stands = _stands(connection, cluster, share=True)
    held = None if stands is None else stands.held
    if held is None or held.term != lease.term:
        raise LeaseLost(f"{held.holder if held else 'nobody'} has the watch of {cluster} now, not {lease.holder}")
