"""Step 1: the faults.

The table is spelled out here once more: this step must go on making what it made when it was released,
whatever becomes of the table later.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from operator_ledger.columns import NUMBER, Instant
from operator_ledger.migrate import Migration

_METADATA = MetaData()

Table(
    "faults",
    _METADATA,
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

MIGRATION = Migration(
    version=1, title="first", apply=lambda connection: _METADATA.create_all(connection, checkfirst=False)
)
