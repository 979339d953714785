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
    line = parse(text)
    assert line is not None
    assert (line.at, line.level, line.message) == (AT, "WARN", "disk usage Normal->AlmostFull")
    assert line.fields == fields


@pytest.mark.parametrize(
    ("message", "said"), [("[Welcome]", "Welcome"), ('["Welcome to TiKV"]', "Welcome to TiKV"), ("[]", "")]
)
def test_a_message_is_quoted_only_where_it_has_to_be(message: str, said: str) -> None:
    line = parse(f"[{STAMP}] [INFO] [<unknown>] {message}")
    assert line is not None
    assert (line.message, line.fields) == (said, {})


def test_the_same_as_json() -> None:
    told = {"time": STAMP, "level": "info", "caller": "mod.rs:469", "message": "Welcome", "store_id": 4}
    line = parse(json.dumps(told))
    assert line is not None
    assert (line.at, line.level, line.message, line.fields) == (AT, "INFO", "Welcome", {"store_id": "4"})


def test_a_panic_in_json_is_a_line_however_long_its_backtrace() -> None:
    told = {"time": STAMP, "level": "FATAL", "message": "it broke", "backtrace": "x" * 50_000}
    assert (parse(json.dumps(told)) or LogLine(at=AT, level="", message="")).message == "it broke"


def test_a_name_that_a_gatherer_put_in_front_is_passed_over_and_a_quoted_line_is_no_line() -> None:
    assert parse(f"tikv0-1  | [{STAMP}] [INFO] [a.rs:1] [Welcome]") is not None
    assert parse(f'it said "[{STAMP}] [INFO] [a.rs:1] [Welcome]"') is None
    assert parse(f"[x] [{STAMP}] [INFO] [a.rs:1] [Welcome]") is None


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
        '{"a":' + "[" * 19_000,
        "[0001/01/01 00:00:00.000 +08:00] [INFO] [a.rs:1] [before-the-calendar]",
        "[9999/12/31 23:59:59.000 -08:00] [INFO] [a.rs:1] [after-it]",
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


def test_fields_end_where_the_format_is_left() -> None:
    line = parse(f"[{STAMP}] [INFO] [a.rs:1] [x] [a=1] rubbish [b=2] " + "[" * 19_000)
    assert line is not None
    assert line.fields == {"a": "1"}
