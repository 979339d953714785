"""What of a cluster's observations its tickets need: nobody may prune that."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from operator_core.diagnosis import Diagnosis
from operator_core.readings import ClusterName, ReadingId
from operator_core.record import DiagnosisMade
from sqlalchemy import Connection, func, select

from operator_ledger.codec import Written, from_json, read
from operator_ledger.columns import Instant
from operator_ledger.database import apart
from operator_ledger.looks.look import microseconds
from operator_ledger.reading_ids import by_observation
from operator_ledger.tables import ENTRIES, TICKETS, VIOLATIONS
from operator_ledger.ticketing import LOOK_BACK

_FOREVER = microseconds(datetime.max.replace(tzinfo=UTC))
_AT_ONCE = 500

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spans:
    """Closed spans of whole numbers that do not touch each other, in ascending order."""

    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """Those that cover the same as these."""
        merged = cls([], [])
        for start, end in sorted(spans):
            if merged.ends and start <= merged.ends[-1]:
                merged.ends[-1] = max(merged.ends[-1], end)
            else:
                merged.starts.append(start)
                merged.ends.append(end)
        return merged

    def touch(self, start: int, end: int) -> bool:
        """Whether any of them has something in common with this one."""
        place = bisect_left(self.ends, start)
        return place < len(self.starts) and self.starts[place] <= end


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tickets need: everything in their time, and every observation that a violation or a diagnosis cites.

    Attributes:
        times: in microseconds since 1970 in UTC.
        numbers: of observations.
    """

    times: Spans
    numbers: Spans

    def needs(self, *, first: int, last: int, starts: datetime, ends: datetime) -> bool:
        """Whether any observation of a segment may be needed."""
        return self.numbers.touch(first, last) or self.times.touch(microseconds(starts), microseconds(ends))


def evidence(connection: Connection, cluster: ClusterName) -> Evidence:
    """What the tickets and diagnoses of a cluster need."""
    times = Spans.of(_times(connection, cluster))
    cited = [*_cited_by_violations(connection, cluster), *_cited_by_diagnoses(connection, cluster)]
    return Evidence(times, Spans.of(cited))


def _times(connection: Connection, cluster: ClusterName) -> Iterator[Span]:
    """As :func:`operator_ledger.ticketing.span_of` has it; a ticket that is open needs all that comes."""
    since = func.min(VIOLATIONS.c.since, type_=Instant).label("since")
    query = (
        select(TICKETS.c.resolved_at, since)
        .join(VIOLATIONS, VIOLATIONS.c.ticket == TICKETS.c.id)
        .where(TICKETS.c.cluster == cluster)
        .group_by(TICKETS.c.id, TICKETS.c.resolved_at)
    )
    for row in connection.execute(query):
        end = _FOREVER if row.resolved_at is None else microseconds(row.resolved_at)
        yield microseconds(row.since - LOOK_BACK), end


def _cited_by_violations(connection: Connection, cluster: ClusterName) -> Iterator[Span]:
    query = (
        select(VIOLATIONS.c.readings)
        .join(TICKETS, VIOLATIONS.c.ticket == TICKETS.c.id)
        .where(TICKETS.c.cluster == cluster)
        .distinct()
    )
    for readings in connection.scalars(query):
        for number in by_observation(from_json(tuple[ReadingId, ...], readings)):
            yield number, number


def _cited_by_diagnoses(connection: Connection, cluster: ClusterName) -> Iterator[Span]:
    query = select(ENTRIES).where(ENTRIES.c.cluster == cluster, ENTRIES.c.tag == "diagnosis")
    ordered = query.order_by(ENTRIES.c.position).limit(_AT_ONCE)
    rows = connection.execute(ordered).all()
    while rows:
        there = [Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body) for row in rows]
        yield from apart(connection, lambda there=there: [span for body in there for span in _cited(read(body))])
        rows = connection.execute(ordered.where(ENTRIES.c.position > rows[-1].position)).all()


def _cited(entry: object) -> Iterator[Span]:
    if not isinstance(entry, DiagnosisMade):
        return
    diagnosis: Diagnosis = entry.diagnosis
    if diagnosis.observations is not None:
        yield diagnosis.observations
    claims = [*diagnosis.claims(), *map(attrgetter("claim"), diagnosis.struck)]
    for number in by_observation(ident for claim in claims for ident in claim.readings):
        yield number, number
