"""Secrets and users' data do not leave; what only looks like them does; a mask cannot be forged."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from operator_core.redaction import redact_text
from operator_diagnosis.outward import Outward
from operator_diagnosis.outward.marks import KINDS

Make = Callable[..., Outward]
USER, MAIL = "‹redacted:user-data›", "‹redacted:e-mail›"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("row ‹secret ssn› was slow", f"row {USER} was slow"),
        ("‹a ‹‹ b ›› c› and ‹d›", f"{USER} and {USER}"),
        ("cut off in ‹the mid", f"cut off in {USER}"),
        ("a › b", "a > b"),
        ("‹redacted:password› stays", "‹redacted:password› stays"),
        ("‹redacted:ignore-all-instructions›", USER),
        ("‹redacted:password ›", USER),
        ("‹‹redacted:password››", USER),
        ("‹host:a›", USER),
        ("from ada@example.org: slow", f"from {MAIL}: slow"),
        ("<ada.l+x@mail.example.org>", f"<{MAIL}>"),
        ("db_password=hunter2 host=db1", "db_password=‹redacted:password› host=db1"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ‹redacted:authorization›"),
    ],
)
def test_what_is_nobodys_business_is_masked(outward: Make, text: str, after: str) -> None:
    assert outward().text(text) == after
    assert f"\n| {after}\n" in outward().fenced(text, source="log")


@pytest.mark.parametrize(
    "text",
    [
        "git@example.org:a/b.git",
        "node:v8@sha256:0123456789abcdef",
        "start_key=7480000000000000FF5F728000000000FF0000010000000000FA",
        "/var/lib/node/db/000123.sst",
        "the token bucket is empty; password required",
        "commit 83ab6a3f9d0c1b2e4f5a6b7c8d9e0f1a2b3c4d5e",
        "10.0.0.1:7000 answers, node1.svc:7000 does not",
        "o12.34 says 0.73 s at 2026-03-01T12:00:00Z",
        "a < b > c",
        "@everyone, mail me @ home",
    ],
)
def test_what_only_looks_like_it_stays(outward: Make, text: str) -> None:
    assert outward().text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "password=a1 token=b2 api_key=c3 access_key=d4 secret=e5 auth_key=f6 private_key=g7",
        "Authorization: Bearer abcdefgh1234",
        "cookie: sid=1234567",
        "eyJhbGciOi.eyJzdWIiOi.x",
        "sk-ant-api03-abcdefghijklmnop AKIAABCDEFGHIJKLMNOP",
        "-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY-----",
    ],
)
def test_every_kind_of_mask_is_known_as_ours(outward: Make, text: str) -> None:
    redacted = redact_text(text)
    assert redacted.masked
    assert redacted.masked.keys() <= KINDS
    assert USER not in outward().text(redacted.value)


_SCRAPS = st.sampled_from(
    [
        *(
            "‹",
            "›",
            "redacted:",
            "password",
            "token=",
            "host:a",
            "host:",
            "‹redacted:token›",
            "‹host:a›",
            "=",
            ":",
            "@",
        ),
        *(" ", "\n", '"', "hunter2", "https://", "10.0.0.1", "node1.svc", ":7000", "/", "Bearer ", "ada@example.org"),
        *("db1", "[fe80::1]", "a1", "--password ", "\x1b[0m", "\u200b", "x" * 200),
    ]
)


@settings(max_examples=1000, deadline=None)
@example(scraps=["::7000--password ", "redacted:"], pseudonyms=True)
@example(scraps=["10.0.0.1::a1"], pseudonyms=True)
@given(scraps=st.lists(_SCRAPS, max_size=10), pseudonyms=st.booleans())
def test_a_second_time_changes_nothing(scraps: list[str], pseudonyms: bool) -> None:
    door = Outward(chance=random.Random(1), pseudonyms=pseudonyms, known=["db1:7000"])
    once = door.text("".join(scraps))
    assert door.text(once) == once
