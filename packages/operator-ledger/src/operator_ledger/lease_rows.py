"""Leases as rows: each change looks at the row, which nobody else can change meanwhile, and writes it anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from operator_core.errors import LedgerError
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from sqlalchemy import ColumnElement, Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from operator_ledger.chain import of_row
from operator_ledger.leasing import Place, lost
from operator_ledger.tables import LEASES, TICKET_LEASES, TICKETS

_TICK = timedelta(microseconds=1)


def _table(place: Place) -> Table:
    return LEASES if place.ticket is None else TICKET_LEASES


def _is_here(place: Place) -> ColumnElement[bool]:
    if place.ticket is None:
        return LEASES.c.cluster == place.cluster
    return (TICKET_LEASES.c.cluster == place.cluster) & (TICKET_LEASES.c.ticket == place.ticket)


def _key(place: Place) -> dict[str, object]:
    return {"cluster": place.cluster} if place.ticket is None else {"cluster": place.cluster, "ticket": place.ticket}


@dataclass(frozen=True, slots=True)
class _Stands:
    """The row of a place.

    Attributes:
        term: of the lease, or of the last one when nobody holds it.
    """

    term: int
    held: Lease | None


def lease_digest(cluster: str, holder: str | None, term: int, beat: int, patience: int) -> bytes:
    """The digest that stands in a row of leases."""
    return of_row(cluster, holder, term, beat, patience)


def ticket_lease_digest(ticket: int, cluster: str, holder: str | None, term: int, beat: int, patience: int) -> bytes:
    """The digest that stands in a row of leases of tickets."""
    return of_row(ticket, cluster, holder, term, beat, patience)


def _stands(connection: Connection, place: Place, *, share: bool | None = None) -> _Stands | None:
    """The row as it stands; locked against changes (`share`) or against everybody (not `share`), unless None."""
    query = select(_table(place)).where(_is_here(place))
    row = connection.execute(query if share is None else query.with_for_update(read=share)).one_or_none()
    if row is None:
        return None
    if row.holder is None:
        return _Stands(row.term, None)
    held = Lease(
        cluster=place.cluster,
        ticket=place.ticket,
        holder=row.holder,
        term=row.term,
        beat=row.beat,
        patience=timedelta(microseconds=row.patience),
    )
    return _Stands(row.term, held)


def _values(place: Place, term: int, lease: Lease | None) -> dict[str, object]:
    holder = None if lease is None else lease.holder
    beat, patience = (0, 0) if lease is None else (lease.beat, lease.patience // _TICK)
    if place.ticket is None:
        digest = lease_digest(place.cluster, holder, term, beat, patience)
    else:
        digest = ticket_lease_digest(place.ticket, place.cluster, holder, term, beat, patience)
    return {"holder": holder, "term": term, "beat": beat, "patience": patience, "digest": digest}


def _put(connection: Connection, place: Place, term: int, lease: Lease | None) -> None:
    connection.execute(update(_table(place)).where(_is_here(place)).values(_values(place, term, lease)))


def load_lease(connection: Connection, place: Place) -> Lease | None:
    """The lease as it stands; None when nobody holds it."""
    stands = _stands(connection, place)
    return None if stands is None else stands.held


def take(connection: Connection, place: Place, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
    """Take a lease that still stands as it was seen; None when it does not.

    Raises:
        LedgerError: it is of a ticket that the cluster does not have.
    """
    stands = _stands(connection, place, share=False)
    if (None if stands is None else stands.held) != over:
        return None
    term = 1 if stands is None else stands.term + 1
    taken = Lease(cluster=place.cluster, ticket=place.ticket, holder=holder, term=term, beat=0, patience=patience)
    if stands is not None:
        _put(connection, place, term, taken)
        return taken
    if place.ticket is not None:
        known = select(TICKETS.c.id).where(TICKETS.c.id == place.ticket, TICKETS.c.cluster == place.cluster)
        if connection.scalar(known) is None:
            raise LedgerError(f"there is no ticket {place.ticket} of cluster {place.cluster!r}")
    try:
        with connection.begin_nested():
            connection.execute(insert(_table(place)).values(**_key(place), **_values(place, term, taken)))
    except IntegrityError:
        return None  # somebody was faster, and is the first of all
    return taken


def beat(connection: Connection, lease: Lease) -> Lease | None:
    """Show a sign of life; None when somebody else has taken it."""
    place = Place.of(lease)
    stands = _stands(connection, place, share=False)
    if stands is None or stands.held is None or stands.term != lease.term:
        return None
    beaten = replace(stands.held, beat=stands.held.beat + 1)
    _put(connection, place, lease.term, beaten)
    return beaten


def release(connection: Connection, lease: Lease) -> None:
    """Give it up; its term stays, so that nobody ever has it again."""
    place = Place.of(lease)
    stands = _stands(connection, place, share=False)
    if stands is not None and stands.term == lease.term:
        _put(connection, place, lease.term, None)


def check_lease(connection: Connection, cluster: ClusterName, lease: Lease | None) -> None:
    """Refuse to write under a lease that is lost; one that is not stays until the transaction ends.

    Raises:
        LeaseLost: it is.
    """
    if lease is None:
        return
    place = Place(cluster, lease.ticket)
    stands = _stands(connection, place, share=True)
    held = None if stands is None else stands.held
    if held is None or held.term != lease.term:
        raise lost(place, held, lease)
