"""Forgetting observations that no ticket needs; that they were there, and what they were, stays provable.

What goes is always a whole segment. The entry that holds its digest stays where it is, and an entry of its own says
which range went and what the digests were. One cluster is pruned in one transaction: whoever is killed in between has
pruned some clusters and not others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import groupby

from operator_core.readings import ClusterName
from operator_core.record import RecordPruned
from sqlalchemy import Connection, delete, func, insert, select

from operator_ledger.codec import from_json, written
from operator_ledger.database import Database, Size
from operator_ledger.evidence import Evidence, evidence
from operator_ledger.page import Page
from operator_ledger.proving.report import PrunedRange
from operator_ledger.proving.rows import AnyRow
from operator_ledger.sealed import SegmentSealed
from operator_ledger.tables import ENTRIES, PRUNED, SEGMENTS

_AT_ONCE = 500
"""Values in one statement; databases bound their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPruned:
    """What went of one cluster.

    Attributes:
        bytes: of the bodies that are gone.
    """

    cluster: ClusterName
    ranges: tuple[PrunedRange, ...]
    bytes: int

    def __add__(self, more: ClusterPruned) -> ClusterPruned:
        return replace(self, ranges=(*self.ranges, *more.ranges), bytes=self.bytes + more.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What came of a pruning.

    Attributes:
        clusters: those of which something went.
        before, after: the size of the whole ledger.
    """

    clusters: tuple[ClusterPruned, ...]
    before: Size
    after: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By whom and why something is pruned, and how much.

    Attributes:
        older_than: what ends before this goes.
        larger_than: the oldest goes until the ledger uses no more bytes than this, or nothing is left that may go.
        cluster: of this one alone; None for all.
    """

    at: datetime
    by: str
    older_than: datetime | None = None
    larger_than: int | None = None
    cluster: ClusterName | None = None


async def prune(database: Database, terms: Terms) -> Pruned:
    """Prune by age, then by size, and give the room back.

    Raises:
        LedgerError: the database says no; what went before is gone, and is told in the record.
    """
    before = await database.read(database.size)
    gone: dict[ClusterName, ClusterPruned] = {}
    if terms.older_than is not None:
        await _prune_old(database, terms, terms.older_than, gone)
    if terms.larger_than is not None:
        await _prune_large(database, terms, terms.larger_than, gone)
    if gone:
        await database.give_back()
    after = await database.read(database.size)
    return Pruned(clusters=tuple(c for _, c in sorted(gone.items())), before=before, after=after)


async def rehearse(database: Database, terms: Terms) -> Pruned:
    """What pruning would take of what is there now; nothing is changed, and no entry stands at position 0.

    By size it is reckoned from the bytes of the bodies alone; a database may have to give up a little more.

    Raises:
        LedgerError: the database does not answer.
    """

    def work(connection: Connection) -> Pruned:
        before = database.size(connection)
        excess = 0 if terms.larger_than is None else before.used - terms.larger_than
        needed = {cluster: evidence(connection, cluster) for cluster in _clusters(connection, terms)}
        goes: defaultdict[ClusterName, set[int]] = defaultdict(set)
        for row in connection.execute(_ABOUT.order_by(SEGMENTS.c.ends, SEGMENTS.c.cluster, SEGMENTS.c.position)):
            cluster = ClusterName(row.cluster)
            is_old = terms.older_than is not None and row.ends < terms.older_than
            if (is_old or excess > 0) and cluster in needed and not _is_needed(row, needed[cluster]):
                goes[cluster].add(row.position)
                excess -= row.bytes
        clusters = tuple(_rehearsed(connection, terms, cluster, goes[cluster]) for cluster in sorted(goes))
        return Pruned(clusters=clusters, before=before, after=before)

    return await database.read(work)


def _rehearsed(connection: Connection, terms: Terms, cluster: ClusterName, goes: set[int]) -> ClusterPruned:
    mine = _ABOUT.add_columns(SEGMENTS.c.observations).where(SEGMENTS.c.cluster == cluster)
    rows = connection.execute(mine.order_by(SEGMENTS.c.position)).all()
    runs = [list(some) for does, some in groupby(rows, lambda row: row.position in goes) if does]
    return ClusterPruned(
        cluster=cluster,
        ranges=tuple(
            PrunedRange(
                position=0,
                at=terms.at,
                by=terms.by,
                first=min(row.first for row in run),
                last=max(row.last for row in run),
                observations=sum(row.observations for row in run),
            )
            for run in runs
        ),
        bytes=sum(row.bytes for run in runs for row in run),
    )


async def _prune_old(
    database: Database, terms: Terms, older_than: datetime, gone: dict[ClusterName, ClusterPruned]
) -> None:
    because = f"older than {older_than.isoformat()}"
    for cluster in await database.read(lambda connection: _clusters(connection, terms, before=older_than)):
        _add(gone, await database.write(_work(database, terms, cluster, because, lambda row: row.ends < older_than)))


async def _prune_large(
    database: Database, terms: Terms, larger_than: int, gone: dict[ClusterName, ClusterPruned]
) -> None:
    because = f"the record was larger than {larger_than} bytes"
    while (excess := (await database.read(database.size)).used - larger_than) > 0:
        oldest = await database.read(lambda connection, excess=excess: _oldest(connection, terms, excess))
        went = 0
        for cluster, positions in oldest.items():
            work = _work(database, terms, cluster, because, lambda row, chosen=positions: row.position in chosen)
            pruned = await database.write(work)
            _add(gone, pruned)
            went += pruned.bytes
        if not went:
            return


def _add(gone: dict[ClusterName, ClusterPruned], more: ClusterPruned) -> None:
    if more.ranges:
        before = gone.get(more.cluster)
        gone[more.cluster] = more if before is None else before + more


def _clusters(connection: Connection, terms: Terms, *, before: datetime | None = None) -> list[ClusterName]:
    query = select(SEGMENTS.c.cluster).distinct().order_by(SEGMENTS.c.cluster)
    if before is not None:
        query = query.where(SEGMENTS.c.ends < before)
    if terms.cluster is not None:
        query = query.where(SEGMENTS.c.cluster == terms.cluster)
    return list(map(ClusterName, connection.scalars(query)))


_ABOUT = select(
    SEGMENTS.c.cluster,
    SEGMENTS.c.position,
    SEGMENTS.c.first,
    SEGMENTS.c.last,
    SEGMENTS.c.starts,
    SEGMENTS.c.ends,
    func.length(SEGMENTS.c.body).label("bytes"),
)
"""Everything about segments but their bodies, which stay where they are."""


def _oldest(connection: Connection, terms: Terms, excess: int) -> dict[ClusterName, set[int]]:
    """Where the oldest segments are that nobody needs and that hold so many bytes together."""
    query = _ABOUT.order_by(SEGMENTS.c.ends, SEGMENTS.c.cluster, SEGMENTS.c.position)
    if terms.cluster is not None:
        query = query.where(SEGMENTS.c.cluster == terms.cluster)
    needed = {cluster: evidence(connection, cluster) for cluster in _clusters(connection, terms)}
    found: defaultdict[ClusterName, set[int]] = defaultdict(set)
    for row in connection.execute(query):
        if excess <= 0:
            break
        if not _is_needed(row, needed[ClusterName(row.cluster)]):
            found[ClusterName(row.cluster)].add(row.position)
            excess -= row.bytes
    return dict(found)


def _is_needed(row: AnyRow, by: Evidence) -> bool:
    return by.needs(first=row.first, last=row.last, starts=row.starts, ends=row.ends)


def _work(
    database: Database, terms: Terms, cluster: ClusterName, because: str, may_go: Callable[[AnyRow], bool]
) -> Callable[[Connection], ClusterPruned]:
    """The transaction that prunes one cluster."""

    def work(connection: Connection) -> ClusterPruned:
        page = Page(database, connection, cluster, terms.at)
        rows = connection.execute(_ABOUT.where(SEGMENTS.c.cluster == cluster).order_by(SEGMENTS.c.position)).all()
        needed = evidence(connection, cluster)
        ranges: list[PrunedRange] = []
        size = 0
        for goes, some in groupby(rows, lambda row: may_go(row) and not _is_needed(row, needed)):
            if goes:
                run = list(some)
                ranges.append(_take_out(page, terms, because, run))
                size += sum(row.bytes for row in run)
        page.close()
        return ClusterPruned(cluster=cluster, ranges=tuple(ranges), bytes=size)

    return work


def _take_out(page: Page, terms: Terms, because: str, run: Sequence[AnyRow]) -> PrunedRange:
    """Take segments that follow each other out of the table, and say so in the record."""
    connection, positions = page.connection, [row.position for row in run]
    total, digests = 0, sha256()
    for some in _pieces(positions):
        theirs = ENTRIES.c.cluster == page.cluster, ENTRIES.c.position.in_(some)
        for body in connection.scalars(select(ENTRIES.c.body).where(*theirs).order_by(ENTRIES.c.position)):
            about = from_json(SegmentSealed, body)
            total += about.observations
            digests.update(bytes.fromhex(about.digest))
    entry = RecordPruned(
        at=terms.at,
        by=terms.by,
        first=min(row.first for row in run),
        last=max(row.last for row in run),
        observations=total,
        digest=digests.hexdigest(),
        because=because,
    )
    position = page.add(written(entry), happened_at=terms.at)
    for some in _pieces(positions):
        connection.execute(delete(SEGMENTS).where(SEGMENTS.c.cluster == page.cluster, SEGMENTS.c.position.in_(some)))
        connection.execute(insert(PRUNED), [{"cluster": page.cluster, "position": p, "by": position} for p in some])
    return PrunedRange(
        position=position, at=entry.at, by=entry.by, first=entry.first, last=entry.last, observations=total
    )


def _pieces(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    return (positions[start : start + _AT_ONCE] for start in range(0, len(positions), _AT_ONCE))
