"""The same question in other words is the same question; another question is not."""

from __future__ import annotations

import pytest
from operator_diagnosis.claude.repeats import STOPPED_AT_MOST, Repeats, asked

FOUR = asked("knock", {"node": "4"})


@pytest.mark.parametrize(
    "arguments",
    [
        {"node": " 4 "},
        {"node": "04"},
        {"node": "#4"},
        {"node": "Node 4"},
        {"node": "node/4"},
        {"node": "NODES 4"},
        {"node": "４"},
        {"node": "4", "ear": ""},
        {"ear": "  ", "node": "4."},
    ],
    ids=str,
)
def test_the_same_question_in_other_words_is_recognised(arguments: dict[str, str]) -> None:
    assert asked("knock", arguments) == FOUR


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("listen", {"node": "4"}),
        ("knock", {"node": "5"}),
        ("knock", {"node": "40"}),
        ("knock", {"node": "4", "ear": "left"}),
        ("knock", {"arbiter": "4"}),
        ("knock", {"node": "arbiter/4"}),
        ("knock", {"node": "4.1"}),
    ],
    ids=str,
)
def test_another_question_is_let_through(tool: str, arguments: dict[str, str]) -> None:
    assert asked(tool, arguments) != FOUR


def test_the_order_of_words_is_part_of_a_question() -> None:
    assert asked("talk", {"pair": "4 to 5"}) != asked("talk", {"pair": "5 to 4"})


def test_repeats_are_led_back_to_the_first_call_and_counted() -> None:
    repeats = Repeats()
    assert repeats.earlier("knock", {"node": "4"}, "a") is None
    assert repeats.earlier("knock", {"node": "5"}, "b") is None
    assert [repeats.earlier("knock", {"node": "Node 4"}, f"r{n}") for n in range(STOPPED_AT_MOST)] == ["a"] * 3
    assert repeats.are_too_many
