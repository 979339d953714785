"""Rows exactly as they stand in the tables, and walks over many of them in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    String,
    Table,
    select,
    type_coerce,
)

from operator_ledger.columns import Instant, text_of

AnyRow = Row[*tuple[Any, ...]]
PIECE = 500
"""So many rows are in memory at the same time."""


def as_it_stands(column: Column[Any]) -> ColumnElement[Any]:
    """A column without what makes instants and truth values of it: a changed letter must not be read away."""
    if isinstance(column.type, Instant):
        return type_coerce(column, String).label(column.name)
    if isinstance(column.type, Boolean):
        return type_coerce(column, Integer).label(column.name)
    return column


def raw(table: Table) -> Select[*tuple[Any, ...]]:
    """All rows of a table as they stand there."""
    return select(*map(as_it_stands, table.columns))


def expected(values: Mapping[str, object]) -> dict[str, object]:
    """Values that are to be written, as they then stand in the table."""
    return {name: text_of(value) if isinstance(value, datetime) else value for name, value in values.items()}


def differences(there: AnyRow, should: Mapping[str, object]) -> list[str]:
    """The columns in which a row is not as it should be, in words."""
    return [
        f"its {name.replace('_', ' ')} is {_short(getattr(there, name))} and should be {_short(value)}"
        for name, value in should.items()
        if getattr(there, name) != value
    ]


def _short(value: object) -> str:
    shown = value.hex() if isinstance(value, bytes) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def pieces(connection: Connection, query: Select[*tuple[Any, ...]], by: Column[int]) -> Iterator[Sequence[AnyRow]]:
    """The rows of a query by a number that is unique in it, some at a time."""
    ordered = query.order_by(by).limit(PIECE)
    rows = connection.execute(ordered).all()
    while rows:
        yield rows
        rows = connection.execute(ordered.where(by > getattr(rows[-1], by.name))).all()


def numbers(connection: Connection, sources: Sequence[tuple[Column[int], ColumnElement[bool]]]) -> Iterator[list[int]]:
    """The numbers that stand in any of some columns, in ascending order, each once, some at a time.

    Args:
        sources: columns, and which of their rows count.
    """
    last: int | None = None
    while True:
        found: set[int] = set()
        end: int | None = None
        for column, condition in sources:
            query = select(column).where(condition, column.is_not(None)).distinct().order_by(column).limit(PIECE)
            some = list(connection.scalars(query if last is None else query.where(column > last)))
            if len(some) == PIECE:
                end = some[-1] if end is None else min(end, some[-1])
            found.update(some)
        piece = sorted(n for n in found if end is None or n <= end)
        if not piece:
            return
        yield piece
        last = piece[-1]
