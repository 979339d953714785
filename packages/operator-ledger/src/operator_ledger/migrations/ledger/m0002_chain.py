"""Step 2: silences, leases, and what a violation takes away."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Index, MetaData, String, Table, Text, text

from operator_ledger.columns import NUMBER, Instant
from operator_ledger.migrate import Migration

_METADATA = MetaData()

Table(
    "silences",
    _METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("scope", Text, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("by", String(200), nullable=False),
    Column("because", Text, nullable=False),
    Column("ended_at", Instant),
    Index("silences_by_cluster", "cluster"),
    sqlite_autoincrement=True,
)

Table(
    "leases",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
)


def _apply(connection: Connection) -> None:
    _METADATA.create_all(connection, checkfirst=False)
    connection.execute(text("ALTER TABLE violations ADD COLUMN takes_away BOOLEAN DEFAULT FALSE NOT NULL"))


MIGRATION = Migration(version=2, title="chain", apply=_apply)
