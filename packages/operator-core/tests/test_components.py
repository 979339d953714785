from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.components import Address, AddressMap, ComponentRef, Endpoint, Kind

kinds = st.text(min_size=1).filter(lambda t: "/" not in t)


@given(kind=kinds, ident=st.text(min_size=1))
def test_what_a_key_writes_is_read_back(kind: str, ident: str) -> None:
    ref = ComponentRef(Kind(kind), ident)
    assert ComponentRef.parse(ref.key) == ref


def test_an_id_may_hold_a_slash() -> None:
    assert ComponentRef.parse("disk/dev/sda") == ComponentRef(Kind("disk"), "dev/sda")


@pytest.mark.parametrize("text", ["", "node", "node/", "/4", "/"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a component; kind/id is meant"):
        ComponentRef.parse(text)


def test_an_id_that_says_its_kind_stands_alone() -> None:
    assert str(ComponentRef(Kind("node"), "4")) == "node 4"
    assert str(ComponentRef(Kind("node"), "node4")) == "node4"


def test_a_known_address_is_mapped_and_another_is_taken_as_it_is() -> None:
    endpoint = Endpoint(
        component=ComponentRef(Kind("node"), "1"),
        purpose="status",
        advertised=Address("inside:80"),
        reachable=Address("127.0.0.1:49153"),
    )
    addresses = AddressMap.of([endpoint])
    assert addresses.reachable(Address("inside:80")) == "127.0.0.1:49153"
    assert addresses.reachable(Address("[::1]:80")) == "[::1]:80"
    assert AddressMap().reachable(Address("inside:80")) == "inside:80"
