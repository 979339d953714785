"""The ledger in a database: one append is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from operator_core.claims import Interval
from operator_core.components import ComponentRef
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.judgements import Severity
from operator_core.ports import Lease, Standpoint
from operator_core.readings import ClusterName, Observation, Reading, ReadingId
from operator_core.record import (
    Entry,
    JudgementChanged,
    ObservationKept,
    Progress,
    Recorded,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId
from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from operator_ledger import lease_rows
from operator_ledger.codec import Written, read, written
from operator_ledger.migrations.ledger import SCHEMA
from operator_ledger.on_file import OnFile
from operator_ledger.own_append import OwnAppend
from operator_ledger.reading_ids import by_observation
from operator_ledger.silence_rows import add_silence, end_silence, load_silences
from operator_ledger.tables import ENTRIES, PROGRESS
from operator_ledger.ticket_rows import Wanted, add_ticket, load_ticket, load_tickets, save_ticket
from operator_ledger.ticketing import changed, check_cluster, happened_at, opened, span_of, ticket_of

_AT_ONCE = 500
"""Values in one statement; databases bound their number."""


class SqlLedger(OnFile):
    """A Ledger in a database file."""

    _schema = SCHEMA

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        for entry in entries:
            check_cluster(entry, cluster)
        on_file = await asyncio.to_thread(lambda: [written(e) for e in entries])  # megabytes, for a large cluster
        before: dict[TicketId, Ticket | None] = {}
        after: dict[TicketId, Ticket] = {}
        kept: dict[int, Written] = {}
        rows: list[dict[str, object]] = []
        own = OwnAppend()
        async with self._file.writing() as connection:
            await lease_rows.check_lease(connection, cluster, lease)
            for meant, coded in zip(entries, on_file, strict=True):
                entry = own.named(meant)
                body = coded if entry is meant else written(entry)
                match entry:
                    case Progress():
                        await _put_progress(connection, cluster, entry, body)
                        continue
                    case ObservationKept(observation=observation):
                        there = kept.get(observation.number) or await _kept(connection, cluster, observation.number)
                        if there is not None:
                            _check_same(there, body, observation)
                            continue
                        kept[observation.number] = body
                        ident = None
                    case OpenTicket():
                        ticket = await add_ticket(connection, lambda new, e=entry: opened(e, new))
                        ident = ticket.id
                        own.tickets.append(ident)
                        before[ident], after[ident] = None, ticket
                    case SilenceAdded():
                        own.silences.append((await add_silence(connection, entry, cluster)).id)
                        ident = None
                    case SilenceEnded():
                        await end_silence(connection, entry, cluster)
                        ident = None
                    case _:
                        ident = ticket_of(entry)
                        if ident is not None:
                            ticket = await load_ticket(connection, cluster, ident)
                            before.setdefault(ident, ticket)
                            after[ident] = changed(ticket, entry)
                            await save_ticket(connection, ticket, after[ident])
                rows.append(_row(cluster, entry, body, ident, at))
            if rows:
                await connection.execute(insert(ENTRIES), rows)
        return tuple(t for ident, t in sorted(after.items()) if before[ident] != t)

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        async with self._file.reading() as connection:
            row = (await connection.execute(select(PROGRESS).where(PROGRESS.c.cluster == cluster))).one_or_none()
            last_kept: int = (
                await connection.scalar(select(func.max(ENTRIES.c.number)).where(ENTRIES.c.cluster == cluster)) or 0
            )
        if row is None:
            return Standpoint(last_number=last_kept, tracked={})
        there = Written(tag="progress", format=row.format, coding=row.coding, body=row.body)
        progress = self._read(there)
        assert isinstance(progress, Progress)
        return Standpoint(last_number=max(progress.number, last_kept), tracked=progress.tracked)

    async def ticket(self, ident: TicketId) -> Ticket | None:
        async with self._file.reading() as connection:
            return next(iter(await load_tickets(connection, Wanted(ident=ident))), None)

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
        async with self._file.reading() as connection:
            return await load_tickets(connection, wanted)

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        async with self._file.reading() as connection:
            return await load_silences(connection, cluster)

    async def lease(self, cluster: ClusterName) -> Lease | None:
        async with self._file.reading() as connection:
            return await lease_rows.load_lease(connection, cluster)

    async def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        async with self._file.writing() as connection:
            return await lease_rows.take(connection, cluster, holder=holder, patience=patience, over=over)

    async def beat(self, lease: Lease) -> Lease | None:
        async with self._file.writing() as connection:
            return await lease_rows.beat(connection, lease)

    async def release(self, lease: Lease) -> None:
        async with self._file.writing() as connection:
            await lease_rows.release(connection, lease)

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        async with self._file.reading() as connection:
            query = select(ENTRIES).where(ENTRIES.c.tag != "observation").order_by(ENTRIES.c.sequence)
            if ticket is not None:
                found = await load_tickets(connection, Wanted(cluster=cluster, ident=ticket))
                if not found:
                    return ()
                query = query.where(_about(found[0]))
            elif cluster is not None:
                query = query.where(ENTRIES.c.cluster == cluster)
            rows = (await connection.execute(query)).all()

        def decoded() -> tuple[Recorded, ...]:
            return tuple(
                Recorded(
                    sequence=row.sequence,
                    cluster=ClusterName(row.cluster),
                    at=row.at,
                    entry=self._read(Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body)),
                )
                for row in rows
            )

        return await asyncio.to_thread(decoded)

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        query = select(ENTRIES).where(ENTRIES.c.cluster == cluster, ENTRIES.c.tag == "observation")
        if span is not None:
            query = query.where(ENTRIES.c.happened_at.between(span.start, span.end))
        query = query.order_by(ENTRIES.c.number.desc())
        if newest is not None:
            query = query.limit(max(0, newest))
        async with self._file.reading() as connection:
            rows = (await connection.execute(query)).all()

        def decoded() -> tuple[Observation, ...]:
            there = [Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body) for row in rows[::-1]]
            kept = [self._read(w) for w in there]
            return tuple(entry.observation for entry in kept if isinstance(entry, ObservationKept))

        return await asyncio.to_thread(decoded)

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        wanted = by_observation(ids)
        numbers = sorted(wanted)
        found: list[Reading] = []
        async with self._file.reading() as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                query = (
                    select(ENTRIES)
                    .where(ENTRIES.c.cluster == cluster, ENTRIES.c.number.in_(numbers[start : start + _AT_ONCE]))
                    .order_by(ENTRIES.c.number)
                )
                for row in (await connection.execute(query)).all():
                    there = Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body)
                    entry = await asyncio.to_thread(self._read, there)
                    assert isinstance(entry, ObservationKept)
                    found.extend(r for r in entry.observation.readings if r.id in wanted[row.number])
        return tuple(found)

    def _read(self, there: Written) -> Entry:
        try:
            return read(there)
        except LedgerError as e:
            raise LedgerError(f"{self._file.path}: {e}") from e


def _row(cluster: ClusterName, entry: Entry, body: Written, ticket: TicketId | None, at: datetime) -> dict[str, object]:
    number = entry.observation.number if isinstance(entry, ObservationKept) else None
    key = entry.judgement.key if isinstance(entry, JudgementChanged) else None
    return {
        "cluster": cluster,
        "at": at,
        "happened_at": happened_at(entry, at),
        "tag": body.tag,
        "ticket": ticket,
        "number": number,
        "invariant": None if key is None else key.invariant,
        "component": None if key is None else key.component.key,
        "format": body.format,
        "coding": body.coding,
        "body": body.body,
    }


async def _put_progress(connection: AsyncConnection, cluster: ClusterName, progress: Progress, body: Written) -> None:
    values = {
        "number": progress.number,
        "at": progress.at,
        "format": body.format,
        "coding": body.coding,
        "body": body.body,
    }
    changed_rows = await connection.execute(update(PROGRESS).where(PROGRESS.c.cluster == cluster).values(values))
    if changed_rows.rowcount == 0:
        await connection.execute(insert(PROGRESS).values(cluster=cluster, **values))


async def _kept(connection: AsyncConnection, cluster: ClusterName, number: int) -> Written | None:
    query = select(ENTRIES).where(ENTRIES.c.cluster == cluster, ENTRIES.c.number == number)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Written(tag=row.tag, format=row.format, coding=row.coding, body=row.body)


def _check_same(there: Written, new: Written, observation: Observation) -> None:
    """Refuse another observation of a number that is kept; its readings' ids would mean two things.

    Raises:
        LedgerError: it is another one.
    """
    if there.text != new.text:
        raise LedgerError(
            f"another observation {observation.number} of cluster {observation.cluster!r} is kept already"
        )


def _about(ticket: Ticket) -> ColumnElement[bool]:
    """What is about a ticket: what names it, and what was judged of its keys in its time."""
    span = span_of(ticket, until=datetime.max.replace(tzinfo=UTC))
    keys: dict[tuple[str, ComponentRef], None] = {(v.key.invariant, v.key.component): None for v in ticket.violations}
    of_its_keys = or_(
        *(and_(ENTRIES.c.invariant == invariant, ENTRIES.c.component == component.key) for invariant, component in keys)
    )
    judged = and_(
        ENTRIES.c.cluster == ticket.cluster,
        ENTRIES.c.tag == "judgement",
        ENTRIES.c.happened_at.between(span.start, span.end),
        of_its_keys,
    )
    return or_(ENTRIES.c.ticket == ticket.id, judged)
