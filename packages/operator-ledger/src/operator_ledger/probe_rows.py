"""What probes gave, as entries of the record: their numbers, and the way back from a reading's id to the reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName, Reading, ReadingId
from operator_core.record import ProbeAsked
from sqlalchemy import Connection, func, select

from operator_ledger.codec import Written, read
from operator_ledger.reading_ids import check_numbered
from operator_ledger.tables import ENTRIES

_TAG = "probe"
_AT_ONCE = 500


def next_probe(connection: Connection, cluster: ClusterName) -> int:
    """The number of the next probe of a cluster whose chain nobody else can prolong meanwhile."""
    mine = select(func.max(ENTRIES.c.number)).where(ENTRIES.c.cluster == cluster, ENTRIES.c.tag == _TAG)
    return (connection.scalar(mine) or 0) + 1


def check_probe(connection: Connection, cluster: ClusterName, asked: ProbeAsked, before: set[int]) -> None:
    """Refuse a probe whose number is taken, or whose readings are called otherwise.

    Args:
        connection: of the transaction.
        cluster: whose record.
        asked: the probe.
        before: the numbers of those in the same append; this one's is added.

    Raises:
        LedgerError: it is refused.
    """
    check_numbered(asked)
    there = select(ENTRIES.c.position).where(
        ENTRIES.c.cluster == cluster, ENTRIES.c.tag == _TAG, ENTRIES.c.number == asked.number
    )
    if asked.number in before or connection.scalar(there) is not None:
        raise LedgerError(f"another probe {asked.number} of cluster {cluster!r} is kept already")
    before.add(asked.number)


def probed(connection: Connection, cluster: ClusterName, wanted: Mapping[int, set[ReadingId]]) -> Iterator[Reading]:
    """Readings that probes gave, by the numbers of their probes."""
    numbers = sorted(wanted)
    for start in range(0, len(numbers), _AT_ONCE):
        query = (
            select(ENTRIES)
            .where(
                ENTRIES.c.cluster == cluster,
                ENTRIES.c.tag == _TAG,
                ENTRIES.c.number.in_(numbers[start : start + _AT_ONCE]),
            )
            .order_by(ENTRIES.c.number)
        )
        for row in connection.execute(query):
            entry = read(Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body))
            if isinstance(entry, ProbeAsked):
                mine = wanted[entry.number]
                yield from (r for r in entry.given if isinstance(r, Reading) and r.id in mine)
