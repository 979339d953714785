"""What must hold for a ledger whatever was done to its writers; each check says in its error what does not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from operator_core.incidents import JoinTicket, OpenTicket
from operator_core.judgements import JudgementKey
from operator_core.readings import ClusterName
from operator_core.record import ObservationKept, Recorded, WatchTaken
from operator_core.tickets import Ticket
from operator_ledger import SqlLedger

from torture.model import Model, hush_shown, numbered, shown
from torture.recorder import Acknowledged, Record, fingerprint


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a ledger holds.

    Attributes:
        until: the newest instant in it; None when it is empty.
        heads: of its chains.
    """

    record: tuple[Recorded, ...]
    tickets: tuple[Ticket, ...]
    until: datetime | None
    heads: Mapping[ClusterName, str]


async def check_proven(ledger: SqlLedger, heads: Mapping[ClusterName, str] | None = None) -> dict[ClusterName, str]:
    """The ledger finds by itself that it is as it was written, its chains and its views.

    Args:
        heads: what it said before, all of which must be in it still.

    Returns:
        What it says now.
    """
    proof = await ledger.verify(heads=heads)
    if not proof.holds:
        raise Broken(f"the ledger is not as it was written: {proof}")
    return {found.cluster: found.head for found in proof.clusters}


async def check_all(
    ledger: SqlLedger,
    acknowledged: Sequence[Acknowledged],
    clusters: Iterable[ClusterName],
    heads: Mapping[ClusterName, str] | None = None,
) -> Seen:
    """Hold a ledger against what it has acknowledged and against itself.

    Args:
        heads: of its chains, as it gave them before.

    Raises:
        Broken: a promise was not kept.
    """
    heads = await check_proven(ledger, heads)
    record = await ledger.history()
    tickets = await ledger.tickets()
    check_nothing_lost(record, acknowledged)
    check_single(record, tickets)
    await check_views(ledger, record, tickets)
    until = [r.at for r in record]
    for cluster in clusters:
        await check_looks(ledger, cluster, [a for a in acknowledged if a.cluster == cluster])
        await check_standpoint(ledger, cluster, tickets)
        until.extend(o.at for o in await ledger.observations(cluster, newest=1))
    return Seen(record=record, tickets=tickets, until=max(until, default=None), heads=heads)


def check_nothing_lost(record: Iterable[Recorded], acknowledged: Iterable[Acknowledged]) -> None:
    """Every event that was acknowledged is there, as often as it was."""
    there = Counter((r.cluster, fingerprint(r.entry)) for r in record)
    told = Counter((a.cluster, name) for a in acknowledged for name in a.events)
    if missing := told - there:
        raise Broken(f"{missing.total()} of {told.total()} acknowledged events are not in the record: {missing}")


async def check_looks(ledger: Record, cluster: ClusterName, acknowledged: Sequence[Acknowledged]) -> None:
    """Every observation that was acknowledged is there, and says the same."""
    told = {number: name for a in acknowledged for number, name in a.looks}
    seen = await ledger.observations(cluster)
    there = {o.number: fingerprint(ObservationKept(observation=o)) for o in seen}
    if len(there) != len(seen):
        raise Broken(f"{cluster}: {len(seen)} observations have {len(there)} numbers")
    if wrong := sorted(n for n, name in told.items() if there.get(n) != name):
        raise Broken(f"{cluster}: of {len(told)} acknowledged observations these are gone or others: {wrong}")


async def check_standpoint(ledger: Record, cluster: ClusterName, tickets: Iterable[Ticket]) -> None:
    """What a monitor follows as open is what lasts in open tickets, neither more nor less."""
    standpoint = await ledger.standpoint(cluster)
    followed = {key for key, t in standpoint.tracked.items() if t.is_open}
    lasting = {v.key for t in tickets if t.cluster == cluster and t.is_open for v in t.lasting}
    if followed != lasting:
        only = (sorted(map(str, followed - lasting)), sorted(map(str, lasting - followed)))
        raise Broken(f"{cluster}: only followed: {only[0]}; only in tickets: {only[1]}")


def check_single(record: Iterable[Recorded], tickets: Iterable[Ticket]) -> None:
    """No violation lasts in two open tickets, and no onset came into tickets twice."""
    lasting = Counter((t.cluster, v.key) for t in tickets if t.is_open for v in t.lasting)
    if twice := {str(key): count for (_, key), count in lasting.items() if count > 1}:
        raise Broken(f"these last in more than one open ticket: {twice}")
    onsets: defaultdict[tuple[ClusterName, JudgementKey, datetime], int] = defaultdict(int)
    for recorded in record:
        match recorded.entry:
            case OpenTicket(violations=violations):
                new = violations
            case JoinTicket(violation=violation):
                new = (violation,)
            case _:
                continue
        for violation in new:
            onsets[recorded.cluster, violation.key, violation.since] += 1
    if again := {f"{key} since {since}": n for (_, key, since), n in onsets.items() if n > 1}:
        raise Broken(f"these onsets were ticketed more than once: {again}")


def check_fenced(record: Iterable[Recorded], by_holder: Mapping[str, Iterable[Acknowledged]]) -> int:
    """Whatever a monitor wrote it wrote while it had the watch, by the order of the record.

    Args:
        record: of everything.
        by_holder: what each holder was acknowledged.

    Returns:
        How often the watch was taken.
    """
    writers = {(a.cluster, name): holder for holder, told in by_holder.items() for a in told for name in a.events}
    watching: dict[ClusterName, str] = {}
    turns = 0
    for recorded in record:
        if isinstance(recorded.entry, WatchTaken):
            watching[recorded.cluster] = recorded.entry.holder
            turns += 1
        writer = writers.get((recorded.cluster, fingerprint(recorded.entry)))
        if writer is not None and writer != watching.get(recorded.cluster):
            raise Broken(
                f"{writer} wrote entry {recorded.sequence} while {watching.get(recorded.cluster)} had the watch"
            )
    return turns


async def check_views(ledger: Record, record: Sequence[Recorded], tickets: Sequence[Ticket]) -> None:
    """The tickets and silences that are shown are those that the record makes."""
    silences = await ledger.silences()
    numbers = numbered(record, tickets, silences)
    model = Model()
    model.replay(record, numbers.tickets, numbers.silences)
    for ticket in tickets:
        made = model.sheets[ticket.id].shown()
        if made != shown(ticket):
            raise Broken(f"ticket {ticket.id} is shown as {shown(ticket)}, and the record makes it {made}")
    for silence in silences:
        if model.hushes[silence.id].shown() != hush_shown(silence):
            raise Broken(f"silence {silence.id} is shown otherwise than the record makes it")
