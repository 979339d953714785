"""The ledger's tables as this program reads and writes them.

`entries` is the record and only grows. The other tables are views of it, kept in the same transaction.
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
    false,
)

from operator_ledger.columns import NUMBER, Instant

METADATA = MetaData()

TICKETS = Table(
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
    sqlite_autoincrement=True,  # an id is never given out twice, not even after its row is gone
)

VIOLATIONS = Table(
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
    Column("takes_away", Boolean, server_default=false(), nullable=False),
)

OPEN_VIOLATIONS = Table(
    "open_violations",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("invariant", String(200), primary_key=True),
    Column("component", String(400), primary_key=True),
    Column("ticket", NUMBER, ForeignKey("tickets.id"), nullable=False),
)
"""What lasts in an open ticket; its key is why no violation can be in two of them."""

ENTRIES = Table(
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
"""`number` is that of an observation; `invariant` and `component` are those of a judgement."""

PROGRESS = Table(
    "progress",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("number", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

SILENCES = Table(
    "silences",
    METADATA,
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

LEASES = Table(
    "leases",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
)
"""Who watches which cluster; `patience` in microseconds. A row whose holder is gone keeps the term."""
