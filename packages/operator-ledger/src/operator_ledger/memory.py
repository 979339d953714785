"""A ledger that forgets: the same rules in plain Python, for simulated runs and for tests.

It has no threads and waits for nothing, so it can be used in virtual time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from operator_core.claims import Interval
from operator_core.components import ComponentRef
from operator_core.errors import LedgerError
from operator_core.incidents import OpenTicket
from operator_core.judgements import JudgementKey, Severity
from operator_core.ports import Lease, Standpoint
from operator_core.readings import ClusterName, Observation, Reading, ReadingId
from operator_core.record import (
    Entry,
    InvestigationPaid,
    JudgementChanged,
    ObservationKept,
    ProbeAsked,
    Progress,
    Recorded,
    SilenceAdded,
    SilenceEnded,
)
from operator_core.silences import Silence, SilenceId
from operator_core.tickets import Ticket, TicketId

from operator_ledger.leasing import Place
from operator_ledger.memory_leases import MemoryLeases
from operator_ledger.own_append import OwnAppend
from operator_ledger.reading_ids import by_observation, by_probe, check_numbered, numbered
from operator_ledger.silencing import ended, stated
from operator_ledger.ticketing import (
    changed,
    check_cluster,
    check_sayable,
    check_single,
    happened_at,
    occupied,
    opened,
    span_of,
    taken,
    ticket_of,
)


@dataclass(kw_only=True)
class _Pages:
    """Everything there is; an append works on a copy, which takes the place of the old or is thrown away."""

    tickets: dict[TicketId, Ticket] = field(default_factory=dict[TicketId, Ticket])
    kept: dict[tuple[ClusterName, int], Observation] = field(default_factory=dict[tuple[ClusterName, int], Observation])
    probes: dict[tuple[ClusterName, int], ProbeAsked] = field(default_factory=dict[tuple[ClusterName, int], ProbeAsked])
    progress: dict[ClusterName, Progress] = field(default_factory=dict[ClusterName, Progress])
    silences: dict[SilenceId, Silence] = field(default_factory=dict[SilenceId, Silence])
    added: list[tuple[Recorded, TicketId | None]] = field(default_factory=list[tuple[Recorded, TicketId | None]])
    own: OwnAppend = field(default_factory=OwnAppend)


class MemoryLedger:
    """A Ledger that lives as long as its process."""

    def __init__(self) -> None:
        self._pages = _Pages()
        self._record: list[tuple[Recorded, TicketId | None]] = []
        self._leases = MemoryLeases()

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        self._leases.check(cluster, lease)
        draft = _Pages(
            tickets=dict(self._pages.tickets),
            kept=dict(self._pages.kept),
            probes=dict(self._pages.probes),
            progress=dict(self._pages.progress),
            silences=dict(self._pages.silences),
        )
        for entry in entries:
            check_cluster(entry, cluster)
            check_sayable(entry)
            self._write(draft, cluster, draft.own.named(entry), at)
        before = self._pages.tickets
        self._record.extend(draft.added)
        self._pages = replace(draft, added=[])
        return tuple(t for ident, t in sorted(draft.tickets.items()) if before.get(ident) != t)

    def _write(self, draft: _Pages, cluster: ClusterName, entry: Entry, at: datetime) -> None:
        ident = ticket_of(entry)
        match entry:
            case Progress():
                draft.progress[cluster] = entry
                return
            case ObservationKept(observation=observation):
                place = (cluster, observation.number)
                if place in draft.kept:
                    if draft.kept[place] == observation:
                        return
                    raise LedgerError(
                        f"another observation {observation.number} of cluster {cluster!r} is kept already"
                    )
                draft.kept[place] = observation
                return
            case OpenTicket():
                ident = TicketId(max(draft.tickets, default=0) + 1)
                check_single((v.key for v in entry.violations if v.ended_at is None), cluster)
                self._put(draft, opened(entry, ident))
                draft.own.tickets.append(ident)
            case SilenceAdded():
                silence = stated(entry, SilenceId(len(draft.silences) + 1), cluster)
                draft.silences[silence.id] = silence
                draft.own.silences.append(silence.id)
            case SilenceEnded():
                draft.silences[entry.silence] = ended(draft.silences.get(entry.silence), entry, cluster)
            case _ if ident is not None:
                ticket = draft.tickets.get(ident)
                if ticket is None or ticket.cluster != cluster:
                    raise LedgerError(f"there is no ticket {ident} of cluster {cluster!r}")
                after = changed(ticket, entry)
                check_single((v.key for v in after.lasting), cluster)
                self._put(draft, after)
            case _:
                pass
        if isinstance(entry, ProbeAsked):
            check_numbered(entry)
            if (cluster, entry.number) in draft.probes:
                raise LedgerError(f"another probe {entry.number} of cluster {cluster!r} is kept already")
            draft.probes[cluster, entry.number] = entry
        sequence = len(self._record) + len(draft.added) + 1
        draft.added.append((Recorded(sequence=sequence, cluster=cluster, at=at, entry=entry), ident))

    @staticmethod
    def _put(draft: _Pages, ticket: Ticket) -> None:
        keys = occupied(ticket)
        for other in draft.tickets.values():
            if other.cluster == ticket.cluster and other.id != ticket.id:
                for key in sorted(occupied(other) & keys, key=str):
                    raise taken(key, ticket.cluster)
        draft.tickets[ticket.id] = ticket

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        progress = self._pages.progress.get(cluster)
        last_kept = max((n for c, n in self._pages.kept if c == cluster), default=0)
        if progress is None:
            return Standpoint(last_number=last_kept, tracked={})
        return Standpoint(last_number=max(progress.number, last_kept), tracked=dict(progress.tracked))

    async def ticket(self, ident: TicketId) -> Ticket | None:
        return self._pages.tickets.get(ident)

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
        def is_meant(t: Ticket) -> bool:
            recent = t.resolved_at is not None and resolved_since is not None and t.resolved_at >= resolved_since
            return (
                (cluster is None or t.cluster == cluster)
                and (t.is_open or not open_only or recent)
                and (at_least is None or t.severity.rank >= at_least.rank)
                and (component is None or component in t.components)
            )

        found = [t for _, t in sorted(self._pages.tickets.items()) if is_meant(t)]
        return tuple(found if newest is None else found[max(0, len(found) - newest) :])

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        return tuple(s for _, s in sorted(self._pages.silences.items()) if cluster is None or s.cluster == cluster)

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        if ticket is None:
            return tuple(r for r, _ in self._record if cluster is None or r.cluster == cluster)
        about = self._pages.tickets.get(ticket)
        if about is None or (cluster is not None and about.cluster != cluster):
            return ()
        keys = frozenset(v.key for v in about.violations)
        return tuple(
            r
            for r, ident in self._record
            if ident == ticket or (r.cluster == about.cluster and _is_about(about, keys, r))
        )

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        found = [o for (c, _), o in sorted(self._pages.kept.items()) if c == cluster and (span is None or o.at in span)]
        return tuple(found if newest is None else found[max(0, len(found) - newest) :])

    async def lease(self, cluster: ClusterName) -> Lease | None:
        return self._leases.lease(Place(cluster))

    async def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        return self._leases.take(Place(cluster), holder=holder, patience=patience, over=over)

    async def ticket_lease(self, cluster: ClusterName, ticket: TicketId) -> Lease | None:
        return self._leases.lease(Place(cluster, ticket))

    async def take_ticket(
        self, cluster: ClusterName, ticket: TicketId, *, holder: str, patience: timedelta, over: Lease | None
    ) -> Lease | None:
        there = self._pages.tickets.get(ticket)
        if there is None or there.cluster != cluster:
            raise LedgerError(f"there is no ticket {ticket} of cluster {cluster!r}")
        return self._leases.take(Place(cluster, ticket), holder=holder, patience=patience, over=over)

    async def beat(self, lease: Lease) -> Lease | None:
        return self._leases.beat(lease)

    async def release(self, lease: Lease) -> None:
        self._leases.release(lease)

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        asked = tuple(ids)
        observed = tuple(
            r
            for number, wanted in sorted(by_observation(asked).items())
            if (observation := self._pages.kept.get((cluster, number))) is not None
            for r in observation.readings
            if r.id in wanted
        )
        probed = tuple(
            r
            for number, wanted in sorted(by_probe(asked).items())
            if (probe := self._pages.probes.get((cluster, number))) is not None
            for r in probe.given
            if isinstance(r, Reading) and r.id in wanted
        )
        return observed + probed

    async def keep_probe(self, cluster: ClusterName, asked: ProbeAsked, *, at: datetime) -> ProbeAsked:
        highest = max((n for c, n in self._pages.probes if c == cluster), default=0)
        kept = numbered(asked, highest + 1)
        await self.append(cluster, [kept], at=at)
        return kept

    async def paid(
        self, *, since: datetime | None = None, cluster: ClusterName | None = None
    ) -> tuple[InvestigationPaid, ...]:
        found = [
            (r.cluster, r.sequence, r.entry)
            for r, _ in self._record
            if isinstance(r.entry, InvestigationPaid)
            and (cluster is None or r.cluster == cluster)
            and (since is None or r.entry.at >= since)
        ]
        return tuple(entry for _, _, entry in sorted(found, key=lambda f: f[:2]))


def _is_about(ticket: Ticket, keys: frozenset[JudgementKey], recorded: Recorded) -> bool:
    match recorded.entry:
        case JudgementChanged(judgement=judgement) if judgement.key in keys:
            forever = datetime.max.replace(tzinfo=UTC)
            return happened_at(recorded.entry, recorded.at) in span_of(ticket, until=forever)
        case _:
            return False
