"""The ledger's tables as this program reads and writes them.

`entries` is the record and only grows; a chain for each cluster runs over it. Observations stand beside it: the newest
in `pending`, the others in `segments`, each of which has its entry. `tickets`, `violations`, `open_violations` and
`silences` are views of the entries, kept in the same transaction. `progress`, `leases` and `ticket_leases` are states,
not record.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

from operator_ledger.columns import NUMBER, Instant, Name, Words

METADATA = MetaData()

TICKETS = Table(
    "tickets",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("title", Words, nullable=False),
    Column("component", Name(400), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("concern", String(20), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("hold", Boolean, nullable=False),
    Index("tickets_by_state", "state", "cluster"),
    Index("tickets_by_cluster", "cluster", "id"),
    Index("tickets_by_resolution", "resolved_at"),
    sqlite_autoincrement=True,  # an id is never given out twice, not even after its row is gone
)

VIOLATIONS = Table(
    "violations",
    METADATA,
    Column("ticket", NUMBER, ForeignKey("tickets.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("invariant", Name(200), nullable=False),
    Column("component", Name(400), nullable=False),
    Column("since", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("because", Words, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("concern", String(20), nullable=False),
    Column("readings", Words, nullable=False),
    Column("takes_away", Boolean, server_default=false(), nullable=False),
    Index("violations_by_component", "component", "ticket"),
)

OPEN_VIOLATIONS = Table(
    "open_violations",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("invariant", Name(200), primary_key=True),
    Column("component", Name(400), primary_key=True),
    Column("ticket", NUMBER, ForeignKey("tickets.id"), nullable=False),
)
"""What lasts in an open ticket; its key is why no violation can be in two of them."""

SILENCES = Table(
    "silences",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("scope", Words, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("by", Words, nullable=False),
    Column("because", Words, nullable=False),
    Column("ended_at", Instant),
    Index("silences_by_cluster", "cluster", "id"),
    sqlite_autoincrement=True,
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("sequence", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("position", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("tag", String(20), nullable=False),
    Column("ticket", NUMBER, ForeignKey("tickets.id")),
    Column("number", NUMBER),
    Column("invariant", Name(200)),
    Column("component", Name(400)),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    UniqueConstraint("cluster", "position", name="one_entry_a_position"),
    Index("entries_by_time", "cluster", "tag", "happened_at"),
    Index("entries_by_ticket", "cluster", "ticket"),
)
"""`number` is that of a segment's first observation, of a silence, or of a probe; `invariant` and `component` are a
judgement's."""

CHAINS = Table(
    "chains",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("position", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("pending", Integer, nullable=False),
    Column("pending_digest", LargeBinary(32), nullable=False),
    Column("shape", LargeBinary(32)),
    Column("last_number", NUMBER, nullable=False),
)
"""The head of each chain, locked by whoever appends: the last position and digest, how many looks are in no segment
yet and their running digest, the shape of the last look, the highest number of an observation that ever was."""

PENDING = Table(
    "pending",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("number", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("shape", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("cluster", "number", name="one_look_a_number"),
)
"""Looks that are in no segment yet, in the order in which they came."""

SHAPES = Table(
    "shapes",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""The shapes that pending looks have, and the one of the last look."""

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("first", NUMBER, nullable=False),
    Column("last", NUMBER, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("segments_by_number", "cluster", "last"),
    Index("segments_by_time", "cluster", "ends"),
)
"""Sealed observations; the entry at the position says the same of them and holds their digest."""

PRUNED = Table(
    "pruned",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("by", NUMBER, nullable=False),
)
"""Which segments are gone: the position of each, and of the entry that says so."""

PROGRESS = Table(
    "progress",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("number", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32)),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)
"""Who watches which cluster; `patience` in microseconds. A row whose holder is gone keeps the term."""

TICKET_LEASES = Table(
    "ticket_leases",
    METADATA,
    Column("ticket", NUMBER, ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    Column("cluster", String(200), nullable=False),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Index("ticket_leases_by_cluster", "cluster"),
)
"""Who reasons about which ticket, in the same way."""
