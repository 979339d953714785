"""Silences as rows: the view of the record that answers at once."""

from __future__ import annotations

from typing import Any

from operator_core.readings import ClusterName
from operator_core.record import SilenceAdded, SilenceEnded
from operator_core.silences import Silence, SilenceId, SilenceScope
from sqlalchemy import Connection, Row, insert, select, update

from operator_ledger.codec import from_json, to_json
from operator_ledger.silencing import ended, stated
from operator_ledger.tables import SILENCES


def silence_values(silence: Silence) -> dict[str, object]:
    """A silence as a row, without its id."""
    return {
        "cluster": silence.cluster,
        "scope": to_json(silence.scope),
        "starts": silence.starts,
        "ends": silence.ends,
        "by": silence.by,
        "because": silence.because,
        "ended_at": silence.ended_at,
    }


def _silence(row: Row[*tuple[Any, ...]]) -> Silence:
    return Silence(
        id=SilenceId(row.id),
        cluster=ClusterName(row.cluster),
        scope=from_json(SilenceScope, row.scope),
        starts=row.starts,
        ends=row.ends,
        by=row.by,
        because=row.because,
        ended_at=row.ended_at,
    )


def load_silences(connection: Connection, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
    """Silences in the order in which they were stated."""
    query = select(SILENCES).order_by(SILENCES.c.id)
    if cluster is not None:
        query = query.where(SILENCES.c.cluster == cluster)
    return tuple(_silence(row) for row in connection.execute(query))


def add_silence(connection: Connection, entry: SilenceAdded, cluster: ClusterName) -> Silence:
    """Write a new silence; the database gives it its id.

    Raises:
        LedgerError: it ends before it begins.
    """
    draft = stated(entry, SilenceId(0), cluster)
    added = connection.execute(insert(SILENCES).values(silence_values(draft)))
    assert added.inserted_primary_key is not None
    return stated(entry, SilenceId(added.inserted_primary_key[0]), cluster)


def end_silence(connection: Connection, entry: SilenceEnded, cluster: ClusterName) -> Silence:
    """Write that a silence is over; gives it as it is now.

    Raises:
        LedgerError: the cluster has no such silence.
    """
    query = select(SILENCES).where(SILENCES.c.id == entry.silence).with_for_update()
    row = (connection.execute(query)).one_or_none()
    before = None if row is None else _silence(row)
    after = ended(before, entry, cluster)
    if after != before:
        connection.execute(update(SILENCES).where(SILENCES.c.id == after.id).values(ended_at=after.ended_at))
    return after
