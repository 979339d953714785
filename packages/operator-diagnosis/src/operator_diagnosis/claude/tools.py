"""The subject's probes as tools of the model, and one tool of our own that looks into the record. Pure.

All of them only read. A tool's name is the probe's, in the letters that the API takes; what the model calls is led
back through a table, never by guessing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operator_core.knowledge import Knowledge
from operator_core.ports import Probe, ProbeParameter

from operator_diagnosis.claude.forbidden import forbidden_in_request

RECORD = "look-into-the-record"
"""The tool that gives readings which were recorded and are not shown in the case."""

_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

_SIGN = re.compile(r"[^a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool as it is offered to the model.

    Attributes:
        probe: the name of the probe behind it; None for the record.
    """

    name: str
    describes: str
    parameters: tuple[ProbeParameter, ...]
    probe: str | None

    def definition(self) -> dict[str, Any]:
        """As the API takes it: strict, with a closed schema."""
        return {
            "name": self.name,
            "description": self.describes,
            "strict": True,
            "input_schema": {
                "type": "object",
                "properties": {p.name: _parameter(p) for p in self.parameters},
                "required": [p.name for p in self.parameters if p.required],
                "additionalProperties": False,
            },
        }


def tools(probes: Iterable[Probe], knowledge: Knowledge) -> tuple[Tool, ...]:
    """The tools of an investigation: the record first, then the probes in their order, as many as the API takes."""
    found = {RECORD: _record(knowledge)}
    for probe in probes:
        name = _name(probe.name, found)
        does = probe.describes.rstrip(".")
        found[name] = Tool(
            name=name,
            describes=f"Asks the system now: {does}. Gives readings with ids that may be cited; it only reads.",
            parameters=probe.parameters,
            probe=probe.name,
        )
    return _taken(found.values())


def _taken(found: Iterable[Tool]) -> tuple[Tool, ...]:
    """As many of the tools, in their order, as the API takes together; one that it would refuse is left out."""
    taken: list[Tool] = []
    for tool in found:
        if not forbidden_in_request([t.definition() for t in (*taken, tool)], _NOTHING):
            taken.append(tool)
    return tuple(taken)


def arguments(given: Mapping[str, object], parameters: Sequence[ProbeParameter]) -> dict[str, str] | None:
    """The arguments of a call as a probe takes them; None when they are not what the tool asks for.

    An argument that says nothing counts as left out.
    """
    known = {p.name: p for p in parameters}
    read: dict[str, str] = {}
    for name, value in given.items():
        if name not in known or isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = str(value).strip()
        if text:
            read[name] = text
    if any(p.required and p.name not in read for p in parameters):
        return None
    if any(known[name].choices and value not in known[name].choices for name, value in read.items()):
        return None
    return read


def _record(knowledge: Knowledge) -> Tool:
    return Tool(
        name=RECORD,
        describes="Gives every recorded reading of one signal in this case, with ids that may be cited, also of"
        " components that the case does not list. It asks nobody and costs the system nothing.",
        parameters=(
            ProbeParameter(name="signal", describes="name of the signal", choices=_signals(knowledge)),
            ProbeParameter(name="component", describes="kind/id; all components when left out", required=False),
        ),
        probe=None,
    )


def _signals(knowledge: Knowledge) -> tuple[str, ...]:
    return tuple(str(s.name) for s in knowledge.signals)


def _name(probe: str, taken: Mapping[str, Tool]) -> str:
    plain = _SIGN.sub("-", probe).strip("-")[:60] or "probe"
    return next(n for n in (plain, *(f"{plain}-{i}" for i in range(2, 100))) if n not in taken)


def _parameter(parameter: ProbeParameter) -> dict[str, Any]:
    members: dict[str, Any] = {"type": "string", "description": parameter.describes}
    return members | ({"enum": list(parameter.choices)} if parameter.choices else {})
