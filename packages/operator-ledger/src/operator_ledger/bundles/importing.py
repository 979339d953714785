"""Taking a bundle into a ledger: all of it in one append, once, under a name that nothing alive has."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from operator_core.decide import SilenceViolation
from operator_core.errors import LeaseLost, LedgerError
from operator_core.incidents import EndInTicket, HoldTicket, JoinTicket, MoveTicket, OpenTicket
from operator_core.ports import Leases, Ledger
from operator_core.readings import ClusterName
from operator_core.record import (
    ActionApproved,
    ActionTaken,
    DiagnosisMade,
    Entry,
    IncidentImported,
    NoteAdded,
    ObservationKept,
    ProbeAsked,
    SilenceEnded,
)
from operator_core.runtime import RealClock
from operator_core.silences import SilenceId
from operator_core.tickets import Ticket, TicketId

from operator_ledger.bundles.contents import Bundle
from operator_ledger.bundles.files import BundleFile, read_bundle
from operator_ledger.bundles.names import imported_name

_OWN = TicketId(-1)
"""The one ticket that the append opens."""

_PATIENCE = timedelta(minutes=1)
_TRIES = 14
_WAITS = timedelta(milliseconds=50)
"""At most so long before the second try, twice that before the next, and so on; who always tries at once, with others
who do the same, takes the lease from each of them before any has written."""
_WAITS_LONGEST = timedelta(seconds=2)


class Destination(Ledger, Leases, Protocol):
    """Where a bundle can be taken into."""


async def import_bundle(ledger: Destination, path: str | os.PathLike[str], *, at: datetime) -> Ticket:
    """Take a bundle into a ledger; one that is there already changes nothing.

    Args:
        at: when it is taken in.

    Returns:
        The ticket as it is in this ledger, under a number of its own.

    Raises:
        LedgerError: the file is no bundle, or was damaged, or the ledger says no; nothing was taken in.
    """
    file = await read_bundle(path)
    cluster = imported_name(file.bundle.cluster, file.digest)
    entries = tuple(_entries(file, cluster, at))
    clock, chance = RealClock(), random.Random()  # noqa: S311 - it spreads waits, and guards nothing
    for tried in range(_TRIES):
        if tried:
            await clock.sleep(min(_WAITS * 2 ** (tried - 1), _WAITS_LONGEST) * chance.random())
            if (there := await _imported(ledger, cluster, file)) is not None:
                return there
        # Whoever takes the lease later shuts out whoever took it before: of two that import the same file at once,
        # one writes, and the other finds what was written.
        seen = await ledger.lease(cluster)
        lease = await ledger.take(cluster, holder=f"import of {file.digest}", patience=_PATIENCE, over=seen)
        if lease is None:
            continue
        try:
            if (there := await _imported(ledger, cluster, file)) is not None:
                return there
            (ticket,) = await ledger.append(cluster, entries, at=at, lease=lease)
        except LeaseLost:
            continue
        else:
            return ticket
        finally:
            await ledger.release(lease)
    raise LedgerError(f"{file.path}: others take in the same bundle again and again")


async def _imported(ledger: Ledger, cluster: ClusterName, file: BundleFile) -> Ticket | None:
    for recorded in await ledger.history(cluster):
        if isinstance(recorded.entry, IncidentImported):
            if recorded.entry.digest != file.digest:
                raise LedgerError(f"{file.path}: another bundle stands in the ledger as {cluster!r}")
            return (await ledger.tickets(cluster))[0]
    return None


def _entries(file: BundleFile, cluster: ClusterName, at: datetime) -> Iterator[Entry]:
    bundle: Bundle = file.bundle
    yield IncidentImported(
        at=at,
        cluster=bundle.cluster,
        ticket=bundle.ticket,
        position=bundle.position,
        head=bundle.head,
        digest=file.digest,
        versions=bundle.versions,
        redactions=bundle.redactions,
    )
    for observation in bundle.observations:
        yield ObservationKept(observation=replace(observation, cluster=cluster))
    silences: dict[SilenceId, SilenceId] = {}
    for told in bundle.told:
        if told.silence is not None:
            silences[told.silence] = SilenceId(-len(silences) - 1)
        yield _moved(told.entry, cluster, silences)


def _moved(entry: Entry, cluster: ClusterName, silences: dict[SilenceId, SilenceId]) -> Entry:
    """The entry with the names that things have in this ledger."""
    match entry:
        case OpenTicket():
            return replace(entry, cluster=cluster)
        case DiagnosisMade(diagnosis=diagnosis):
            return DiagnosisMade(diagnosis=replace(diagnosis, cluster=cluster, ticket=_OWN))
        case (
            JoinTicket()
            | EndInTicket()
            | MoveTicket()
            | HoldTicket()
            | NoteAdded()
            | ActionApproved()
            | ActionTaken()
            | ProbeAsked()
        ):
            return replace(entry, ticket=_OWN)
        case SilenceEnded() | SilenceViolation():
            return replace(entry, silence=silences[entry.silence])
        case _:
            return entry
