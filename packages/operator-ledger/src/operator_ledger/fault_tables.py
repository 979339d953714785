"""The fault journal's table as this program reads and writes it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from operator_ledger.columns import NUMBER, Instant

METADATA = MetaData()

FAULTS = Table(
    "faults",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("deployment", String(200), nullable=False),
    Column("format", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("undo", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("injected_at", Instant),
    Column("healed_at", Instant),
    Index("faults_by_state", "deployment", "state"),
    sqlite_autoincrement=True,
)
