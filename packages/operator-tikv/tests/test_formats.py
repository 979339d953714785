from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import Address, AddressMap, ComponentRef
from operator_core.errors import ConfigurationError
from operator_tikv.formats import parse_duration, parse_instant, parse_size, parse_url, split_address
from operator_tikv.locate import Locator
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.pd.model import Member, Store, StoreState
from operator_tikv.versions import Dialect, dialect_of


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("512B", 512),
        ("100GiB", 100 << 30),
        ("1.819TiB", round(1.819 * 2**40)),
        ("953.7GiB", round(953.7 * 2**30)),
        ("64MB", 64 << 20),
    ],
)
def test_sizes_as_pd_writes_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.integers(0, 2**60))
def test_a_size_written_as_go_units_does_is_read_to_four_digits(size: int) -> None:
    value, unit = float(size), 0
    while value >= 1024 and unit < 8:
        value, unit = value / 1024, unit + 1
    text = f"{value:.4g}" + ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"][unit]
    assert parse_size(text) == pytest.approx(size, rel=6e-4, abs=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5h24m1.231456789s", 19441.231457),
        ("30m0s", 1800),
        ("10ms", 0.01),
        ("48h0m0s", 172800),
        ("1.5µs", 0.000002),
        ("0s", 0),
        ("-1m30s", -90),
    ],
)
def test_durations_as_go_writes_them(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["", "5", "5x", "s", "1h 2m", "h1"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "GiB", "-1GiB", "1XiB", "1 2GiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-06-01T10:11:12.123456789+08:00", datetime(2025, 6, 1, 2, 11, 12, 123456, tzinfo=UTC)),
        ("2025-06-01T10:11:12Z", datetime(2025, 6, 1, 10, 11, 12, tzinfo=UTC)),
        ("2025-06-01T10:11:12.5-03:30", datetime(2025, 6, 1, 13, 41, 12, 500000, tzinfo=UTC)),
    ],
)
def test_instants_as_go_writes_them(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://pd0:2379", "http://pd0:2379"),
        ("pd0:2379", "http://pd0:2379"),
        ("https://pd0", "https://pd0:2379"),
        ("http://[::1]:2379/", "http://[::1]:2379"),
    ],
)
def test_urls_that_can_be_asked(text: str, base: str) -> None:
    assert parse_url(text, default_port=2379).base == base


@pytest.mark.parametrize("text", ["http://", "gopher://x:1", "http://x:99999", "http://x:1?a=b", "http://x"])
def test_urls_that_cannot_be_asked_are_named(text: str) -> None:
    with pytest.raises(ConfigurationError) as e:
        parse_url(text)
    assert repr(text) in str(e.value)


def test_addresses_with_brackets() -> None:
    assert split_address("[::1]:20160") == ("::1", 20160)


STORES = [
    Store(
        id=i, address=Address(a), status_address=Address(s), state=StoreState.UP, version="8.5.5", regions=0, leaders=0
    )
    for i, a, s in ((1, "tikv0:20160", "tikv0:20180"), (4, "big:20160", "big:20180"), (5, "big:20161", "big:20181"))
]
MEMBERS = [Member(name="pd0", member_id=1, client_urls=("http://pd-host:2379",))]
LOCATOR = Locator(STORES, MEMBERS, AddressMap({Address("tikv0:20180"): Address("127.0.0.1:31180")}))


@pytest.mark.parametrize(
    ("labels", "ref"),
    [
        ({"job": "tikv", "instance": "tikv0:20180"}, store_ref(1)),
        ({"job": "demo-tikv", "instance": "tikv0"}, store_ref(1)),
        ({"job": "tikv", "instance": "127.0.0.1:31180"}, store_ref(1)),
        ({"job": "tikv", "instance": "tikv0:9999"}, store_ref(1)),
        ({"job": "tikv", "instance": "big:20181"}, store_ref(5)),
        ({"job": "tikv", "instance": "big:9999"}, None),
        ({"job": "tikv", "instance": "tikv0:20180", "store": "4"}, store_ref(1)),
        ({"job": "tikv", "instance": "stranger:20180"}, None),
        ({"job": "pd", "instance": "pd-host:2379"}, pd_ref("pd0")),
        ({"store_id": "4"}, store_ref(4)),
        ({"store": "store-5"}, store_ref(5)),
        ({"address": "big:20160"}, store_ref(4)),
        ({"name": "pd0"}, pd_ref("pd0")),
        ({"alertname": "x"}, None),
        ({}, None),
    ],
)
def test_labels_find_their_component_and_never_guess(labels: dict[str, str], ref: ComponentRef | None) -> None:
    assert LOCATOR.locate(labels) == ref


@pytest.mark.parametrize(
    ("versions", "dialect"),
    [
        (["8.5.5", "v6.5.10"], Dialect.KNOWN),
        (["8.5.5", "9.0.0"], Dialect.NEWER),
        (["6.1.0"], Dialect.OLDER),
        (["v8.6.0-alpha"], Dialect.NEWER),
    ],
)
def test_versions_are_told_apart(versions: list[str], dialect: Dialect) -> None:
    found = dialect_of(versions)
    assert found is not None
    assert found[0] is dialect


def test_no_version_has_no_dialect() -> None:
    assert dialect_of(["", "nightly"]) is None
