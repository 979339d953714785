"""What the API does not take in schemas and tools, checked before anything is sent: a refusal costs a round and a day.

Constrained decoding takes a part of JSON Schema (`Structured outputs` and `Strict tool use`, platform.claude.com):
closed objects; no recursion, no references to elsewhere; no bounds on numbers, texts and lists beyond `minItems` of 0
or 1; enumerations of plain values. It bounds what it compiles: 20 strict tools, 24 optional parameters and 16 unions
over all strict schemas of one request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from operator_diagnosis.claude.json_values import Json, as_list, as_object, as_text

STRICT_TOOLS = 20
OPTIONAL_PARAMETERS = 24
UNIONS = 16

_KEYS = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf"),
        *("$ref", "$defs", "description", "title", "format", "minItems"),
    }
)
_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LOCAL = re.compile(r"#/\$defs/[^/]+")


@dataclass(slots=True)
class _Counted:
    optional: int = 0
    unions: int = 0


def forbidden_in_request(tools: Sequence[Json], format_schema: Json) -> tuple[str, ...]:
    """Everything in the tools and the closing format of a request that the API would refuse, a line each."""
    counted = _Counted()
    found = list(_tools(tools, counted))
    found += (f"format: {what}" for what in _root(format_schema, counted))
    if counted.optional > OPTIONAL_PARAMETERS:
        found.append(f"{counted.optional} optional parameters; {OPTIONAL_PARAMETERS} are taken")
    if counted.unions > UNIONS:
        found.append(f"{counted.unions} unions; {UNIONS} are taken")
    return tuple(found)


def _tools(tools: Sequence[Json], counted: _Counted) -> Iterator[str]:
    strict = [t for t in tools if t.get("strict") is True]
    if len(strict) > STRICT_TOOLS:
        yield f"{len(strict)} strict tools; {STRICT_TOOLS} are taken"
    names = [as_text(t.get("name")) for t in tools]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"tool {name}: its name is given twice"
    for tool, name in zip(tools, names, strict=True):
        if not _NAME.fullmatch(name):
            yield f"tool {name!r}: letters, digits, _ and - are taken in a name, 64 of them"
        if tool.get("strict") is not True:
            yield f"tool {name}: it is not strict"
        if not as_text(tool.get("description")):
            yield f"tool {name}: it says nothing of what it does"
        yield from (f"tool {name}: {what}" for what in _root(as_object(tool.get("input_schema")), counted))


def _root(schema: Json, counted: _Counted) -> Iterator[str]:
    definitions = {f"#/$defs/{name}": as_object(member) for name, member in as_object(schema.get("$defs")).items()}
    if schema.get("type") != "object":
        yield "the root is no object"
    yield from _schema(schema, "", definitions, counted)
    for place, member in definitions.items():
        yield from _schema(member, place, definitions, counted)
        if place in _reached(member, definitions):
            yield f"{place}: it contains itself"


def _schema(schema: Json, place: str, definitions: dict[str, dict[str, object]], counted: _Counted) -> Iterator[str]:
    at = place or "root"
    for key in sorted(schema.keys() - _KEYS):
        yield f"{at}: {key} is not taken"
    kind = schema.get("type")
    if "type" in schema and not (isinstance(kind, str) and kind in _TYPES):
        yield f"{at}: {kind!r} is no type that is taken"
    if not schema.keys() & {"type", "anyOf", "allOf", "$ref", "enum", "const"}:
        yield f"{at}: it has no type"
    if kind == "object":
        yield from _object(schema, at, counted)
    if kind == "array" and "items" not in schema:
        yield f"{at}: nothing is said of its items"
    if "minItems" in schema and schema["minItems"] not in (0, 1):
        yield f"{at}: a minItems of {schema['minItems']} is not taken"
    if "format" in schema and schema["format"] not in _FORMATS:
        yield f"{at}: the format {schema['format']} is not taken"
    if "enum" in schema and not _is_plain(as_list(schema["enum"])):
        yield f"{at}: an enumeration has one or more plain values"
    reference = schema.get("$ref")
    if reference is not None and not (_LOCAL.fullmatch(as_text(reference)) and as_text(reference) in definitions):
        yield f"{at}: {reference} leads nowhere"
    for name, member in _members(schema):
        yield from _schema(member, f"{place}/{name}", definitions, counted)
    counted.unions += "anyOf" in schema


def _object(schema: Json, at: str, counted: _Counted) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"{at}: an object must be closed"
    names, required = as_object(schema.get("properties")).keys(), set(map(as_text, as_list(schema.get("required"))))
    for name in sorted(required - names):
        yield f"{at}: {name} is required and not described"
    counted.optional += len(names - required)


def _members(schema: Json) -> Iterator[tuple[str, dict[str, object]]]:
    yield from ((name, as_object(member)) for name, member in as_object(schema.get("properties")).items())
    if "items" in schema:
        yield "items", as_object(schema["items"])
    for key in ("anyOf", "allOf"):
        yield from ((f"{key}/{n}", as_object(member)) for n, member in enumerate(as_list(schema.get(key))))


def _is_plain(values: Sequence[object]) -> bool:
    return bool(values) and all(v is None or isinstance(v, str | int | float | bool) for v in values)


def _reached(schema: Json, definitions: dict[str, dict[str, object]]) -> set[str]:
    """Every definition that a schema leads to."""
    reached: set[str] = set()
    rest = list(_references(schema))
    while rest:
        place = rest.pop()
        if place not in reached:
            reached.add(place)
            rest.extend(_references(definitions.get(place, {})))
    return reached


def _references(schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        yield as_text(schema["$ref"])
    for _, member in _members(schema):
        yield from _references(member)
