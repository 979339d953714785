"""Column types that mean the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; SQLite gives out ids only for a column that is called INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An aware instant as UTC text of fixed width, so that the order of the text is the order of time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as the base has it
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} is not aware")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as the base has it
        return None if value is None else datetime.fromisoformat(value)
