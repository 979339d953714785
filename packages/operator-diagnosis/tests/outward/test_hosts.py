"""Hosts are called by other names outside, the same ones each time, and by their own again for whoever asks here."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_diagnosis.outward import Outward

Make = Callable[..., Outward]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("dial 10.0.0.7:7000 refused", "dial ‹host:a›:7000 refused"),
        ("10.0.0.7:7000 and 10.0.0.7:7080, not 10.0.0.77", "‹host:a›:7000 and ‹host:a›:7080, not ‹host:b›"),
        ("[fe80::1%eth0]:7000", "[‹host:a›]:7000"),
        ("peer fd00:1::2 is gone", "peer ‹host:a› is gone"),
        ("GET http://db0:7000/members: 503", "GET http://‹host:a›:7000/members: 503"),
        ("node-1.peers.ns.svc:7000", "‹host:a›:7000"),
        ("node-1.peers.ns.svc.cluster.local", "‹host:a›"),
        ("NODE1.example.org is node1.example.org", "‹host:a› is ‹host:a›"),
    ],
)
def test_a_host_is_called_by_another_name_and_keeps_its_port(outward: Make, text: str, after: str) -> None:
    door = outward(pseudonyms=True)
    assert door.text(text) == after
    assert door.restored(after).lower() == text.lower()


def test_what_the_subject_advertises_is_a_host_wherever_it_is_named(outward: Make) -> None:
    door = outward(pseudonyms=True, known=["db0:7000", "[fd00::9]:7000", "http://keeper:7080", "10.0.0.1:7000"])
    assert door.called == {"host:a": "10.0.0.1", "host:b": "db0", "host:c": "fd00::9", "host:d": "keeper"}
    assert (
        door.text("db0 lost db0:7000, db01 and my-db0 did not")
        == "‹host:b› lost ‹host:b›:7000, db01 and my-db0 did not"
    )
    assert door.text("the keeper of keeper:7080 at //keeper/x") == "the keeper of ‹host:d›:7080 at //‹host:d›/x"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:7000 localhost:7000 0.0.0.0:80 [::1]:80 ::",
        "v8.5.5 took 1.25s, 12:03:10.123, 2026-03-01T12:00:00Z",
        "[store.rs:123] module::part::inner a::b",
        "o12.34 write_p99 engine.write.p99 000123.sst config.toml",
        "aa:bb:cc:dd:ee:ff",
        "999.1.2.300",
        "write stall: pending bytes: 12",
    ],
)
def test_what_is_no_host_stays(outward: Make, text: str) -> None:
    assert outward(pseudonyms=True, known=["localhost:1"]).text(text) == text


def test_without_pseudonyms_hosts_stay(outward: Make) -> None:
    door = outward(known=["db0:7000"])
    text = "db0:7000 10.0.0.1:7000 http://node1.svc/"
    assert (door.text(text), door.restored("‹host:a›"), dict(door.called)) == (text, "‹host:a›", {})


def test_a_name_that_was_not_given_stands_for_nobody(outward: Make) -> None:
    door = outward(pseudonyms=True)
    assert door.text("‹host:a› says hello to 10.0.0.1") == "‹redacted:user-data› says hello to ‹host:a›"
    assert door.restored("‹host:b› and <host:a>") == "‹host:b› and 10.0.0.1"


def test_names_given_before_are_used_again(outward: Make) -> None:
    first = outward(pseudonyms=True)
    first.text("10.0.0.2 and 10.0.0.1")
    again = outward(pseudonyms=True, called=first.called)
    assert again.text("10.0.0.1, 10.0.0.2, 10.0.0.3") == "‹host:b›, ‹host:a›, ‹host:c›"


def test_a_password_in_front_of_a_host_is_masked_as_ever(outward: Make) -> None:
    door = outward(pseudonyms=True)
    after = door.text("http://admin:hunter2@10.0.0.1:7000/a")
    assert after == "http://admin:‹redacted:password›@‹host:a›:7000/a"


def test_no_name_has_a_digit_or_is_the_beginning_of_another(outward: Make) -> None:
    door = outward(pseudonyms=True)
    text = " ".join(f"10.0.{n // 250}.{n % 250}" for n in range(800))
    fenced = door.fenced(text, source="addresses")
    assert len(door.called) == 800
    assert all(c.isalpha() for name in door.called for c in name.removeprefix("host:"))
    assert door.restored(fenced).split("\n")[1] == f"| {text}"


_HOSTS = st.sampled_from(
    ["10.0.0.1", "10.0.0.11", "db0", "db0.ns.svc", "fd00::7", "node-1.example.org", "192.168.1.255"]
)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(_HOSTS | st.sampled_from([":7000", " ", ", ", "refused", "(", ")", '"', "\n"]), max_size=12))
def test_no_host_leaves_and_each_comes_back(parts: list[str]) -> None:
    door = Outward(chance=random.Random(3), pseudonyms=True, known=["db0:7000", "10.0.0.1:7000"])
    text = " ".join(parts)
    fenced = door.fenced(text, source=text)
    assert not [h for h in door.called.values() if h in fenced]
    assert "10.0.0.1" not in fenced
    assert [line.removeprefix("| ") for line in door.restored(fenced).split("\n")[1:-1]] == text.strip("\n").split("\n")
