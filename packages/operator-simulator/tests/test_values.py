"""JSON as Go writes it: what any reader reads back, in Go's spelling."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from operator_simulator.faces.values import go_json

PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(JSON)
def test_what_is_written_is_read_back(value: object) -> None:
    for indent in (True, False):
        assert json.loads(go_json(value, indent=indent)) == value


@given(
    st.recursive(st.none() | st.booleans() | st.integers(), lambda i: st.lists(i) | st.dictionaries(st.text("ab"), i))
)
def test_lines_and_depth_are_those_of_every_writer(value: object) -> None:
    assert go_json(value, indent=True).decode() == json.dumps(value, indent=2)
    assert go_json(value, indent=False).decode() == json.dumps(value, separators=(",", ":"))


def test_whole_floats_have_no_fraction_and_markup_is_escaped() -> None:
    assert go_json({"a<b": (1.0, 0.5, -0.0, 1e21, "x&y>")}, indent=False) == (
        b'{"a\\u003cb":[1,0.5,0,1e+21,"x\\u0026y\\u003e"]}'
    )
