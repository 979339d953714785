"""Results as JSON documents with a versioned schema."""

from __future__ import annotations

import json
from typing import Any


def document(schema: str, version: int, payload: object) -> str:
    """A result as JSON.

    Args:
        schema: what it is (``operator.check``).
        version: rises when a reader of the one before would be misled.
        payload: dataclasses, mappings, sequences and plain values, nested as they come.
    """
    return json.dumps(_document(schema, version, payload), indent=2, ensure_ascii=False)


def line(schema: str, version: int, payload: object) -> str:
    """The same on one line, for documents that come one after the other."""
    return json.dumps(_document(schema, version, payload), ensure_ascii=False)


def _document(schema: str, version: int, payload: object) -> dict[str, Any]:
    from pydantic import TypeAdapter

    plain: Any = TypeAdapter[Any](Any).dump_python(payload, mode="json")
    return {"schema": f"{schema}/{version}", "result": plain}
