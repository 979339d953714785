"""Following tickets as they change: a look at the record every few seconds, and what is new since the last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from operator_core.errors import LedgerError
from operator_core.ports import Clock
from operator_core.tickets import Ticket

from operator_cli.use_cases.tickets import Listed, Wanted, list_tickets
from operator_cli.wiring import Record

EVERY = timedelta(seconds=2)
"""From look to look."""


class Change(Enum):
    """What is new about a ticket; the gravest is told."""

    THERE = "there"
    """It was there at the first look."""
    OPENED = "opened"
    MOVED = "moved"
    HELD = "held"
    GREW = "grew"
    """Another violation, or one is over."""
    LEFT = "left"
    """It is not among the wanted any more, and not because it was resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChange:
    """A ticket as it is now, and what is new about it.

    Attributes:
        at: the instant at its cluster when that was seen.
    """

    at: datetime
    change: Change
    ticket: Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at the record.

    Attributes:
        listed: what was read; of a look that failed, what was read before it.
        failed: why nothing could be read.
    """

    listed: Listed
    changes: tuple[TicketChange, ...] = ()
    failed: str | None = None


def _change(before: Ticket | None, now: Ticket) -> Change | None:
    if before is None:
        return Change.OPENED
    if before.state is not now.state:
        return Change.MOVED
    if before.hold is not now.hold:
        return Change.HELD
    return Change.GREW if before != now else None


def changes(before: Iterable[Ticket], now: Iterable[Ticket]) -> Iterator[tuple[Change, Ticket]]:
    """What is new about the tickets that are there now."""
    known = {t.id: t for t in before}
    for ticket in now:
        if (change := _change(known.get(ticket.id), ticket)) is not None:
            yield change, ticket


async def follow(record: Record, wanted: Wanted, *, every: timedelta, clock: Clock) -> AsyncGenerator[Seen]:
    """Look at the tickets again and again, until cancelled. A look that fails changes nothing.

    Args:
        record: where they are.
        wanted: which of them.
        every: the pause between two looks.
        clock: on which it is made.

    Raises:
        LedgerError: the first look failed.
    """

    def dated(found: Iterable[tuple[Change, Ticket]]) -> tuple[TicketChange, ...]:
        return tuple(TicketChange(at=record.now(t.cluster), change=c, ticket=t) for c, t in found)

    listed = await list_tickets(record, wanted)
    yield Seen(listed=listed, changes=dated((Change.THERE, t) for t in listed.tickets))
    while True:
        await clock.sleep(every)
        try:
            now = await list_tickets(record, wanted)
            gone = await _gone(record, listed, now)
        except LedgerError as e:
            yield Seen(listed=listed, failed=str(e))
            continue
        news = dated((*changes(listed.tickets, now.tickets), *gone))
        listed = now
        yield Seen(listed=listed, changes=news)


async def _gone(record: Record, before: Listed, now: Listed) -> Sequence[tuple[Change, Ticket]]:
    """What became of the tickets that are no longer in the list; newer ones may also have pushed them out."""
    there = {t.id for t in now.tickets}
    found: list[tuple[Change, Ticket]] = []
    for was in before.tickets:
        if was.id not in there:
            ticket = await record.ledger.ticket(was.id) or was
            if ticket.state is not was.state:
                found.append((Change.MOVED, ticket))
            elif not now.there_are_more:
                found.append((Change.LEFT, ticket))
    return found
