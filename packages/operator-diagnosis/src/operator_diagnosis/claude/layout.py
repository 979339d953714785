"""How a request is laid out: what never changes first, then what stays for one case, then what was just said. Pure.

The API keeps the beginning of a request for reuse as long as it is the same to the letter: tools, then the
instructions and the catalogue, marked as one stretch; the case and the conversation after it, where the mark moves
along. Instants, ids and the words of the fences therefore stand in the messages and nowhere before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from operator_core.diagnosis import Diagnosis, Standing
from operator_core.ports import Case
from operator_core.readings import ReadingId

from operator_diagnosis.claude.catalogue import catalogue
from operator_diagnosis.claude.course import course, instant, unseen_lines
from operator_diagnosis.claude.instructions import system_text
from operator_diagnosis.claude.json_values import Json
from operator_diagnosis.claude.tools import Tool
from operator_diagnosis.outward import Outward

PLACES = 400
"""Places whose course is shown in the case; the record has the rest."""
SOURCES_UNSEEN = 60
COMPONENTS = 200
FENCE = 12_000
"""Letters in one fence; a longer list is fenced in pieces, so that nothing is cut out of its middle."""

CACHED = {"type": "ephemeral"}


def request(
    *,
    model: str,
    effort: str | None,
    system: Sequence[Json],
    tools: Sequence[Json],
    schema: Json,
    messages: Sequence[Json],
    max_tokens: int,
    may_ask: bool,
) -> dict[str, Any]:
    """One request of the Messages API; all but `messages`, `max_tokens` and `may_ask` stay the same on every turn."""
    config: dict[str, Any] = {"format": {"type": "json_schema", "schema": schema}}
    if effort is not None:
        config["effort"] = effort
    laid: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "output_config": config,
        "system": list(system),
        "messages": list(messages),
        "cache_control": CACHED,
    }
    if tools:
        laid |= {"tools": list(tools), "tool_choice": {"type": "auto" if may_ask else "none"}}
    return laid


def system(case: Case, outward: Outward) -> list[dict[str, Any]]:
    """The instructions and the catalogue: the same in every case of a subject."""
    return [
        {"type": "text", "text": system_text(outward.explained())},
        {"type": "text", "text": catalogue(case.knowledge), "cache_control": CACHED},
    ]


def definitions(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """The tools as they are sent."""
    return [tool.definition() for tool in tools]


def case_text(case: Case, second: Diagnosis | None, outward: Outward, *, cited: Iterable[ReadingId] = ()) -> str:
    """The case: what it is about, what there is, what was read, what was not, and what the rules think.

    Args:
        case: observations and knowledge.
        second: the rules' diagnosis; None when the model is not told.
        outward: through which everything of the subject goes.
        cited: readings that are shown whatever is left out.
    """
    return "\n\n".join(_case(case, second, outward, (*_cited(case, second), *cited)))


def fences(lines: Sequence[str], outward: Outward, *, source: str) -> Iterator[str]:
    """Lines in as many fences as it takes."""
    piece: list[str] = []
    letters = 0
    for line in lines:
        if piece and letters + len(line) > FENCE:
            yield outward.fenced("\n".join(piece), source=source)
            piece, letters = [], 0
        piece.append(line)
        letters += len(line) + 1
    if piece:
        yield outward.fenced("\n".join(piece), source=source)


def _case(case: Case, second: Diagnosis | None, outward: Outward, cited: Sequence[ReadingId]) -> Iterator[str]:
    spoken = outward.text
    newest = case.observations[-1]
    yield f"The case. It is {case.at:%Y-%m-%dT%H:%M:%SZ}; " + (
        f"the first sign of trouble was recorded at {case.trouble_since:%Y-%m-%dT%H:%M:%SZ}."
        if case.trouble_since
        else "nobody has said since when there is trouble."
    )
    if case.ticket is not None:
        violations = [
            f"{v.key.invariant} of {v.key.component.key}, {v.severity.value}, since {v.since:%Y-%m-%dT%H:%M:%SZ}"
            f"{'' if v.ended_at is None else ', over'}. {v.because}"
            for v in case.ticket.violations
        ]
        yield from fences([case.ticket.title, *violations], outward, source="the ticket and its violations")
    yield from fences(list(_components(case)), outward, source="components and groups, newest look")
    yield "Looks: " + ", ".join(f"{_prefix(o.readings[0].id)} at {instant(o)}" for o in case.observations if o.readings)
    about = () if case.ticket is None else case.ticket.components
    shown = course(case.observations, about=about, cited=cited, spoken=spoken, most=PLACES)
    yield (
        "Readings. A line is a signal of a component with its unit in brackets; then ids and values, in the order of"
        " time. Looks between two that are shown read about the same."
        + (f" {shown.left_out} places that did not change are left out; the record has them." if shown.left_out else "")
    )
    yield from fences(shown.lines, outward, source="recorded readings")
    unseen = unseen_lines(newest, spoken, most=SOURCES_UNSEEN)
    if unseen:
        yield "What the newest look could not read:"
        yield from fences(unseen, outward, source="what could not be read")
    if second is not None:
        yield (
            "A second opinion, by an engine that weighs the catalogue's signs against the readings. It sees no more"
            " than is listed here, and it may be wrong; agree or disagree on the readings alone."
        )
        yield from fences(list(_opinion(second)), outward, source="the rules engine")


def _components(case: Case) -> Iterator[str]:
    newest = case.observations[-1]
    for component in newest.components[:COMPONENTS]:
        roles = f", {', '.join(sorted(component.roles))}" if component.roles else ""
        version = f", version {component.version}" if component.version else ""
        doors = "".join(f", {purpose} {address}" for purpose, address in sorted(component.addresses.items()))
        yield f"{component.ref.key}{roles}{version}{doors}"
    if len(newest.components) > COMPONENTS:
        yield f"and {len(newest.components) - COMPONENTS} more"
    for group in newest.groups:
        members = ", ".join(m.key for m in group.members[:COMPONENTS])
        yield f"group {group.name}, {group.needed} of {len(group.members)} needed, {members}"


def _cited(case: Case, second: Diagnosis | None) -> Iterator[ReadingId]:
    if case.ticket is not None:
        yield from (ident for v in case.ticket.violations for ident in v.readings)
    if second is not None:
        yield from (ident for claim in second.claims() for ident in claim.readings)


def _opinion(second: Diagnosis) -> Iterator[str]:
    for hypothesis in second.hypotheses:
        where = ", ".join(ref.key for ref in hypothesis.components)
        yield f"{hypothesis.mode} of {where or 'nothing in particular'}, probability {hypothesis.probability:.2f}"
        for evidence in hypothesis.evidence:
            ids = ", ".join(dict.fromkeys(i for c in evidence.claims for i in c.readings))
            why = f" ({evidence.missing_because})" if evidence.standing is Standing.MISSING else ""
            yield f"  {evidence.standing.value}, {evidence.statement}{why} {ids}".rstrip()


def diagnosis_lines(diagnosis: Diagnosis) -> list[str]:
    """A diagnosis as it was given, for a question about it."""
    steps = [f"step, {'supported' if s.is_supported else 'inferred'}, {s.says}" for s in diagnosis.path]
    options = [
        f"option {o.name}, {o.does}" + (f", refused, {o.refused}" if o.refused else "") for o in diagnosis.options
    ]
    chosen = f"recommended {diagnosis.recommended}, {diagnosis.because}"
    return [f"by {diagnosis.diagnoser}", diagnosis.summary, *_opinion(diagnosis), *steps, *options, chosen]


def _prefix(ident: ReadingId) -> str:
    return f"{ident.partition('.')[0]}.…"
