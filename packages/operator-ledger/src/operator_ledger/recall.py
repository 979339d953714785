"""Observations out of the record again, wherever they stand: newest in no segment yet, the others in segments."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from operator_core.claims import Interval
from operator_core.errors import LedgerError
from operator_core.readings import ClusterName, Observation
from operator_core.record import ObservationKept
from sqlalchemy import Connection, Row, and_, or_, select

from operator_ledger.codec import Written, from_json, read
from operator_ledger.database import apart
from operator_ledger.looks import shape as shapes
from operator_ledger.looks.look import Look, from_bytes, instant, joined, microseconds, split
from operator_ledger.looks.segment import Seen, opened
from operator_ledger.sealed import COLUMNS, SegmentSealed
from operator_ledger.tables import ENTRIES, PENDING, PRUNED, SEGMENTS, SHAPES

_AT_ONCE = 8
"""Segments in memory at the same time."""

Wanted = Callable[[Look], bool]


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a segment as it stands in a table."""

    format: int
    coding: str
    body: bytes


def looks_of(there: Body) -> tuple[Seen, ...]:
    """The looks in a segment's body; an observation that an older program wrote for itself is one of one look.

    Raises:
        LedgerError: it is damaged, or written by a newer program.
    """
    if there.coding == COLUMNS:
        return opened(there.body).looks
    entry = read(Written(tag="observation", format=there.format, coding=there.coding, body=there.body))
    assert isinstance(entry, ObservationKept)
    shape, look = split(entry.observation)
    return (Seen(shapes.to_bytes(shape), look),)


def observed(cluster: ClusterName, seen: Iterable[Seen], wanted: Wanted) -> list[Observation]:
    """The observations of those looks that are wanted.

    Raises:
        LedgerError: one is damaged.
    """
    return [joined(cluster, shapes.from_bytes(s.shape), s.look) for s in seen if wanted(s.look)]


def recalled(
    connection: Connection, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
) -> tuple[Observation, ...]:
    """The recorded observations by their numbers, as :meth:`operator_core.ports.Ledger.observations` says."""

    def wanted(look: Look) -> bool:
        return span is None or instant(look.at) in span

    if newest is not None and newest <= 0:
        return ()
    found = observed(cluster, _pending(connection, cluster), wanted)
    for rows in _segments_from_the_end(connection, cluster, span):
        if newest is not None and len(found) >= newest:
            lowest = sorted((o.number for o in found), reverse=True)[newest - 1]
            if all(row.last < lowest for row in rows):
                break
        found += apart(connection, lambda rows=rows: _observed(cluster, rows, wanted))
    found.sort(key=lambda o: o.number)
    return tuple(found if newest is None else found[-newest:])


def recalled_by_number(connection: Connection, cluster: ClusterName, numbers: Iterable[int]) -> tuple[Observation, ...]:
    """Those of these numbers that are in the record, by their numbers."""
    asked = frozenset(numbers)
    if not asked:
        return ()

    def wanted(look: Look) -> bool:
        return look.number in asked

    found = observed(cluster, _pending(connection, cluster, min(asked), max(asked)), wanted)
    positions = _positions(connection, cluster, asked)
    for start in range(0, len(positions), _AT_ONCE):
        some = positions[start : start + _AT_ONCE]
        query = select(SEGMENTS).where(SEGMENTS.c.cluster == cluster, SEGMENTS.c.position.in_(some))
        rows = connection.execute(query).all()
        found += apart(connection, lambda rows=rows: _observed(cluster, rows, wanted))
    return tuple(sorted(found, key=lambda o: o.number))


def seen_as(connection: Connection, cluster: ClusterName, number: int) -> Seen | None:
    """The look of that number as it is kept; None when there never was one.

    Raises:
        LedgerError: there was one that was pruned.
    """
    for observation in recalled_by_number(connection, cluster, [number]):
        shape, look = split(observation)
        return Seen(shapes.to_bytes(shape), look)
    gone = and_(PRUNED.c.cluster == ENTRIES.c.cluster, PRUNED.c.position == ENTRIES.c.position)
    query = select(ENTRIES.c.body).join(PRUNED, gone).where(ENTRIES.c.cluster == cluster, ENTRIES.c.number <= number)
    for body in connection.scalars(query):
        about = from_json(SegmentSealed, body)
        if about.first <= number <= about.last and about.observations == about.last - about.first + 1:
            raise LedgerError(f"observation {number} of cluster {cluster!r} was kept once, and was pruned")
    return None


def _observed(cluster: ClusterName, rows: Sequence[Row[*tuple[Any, ...]]], wanted: Wanted) -> list[Observation]:
    return [o for row in rows for o in observed(cluster, looks_of(Body(row.format, row.coding, row.body)), wanted)]


def _pending(
    connection: Connection, cluster: ClusterName, lowest: int | None = None, highest: int | None = None
) -> list[Seen]:
    query = (
        select(PENDING.c.number, PENDING.c.at, PENDING.c.body, SHAPES.c.body.label("shape"))
        .join(SHAPES, and_(SHAPES.c.cluster == PENDING.c.cluster, SHAPES.c.digest == PENDING.c.shape))
        .where(PENDING.c.cluster == cluster)
    )
    if lowest is not None and highest is not None:
        query = query.where(PENDING.c.number.between(lowest, highest))
    rows = connection.execute(query)
    return [Seen(row.shape, from_bytes(row.number, microseconds(row.at), row.body)) for row in rows]


def _segments_from_the_end(
    connection: Connection, cluster: ClusterName, span: Interval | None
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """Segments that may hold something of the span, some at a time, highest numbers first."""
    query = select(SEGMENTS).where(SEGMENTS.c.cluster == cluster)
    if span is not None:
        query = query.where(SEGMENTS.c.ends >= span.start, SEGMENTS.c.starts <= span.end)
    query = query.order_by(SEGMENTS.c.last.desc(), SEGMENTS.c.position.desc()).limit(_AT_ONCE)
    before = query
    while rows := connection.execute(before).all():
        yield rows
        last = rows[-1]
        before = query.where(
            or_(SEGMENTS.c.last < last.last, and_(SEGMENTS.c.last == last.last, SEGMENTS.c.position < last.position))
        )


def _positions(connection: Connection, cluster: ClusterName, asked: frozenset[int]) -> list[int]:
    """Where the segments are that may hold these numbers."""
    query = select(SEGMENTS.c.position, SEGMENTS.c.first, SEGMENTS.c.last).where(
        SEGMENTS.c.cluster == cluster, SEGMENTS.c.last >= min(asked), SEGMENTS.c.first <= max(asked)
    )
    ascending = sorted(asked)
    return [row.position for row in connection.execute(query) if _any_between(ascending, row.first, row.last)]


def _any_between(ascending: Sequence[int], lowest: int, highest: int) -> bool:
    place = bisect_left(ascending, lowest)
    return place < len(ascending) and ascending[place] <= highest
