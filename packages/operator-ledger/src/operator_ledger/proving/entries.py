"""The chain of a cluster, recomputed from the bodies, and the segments that it holds by their digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from operator_core.record import RecordPruned
from sqlalchemy import Connection, select

from operator_ledger.chain import after_entry, genesis
from operator_ledger.codec import from_json
from operator_ledger.columns import text_of
from operator_ledger.database import apart
from operator_ledger.proving.report import Defects, PrunedRange
from operator_ledger.proving.rows import AnyRow, differences, pieces, raw
from operator_ledger.sealed import SEGMENT, SegmentSealed
from operator_ledger.tables import ENTRIES, PRUNED, SEGMENTS

_BODIES = 8
"""So many bodies of segments are in memory at the same time."""


_CHAINED = tuple(column.name for column in ENTRIES.columns if column.name not in ("cluster", "digest"))


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(slots=True)
class _Gone:
    """Segments that one entry says were pruned."""

    hash: _Hash = field(default_factory=sha256)
    first: int = 0
    last: int = 0
    observations: int = 0

    def add(self, about: SegmentSealed) -> None:
        self.first = about.first if not self.observations else min(self.first, about.first)
        self.last = max(self.last, about.last)
        self.observations += about.observations
        self.hash.update(bytes.fromhex(about.digest))


@dataclass(slots=True)
class Walk:
    """The walk along a chain.

    Attributes:
        expected: a head that was kept elsewhere, in hex; None when there is none, or it was come across.
        last_number: the highest number of an observation in a segment.
    """

    connection: Connection
    cluster: ClusterName
    defects: Defects
    expected: str | None
    entries: int = 0
    digest: bytes = b""
    observations: int = 0
    last_number: int = 0
    pruned: list[PrunedRange] = field(default_factory=list[PrunedRange])
    _gone: dict[int, _Gone] = field(default_factory=dict[int, _Gone])
    _sequence: int = 0

    def go(self) -> None:
        """From the first entry to the last."""
        self.digest = genesis(self.cluster)
        self._come_across(self.digest)
        for rows in pieces(self.connection, raw(ENTRIES).where(ENTRIES.c.cluster == self.cluster), ENTRIES.c.position):
            apart(self.connection, lambda rows=rows: self._link(rows))
            self._look_into([row for row in rows if row.tag == SEGMENT])
            for row in rows:
                if row.tag == "pruned":
                    self._check_pruned(row)
        for position in sorted(self._gone):
            self.defects(f"entry {position}: segments are marked as pruned by it, and it does not say so")
        self._check_strays()
        if self.expected is not None:
            self.defects(
                f"the head {self.expected} is nowhere in the chain: its end was cut off, or it was written anew"
            )

    def _come_across(self, digest: bytes) -> None:
        if digest.hex() == self.expected:
            self.expected = None

    def _link(self, rows: Sequence[AnyRow]) -> None:
        for row in rows:
            if row.position != self.entries + 1:
                self.defects(f"entry {self.entries + 1}: it is not there; the next one is {row.position}")
            if after_entry(self.digest, **{name: getattr(row, name) for name in _CHAINED}) != row.digest:
                self.defects(f"entry {row.position}: its digest is not the one of what it says and what is before it")
            if row.sequence <= self._sequence:
                self.defects(f"entry {row.position}: it is numbered {row.sequence} after {self._sequence}")
            self._sequence = row.sequence
            self.entries = row.position
            self.digest = row.digest
            self._come_across(row.digest)

    def _look_into(self, rows: Sequence[AnyRow]) -> None:
        for start in range(0, len(rows), _BODIES):
            some = rows[start : start + _BODIES]
            positions = [row.position for row in some]
            mine = SEGMENTS.c.cluster == self.cluster, SEGMENTS.c.position.in_(positions)
            there = {s.position: s for s in self.connection.execute(raw(SEGMENTS).where(*mine))}
            marks = PRUNED.c.cluster == self.cluster, PRUNED.c.position.in_(positions)
            by = {m.position: m.by for m in self.connection.execute(select(PRUNED).where(*marks))}
            apart(self.connection, lambda some=some, there=there, by=by: self._compare(some, there, by))

    def _compare(self, rows: Sequence[AnyRow], there: Mapping[int, AnyRow], by: Mapping[int, int]) -> None:
        for row in rows:
            try:
                about = from_json(SegmentSealed, row.body)
            except LedgerError as e:
                self.defects(f"entry {row.position}: {e}")
                continue
            self.last_number = max(self.last_number, about.last)
            segment = there.get(row.position)
            if segment is None and row.position not in by:
                self.defects(
                    f"entry {row.position}: the segment of observations {about.first} to {about.last} is not there,"
                    " and no entry says that it was pruned"
                )
            elif segment is None:
                self._gone.setdefault(by[row.position], _Gone()).add(about)
            elif row.position in by:
                self.defects(f"entry {row.position}: its segment is marked as pruned, and is there")
            else:
                self.observations += about.observations
                self._compare_segment(row.position, segment, about)

    def _compare_segment(self, position: int, segment: AnyRow, about: SegmentSealed) -> None:
        if sha256(segment.body).hexdigest() != about.digest:
            self.defects(f"entry {position}: its segment is not the one that was sealed")
        should: dict[str, object] = {
            "first": about.first,
            "last": about.last,
            "observations": about.observations,
            "starts": text_of(about.starts),
            "ends": text_of(about.ends),
            "format": about.format,
            "coding": about.coding,
        }
        for words in differences(segment, should):
            self.defects(f"the segment of entry {position}: {words}")

    def _check_pruned(self, row: AnyRow) -> None:
        gone = self._gone.pop(row.position, None)
        try:
            said = from_json(RecordPruned, row.body)
        except LedgerError as e:
            self.defects(f"entry {row.position}: {e}")
            return
        found = (0, 0, 0, "") if gone is None else (gone.first, gone.last, gone.observations, gone.hash.hexdigest())
        if found != (said.first, said.last, said.observations, said.digest):
            self.defects(
                f"entry {row.position}: it says that {said.observations} observations from {said.first} to {said.last}"
                f" were pruned; {found[2]} from {found[0]} to {found[1]} are gone, or not the same"
            )
        self.pruned.append(
            PrunedRange(
                position=row.position,
                at=said.at,
                by=said.by,
                first=said.first,
                last=said.last,
                observations=said.observations,
            )
        )

    def _check_strays(self) -> None:
        """Segments, and marks of pruned ones, without an entry."""
        for table, what in ((SEGMENTS, "a segment of observations"), (PRUNED, "a mark of a pruned segment")):
            has_entry = (
                select(ENTRIES.c.position)
                .where(
                    ENTRIES.c.cluster == self.cluster,
                    ENTRIES.c.position == table.c.position,
                    ENTRIES.c.tag == SEGMENT,
                )
                .exists()
            )
            for position in self.connection.scalars(
                select(table.c.position).where(table.c.cluster == self.cluster, ~has_entry)
            ):
                self.defects(f"entry {position}: there is {what} for it, and it is about none")
