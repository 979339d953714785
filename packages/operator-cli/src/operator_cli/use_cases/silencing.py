"""Silences: stated, listed, ended before their time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from operator_core.readings import ClusterName
from operator_core.record import SilenceAdded, SilenceEnded
from operator_core.silences import Silence, SilenceId, SilenceScope
from operator_core.tickets import TicketId

from operator_cli.use_cases.tickets import check_known
from operator_cli.wiring import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A silence that was added.

    Attributes:
        open_already: open tickets that it covers and that stay as they are.
        last_seen: the components of its cluster at the last look, when the one it is about is not among them.
    """

    silence: Silence
    open_already: tuple[TicketId, ...]
    last_seen: tuple[ComponentRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceList:
    """Silences in the order in which they were stated.

    Attributes:
        in_force: which of them count now, each on its cluster's clock.
        now: on each of these clocks.
    """

    silences: tuple[Silence, ...]
    in_force: frozenset[SilenceId]
    now: Mapping[ClusterName, datetime]


async def add(
    record: Record,
    cluster: ClusterName,
    scope: SilenceScope,
    *,
    at: datetime,
    ends: datetime,
    by: str,
    because: str,
) -> Stated:
    """State that certain violations are expected."""
    ledger = record.ledger
    await ledger.append(cluster, [SilenceAdded(at=at, ends=ends, scope=scope, by=by, because=because)], at=at)
    # The ledger numbers it; of several that were stated at once, mine is the newest that says what I said.
    mine = next(
        s
        for s in reversed(await ledger.silences(cluster))
        if (s.scope, s.starts, s.ends, s.by) == (scope, at, ends, by)
    )
    newest = await ledger.observations(cluster, newest=1)
    last_seen = newest[-1].refs() if newest else ()
    return Stated(
        silence=mine,
        open_already=tuple(
            t.id for t in await ledger.tickets(cluster, open_only=True) if any(scope.covers(v.key) for v in t.lasting)
        ),
        last_seen=() if scope.component is None or scope.component in last_seen else last_seen,
    )


async def silences(record: Record, cluster: ClusterName | None, *, every: bool) -> SilenceList:
    """The silences in force, or all that were ever stated.

    Raises:
        ConfigurationError: nothing was ever recorded of the cluster.
    """
    found = await record.ledger.silences(cluster)
    if not found and cluster is not None:
        await check_known(record.ledger, cluster)
    now = {c: record.now(c) for c in {s.cluster for s in found}}
    in_force = frozenset(s.id for s in found if s.counts_at(now[s.cluster]))
    return SilenceList(silences=tuple(s for s in found if every or s.id in in_force), in_force=in_force, now=now)


async def expire(record: Record, ident: int, *, by: str) -> Silence:
    """End a silence before its time.

    Raises:
        ConfigurationError: there is none of that number, or it is over already.
    """
    found = next((s for s in await record.ledger.silences() if s.id == ident), None)
    if found is None:
        raise ConfigurationError(f"there is no silence {ident}")
    at = max(record.now(found.cluster), found.starts)
    if not found.counts_at(at):
        over = min(found.ends, found.ended_at or found.ends).astimezone()
        raise ConfigurationError(f"silence {ident} is over since {over:%Y-%m-%d %H:%M:%S %Z}")
    await record.ledger.append(found.cluster, [SilenceEnded(silence=found.id, at=at, by=by)], at=at)
    return next(s for s in await record.ledger.silences(found.cluster) if s.id == ident)
