"""The steps of the ledger's schema."""

from __future__ import annotations

from operator_ledger.migrate import Schema
from operator_ledger.migrations.ledger import m0001_first, m0002_chain, m0003_ticket_leases

SCHEMA = Schema(
    versions="ledger_versions",
    migrations=(m0001_first.MIGRATION, m0002_chain.MIGRATION, m0003_ticket_leases.MIGRATION),
)
"""Every step there is, oldest first."""
