"""Which of the recorded observations tell of a ticket's trouble.

A ticket may have lasted for days; what is reasoned about is how it began and how it last was, and no more than that is
read from the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from operator_core.claims import Interval
from operator_core.judgements import JudgementKey, Verdict, judge
from operator_core.knowledge import Knowledge
from operator_core.ports import Ledger
from operator_core.readings import ClusterName, Observation
from operator_core.tickets import Ticket

LOOKS = 24
"""How many looks of a ticket's beginning, and as many of its end, are reasoned about."""

BEFORE = timedelta(minutes=2)
"""How long before the first sign it begins: what was normal belongs to the story."""

BEGINNING = timedelta(minutes=2)
"""How long its beginning is."""


def until_it_was_over(
    observations: Sequence[Observation], keys: frozenset[JudgementKey], known: Knowledge
) -> tuple[Observation, ...] | None:
    """The observations up to the last that shows one of these violations; None when none does."""

    def shows_it(observation: Observation) -> bool:
        return any(j.key in keys and j.verdict is Verdict.VIOLATED for j in judge(known.invariants, observation))

    last = next((n for n in range(len(observations) - 1, -1, -1) if shows_it(observations[n])), None)
    return None if last is None else tuple(observations[: last + 1])


async def while_it_lasted(
    ledger: Ledger, ticket: Ticket, known: Knowledge, *, until: datetime | None = None
) -> tuple[Observation, ...]:
    """How it began and how it last was: what came after the trouble was over tells nothing of it.

    Args:
        ledger: the record.
        ticket: whose trouble it is.
        known: what the subject knows; it says what shows the trouble.
        until: nothing later is looked at.

    Returns:
        Oldest first; none when nothing of its time is recorded.
    """
    keys = frozenset(v.key for v in ticket.violations)
    since = min(v.since for v in ticket.violations)
    end = over_at(ticket) if until is None else min(until, over_at(ticket))
    first = Interval(start=since - BEFORE, end=min(since + BEGINNING, end))
    beginning = _around(await ledger.observations(ticket.cluster, span=first), since)
    last = await _last_shown(ledger, ticket.cluster, Interval(start=first.start, end=end), keys, known)
    by_number = {o.number: o for o in (*beginning, *last)}
    return tuple(o for n, o in sorted(by_number.items()) if n <= last[-1].number) if last else beginning


def over_at(ticket: Ticket) -> datetime:
    """When a ticket's trouble was over: the end of time while it lasts."""
    if ticket.lasting:
        return ticket.resolved_at or datetime.max.replace(tzinfo=UTC)
    return max(v.ended_at for v in ticket.violations if v.ended_at is not None)


def _around(observations: Sequence[Observation], since: datetime) -> tuple[Observation, ...]:
    before = [o for o in observations if o.at < since]
    after = [o for o in observations if o.at >= since]
    return (*before[-LOOKS // 2 :], *after[: LOOKS // 2])


async def _last_shown(
    ledger: Ledger, cluster: ClusterName, span: Interval, keys: frozenset[JudgementKey], known: Knowledge
) -> tuple[Observation, ...]:
    """The last looks, ending with one that shows the trouble; ever more are read until one does or all are."""
    newest = 2 * LOOKS
    while True:
        read = await ledger.observations(cluster, span=span, newest=newest)
        shown = until_it_was_over(read, keys, known)
        if shown is not None or len(read) < newest:
            return (shown or read)[-LOOKS:]
        newest *= 4
