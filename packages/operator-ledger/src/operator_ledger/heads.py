"""The head of each cluster's chain: who appends locks it, so that positions have no gaps and no two are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from operator_core.readings import ClusterName
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from operator_ledger.chain import EMPTY, genesis
from operator_ledger.tables import CHAINS


@dataclass(slots=True, kw_only=True)
class Head:
    """Where a chain ends.

    Attributes:
        position: of the last entry; 0 when there is none.
        digest: of the last entry.
        pending: how many looks are in no segment yet.
        pending_digest: the running digest of those.
        shape: the digest of the last look's shape; None before the first.
        last_number: the highest number of an observation that was ever kept.
    """

    cluster: ClusterName
    position: int
    digest: bytes
    pending: int
    pending_digest: bytes
    shape: bytes | None
    last_number: int

    @classmethod
    def of_nothing(cls, cluster: ClusterName) -> Head:
        """The head of a chain without an entry."""
        return cls(
            cluster=cluster,
            position=0,
            digest=genesis(cluster),
            pending=0,
            pending_digest=EMPTY,
            shape=None,
            last_number=0,
        )

    def values(self) -> dict[str, object]:
        """As a row."""
        return {
            "cluster": self.cluster,
            "position": self.position,
            "digest": self.digest,
            "pending": self.pending,
            "pending_digest": self.pending_digest,
            "shape": self.shape,
            "last_number": self.last_number,
        }


def head_of_row(row: Row[*tuple[Any, ...]]) -> Head:
    """A row as a head."""
    return Head(
        cluster=ClusterName(row.cluster),
        position=row.position,
        digest=row.digest,
        pending=row.pending,
        pending_digest=row.pending_digest,
        shape=row.shape,
        last_number=row.last_number,
    )


def load_head(connection: Connection, cluster: ClusterName) -> Head | None:
    """The head as it is; None when nothing was ever written about the cluster."""
    row = connection.execute(select(CHAINS).where(CHAINS.c.cluster == cluster)).one_or_none()
    return None if row is None else head_of_row(row)


def lock_head(connection: Connection, cluster: ClusterName) -> Head:
    """The head, which nobody else can move until the transaction ends."""
    query = select(CHAINS).where(CHAINS.c.cluster == cluster).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(CHAINS).values(Head.of_nothing(cluster).values()))
        except IntegrityError:
            pass  # somebody was faster; it is there now
        row = connection.execute(query).one()
    return head_of_row(row)


def save_head(connection: Connection, head: Head) -> None:
    """Write where a chain ends now."""
    connection.execute(update(CHAINS).where(CHAINS.c.cluster == head.cluster).values(head.values()))
