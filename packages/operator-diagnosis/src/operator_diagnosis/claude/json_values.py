"""JSON as it goes to the model and comes back: plain values, without a promise about their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

Json = Mapping[str, object]
"""An object whose members are not known until somebody looks."""


def as_object(value: object) -> dict[str, object]:
    """The value, when it is an object; else an empty one."""
    if not isinstance(value, Mapping):
        return {}
    members = cast("Mapping[object, object]", value)
    return {str(k): v for k, v in members.items()}


def as_list(value: object) -> list[object]:
    """The value, when it is a list; else an empty one."""
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else []


def as_text(value: object) -> str:
    """The value, when it is text; else nothing."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> int:
    """The value, when it is a whole number; else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
