"""Which JSON schemas the Messages API takes, for tools and for the closing text.

Sources: the page "Structured outputs" of platform.claude.com (its limits on keywords, recursion and complexity), and
``anthropic.lib._parse._transform`` of the Python SDK 2.12: only keywords that the SDK itself would send are let
through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from messages_replies import Json, a_list, an_object

SCHEMA_KEYS = frozenset(
    {
        *("type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "properties", "required", "items", "minItems"),
        *("additionalProperties", "description", "title", "format"),
    }
)
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
MOST_OPTIONAL, MOST_UNIONS = 24, 16
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


class Refused(Exception):
    """The API would answer 400 with this message."""


def must(holds: object, message: str) -> None:
    """Refuse with this message what does not hold."""
    if not holds:
        raise Refused(message)


class Counts:
    """How complicated some schemas are together."""

    def __init__(self) -> None:
        self.optional = 0
        self.unions = 0

    def check(self) -> None:
        must(self.optional <= MOST_OPTIONAL, f"Schemas contain too many optional parameters ({self.optional})")
        must(self.unions <= MOST_UNIONS, f"Schemas contain too many parameters with union types ({self.unions})")


def check_schema(schema: Json, where: str, counts: Counts | None = None) -> None:
    """Look at one schema of a tool or of the output.

    Raises:
        Refused: it has a keyword that the API does not allow, is recursive, or leaves an object open.
    """
    definitions: Json = schema.get("$defs") or {}
    for name, definition in definitions.items():
        must(name not in _reached(name, definitions), f"{where}.$defs.{name}: recursive schemas are not supported")
        _schema(definition, f"{where}.$defs.{name}", counts or Counts(), definitions)
    _schema({k: v for k, v in schema.items() if k != "$defs"}, where, counts or Counts(), definitions)


def _schema(given: object, where: str, counts: Counts, definitions: Json) -> None:
    must(isinstance(given, dict), f"{where}: not a schema")
    schema = an_object(given)
    if extra := sorted(schema.keys() - SCHEMA_KEYS):
        raise Refused(f"{where}: property '{extra[0]}' is not supported")
    must("$defs" not in schema, f"{where}.$defs: only at the root")
    if "$ref" in schema:
        prefix, _, name = str(schema["$ref"]).rpartition("/")
        must(prefix == "#/$defs" and name in definitions, f"{where}.$ref: {schema['$ref']!r} cannot be resolved")
        must(schema.keys() <= {"$ref", "description"}, f"{where}: keywords beside $ref")
        return
    kinds = a_list(schema.get("type")) or [schema.get("type")]
    counts.unions += ("anyOf" in schema) or len(kinds) > 1
    must(any(k in schema for k in ("type", "anyOf", "allOf", "enum", "const")), f"{where}: has no type")
    literals = schema.get("enum", [schema["const"]] if "const" in schema else [])
    must(all(v is None or isinstance(v, str | int | float) for v in literals), f"{where}.enum: only plain values")
    must("enum" not in schema or literals, f"{where}.enum: empty")
    must(schema.get("format", "date") in FORMATS, f"{where}.format: {schema.get('format')!r} is not supported")
    must(schema.get("minItems", 0) in (0, 1), f"{where}.minItems: only 0 and 1 are supported")
    if "object" in kinds:
        _object(schema, where, counts, definitions)
    else:
        must(not schema.keys() & {"properties", "required", "additionalProperties"}, f"{where}: no object")
    if "array" in kinds:
        must("items" in schema, f"{where}.items: Field required")
        _schema(schema["items"], f"{where}.items", counts, definitions)
    for key in ("anyOf", "allOf"):
        for n, part in enumerate(schema.get(key, ())):
            _schema(part, f"{where}.{key}.{n}", counts, definitions)


def _object(schema: Json, where: str, counts: Counts, definitions: Json) -> None:
    must(schema.get("additionalProperties") is False, f"{where}: 'additionalProperties' must be false")
    properties: Json = schema.get("properties", {})
    required = schema.get("required", [])
    must(set(required) <= properties.keys(), f"{where}.required: names what is no property")
    counts.optional += len(properties.keys() - set(required))
    for name, part in properties.items():
        must(_PROPERTY.fullmatch(name), f"{where}.properties: {name!r} has the wrong pattern")
        _schema(part, f"{where}.properties.{name}", counts, definitions)


def _reached(name: str, definitions: Json) -> set[str]:
    """The definitions that one leads to."""
    found: set[str] = set()
    ahead = list(_refs(definitions.get(name)))
    while ahead:
        ref = ahead.pop()
        if ref not in found:
            found.add(ref)
            ahead.extend(_refs(definitions.get(ref)))
    return found


def _refs(part: object) -> Iterator[str]:
    for key, value in an_object(part).items():
        if key == "$ref":
            yield str(value).rpartition("/")[2]
        else:
            yield from _refs(value)
    for one in a_list(part):
        yield from _refs(one)
