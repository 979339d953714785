"""The unified log format, as text and as JSON; what has it not is no line of it, and nothing raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_tikv.logs.lines import LogLine, parse

AT = datetime(2025, 6, 1, 10, 11, 12, 123000, tzinfo=timezone(timedelta(hours=8)))
STAMP = "2025/06/01 10:11:12.123 +08:00"


def test_a_line_has_time_level_message_and_fields() -> None:
    written = r'[store_id=1] ["process keys"=1500] [err="a \"b\" ]"] [thread_id=7]'
    text = f'[{STAMP}] [WARN] [server.rs:1518] ["disk usage Normal->AlmostFull"] {written}'
    fields = {"store_id": "1", "process keys": "1500", "err": 'a "b" ]', "thread_id": "7"}
    assert parse(text) == LogLine(at=AT, level="WARN", message="disk usage Normal->AlmostFull", fields=fields)


@pytest.mark.parametrize(
    ("message", "said"), [("[Welcome]", "Welcome"), ('["Welcome to TiKV"]', "Welcome to TiKV"), ("[]", "")]
)
def test_a_message_is_quoted_only_where_it_has_to_be(message: str, said: str) -> None:
    line = parse(f"[{STAMP}] [INFO] [<unknown>] {message}")
    assert line is not None
    assert (line.message, line.fields) == (said, {})


def test_the_same_as_json() -> None:
    told = {"time": STAMP, "level": "info", "caller": "mod.rs:469", "message": "Welcome", "store_id": 4}
    assert parse(json.dumps(told)) == LogLine(at=AT, level="INFO", message="Welcome", fields={"store_id": "4"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "goroutine 1 [running]:",
        "[2025/06/01 10:11:12.123] [INFO] [a.rs:1] [no-zone]",
        "[2025/13/01 10:11:12.123 +08:00] [INFO] [a.rs:1] [no-such-month]",
        '{"time": "yesterday", "message": "x"}',
        '{"message": "no time"}',
        "{broken",
        "[1, 2]",
    ],
)
def test_what_has_not_the_format_is_no_line(text: str) -> None:
    assert parse(text) is None


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text()))
def test_whatever_is_written_nothing_raises(message: str, fields: dict[str, str]) -> None:
    parse(message)
    parse(f"[{STAMP}] [INFO] [a.rs:1] [{message}] {fields}")
    written = "".join(f" [{json.dumps(k)}={json.dumps(v)}]" for k, v in fields.items())
    line = parse(f"[{STAMP}] [INFO] [a.rs:1] [{json.dumps(message)}]{written}")
    assert line is not None
    assert line.message == message
    assert line.fields == fields
    assert line.at == AT.astimezone(UTC)
