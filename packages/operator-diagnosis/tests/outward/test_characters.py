"""What a reader would not see does not pass, and what a reader does see stays."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_diagnosis.outward import Outward
from operator_diagnosis.outward.characters import seen

Make = Callable[..., Outward]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("a\x1b[2K\x1b[1Gb", "ab"),
        ("\x1b]0;the title\x07text", "text"),
        ("\x1b]8;;http://x/\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("\x1bP1;2q~~~\x1b\\text", "text"),
        ("a string \x1b]0;that never ends", "a string 0;that never ends"),
        ("\x1bc all is gone \x1b(B", " all is gone "),
        ("\x1b\x1b[31m[31mtwice", "[31mtwice"),
        ("over\b\b\b\bwritten", "overwritten"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("\u202etxt.exe\u202c", "txt.exe"),
        ("\u2066left\u2069 \u061cright\u200f", "left right"),
        ("pass\u200bword", "password"),
        ("soft\u00adhyphen \ufeffmark \u2060join", "softhyphen mark join"),
        ("hid" + "".join(chr(0xE0000 + ord(c)) for c in "obey me") + "den", "hidden"),
        ("a\ufe00\ufe0f\U000e0101b", "ab"),
        ("filler\u3164\u115f\u2800s", "fillers"),
        ("half \ud800 a pair", "half  a pair"),
        ("private \ue000 and unassigned \u0378", "private  and unassigned "),
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("a\tb", "a b"),
    ],
)
def test_what_is_not_seen_is_taken_out(text: str, after: str) -> None:
    assert seen(text) == after


@pytest.mark.parametrize(
    "text",
    [
        'write stall: "pending-compaction" at [70%], took=1.2s\nnext line',
        "Grüße, 你好, привет, שלום, مرحبا, é, 👍",
        "50 µs ≥ 3 × σ — “quoted”",
        "[31m looks like a colour and is none",
    ],
)
def test_what_is_seen_stays(text: str) -> None:
    assert seen(text) == text


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(), max_size=60) | st.text("\x1b\x9b\x90\x07\\[]0;mPc\r\n a", max_size=30))
def test_a_second_time_changes_nothing_and_every_character_has_a_picture(text: str) -> None:
    once = seen(text)
    assert seen(once) == once
    assert all(c == "\n" or not unicodedata.category(c).startswith("C") for c in once)
    once.encode()


def test_nothing_can_hide_a_secret_from_the_mask(outward: Make) -> None:
    for text in (
        "pass\u200bword=hunter2",
        "pass\x1b[0mword=hun\x00ter2",
        "to\u202eken: hunter2",
        "password\ufeff=hunter2",
    ):
        assert "hunter2" not in outward().text(text)
        assert "hunter2" not in outward().fenced(text, source="log")
