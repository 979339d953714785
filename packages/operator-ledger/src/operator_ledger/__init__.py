"""The durable record: tickets, judgements, readings, diagnoses, notes; and the fault journal.

Importing this package loads neither SQLAlchemy nor pydantic; the first use of a stored ledger does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operator_ledger.memory import MemoryLedger
from operator_ledger.memory_faults import MemoryFaultJournal

if TYPE_CHECKING:
    from operator_ledger.sql import SqlLedger
    from operator_ledger.sql_faults import SqlFaultJournal

__all__ = ["MemoryFaultJournal", "MemoryLedger", "SqlFaultJournal", "SqlLedger"]


def __getattr__(name: str) -> object:
    """Load what needs a database when it is asked for (PEP 562)."""
    if name == "SqlLedger":
        from operator_ledger.sql import SqlLedger  # noqa: PLC0415 - 0.4 s that most commands never need

        return SqlLedger
    if name == "SqlFaultJournal":
        from operator_ledger.sql_faults import SqlFaultJournal  # noqa: PLC0415 - the same

        return SqlFaultJournal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
