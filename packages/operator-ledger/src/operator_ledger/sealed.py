"""What the entry of a segment says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SEGMENT = "segment"
"""The tag of the entry that holds a segment's digest."""
COLUMNS = "columns"
"""The coding of a body that :func:`operator_ledger.looks.segment.sealed` made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSealed:
    """What the entry of a segment says of it; it stays when the segment is pruned.

    Attributes:
        first, last: the lowest and the highest number.
        starts, ends: the earliest and the latest instant.
        coding, bytes, digest: of the body; the digest is SHA-256 in hex.
    """

    first: int
    last: int
    observations: int
    starts: datetime
    ends: datetime
    format: int
    coding: str
    bytes: int
    digest: str
