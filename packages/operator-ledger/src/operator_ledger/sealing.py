"""Observations on their way into the record: kept look by look, then sealed into segments."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from operator_core.errors import LedgerError
from operator_core.readings import ClusterName, Observation
from sqlalchemy import and_, delete, insert, select

from operator_ledger.chain import EMPTY, after_look
from operator_ledger.codec import FORMAT, Written, to_json
from operator_ledger.columns import text_of
from operator_ledger.database import apart
from operator_ledger.looks.look import Look, from_bytes, instant, microseconds, split, to_bytes
from operator_ledger.looks.segment import Seen, sealed
from operator_ledger.looks.shape import Shape, digest_of
from operator_ledger.looks.shape import to_bytes as shape_to_bytes
from operator_ledger.page import Page
from operator_ledger.recall import seen_as
from operator_ledger.sealed import COLUMNS, SEGMENT, SegmentSealed
from operator_ledger.tables import PENDING, SEGMENTS, SHAPES

LOOKS = 40
"""A segment is sealed when so many looks have gathered: ten minutes at one every 15 s."""
FEWEST, READINGS = 8, 400_000
"""A subject so large that its looks would hold more readings than this together is sealed earlier, with no fewer."""


@dataclass(frozen=True, slots=True)
class KeptLook:
    """An observation as it is to be kept."""

    look: Look
    body: bytes
    shape: bytes
    shape_digest: bytes
    readings: int


class Shapes:
    """The shape that each cluster's last look had, so that one is written only when it is another."""

    def __init__(self) -> None:
        self._last: dict[ClusterName, tuple[Shape, bytes, bytes]] = {}

    def kept(self, observation: Observation) -> KeptLook:
        """An observation as it is to be kept."""
        shape, look = split(observation)
        last = self._last.get(observation.cluster)
        if last is None or last[0] != shape:
            body = shape_to_bytes(shape)
            last = self._last[observation.cluster] = shape, body, digest_of(body)
        return KeptLook(look, to_bytes(look), last[1], last[2], len(observation.readings))


def keep(page: Page, kept: KeptLook) -> None:
    """Add a look to those that are in no segment yet; one that is there already is left as it is.

    Raises:
        LedgerError: the cluster has another observation of that number, or had one that was pruned.
    """
    head, number = page.head, kept.look.number
    if number <= head.last_number and (there := seen_as(page.connection, page.cluster, number)) is not None:
        if there != Seen(kept.shape, kept.look):
            raise LedgerError(f"another observation {number} of cluster {page.cluster!r} is kept already")
        return
    if kept.shape_digest != head.shape:
        _put_shape(page, kept)
    head.pending += 1
    at = instant(kept.look.at)
    values = {"ordinal": head.pending, "number": number, "at": at, "shape": kept.shape_digest, "body": kept.body}
    page.connection.execute(insert(PENDING).values(cluster=page.cluster, **values))
    head.pending_digest = after_look(
        head.pending_digest,
        ordinal=head.pending,
        number=number,
        at=text_of(at),
        shape=kept.shape_digest,
        body=kept.body,
    )
    head.last_number = max(head.last_number, number)
    if head.pending >= LOOKS or (head.pending >= FEWEST and head.pending * kept.readings >= READINGS):
        seal(page)


def _put_shape(page: Page, kept: KeptLook) -> None:
    if not page.head.pending:  # the last look's was kept for the next one, which has another
        page.connection.execute(delete(SHAPES).where(SHAPES.c.cluster == page.cluster))
    place = and_(SHAPES.c.cluster == page.cluster, SHAPES.c.digest == kept.shape_digest)
    if page.connection.scalar(select(SHAPES.c.digest).where(place)) is None:
        values = {"digest": kept.shape_digest, "body": kept.shape}
        page.connection.execute(insert(SHAPES).values(cluster=page.cluster, **values))
    page.head.shape = kept.shape_digest


def seal(page: Page) -> None:
    """Make one segment of all looks that are in none yet, and put its digest into the chain."""
    mine = PENDING.c.cluster == page.cluster
    query = (
        select(PENDING.c.number, PENDING.c.at, PENDING.c.body, SHAPES.c.body.label("shape"))
        .join(SHAPES, and_(SHAPES.c.cluster == PENDING.c.cluster, SHAPES.c.digest == PENDING.c.shape))
        .where(mine)
        .order_by(PENDING.c.number)
    )
    rows = page.connection.execute(query).all()
    if len(rows) != page.head.pending:
        raise LedgerError(
            f"cluster {page.cluster!r} has {len(rows)} looks in no segment and should have {page.head.pending}"
        )

    def sealed_apart() -> bytes:
        return sealed([Seen(row.shape, from_bytes(row.number, microseconds(row.at), row.body)) for row in rows])

    body = apart(page.connection, sealed_apart)
    about = SegmentSealed(
        first=rows[0].number,
        last=rows[-1].number,
        observations=len(rows),
        starts=min(row.at for row in rows),
        ends=max(row.at for row in rows),
        format=FORMAT,
        coding=COLUMNS,
        bytes=len(body),
        digest=sha256(body).hexdigest(),
    )
    entry = Written(tag=SEGMENT, format=FORMAT, coding="json", body=to_json(about).encode())
    position = page.add(entry, happened_at=about.ends, number=about.first)
    page.connection.execute(
        insert(SEGMENTS).values(
            cluster=page.cluster,
            position=position,
            first=about.first,
            last=about.last,
            observations=about.observations,
            starts=about.starts,
            ends=about.ends,
            format=about.format,
            coding=about.coding,
            body=body,
        )
    )
    page.connection.execute(delete(PENDING).where(mine))
    page.connection.execute(delete(SHAPES).where(SHAPES.c.cluster == page.cluster, SHAPES.c.digest != page.head.shape))
    page.head.pending, page.head.pending_digest = 0, EMPTY
