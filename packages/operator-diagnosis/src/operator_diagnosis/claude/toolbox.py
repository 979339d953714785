"""Answering the calls of the model: every one, in order, in no words but ours and the fenced data of the subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from operator_core.components import ComponentRef
from operator_core.ports import Case, ProbeParameter
from operator_core.readings import Reading, ReadingId, Unseen

from operator_diagnosis.claude.asking import Asked, Asking, Hindrance
from operator_diagnosis.claude.course import sights
from operator_diagnosis.claude.json_values import Json, as_object, as_text
from operator_diagnosis.claude.layout import fences
from operator_diagnosis.claude.repeats import Repeats
from operator_diagnosis.claude.spoken import one_line
from operator_diagnosis.claude.tools import RECORD, Tool, arguments
from operator_diagnosis.outward import Outward

AT_ONCE = 8
"""Calls of one turn that are put to the subject."""
LINES = 300
"""Lines of one answer."""

NO_SUCH_TOOL = "There is no such tool."
TOO_MANY = f"More than {AT_ONCE} calls at once; this one was not made."
NO_MORE = "No further reading can be asked for; give the closing object."
GAVE_NOTHING = "It gave nothing."
REPEATED = "This was asked before; its answer stands above and is not asked for again."
_HINDERED = {
    Hindrance.NOT_ASKABLE: "This cannot be asked: an argument names nothing that exists.",
    Hindrance.NOT_KEPT: "What it gave could not be kept, so it is not shown.",
    Hindrance.FAILED: "It could not be read.",
    Hindrance.LATE: "It gave no answer in time.",
}


class Toolbox:
    """The tools of one investigation, with everything that they have given so far.

    Args:
        known: what probes gave in an earlier one.
    """

    def __init__(
        self,
        *,
        case: Case,
        tools: Sequence[Tool],
        asking: Asking,
        outward: Outward,
        told: Callable[[str], None],
        known: Sequence[Reading] = (),
    ) -> None:
        self._case = case
        self._tools = {t.name: t for t in tools}
        self._asking = asking
        self._outward = outward
        self._told = told
        self.repeats = Repeats()
        self._asked: dict[ReadingId, Reading] = {r.id: r for r in known}

    @property
    def asked(self) -> tuple[Reading, ...]:
        """Every reading that a probe gave, earlier or now."""
        return tuple(self._asked.values())

    async def answer(
        self, calls: Sequence[Json], *, within: timedelta, may_ask: bool = True
    ) -> tuple[list[dict[str, Any]], timedelta]:
        """One result for each call, in the order of the calls, and the time that probes took.

        Args:
            within: all of them together; what is left over after it is not asked.
            may_ask: whether anything is asked at all.
        """
        took = timedelta(0)
        results: list[dict[str, Any]] = []
        for n, call in enumerate(calls):
            ident = as_text(call.get("id"))
            if not may_ask:
                results.append(_result(ident, NO_MORE, is_error=True))
            elif n >= AT_ONCE:
                results.append(_result(ident, TOO_MANY, is_error=True))
            else:
                result, spent = await self._one(ident, call, within - took)
                took += spent
                results.append(result)
        return results, took

    async def _one(self, ident: str, call: Json, left: timedelta) -> tuple[dict[str, Any], timedelta]:
        tool = self._tools.get(as_text(call.get("name")))
        if tool is None:
            return _result(ident, NO_SUCH_TOOL, is_error=True), timedelta(0)
        given = {
            k: self._outward.restored(v) if isinstance(v, str) else v for k, v in as_object(call.get("input")).items()
        }
        read = arguments(given, tool.parameters)
        if read is None:
            return _result(ident, _terms(tool.parameters), is_error=True), timedelta(0)
        if self.repeats.earlier(tool.name, read, ident) is not None:
            return _result(ident, REPEATED, is_error=True), timedelta(0)
        self._told(_progress(tool, read))
        if tool.probe is None:
            return _result(ident, self._spoken(self._recorded(read), tool.name)), timedelta(0)
        if left <= timedelta(0):
            return _result(ident, _HINDERED[Hindrance.LATE], is_error=True), timedelta(0)
        asked = await self._asking.ask(tool.probe, read, within=left)
        return self._given(ident, tool, asked), asked.took

    def _given(self, ident: str, tool: Tool, asked: Asked) -> dict[str, Any]:
        if asked.hindrance is not None:
            return _result(ident, _HINDERED[asked.hindrance], is_error=True)
        self._asked |= {s.id: s for s in asked.sights if isinstance(s, Reading)}
        return _result(ident, self._spoken(asked.sights, tool.name))

    def _recorded(self, read: Mapping[str, str]) -> tuple[Reading | Unseen, ...]:
        wanted = _ref(read.get("component", ""))
        return tuple(
            s
            for o in self._case.observations
            for s in (*o.readings, *o.unseens)
            if s.signal == read["signal"] and (not read.get("component") or wanted in (s.component, s.toward))
        )

    def _spoken(self, found: Sequence[Reading | Unseen], source: str) -> str:
        if not found:
            return GAVE_NOTHING
        # the newest say most
        lines = sights(found, self._outward.text)[-LINES:]
        more = f"{len(found) - LINES} earlier ones are left out.\n" if len(found) > LINES else ""
        return more + "\n".join(fences(lines, self._outward, source=source))


def _ref(text: str) -> ComponentRef | None:
    try:
        return ComponentRef.parse(text)
    except ValueError:
        return None


def _terms(parameters: Sequence[ProbeParameter]) -> str:
    """What a tool takes, in our words; what was given is not said back."""
    return "The arguments are not what this tool takes. It takes: " + ("; ".join(_each(parameters)) or "none") + "."


def _each(parameters: Sequence[ProbeParameter]) -> Iterator[str]:
    for p in parameters:
        choices = f", one of {', '.join(p.choices)}" if p.choices else ""
        yield f"{p.name} ({p.describes}{choices}{'' if p.required else ', may be left out'})"


def _progress(tool: Tool, read: Mapping[str, str]) -> str:
    of = ", ".join(f"{name} {value}" for name, value in read.items())
    what = "the record" if tool.name == RECORD else tool.probe or tool.name
    return one_line(f"reading {what}{f' of {of}' if of else ''} …")


def _result(ident: str, content: str, *, is_error: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": ident, "content": content}
    return result | ({"is_error": True} if is_error else {})
