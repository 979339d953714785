"""What is sent fits the SDK's types and what the API takes; what the API refuses is found here."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest
from anthropic.types import MessageParam, TextBlockParam, ToolChoiceAutoParam, ToolParam
from anthropic.types.output_config_param import OutputConfigParam
from operator_core.knowledge import Knowledge
from operator_core.ports import Case, ProbeParameter
from operator_diagnosis.claude import prompt
from operator_diagnosis.claude.closing import AnswerWire, ClosingWire, answer_schema, closing_schema
from operator_diagnosis.claude.forbidden import forbidden_in_request
from operator_diagnosis.claude.json_values import as_object
from operator_diagnosis.claude.tools import RECORD, arguments, tools
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from conftest import Script, ToyProber

Schema = dict[str, Any]


def test_what_is_sent_is_valid_by_the_types_of_the_sdk(crash_case: Case, prober: ToyProber) -> None:
    request = json.loads(prompt(crash_case, model="claude-sonnet-5-5", effort="high", probes=prober.probes))
    for part, kind in (
        (request["tools"], list[ToolParam]),
        (request["system"], list[TextBlockParam]),
        (request["messages"], list[MessageParam]),
        (request["output_config"], OutputConfigParam),
        (request["tool_choice"], ToolChoiceAutoParam),
    ):
        TypeAdapter[Any](kind).validate_python(part)
    assert forbidden_in_request(request["tools"], request["output_config"]["format"]["schema"]) == ()


def test_the_closing_schema_and_the_reader_of_the_closing_object_agree(knowledge: Knowledge, script: Script) -> None:
    whole = script.closing()
    jsonschema.validate(whole, closing_schema(knowledge))
    ClosingWire.model_validate(whole)
    answer = {"answer": "so", "claims": [script.door]}
    jsonschema.validate(answer, answer_schema())
    AnswerWire.model_validate(answer)


@pytest.mark.parametrize("member", ["summary", "hypotheses", "path", "recommended", "because"])
def test_every_member_of_the_closing_object_is_required(knowledge: Knowledge, script: Script, member: str) -> None:
    whole = script.closing()
    del whole[member]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(whole, closing_schema(knowledge))
    with pytest.raises(ValueError, match=member):
        ClosingWire.model_validate(whole)


def test_modes_and_options_are_closed_sets_and_components_are_not_told(knowledge: Knowledge) -> None:
    schema = closing_schema(knowledge)
    assert schema["properties"]["recommended"]["enum"] == [
        *("restart", "look-closer", "do-nothing", "wake", "move-work"),
    ]
    assert schema["$defs"]["hypothesis"]["properties"]["mode"]["enum"][-1] == "unknown"
    assert "node/" not in str(schema)


GOOD: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "format": "date"},
        "of": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "minItems": 1},
        "way": {"enum": ["in", "out"]},
    },
    "required": ["name", "of"],
    "additionalProperties": False,
    "$defs": {"part": {"type": "object", "properties": {}, "required": [], "additionalProperties": False}},
}


def _changed(path: str, value: object) -> Schema:
    schema = copy.deepcopy(GOOD)
    *way, last = path.split("/")
    place: Schema = schema
    for key in way:
        place = place[key]
    place[last] = value
    return schema


def test_what_the_api_takes_is_let_through() -> None:
    assert forbidden_in_request([], GOOD) == ()


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("properties/name/minLength", 3, "minLength is not taken"),
        ("properties/name/pattern", "a", "pattern is not taken"),
        ("properties/name/format", "regex", "the format regex is not taken"),
        ("properties/parts/minItems", 2, "a minItems of 2 is not taken"),
        ("properties/parts/maxItems", 9, "maxItems is not taken"),
        ("properties/of/maximum", 9, "maximum is not taken"),
        ("properties/oneOf", {"oneOf": []}, "oneOf is not taken"),
        ("properties/way/enum", [{"a": 1}], "an enumeration has one or more plain values"),
        ("properties/way/enum", [], "an enumeration has one or more plain values"),
        ("properties/name/type", "text", "no type that is taken"),
        ("properties/bare", {"description": "anything"}, "it has no type"),
        ("properties/parts/items", {"$ref": "#/$defs/other"}, "leads nowhere"),
        ("properties/parts/items", {"$ref": "https://example.org/x"}, "leads nowhere"),
        ("additionalProperties", True, "an object must be closed"),
        ("additionalProperties", {"type": "string"}, "an object must be closed"),
        ("required", ["name", "other"], "other is required and not described"),
        ("type", "array", "the root is no object"),
        ("$defs/part/properties", {"again": {"$ref": "#/$defs/part"}}, "it contains itself"),
    ],
)
def test_what_the_api_refuses_is_found(path: str, value: object, says: str) -> None:
    found = forbidden_in_request([], _changed(path, value))
    assert any(says in line for line in found), found


def _tool(**changed: object) -> Schema:
    return {"name": "look", "description": "looks", "strict": True, "input_schema": GOOD, **changed}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([_tool(), _tool()], "its name is given twice"),
        ([_tool(name="look at")], "letters, digits"),
        ([_tool(name="x" * 65)], "letters, digits"),
        ([_tool(strict=False)], "it is not strict"),
        ([_tool(description="")], "it says nothing"),
        ([_tool(name=f"look-{n}") for n in range(21)], "21 strict tools; 20 are taken"),
        ([_tool(name=f"look-{n}") for n in range(13)], "26 optional parameters; 24 are taken"),
        ([_tool(name=f"look-{n}") for n in range(17)], "17 unions; 16 are taken"),
    ],
)
def test_tools_that_the_api_refuses_are_found(given: list[Schema], says: str) -> None:
    nothing: Schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert any(says in line for line in forbidden_in_request(given, nothing))


def test_no_more_tools_are_offered_than_the_api_takes(knowledge: Knowledge, prober: ToyProber) -> None:
    offered = tools([prober.probes[0]] * 40, knowledge)
    assert len(offered) == 20
    assert len({t.name for t in offered}) == 20
    assert offered[0].name == RECORD


def test_a_probes_name_is_led_back_through_a_table(knowledge: Knowledge, prober: ToyProber) -> None:
    assert {t.name: t.probe for t in tools(prober.probes, knowledge)} == {
        RECORD: None,
        "knock": "knock",
        "listen-in": "listen.in",
    }


PARAMETERS = (
    ProbeParameter(name="node", describes="which"),
    ProbeParameter(name="ear", describes="which", required=False, choices=("left", "right")),
)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"node": "2"}, {"node": "2"}),
        ({"node": 2, "ear": "left"}, {"node": "2", "ear": "left"}),
        ({"node": " 2 ", "ear": ""}, {"node": "2"}),
        ({}, None),
        ({"node": ""}, None),
        ({"node": "2", "ear": "third"}, None),
        ({"node": "2", "other": "x"}, None),
        ({"node": ["2"]}, None),
        ({"node": True}, None),
        ({"node": {"a": 1}}, None),
    ],
)
def test_arguments_are_taken_as_the_probe_wants_them_or_not_at_all(
    given: dict[str, object], read: dict[str, str] | None
) -> None:
    assert arguments(given, PARAMETERS) == read


def test_a_tools_schema_is_closed_and_names_its_choices(knowledge: Knowledge, prober: ToyProber) -> None:
    listen = next(t for t in tools(prober.probes, knowledge) if t.name == "listen-in").definition()
    schema = as_object(cast("object", listen["input_schema"]))
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["node"]
    assert as_object(as_object(schema["properties"])["ear"])["enum"] == ["left", "right"]
