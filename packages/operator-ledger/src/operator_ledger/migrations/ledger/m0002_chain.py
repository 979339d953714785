"""Step 2: a chain over the entries of each cluster; observations beside it; silences and leases.

What was there goes on: each entry gets its position and its digest, in the order in which it was written. An
observation, which used to be an entry of its own, becomes a segment of one look, its bytes as they were, and the entry
in its place says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    column,
    func,
    insert,
    select,
    table,
    text,
    update,
)

from operator_ledger.chain import EMPTY, after_entry, genesis, of_row
from operator_ledger.columns import NUMBER, Instant
from operator_ledger.migrate import Migration

_AT_ONCE = 500

_METADATA = MetaData()

Table("tickets", _METADATA, Column("id", NUMBER, primary_key=True))  # it is there; entries point to it

Table(
    "silences",
    _METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("scope", Text, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("ended_at", Instant),
    Index("silences_by_cluster", "cluster", "id"),
    sqlite_autoincrement=True,
)

Table(
    "entries",
    _METADATA,
    Column("sequence", NUMBER, primary_key=True),
    Column("cluster", String(200), nullable=False),
    Column("position", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("tag", String(20), nullable=False),
    Column("ticket", NUMBER, ForeignKey("tickets.id")),
    Column("number", NUMBER),
    Column("invariant", String(200)),
    Column("component", String(400)),
    Column("format", Integer, nullable=False),
    Column("coding", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    UniqueConstraint("cluster", "position", name="one_entry_a_position"),
    Index("entries_by_time", "cluster", "tag", "happened_at"),
    Index("entries_by_ticket", "cluster", "ticket"),
)

Table(
    "chains",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("position", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("pending", Integer, nullable=False),
    Column("pending_digest", LargeBinary(32), nullable=False),
    Column("shape", LargeBinary(32)),
    Column("last_number", NUMBER, nullable=False),
)

Table(
    "pending",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("number", NUMBER, nullable=False),
    Column("at", Instant, nullable=False),
    Column("shape", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("cluster", "number", name="one_look_a_number"),
)

Table(
    "shapes",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

Table(
    "segments",
    _METADATA,
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

Table(
    "pruned",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("by", NUMBER, nullable=False),
)

Table(
    "leases",
    _METADATA,
    Column("cluster", String(200), primary_key=True),
    Column("holder", String(400)),
    Column("term", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("patience", NUMBER, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)

_NEW = [t for t in _METADATA.sorted_tables if t.name != "tickets"]

# For the rows themselves, whose instants stay the text that they are.
_FIELDS = (
    "sequence", "cluster", "at", "happened_at", "tag", "ticket", "number", "invariant", "component", "format",
    "coding", "body",
)  # fmt: skip
_OLD = table("entries_1", *map(column, _FIELDS))
_ENTRIES = table("entries", *map(column, (*_FIELDS, "position", "digest")))
_SEGMENTS = table(
    "segments",
    *map(
        column,
        ("cluster", "position", "first", "last", "observations", "starts", "ends", "format", "coding", "body"),
    ),
)
_CHAINS = table(
    "chains",
    *map(column, ("cluster", "position", "digest", "pending", "pending_digest", "shape", "last_number")),
)
_PROGRESS = table("progress", *map(column, ("cluster", "number", "at", "format", "coding", "body", "digest")))


def _apply(connection: Connection) -> None:
    for statement in (
        "ALTER TABLE violations ADD COLUMN takes_away BOOLEAN DEFAULT FALSE NOT NULL",
        "DROP INDEX tickets_by_state",
        "CREATE INDEX tickets_by_state ON tickets (state, cluster)",
        "CREATE INDEX tickets_by_cluster ON tickets (cluster, id)",
        "CREATE INDEX tickets_by_resolution ON tickets (resolved_at)",
        "CREATE INDEX violations_by_component ON violations (component, ticket)",
        "DROP INDEX entries_by_time",
        "DROP INDEX entries_by_ticket",
        "ALTER TABLE entries RENAME TO entries_1",
    ):
        connection.execute(text(statement))
    if connection.dialect.name == "postgresql":  # the new table shall have the names that the old one has
        for name in ("pkey", "ticket_fkey"):
            connection.execute(text(f"ALTER TABLE entries_1 RENAME CONSTRAINT entries_{name} TO entries_1_{name}"))
        connection.execute(text("ALTER SEQUENCE entries_sequence_seq RENAME TO entries_1_sequence_seq"))
    _METADATA.create_all(connection, tables=_NEW, checkfirst=False)
    heads = _copied(connection)
    for head in heads.values():
        connection.execute(insert(_CHAINS).values(head))
    connection.execute(text("DROP TABLE entries_1"))
    _mark_progress(connection)
    if connection.dialect.name == "postgresql":
        _settle_in_postgresql(connection)


def _copied(connection: Connection) -> dict[str, dict[str, Any]]:
    """Copy the entries, chained; gives the head of each chain."""
    heads: dict[str, dict[str, Any]] = {}
    last = 0
    query = select(_OLD).order_by(_OLD.c.sequence).limit(_AT_ONCE)
    while rows := connection.execute(query.where(_OLD.c.sequence > last)).mappings().all():
        entries: list[dict[str, Any]] = []
        segments: list[dict[str, Any]] = []
        for row in rows:
            head = heads.setdefault(row["cluster"], _nothing(row["cluster"]))
            head["position"] += 1
            entry = dict(row)
            if entry["tag"] == "observation":
                segments.append(_segment(entry, head["position"]))
                entry |= {"tag": "segment", "format": 1, "coding": "json", "body": _about(segments[-1])}
                head["last_number"] = max(head["last_number"], entry["number"])
            head["digest"] = _digest(head, entry)
            entries.append({**entry, "position": head["position"], "digest": head["digest"]})
        connection.execute(insert(_ENTRIES), entries)
        if segments:
            connection.execute(insert(_SEGMENTS), segments)
        last = rows[-1]["sequence"]
    return heads


def _nothing(cluster: str) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "position": 0,
        "digest": genesis(cluster),
        "pending": 0,
        "pending_digest": EMPTY,
        "shape": None,
        "last_number": 0,
    }


def _digest(head: Mapping[str, Any], entry: Mapping[str, Any]) -> bytes:
    fields = {name: value for name, value in entry.items() if name != "cluster"}
    return after_entry(head["digest"], position=head["position"], **fields)


def _segment(entry: Mapping[str, Any], position: int) -> dict[str, Any]:
    return {
        "cluster": entry["cluster"],
        "position": position,
        "first": entry["number"],
        "last": entry["number"],
        "observations": 1,
        "starts": entry["happened_at"],
        "ends": entry["happened_at"],
        "format": entry["format"],
        "coding": entry["coding"],
        "body": entry["body"],
    }


def _about(segment: Mapping[str, Any]) -> bytes:
    told = {name: segment[name] for name in ("first", "last", "observations", "starts", "ends", "format", "coding")}
    body = bytes(segment["body"])
    return json.dumps({**told, "bytes": len(body), "digest": sha256(body).hexdigest()}, separators=(",", ":")).encode()


def _mark_progress(connection: Connection) -> None:
    kind = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    connection.execute(text(f"ALTER TABLE progress ADD COLUMN digest {kind}"))
    for row in connection.execute(select(_PROGRESS)).all():
        digest = of_row(row.cluster, row.number, row.at, row.format, row.coding, sha256(row.body).digest())
        connection.execute(update(_PROGRESS).where(_PROGRESS.c.cluster == row.cluster).values(digest=digest))


def _settle_in_postgresql(connection: Connection) -> None:
    """Numbers go on after those that were copied; what is compressed already is not compressed again."""
    highest: int | None = connection.scalar(select(func.max(_ENTRIES.c.sequence)))
    if highest is not None:
        connection.execute(text("SELECT setval(pg_get_serial_sequence('entries', 'sequence'), :n)"), {"n": highest})
    for name in ("segments", "shapes"):
        connection.execute(text(f"ALTER TABLE {name} ALTER COLUMN body SET STORAGE EXTERNAL"))


MIGRATION = Migration(version=2, title="chain", apply=_apply)
