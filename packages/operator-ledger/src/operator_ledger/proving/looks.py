"""The looks that are in no segment yet, their shapes, and the head that sums all of it up."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName
from sqlalchemy import Connection, select

from operator_ledger.chain import EMPTY, after_look
from operator_ledger.looks import shape as shapes
from operator_ledger.looks.look import from_bytes
from operator_ledger.proving.report import Defects
from operator_ledger.proving.rows import differences, pieces, raw
from operator_ledger.tables import CHAINS, PENDING, SHAPES


@dataclass(frozen=True, slots=True)
class Gathered:
    """What stands in no segment yet."""

    looks: int
    digest: bytes
    last_number: int
    last_shape: bytes | None


def walk_looks(connection: Connection, cluster: ClusterName, defects: Defects) -> Gathered:
    """From the oldest look that is in no segment to the newest."""
    count, digest, highest, last_shape = 0, EMPTY, 0, None
    for rows in pieces(connection, raw(PENDING).where(PENDING.c.cluster == cluster), PENDING.c.ordinal):
        for row in rows:
            count += 1
            if row.ordinal != count:
                defects(
                    f"look {row.number}: it is the {row.ordinal}. that is in no segment, where the {count}. should be"
                )
            digest = after_look(
                digest, ordinal=row.ordinal, number=row.number, at=row.at, shape=row.shape, body=row.body
            )
            highest = max(highest, row.number)
            last_shape = row.shape
            try:
                from_bytes(row.number, 0, row.body)
            except LedgerError as e:
                defects(str(e))
    return Gathered(count, digest, highest, last_shape)


def check_shapes(connection: Connection, cluster: ClusterName, defects: Defects, head_shape: bytes | None) -> None:
    """Every shape that is referred to is there, as it was written, and no other."""
    mine = PENDING.c.cluster == cluster
    wanted = set(connection.scalars(select(PENDING.c.shape).where(mine).distinct()))
    if head_shape is not None:
        wanted.add(head_shape)
    for digest, body in connection.execute(select(SHAPES.c.digest, SHAPES.c.body).where(SHAPES.c.cluster == cluster)):
        if sha256(body).digest() != digest:
            defects(f"the shape {digest.hex()} is not the one that was written")
        else:
            try:
                shapes.from_bytes(body)
            except LedgerError as e:
                defects(f"the shape {digest.hex()}: {e}")
        if digest not in wanted:
            defects(f"the shape {digest.hex()} belongs to no look")
        wanted.discard(digest)
    for digest in sorted(wanted):
        defects(f"the shape {digest.hex()} is not there")


def check_head(
    connection: Connection,
    cluster: ClusterName,
    defects: Defects,
    *,
    entries: int,
    digest: bytes,
    last_number: int,
    gathered: Gathered,
) -> None:
    """The head says the same as what was found on the way to it."""
    row = connection.execute(raw(CHAINS).where(CHAINS.c.cluster == cluster)).one_or_none()
    if row is None:
        if entries or gathered.looks:
            defects("the head of the chain is not there")
        return
    should: dict[str, object] = {
        "position": entries,
        "digest": digest,
        "pending": gathered.looks,
        "pending_digest": gathered.digest,
        "last_number": max(last_number, gathered.last_number),
    }
    if gathered.looks:
        should["shape"] = gathered.last_shape
    for words in differences(row, should):
        defects(f"the head of the chain: {words}")
    check_shapes(connection, cluster, defects, row.shape)
