"""What is a secret is masked, what only looks like one is not, and doing it twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operator_core import redaction
from operator_core.actions import Action, ActionName, RiskClass
from operator_core.components import Address, Component, ComponentRef, Kind
from operator_core.readings import ClusterName, Observation, Reading, ReadingId, SignalName, Unit
from operator_core.record import Entry, NoteAdded
from operator_core.redaction import mask, redact, redact_text
from operator_core.tickets import TicketId
from planted_secrets import PLANTED, harmless, planted

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_planted_secret_is_masked_wherever_it_stands() -> None:
    seen = [(text, secret, redact_text(text).value) for _, text, secret in planted()]
    leaks = [(text, after) for text, secret, after in seen if any(part in after for part in _pieces(secret))]
    assert len(seen) >= 100 * len(PLANTED)
    assert leaks == []


def _pieces(secret: str) -> Iterator[str]:
    """Parts of a secret that would tell it: a mask hides all of it or nothing."""
    yield secret
    for start in range(0, len(secret) - 8, 4):
        yield secret[start : start + 8]


def test_what_stands_around_a_secret_is_kept() -> None:
    for text, after in (
        ("GET http://admin:hunter2@10.0.0.1:7000/a: 503", "GET http://admin:‹redacted:password›@10.0.0.1:7000/a: 503"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ‹redacted:authorization›"),
        ("Server=a;Password=b,c;Port=1", "Server=a;Password=‹redacted:password›;Port=1"),
        ('{"password": "a \\" b", "port": 1}', '{"password": "‹redacted:password›", "port": 1}'),
        ("[token=abc] [port=1]", "[token=‹redacted:token›] [port=1]"),
        ("/v1?api_key=abc&next=1", "/v1?api_key=‹redacted:api-key›&next=1"),
        ("the password: hunter2.", "the password: ‹redacted:password›."),
        (
            "-----BEGIN CERTIFICATE-----\nab\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\ncd\n",
            "-----BEGIN CERTIFICATE-----\nab\n-----END CERTIFICATE-----\n‹redacted:private-key›",
        ),
    ):
        assert redact_text(text).value == after


def test_what_only_looks_like_a_secret_is_left_alone() -> None:
    texts = list(harmless())
    assert len(texts) >= 500
    assert [(text, redact_text(text).value) for text in texts if redact_text(text).value != text] == []


_SCRAPS = st.sampled_from(
    [
        *("password", "token=", "Authorization: ", "Bearer ", "Basic ", "api_key", "secret", "https://", "cookie: "),
        *('"', "'", "\\", '\\"', "=", ":", ": ", "@", "/", ",", ";", "&", " ", "\n", "{", "}", "[", "]", "(", ")", "-"),
        *(
            "hunter2",
            "a1",
            "sk-ant-api03-abcdefghijklmnop",
            "eyJhbGciOi.eyJzdWIiOi.x",
            "dXNlcjpwYXNz",
            "AKIAABCDEFGHIJKLMNOP",
        ),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            mask("password"),
            "‹",
            "redacted",
            "›",
            "identified by ",
        ),
        *("root", "node1", "@tcp(", "--password ", "0123456789abcdef0123456789abcdef"),
    ]
)


@pytest.mark.sampled(0)
@settings(max_examples=1500, deadline=None)
@given(scraps=st.lists(_SCRAPS, max_size=12))
def test_a_second_time_changes_nothing_and_counts_nothing(scraps: list[str]) -> None:
    once = redact_text("".join(scraps))
    twice = redact_text(once.value)
    assert (twice.value, twice.masked) == (once.value, {})


@settings(max_examples=1000, deadline=None)
@given(scraps=st.lists(_SCRAPS, max_size=6))
def test_no_rule_finds_anything_in_a_text_without_a_hint(scraps: list[str]) -> None:
    text = "".join(scraps)
    if not redaction._HINT.search(text):  # pyright: ignore[reportPrivateUsage]
        assert redaction._masked(text) == text  # pyright: ignore[reportPrivateUsage]


def test_every_planted_secret_has_a_hint() -> None:
    assert [text for _, text, _ in planted() if not redaction._HINT.search(text)] == []  # pyright: ignore[reportPrivateUsage]


def test_masks_are_counted_by_kind() -> None:
    text = "password=a1 token=b2 http://u:c3@h/ token=d4 " + mask("token")
    assert redact_text(text).masked == {"password": 2, "token": 2}
    assert redact_text("nothing here").masked == {}


@pytest.mark.sampled(0)
def test_text_that_is_made_to_be_slow_is_not() -> None:
    for scrap in (
        'password="',
        "password='\\",
        "a" * 50,
        "://",
        "x:",
        "token= ",
        '\\"',
        "authorization[",
        "-----BEGIN ",
        "--a",
        "eyJa.",
        "http://a:",
    ):
        hostile = scrap * (200_000 // len(scrap))
        assert len(redact_text(hostile).value) > 0


# --- values of ours


def _texts(value: object) -> Iterator[str]:
    match value:
        case Enum():
            return
        case str():
            yield value
        case dict():
            for pair in cast("dict[object, object]", value).items():
                yield from _texts(pair)
        case tuple() | frozenset():
            for part in cast("tuple[object, ...]", value):
                yield from _texts(part)
        case _ if is_dataclass(value):
            for f in fields(value):
                yield from _texts(getattr(value, f.name))
        case _:
            return


def _with_secrets(value: object, secrets: list[str]) -> object:
    """The value with every text in it replaced by one that holds a secret of its own."""
    match value:
        case Enum():
            return value
        case str():
            secrets.append(f"hunter{len(secrets):04d}")
            return f"{value} password={secrets[-1]}"
        case dict():
            pairs = cast("dict[object, object]", value).items()
            return {_with_secrets(k, secrets): _with_secrets(v, secrets) for k, v in pairs}
        case tuple():
            return tuple(_with_secrets(part, secrets) for part in cast("tuple[object, ...]", value))
        case frozenset():
            return frozenset(_with_secrets(part, secrets) for part in cast("frozenset[object]", value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: _with_secrets(getattr(value, f.name), secrets) for f in fields(value)})
        case _:
            return value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entry=st.from_type(cast("type[Entry]", Entry)))
def test_no_text_of_any_entry_keeps_a_secret(entry: Entry) -> None:
    secrets: list[str] = []
    dirty = _with_secrets(entry, secrets)
    clean = redact(dirty)
    text = "\n".join(_texts(clean.value))
    assert not [s for s in secrets if s in text]
    assert type(clean.value) is type(entry)
    assert redact(clean.value).value == clean.value


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entry=st.from_type(cast("type[Entry]", Entry)))
def test_an_entry_without_secrets_stays_as_it_is(entry: Entry) -> None:
    if all(redact_text(text).value == text for text in _texts(entry)):
        assert redact(entry).value == entry


def _observation(value: str | float, source: str = "GET /state") -> Observation:
    ref = ComponentRef(Kind("node"), "1")
    reading = Reading(
        id=ReadingId("o3.1"),
        component=ref,
        signal=SignalName("state"),
        value=value,
        unit=Unit("state"),
        at=AT,
        source=source,
    )
    component = Component(ref=ref, addresses={"client": Address("node1:7001")}, version="8.5.1")
    return Observation(cluster=ClusterName("north"), number=3, at=AT, components=(component,), readings=(reading,))


def test_whatever_holds_a_text_is_looked_into() -> None:
    dirty = ("token=a1", ["token=b2", {"token=c3": ("token=d4", frozenset({"token=e5"}))}], 7, None, AT, RiskClass.LOW)
    clean = redact(dirty)
    told = mask("token")
    same = f"token={told}"
    assert clean.value == (same, [same, {same: (same, frozenset({same}))}], 7, None, AT, RiskClass.LOW)
    assert clean.masked == {"token": 5}


def test_an_observation_keeps_its_numbers_ids_and_addresses() -> None:
    clean = redact(_observation("up", source="GET http://admin:hunter2@node1:7080/state"))
    assert clean.value == _observation("up", source=f"GET http://admin:{mask('password')}@node1:7080/state")
    assert clean.masked == {"password": 1}
    unchanged = _observation(0.25)
    assert redact(unchanged).value is unchanged


def test_what_stands_under_the_name_of_a_secret_in_a_mapping_is_one() -> None:
    action = Action(
        name=ActionName("log-in"),
        target=ComponentRef(Kind("node"), "1"),
        risk=RiskClass.LOW,
        takes_away=False,
        dry_run="log in",
        parameters={"db_password": "hunter2", "X-Api-Key": "b", "tokens": "55", "path": "/a", "secret": ""},
    )
    clean = redact(action)
    assert clean.value.parameters == {
        "db_password": mask("password"),
        "X-Api-Key": mask("api-key"),
        "tokens": "55",
        "path": "/a",
        "secret": "",
    }
    assert clean.masked == {"api-key": 1, "password": 1}
    assert redact(clean.value) == redact(redact(clean.value).value)


@pytest.mark.parametrize("text", ["token=abc123", "https://a:b@c/", "Bearer abcdefgh12345678"])
def test_the_same_secret_gives_the_same_mask_everywhere(text: str) -> None:
    note = NoteAdded(ticket=TicketId(1), at=AT, by="ada", text=text)
    assert redact(note).value.text == redact_text(text).value != text
