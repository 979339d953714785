"""The ledger in a database: one append is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from operator_core.claims import Interval
from operator_core.components import ComponentRef
from operator_core.errors import LedgerError
from operator_core.judgements import Severity
from operator_core.ports import Lease, Standpoint
from operator_core.readings import ClusterName, Observation, Reading, ReadingId
from operator_core.record import Entry, InvestigationPaid, ObservationKept, ProbeAsked, Recorded
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId
from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from operator_ledger import lease_rows
from operator_ledger.appending import append, prepared
from operator_ledger.codec import Written, read
from operator_ledger.database import Database, Size, apart
from operator_ledger.growth import Growth, growth
from operator_ledger.heads import load_head
from operator_ledger.leasing import Place
from operator_ledger.migrations.ledger import SCHEMA
from operator_ledger.page import Page
from operator_ledger.paid_rows import load_paid
from operator_ledger.probe_rows import next_probe, probed
from operator_ledger.progress_rows import load_progress
from operator_ledger.proving.ledger import prove
from operator_ledger.proving.report import Proof
from operator_ledger.pruning import Pruned, Terms, prune, rehearse
from operator_ledger.reading_ids import by_observation, by_probe, numbered
from operator_ledger.recall import recalled, recalled_by_number
from operator_ledger.sealed import SEGMENT
from operator_ledger.sealing import Shapes
from operator_ledger.silence_rows import load_silences
from operator_ledger.stored import Stored
from operator_ledger.tables import ENTRIES
from operator_ledger.ticket_rows import Wanted, load_tickets
from operator_ledger.ticketing import check_cluster, check_sayable, span_of

T = TypeVar("T")

_MANY = 5_000
"""So many readings are prepared in a thread; fewer cost less than the way there."""


class SqlLedger(Stored):
    """A Ledger in a database."""

    _schema = SCHEMA

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._shapes = Shapes()

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        for entry in entries:
            check_cluster(entry, cluster)
            check_sayable(entry)
        if sum(len(e.observation.readings) for e in entries if isinstance(e, ObservationKept)) > _MANY:
            ready = await asyncio.to_thread(prepared, entries, self._shapes)
        else:
            ready = prepared(entries, self._shapes)

        def write(connection: Connection) -> tuple[Ticket, ...]:
            lease_rows.check_lease(connection, cluster, lease)
            page = Page(self._database, connection, cluster, at)
            touched = append(page, ready)
            page.close()
            return touched

        return await self._database.write(write)

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        def read_it(connection: Connection) -> Standpoint:
            head = load_head(connection, cluster)
            last_kept = 0 if head is None else head.last_number
            progress = load_progress(connection, cluster)
            if progress is None:
                return Standpoint(last_number=last_kept, tracked={})
            return Standpoint(last_number=max(progress.number, last_kept), tracked=progress.tracked)

        return await self._read(read_it)

    async def ticket(self, ident: TicketId) -> Ticket | None:
        return next(iter(await self._read(lambda c: load_tickets(c, Wanted(ident=ident)))), None)

    async def tickets(
        self,
        cluster: ClusterName | None = None,
        *,
        open_only: bool = False,
        resolved_since: datetime | None = None,
        at_least: Severity | None = None,
        component: ComponentRef | None = None,
        newest: int | None = None,
    ) -> tuple[Ticket, ...]:
        wanted = Wanted(
            cluster=cluster,
            open_only=open_only,
            resolved_since=resolved_since,
            at_least=at_least,
            component=component,
            newest=newest,
        )
        return await self._read(lambda connection: load_tickets(connection, wanted))

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        return await self._read(lambda connection: load_silences(connection, cluster))

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        def read_it(connection: Connection) -> tuple[Recorded, ...]:
            query = select(ENTRIES).where(ENTRIES.c.tag != SEGMENT).order_by(ENTRIES.c.sequence)
            if ticket is not None:
                found = load_tickets(connection, Wanted(cluster=cluster, ident=ticket))
                if not found:
                    return ()
                query = query.where(_about(found[0]))
            elif cluster is not None:
                query = query.where(ENTRIES.c.cluster == cluster)
            rows = connection.execute(query).all()
            return apart(connection, lambda: tuple(map(_recorded, rows)))

        return await self._read(read_it)

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        return await self._read(lambda connection: recalled(connection, cluster, span=span, newest=newest))

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        asked = tuple(ids)
        wanted, of_probes = by_observation(asked), by_probe(asked)
        found = await self._read(lambda connection: recalled_by_number(connection, cluster, wanted))
        observed = tuple(r for o in found for r in o.readings if r.id in wanted[o.number])
        if not of_probes:
            return observed
        return observed + await self._read(lambda connection: tuple(probed(connection, cluster, of_probes)))

    async def keep_probe(self, cluster: ClusterName, asked: ProbeAsked, *, at: datetime) -> ProbeAsked:
        def write(connection: Connection) -> ProbeAsked:
            page = Page(self._database, connection, cluster, at)  # nobody else numbers a probe of the cluster now
            kept = numbered(asked, next_probe(connection, cluster))
            append(page, prepared([kept], self._shapes))
            page.close()
            return kept

        return await self._database.write(write)

    async def paid(
        self, *, since: datetime | None = None, cluster: ClusterName | None = None
    ) -> tuple[InvestigationPaid, ...]:
        return await self._read(lambda connection: tuple(load_paid(connection, since=since, cluster=cluster)))

    async def lease(self, cluster: ClusterName) -> Lease | None:
        return await self._read(lambda connection: lease_rows.load_lease(connection, Place(cluster)))

    async def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        return await self._database.write(
            lambda connection: lease_rows.take(connection, Place(cluster), holder=holder, patience=patience, over=over)
        )

    async def ticket_lease(self, cluster: ClusterName, ticket: TicketId) -> Lease | None:
        return await self._read(lambda connection: lease_rows.load_lease(connection, Place(cluster, ticket)))

    async def take_ticket(
        self, cluster: ClusterName, ticket: TicketId, *, holder: str, patience: timedelta, over: Lease | None
    ) -> Lease | None:
        place = Place(cluster, ticket)
        return await self._database.write(
            lambda connection: lease_rows.take(connection, place, holder=holder, patience=patience, over=over)
        )

    async def beat(self, lease: Lease) -> Lease | None:
        return await self._database.write(lambda connection: lease_rows.beat(connection, lease))

    async def release(self, lease: Lease) -> None:
        await self._database.write(lambda connection: lease_rows.release(connection, lease))

    async def head(self, cluster: ClusterName) -> tuple[int, str]:
        """How many entries a cluster's chain has, and the digest of the last in hex; 0 and "" when it has none."""
        head = await self._read(lambda connection: load_head(connection, cluster))
        return (head.position, head.digest.hex()) if head is not None and head.position else (0, "")

    async def verify(
        self, cluster: ClusterName | None = None, *, heads: Mapping[ClusterName, str] | None = None
    ) -> Proof:
        """Prove that all of it is as it was written: the chains, the segments, and the tables that show tickets.

        Args:
            cluster: this one alone; what belongs to no cluster is then not looked at.
            heads: digests of chains, in hex, that were kept elsewhere: shows when an end was cut off since.

        Raises:
            LedgerError: the store says no.
        """
        return await prove(self._database, self._schema, cluster=cluster, expected=heads or {})

    async def prune(
        self,
        *,
        at: datetime,
        by: str,
        older_than: datetime | None = None,
        larger_than: int | None = None,
        cluster: ClusterName | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Forget observations that no ticket needs, oldest first, and give the room back; the chains go on to hold.

        What a ticket needs is everything in its time, from a while before its first violation; an open one needs all
        since; also every observation that a violation or a diagnosis cites. Doing it again changes nothing.

        Args:
            at: when it is done, for the record; likewise `by`.
            older_than: segments that end before this go.
            larger_than: the oldest go until the whole ledger uses no more bytes, or nothing is left that may go.
            cluster: of this one alone.
            dry_run: only say what would go.

        Raises:
            LedgerError: the store says no; what went until then is gone, and the record says so.
        """
        terms = Terms(at=at, by=by, older_than=older_than, larger_than=larger_than, cluster=cluster)
        return await (rehearse if dry_run else prune)(self._database, terms)

    async def size(self) -> Size:
        """How much room the whole ledger takes."""
        return await self._database.read(self._database.size)

    async def growth(self, *, since: datetime) -> tuple[Growth, ...]:
        """How much came in since an instant, cluster by cluster."""
        return await self._database.read(lambda connection: growth(connection, since))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        """Read; what is damaged is said with the name of the database."""

        def named(connection: Connection) -> T:
            try:
                return work(connection)
            except LedgerError as e:
                raise LedgerError(f"{self._database.name}: {e}") from e

        return await self._database.read(named)


def _recorded(row: Row[*tuple[Any, ...]]) -> Recorded:
    there = Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body)
    return Recorded(sequence=row.sequence, cluster=ClusterName(row.cluster), at=row.at, entry=read(there))


def _about(ticket: Ticket) -> ColumnElement[bool]:
    """What is about a ticket: what names it, and what was judged of its keys in its time."""
    span = span_of(ticket, until=datetime.max.replace(tzinfo=UTC))
    keys: dict[tuple[str, ComponentRef], None] = {(v.key.invariant, v.key.component): None for v in ticket.violations}
    of_its_keys = or_(
        *(and_(ENTRIES.c.invariant == invariant, ENTRIES.c.component == component.key) for invariant, component in keys)
    )
    judged = and_(ENTRIES.c.tag == "judgement", ENTRIES.c.happened_at.between(span.start, span.end), of_its_keys)
    return and_(ENTRIES.c.cluster == ticket.cluster, or_(ENTRIES.c.ticket == ticket.id, judged))
