"""Whatever a model closes with is read without an exception, and never widens what is offered."""

from __future__ import annotations

import copy
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operator_core.knowledge import Knowledge
from operator_core.ports import Case
from operator_core.readings import by_id
from operator_core.verify import why_not
from operator_diagnosis.claude.task import Answering, Diagnosing
from operator_diagnosis.terminal import render_terminal
from operator_diagnosis.wire import from_json, to_json

if TYPE_CHECKING:
    from conftest import Script

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "node/2",
            "node/9",
            "o4.17",
            "o1.1",
            "",
            "/",
            "is",
            "rises by at least",
            "for",
            "restart",
            "crashed",
            "unknown",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(value: object, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return [way, *(p for k, v in members.items() for p in _places(v, (*way, k)))]
    if isinstance(value, list):
        return [way, *(p for n, v in enumerate(cast("list[Any]", value)) for p in _places(v, (*way, n)))]
    return [way]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), changes=st.integers(1, 4))
def test_no_object_breaks_the_reader_or_the_terms(
    data: st.DataObject, changes: int, crash_case: Case, script: Script, knowledge: Knowledge
) -> None:
    whole: Any = copy.deepcopy(script.closing())
    for _ in range(changes):
        way = data.draw(st.sampled_from(_places(whole)))
        if not way:
            continue
        place = whole
        for key in way[:-1]:
            place = place[key]
        place[way[-1]] = data.draw(ANYTHING)
    read = Diagnosing(crash_case).read(json.dumps(whole), ())
    if read.value is None or read.value.diagnosis is None:
        assert read.problems
        return
    diagnosis = read.value.diagnosis
    known = {o.name for m in knowledge.modes for o in m.options} | {o.name for o in knowledge.unknown}
    assert {o.name for o in diagnosis.options} <= known
    assert diagnosis.recommended in {o.name for o in diagnosis.options}
    assert next(o for o in diagnosis.options if o.name == diagnosis.recommended).refused is None
    recorded = by_id(crash_case.observations)
    assert [c for c in diagnosis.claims() if why_not(c, recorded) is not None] == []
    assert sum(h.probability for h in diagnosis.hypotheses) <= 1 + 1e-9
    assert from_json(to_json(diagnosis)) == diagnosis
    render_terminal(diagnosis, zone=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '"text"',
        "[" * 50_000,
        '{"summary": 1e999}',
        '{"answer": NaN}',
        "\ud800",
        "```json\n{}\n```",
    ],
    ids=range(10),
)
def test_what_is_no_object_is_told_in_our_words(text: str, crash_case: Case) -> None:
    for task in (Diagnosing(crash_case), Answering(crash_case)):
        read = task.read(text, ())
        assert read.value is None
        assert read.problems
        assert all(len(p) < 120 for p in read.problems)
