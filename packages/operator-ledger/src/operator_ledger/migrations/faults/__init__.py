"""The steps of the fault journal's schema."""

from __future__ import annotations

from operator_ledger.migrate import Schema
from operator_ledger.migrations.faults import m0001_first

SCHEMA = Schema(versions="fault_journal_versions", migrations=(m0001_first.MIGRATION,))
"""Every step there is, oldest first."""
