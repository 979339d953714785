"""How far each cluster's monitor has come, as a row that takes the place of the one before."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from operator_core.readings import ClusterName
from operator_core.record import Progress
from sqlalchemy import Connection, insert, select, update

from operator_ledger.chain import of_row
from operator_ledger.codec import Written, read
from operator_ledger.columns import text_of
from operator_ledger.tables import PROGRESS


def progress_digest(cluster: str, number: int, at: str, form: int, coding: str, body: bytes) -> bytes:
    """The digest that stands in a row of progress; the instant as it stands in the table."""
    return of_row(cluster, number, at, form, coding, sha256(body).digest())


def put_progress(connection: Connection, cluster: ClusterName, number: int, at: datetime, there: Written) -> None:
    """Write how far it has come."""
    values = {
        "number": number,
        "at": at,
        "format": there.format,
        "coding": there.coding,
        "body": there.body,
        "digest": progress_digest(cluster, number, text_of(at), there.format, there.coding, there.body),
    }
    changed = connection.execute(update(PROGRESS).where(PROGRESS.c.cluster == cluster).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(PROGRESS).values(cluster=cluster, **values))


def load_progress(connection: Connection, cluster: ClusterName) -> Progress | None:
    """How far it has come; None when it never began.

    Raises:
        LedgerError: the row is damaged.
    """
    row = connection.execute(select(PROGRESS).where(PROGRESS.c.cluster == cluster)).one_or_none()
    if row is None:
        return None
    progress = read(Written(tag="progress", format=row.format, coding=row.coding, body=row.body))
    assert isinstance(progress, Progress)
    return progress
