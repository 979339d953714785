"""Step 3: leases of tickets, so that of several who could reason about one only one does."""

from __future__ import annotations

from sqlalchemy import Column, Connection, ForeignKey, Index, LargeBinary, MetaData, String, Table

from operator_ledger.columns import NUMBER
from operator_ledger.migrate import Migration

_METADATA = MetaData()

Table("tickets", _METADATA, Column("id", NUMBER, primary_key=True))  # it is there; leases point to it

_NEW = Table(
    "ticket_leases",
    _METADATA,
    Column("ticket", NUMBER, ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    Column("cluster", String(200), nullable=False),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Index("ticket_leases_by_cluster", "cluster"),
)


def _apply(connection: Connection) -> None:
    _METADATA.create_all(connection, tables=[_NEW], checkfirst=False)


MIGRATION = Migration(version=3, title="ticket leases", apply=_apply)
