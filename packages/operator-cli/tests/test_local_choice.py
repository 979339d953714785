"""How local deployments are made, and what is remembered of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operator_cli.local_deployments import LocalChoice, chosen, forget, marks, names, remember, remembered
from operator_core.errors import ConfigurationError

_FIVE = LocalChoice(stores=5, port_offset=1000, profiles=("load",), overrides=(Path("/x.yaml"),), on_disk=True)


def _chosen(before: LocalChoice | None, **options: Any) -> LocalChoice:
    nothing: dict[str, Any] = {"stores": None, "port_offset": None, "profiles": (), "overrides": ()}
    return chosen(before, **(nothing | options))


def test_what_is_remembered_is_what_was_chosen(tmp_path: Path) -> None:
    remember(tmp_path, "two", _FIVE)

    assert remembered(tmp_path, "two") == _FIVE
    assert remembered(tmp_path, "one") is None
    assert names(tmp_path) == ("two",)


@pytest.mark.parametrize("data_stays", [True, False])
def test_one_that_is_down_is_no_more_up_and_is_known_only_while_its_data_is_there(
    tmp_path: Path, data_stays: bool
) -> None:
    remember(tmp_path, "two", _FIVE)

    forget(tmp_path, "two", data_stays=data_stays)
    forget(tmp_path, "two", data_stays=data_stays)

    assert names(tmp_path) == ()
    assert remembered(tmp_path, "two") == (_FIVE if data_stays else None)
    forget(tmp_path, "two")
    assert remembered(tmp_path, "two") is None
    assert list(marks(tmp_path).iterdir()) == []


def test_one_that_comes_up_again_is_remembered_once(tmp_path: Path) -> None:
    remember(tmp_path, "two", _FIVE)
    forget(tmp_path, "two", data_stays=True)

    remember(tmp_path, "two", replace(_FIVE, stores=6))

    assert (names(tmp_path), remembered(tmp_path, "two")) == (("two",), replace(_FIVE, stores=6))
    assert len(list(marks(tmp_path).iterdir())) == 1


@pytest.mark.parametrize("text", ["", "{", '{"stores": "many"}'])
def test_a_mark_that_cannot_be_read_stands_for_a_deployment_of_that_name(tmp_path: Path, text: str) -> None:
    marks(tmp_path).mkdir()
    (marks(tmp_path) / "old").write_text(text)

    assert (names(tmp_path), remembered(tmp_path, "old")) == (("old",), LocalChoice())


def test_what_the_options_leave_open_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()

    assert _chosen(_FIVE) == _FIVE
    assert _chosen(_FIVE, stores=9, profiles=["operator"]) == replace(_FIVE, stores=9, profiles=("load", "operator"))
    assert _chosen(_FIVE, overrides=[tmp_path / "mine.yaml"]).overrides == (tmp_path / "mine.yaml",)
    assert _chosen(_FIVE, port_offset=0, on_disk=True) == replace(_FIVE, port_offset=0)
    assert _chosen(None) == LocalChoice()


@pytest.mark.parametrize(
    ("before", "options", "says"),
    [
        (None, {"stores": 2}, "--stores is 2; 3 to 9"),
        (None, {"stores": 10}, "--stores is 10; 3 to 9"),
        (_FIVE, {"stores": 4}, "--stores is 4, and there are 5"),
        (_FIVE, {"on_disk": False}, "--in-memory: the data is on disk already"),
        (LocalChoice(), {"on_disk": True}, "--on-disk: the data is in memory already"),
        (None, {"port_offset": -1}, "--port-offset is -1"),
        (None, {"port_offset": 44001}, "--port-offset is 44001"),
        (None, {"profiles": ["stores-4"]}, "--profile is 'stores-4'"),
        (None, {"overrides": [Path("nono.yaml")]}, "--file is 'nono.yaml'"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_value(
    before: LocalChoice | None, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        _chosen(before, **options)
