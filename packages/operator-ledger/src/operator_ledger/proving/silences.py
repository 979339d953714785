"""The silences of a cluster, replayed from its entries and held against the table that shows them."""

from __future__ import annotations

from collections.abc import Sequence

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from operator_core.record import SilenceAdded, SilenceEnded
from operator_core.silences import Silence, SilenceId
from sqlalchemy import Connection

from operator_ledger.codec import Written, read
from operator_ledger.proving.report import Defects
from operator_ledger.proving.rows import AnyRow, differences, expected, numbers, raw
from operator_ledger.silence_rows import silence_values
from operator_ledger.silencing import ended, stated
from operator_ledger.tables import ENTRIES, SILENCES

_TAGS = ("silence", "silence-end")


def replay_silences(connection: Connection, cluster: ClusterName, defects: Defects) -> None:
    """Every silence is what its entries make of it, and there is no other."""
    of_silences = ENTRIES.c.cluster == cluster, ENTRIES.c.tag.in_(_TAGS)
    sources = [
        (SILENCES.c.id, SILENCES.c.cluster == cluster),
        (ENTRIES.c.number, of_silences[0] & of_silences[1]),
    ]
    for idents in numbers(connection, sources):
        span = idents[0], idents[-1]
        events = connection.execute(
            raw(ENTRIES).where(*of_silences, ENTRIES.c.number.between(*span)).order_by(ENTRIES.c.position)
        ).all()
        mine = SILENCES.c.cluster == cluster, SILENCES.c.id.between(*span)
        rows = {row.id: row for row in connection.execute(raw(SILENCES).where(*mine))}
        replayed = _replayed(events, cluster, defects)
        for ident in idents:
            silence, row = replayed.get(ident), rows.get(ident)
            if silence is None:
                defects(f"silence {ident}: no entry states it")
            elif row is None:
                defects(f"silence {ident}: it is not in the table of silences")
            else:
                for words in differences(row, expected(silence_values(silence))):
                    defects(f"silence {ident}: {words}")


def _replayed(events: Sequence[AnyRow], cluster: ClusterName, defects: Defects) -> dict[int, Silence]:
    silences: dict[int, Silence] = {}
    for row in events:
        try:
            entry = read(Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body))
            if isinstance(entry, SilenceAdded):
                silences[row.number] = stated(entry, SilenceId(row.number), cluster)
            elif isinstance(entry, SilenceEnded):
                silences[row.number] = ended(silences.get(row.number), entry, cluster)
        except LedgerError as e:
            defects(f"entry {row.position}: it does not fit silence {row.number}: {e}")
    return silences
