"""Column types that mean the same on every database."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator

_ESCAPED = re.compile(r"\\[\\0]")

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; SQLite gives out ids only for a column that is called INTEGER."""


def text_of(at: datetime) -> str:
    """An aware instant as UTC text of fixed width, so that the order of the text is the order of time.

    Raises:
        ValueError: it is not aware.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} is not aware")
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


class Instant(TypeDecorator[datetime]):
    """An aware instant as :func:`text_of` writes it."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect):  # noqa: ANN201 - as the base has it
        # A database that sorts text by the rules of a language sorts and indexes this slower, and no better.
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(String(27, collation=collation))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as the base has it
        return None if value is None else text_of(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as the base has it
        return None if value is None else datetime.fromisoformat(value)


class _AnyText(TypeDecorator[str]):
    r"""Text that may hold anything a subject has said.

    PostgreSQL has no NUL in its text (https://www.postgresql.org/docs/current/datatype-character.html), so there it
    is written as ``\0``, and a backslash as two. SQLite takes it as it is.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\\", "\\\\").replace("\0", "\\0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql" or "\\" not in value:
            return value
        return _ESCAPED.sub(lambda found: "\0" if found[0] == "\\0" else "\\", value)


class Words(_AnyText):
    """Sentences."""

    impl = Text
    cache_ok = True


class Name(_AnyText):
    """What something is called."""

    impl = String
    cache_ok = True
