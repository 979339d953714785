"""A whole ledger, looked over cluster by cluster; what is in memory does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from sqlalchemy import Connection, select, union

from operator_ledger.database import Database
from operator_ledger.lease_rows import lease_digest, ticket_lease_digest
from operator_ledger.migrate import Schema
from operator_ledger.progress_rows import progress_digest
from operator_ledger.proving.entries import Walk
from operator_ledger.proving.looks import check_head, walk_looks
from operator_ledger.proving.report import ClusterProof, Defects, Proof
from operator_ledger.proving.rows import PIECE, raw
from operator_ledger.proving.silences import replay_silences
from operator_ledger.proving.tickets import replay_tickets
from operator_ledger.tables import (
    CHAINS,
    ENTRIES,
    LEASES,
    OPEN_VIOLATIONS,
    PENDING,
    PROGRESS,
    PRUNED,
    SEGMENTS,
    SHAPES,
    SILENCES,
    TICKET_LEASES,
    TICKETS,
    VIOLATIONS,
)

_WITH_CLUSTER = (
    CHAINS, ENTRIES, LEASES, OPEN_VIOLATIONS, PENDING, PROGRESS, PRUNED, SEGMENTS, SHAPES, SILENCES,
    TICKET_LEASES, TICKETS,
)  # fmt: skip


async def prove(
    database: Database, schema: Schema, *, cluster: ClusterName | None, expected: Mapping[ClusterName, str]
) -> Proof:
    """Look over a ledger, each cluster in one state; who writes meanwhile is not hindered.

    Args:
        cluster: this one alone; None for all.
        expected: heads that were kept elsewhere, in hex.

    Raises:
        LedgerError: the database does not answer.
    """
    defects = Defects()
    if cluster is None:
        await database.read(lambda connection: _check_whole(connection, schema, defects))
        found = await database.read(_clusters)
        names = sorted({*found, *expected})
    else:
        names = [cluster]
    proofs = [await database.read(_of_cluster(name, expected.get(name))) for name in names]
    return Proof(clusters=tuple(proofs), defects=defects.all())


def _of_cluster(cluster: ClusterName, expected: str | None) -> Callable[[Connection], ClusterProof]:
    return lambda connection: _prove_cluster(connection, cluster, expected)


def _clusters(connection: Connection) -> list[ClusterName]:
    return list(map(ClusterName, connection.scalars(union(*(select(table.c.cluster) for table in _WITH_CLUSTER)))))


def _check_whole(connection: Connection, schema: Schema, defects: Defects) -> None:
    """What belongs to no cluster: the steps of the schema, and violations of tickets that are none."""
    steps = [(step.version, step.title) for step in schema.migrations]
    table = schema.table()
    seen = [tuple(row) for row in connection.execute(select(table.c.version, table.c.title).order_by(table.c.version))]
    if seen != steps:
        defects(f"the steps of the schema are {seen} and should be {steps}")
    ticket = select(TICKETS.c.id).where(TICKETS.c.id == VIOLATIONS.c.ticket)
    strays = select(VIOLATIONS.c.ticket).where(~ticket.exists()).distinct().limit(PIECE)
    for ident in connection.scalars(strays):
        defects(f"ticket {ident}: there are violations of it, and it is not there")


def _prove_cluster(connection: Connection, cluster: ClusterName, expected: str | None) -> ClusterProof:
    """Look over what a ledger holds of a cluster."""
    defects = Defects()
    walk = Walk(connection, cluster, defects, expected)
    gathered = None
    try:
        walk.go()
        gathered = walk_looks(connection, cluster, defects)
        check_head(
            connection,
            cluster,
            defects,
            entries=walk.entries,
            digest=walk.digest,
            last_number=walk.last_number,
            gathered=gathered,
        )
        replay_tickets(connection, cluster, defects)
        replay_silences(connection, cluster, defects)
        _check_states(connection, cluster, defects)
    except (
        TypeError,
        ValueError,
        AttributeError,
        LedgerError,
    ) as e:  # a value of another type than was ever written there
        defects(f"what stands there cannot be read as what was written: {e}")
    return ClusterProof(
        cluster=cluster,
        entries=walk.entries,
        head=walk.digest.hex() if isinstance(walk.digest, bytes) else "",  # pyright: ignore[reportUnnecessaryIsInstance] - a changed row
        observations=walk.observations + (gathered.looks if gathered else 0),
        pruned=tuple(walk.pruned),
        defects=defects.all(),
    )


def _check_states(connection: Connection, cluster: ClusterName, defects: Defects) -> None:
    for row in connection.execute(raw(PROGRESS).where(PROGRESS.c.cluster == cluster)):
        if row.digest != progress_digest(row.cluster, row.number, row.at, row.format, row.coding, row.body):
            defects("how far its monitor has come is not as it was written")
    for row in connection.execute(raw(LEASES).where(LEASES.c.cluster == cluster)):
        if row.digest != lease_digest(row.cluster, row.holder, row.term, row.beat, row.patience):
            defects("its lease is not as it was written")
    for row in connection.execute(raw(TICKET_LEASES).where(TICKET_LEASES.c.cluster == cluster)):
        if row.digest != ticket_lease_digest(row.ticket, row.cluster, row.holder, row.term, row.beat, row.patience):
            defects(f"the lease of ticket {row.ticket} is not as it was written")
