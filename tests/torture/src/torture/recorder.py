"""A ledger that tells each append once it has returned, and not before: what was told must never be lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from operator_core.claims import Interval
from operator_core.components import ComponentRef
from operator_core.judgements import Severity
from operator_core.ports import Lease, Leases, Ledger, Standpoint
from operator_core.readings import ClusterName, Observation, Reading, ReadingId
from operator_core.record import Entry, ObservationKept, Progress, Recorded
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId
from operator_ledger.codec import to_json


class Record(Ledger, Leases, Protocol):
    """A ledger with its leases."""


def fingerprint(entry: Entry) -> str:
    """A short name of an entry, the same in every process."""
    value: object = entry
    if isinstance(entry, Progress):
        value = (entry.number, entry.at)
    return hashlib.sha256(f"{type(entry).__name__} {to_json(value)}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """An append that returned.

    Attributes:
        events: fingerprints of what has a place in the history, in order.
        looks: number and fingerprint of each observation.
        progress: number of the last progress; None when there was none.
    """

    cluster: ClusterName
    events: tuple[str, ...]
    looks: tuple[tuple[int, str], ...]
    progress: int | None

    @classmethod
    def of(cls, cluster: ClusterName, entries: Iterable[Entry]) -> Acknowledged:
        events: list[str] = []
        looks: list[tuple[int, str]] = []
        progress: int | None = None
        for entry in entries:
            match entry:
                case ObservationKept(observation=observation):
                    looks.append((observation.number, fingerprint(entry)))
                case Progress(number=number):
                    progress = number
                case _:
                    events.append(fingerprint(entry))
        return cls(cluster=cluster, events=tuple(events), looks=tuple(looks), progress=progress)

    def line(self) -> str:
        """One line of text."""
        return json.dumps([self.cluster, self.events, self.looks, self.progress], separators=(",", ":"))

    @classmethod
    def parse(cls, line: str) -> Acknowledged:
        """Read what :meth:`line` wrote."""
        cluster, events, looks, progress = json.loads(line)
        return cls(
            cluster=ClusterName(cluster),
            events=tuple(events),
            looks=tuple((int(number), str(name)) for number, name in looks),
            progress=progress,
        )


class Recorder:
    """Hands everything on to a ledger.

    Args:
        acknowledged: is told each append that returned.
    """

    def __init__(self, ledger: Record, acknowledged: Callable[[Acknowledged], None]) -> None:
        self._ledger = ledger
        self._acknowledged = acknowledged

    async def append(
        self, cluster: ClusterName, entries: Sequence[Entry], *, at: datetime, lease: Lease | None = None
    ) -> tuple[Ticket, ...]:
        tickets = await self._ledger.append(cluster, entries, at=at, lease=lease)
        self._acknowledged(Acknowledged.of(cluster, entries))
        return tickets

    async def standpoint(self, cluster: ClusterName) -> Standpoint:
        return await self._ledger.standpoint(cluster)

    async def ticket(self, ident: TicketId) -> Ticket | None:
        return await self._ledger.ticket(ident)

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
        return await self._ledger.tickets(
            cluster,
            open_only=open_only,
            resolved_since=resolved_since,
            at_least=at_least,
            component=component,
            newest=newest,
        )

    async def silences(self, cluster: ClusterName | None = None) -> tuple[Silence, ...]:
        return await self._ledger.silences(cluster)

    async def history(
        self, cluster: ClusterName | None = None, *, ticket: TicketId | None = None
    ) -> tuple[Recorded, ...]:
        return await self._ledger.history(cluster, ticket=ticket)

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        return await self._ledger.observations(cluster, span=span, newest=newest)

    async def readings(self, cluster: ClusterName, ids: Iterable[ReadingId]) -> tuple[Reading, ...]:
        return await self._ledger.readings(cluster, ids)

    async def lease(self, cluster: ClusterName) -> Lease | None:
        return await self._ledger.lease(cluster)

    async def take(self, cluster: ClusterName, *, holder: str, patience: timedelta, over: Lease | None) -> Lease | None:
        return await self._ledger.take(cluster, holder=holder, patience=patience, over=over)

    async def beat(self, lease: Lease) -> Lease | None:
        return await self._ledger.beat(lease)

    async def release(self, lease: Lease) -> None:
        await self._ledger.release(lease)
