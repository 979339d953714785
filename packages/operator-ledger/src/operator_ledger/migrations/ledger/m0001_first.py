"""Step 1: the record, and tickets with their violations as views of it.

The tables are spelled out here once more: this step must go on making what it made when it was released,
whatever becomes of the tables later.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from operator_ledger.columns import NUMBER, Instant
from operator_ledger.migrate import Migration

METADATA = MetaData()

Table(
    "tickets",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("component", String(400), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("concern", String(20), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("hold", Boolean, nullable=False),
    Index("tickets_by_state", "cluster", "state"),
    sqlite_autoincrement=True,
)

Table(
    "violations",
    METADATA,
    Column("ticket", NUMBER, ForeignKey("tickets.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("invariant", String(200), nullable=False),
    Column("component", String(400), nullable=False),
    Column("since", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("because", Text, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("concern", String(20), nullable=False),
    Column("readings", Text, nullable=False),
)

Table(
    "open_violations",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("invariant", String(200), primary_key=True),
    Column("component", String(400), primary_key=True),
    Column("ticket", NUMBER, ForeignKey("tickets.id"), nullable=False),
)

Table(
    "entries",
    METADATA,
    Column("sequence", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("tag", String(20), nullable=False),
    Column("ticket", NUMBER, ForeignKey("tickets.id")),
    Column("number", NUMBER),
    Column("invariant", String(200)),
    Column("component", String(400)),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("cluster", "number", name="one_observation_a_number"),
    Index("entries_by_time", "cluster", "tag", "happened_at"),
    Index("entries_by_ticket", "ticket"),
    sqlite_autoincrement=True,
)

Table(
    "progress",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("number", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

MIGRATION = Migration(
    version=1, title="first", apply=lambda connection: METADATA.create_all(connection, checkfirst=False)
)
