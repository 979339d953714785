"""What one transaction adds to the chain of a cluster."""

from __future__ import annotations

from datetime import datetime

from operator_core.judgements import JudgementKey
from operator_core.readings import ClusterName
from operator_core.tickets import TicketId
from sqlalchemy import Connection, insert

from operator_ledger.chain import after_entry
from operator_ledger.codec import Written
from operator_ledger.columns import text_of
from operator_ledger.database import Database
from operator_ledger.heads import lock_head, save_head
from operator_ledger.tables import ENTRIES


class Page:
    """The new entries of a cluster; from its making to the end of the transaction nobody else adds any.

    Args:
        at: when they were appended.
    """

    def __init__(self, database: Database, connection: Connection, cluster: ClusterName, at: datetime) -> None:
        self.connection = connection
        self.cluster = cluster
        self.at = at
        self.head = lock_head(connection, cluster)
        self._before = self.head.values()
        self._database = database
        self._rows: list[dict[str, object]] = []

    def add(
        self,
        there: Written,
        *,
        happened_at: datetime,
        ticket: TicketId | None = None,
        number: int | None = None,
        key: JudgementKey | None = None,
    ) -> int:
        """Put an entry at the end; gives its position."""
        self.head.position += 1
        self._rows.append(
            {
                "position": self.head.position,
                "at": self.at,
                "happened_at": happened_at,
                "tag": there.tag,
                "ticket": ticket,
                "number": number,
                "invariant": None if key is None else key.invariant,
                "component": None if key is None else key.component.key,
                "format": there.format,
                "coding": there.coding,
                "body": there.body,
            }
        )
        return self.head.position

    def close(self) -> None:
        """Chain the entries to what is there, and write them and where the chain ends now."""
        if self._rows:
            sequences = self._database.next_sequences(self.connection, len(self._rows))
            for row, sequence in zip(self._rows, sequences, strict=True):
                self.head.digest = _digest(self.head.digest, row, sequence)
                row |= {"cluster": self.cluster, "sequence": sequence, "digest": self.head.digest}
            self.connection.execute(insert(ENTRIES), self._rows)
            self._rows = []
        if self.head.values() != self._before:
            save_head(self.connection, self.head)
            self._before = self.head.values()


def _digest(previous: bytes, row: dict[str, object], sequence: int) -> bytes:
    fields = {name: text_of(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return after_entry(previous, sequence=sequence, **fields)  # pyright: ignore[reportArgumentType] - a column each
