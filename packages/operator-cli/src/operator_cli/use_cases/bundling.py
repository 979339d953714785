"""Incidents as files: out of one ledger, without secrets, and into another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError
from operator_core.knowledge import Knowledge
from operator_core.record import IncidentImported
from operator_core.tickets import Ticket

from operator_cli.use_cases.tickets import origin_of, ticket_of
from operator_cli.wiring import Record

if TYPE_CHECKING:
    from operator_ledger.bundles import BundleFile, Destination


def new_file(ident: int, named: Path | None) -> Path:
    """The file that an incident is written to.

    Args:
        ident: the ticket's number.
        named: what a person named; a folder, or nothing for the one he is in, gets a file named after the ticket.

    Raises:
        ConfigurationError: it is there already.
    """
    target = Path() if named is None else named
    target = (target / f"ticket-{ident}.jsonl.gz" if target.is_dir() else target).absolute()
    if target.exists():
        raise ConfigurationError(f"{target}: it is there already, and nothing is written over it")
    return target


async def export(record: Record, ident: int, target: Path, *, by: str, known: Knowledge) -> BundleFile:
    """Write one incident to a new file.

    Args:
        record: where it is.
        ident: the ticket's number.
        target: where to.
        by: who exports it.
        known: what the subject knows; its version goes with the file.

    Raises:
        ConfigurationError: there is no such ticket, or something is at the target.
        LedgerError: the record or the file system says no.
    """
    from operator_ledger.bundles import export_incident, write_bundle

    ticket = await ticket_of(record.ledger, ident)
    versions = {"operator": version("operator-cli"), "knowledge": known.version}
    at = record.now(ticket.cluster)
    return await write_bundle(target, await export_incident(record.ledger, ticket.id, versions=versions, by=by, at=at))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """An incident that was imported.

    Attributes:
        was_there: it had been imported before, and nothing was changed.
    """

    ticket: Ticket
    origin: IncidentImported
    was_there: bool


async def take_in(ledger: Destination, file: Path, *, at: datetime) -> TakenIn:
    """Import one incident; the same file a second time changes nothing.

    Raises:
        LedgerError: it is no bundle, or was damaged; nothing was imported.
    """
    from operator_ledger.bundles import import_bundle

    before = {t.id for t in await ledger.tickets()}
    ticket = await import_bundle(ledger, file, at=at)
    origin = await origin_of(ledger, ticket)
    assert origin is not None
    return TakenIn(ticket=ticket, origin=origin, was_there=ticket.id in before)
