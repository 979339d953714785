"""The hash chain of a cluster: who changes one byte of the record changes every digest after it.

Every entry has a position (1, 2, …) and a digest: SHA-256 over the digest before it and its own fields, each written
with its type and length, so that no two lists of fields look the same. A chain shows that nothing in it was changed,
taken out or put in. It cannot show that its end was cut off: for that somebody has to keep a head elsewhere.
"""

from __future__ import annotations

from hashlib import sha256

Field = int | float | str | bytes | None

EMPTY = bytes(32)
"""The running digest of nothing."""


def encoded(fields: tuple[Field, ...]) -> bytes:
    """Fields as bytes from which they could be read again; different fields give different bytes."""
    parts: list[bytes] = []
    for field in fields:
        match field:
            case None:
                parts.append(b"-")
                continue
            case int():
                kind, body = b"i", str(field).encode()
            case str():
                kind, body = b"s", field.encode("utf-8", "surrogatepass")
            case bytes():
                kind, body = b"b", field
            case float():  # no column of ours holds one; who looks at a changed row may find one
                kind, body = b"f", repr(field).encode()
        parts += (kind, str(len(body)).encode(), b":", body)
    return b"".join(parts)


def link(previous: bytes, *fields: Field) -> bytes:
    """The digest that stands after another one."""
    return sha256(previous + encoded(fields)).digest()


def genesis(cluster: str) -> bytes:
    """The digest before a cluster's first entry."""
    return link(EMPTY, "operator ledger", cluster)


def after_entry(
    previous: bytes,
    *,
    sequence: int,
    position: int,
    at: str,
    happened_at: str,
    tag: str,
    ticket: int | None,
    number: int | None,
    invariant: str | None,
    component: str | None,
    format: int,  # noqa: A002 - as the column is called
    coding: str,
    body: bytes,
) -> bytes:
    """The digest of an entry; its instants as they stand in the table."""
    return link(
        previous,
        sequence,
        position,
        at,
        happened_at,
        tag,
        ticket,
        number,
        invariant,
        component,
        format,
        coding,
        sha256(body).digest(),
    )


def after_look(previous: bytes, *, ordinal: int, number: int, at: str, shape: bytes, body: bytes) -> bytes:
    """The running digest of the looks that are in no segment yet."""
    return link(previous, ordinal, number, at, shape, sha256(body).digest())


def of_row(*fields: Field) -> bytes:
    """The digest of a row that is replaced rather than added to."""
    return link(EMPTY, *fields)
