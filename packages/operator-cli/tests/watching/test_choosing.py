"""Which clusters are meant where several may be, and what the options of a watch may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from operator_cli.bounds import parse_interval, parse_jitter, parse_listen
from operator_cli.choosing import resolve_several
from operator_cli.settings import Loaded, load
from operator_cli.wiring import Choice, cluster_name
from operator_core.errors import ConfigurationError

Names = Callable[..., list[str]]


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Names:
    """The names of the clusters that some options mean, with two clusters in the settings."""
    file = tmp_path / "operator.toml"
    monkeypatch.setenv("OPERATOR_CONFIG", str(file))

    def resolved(
        *clusters: str, every: bool = False, up: Sequence[str] = (), settings: str | None = None, **choice: str
    ) -> list[str]:
        both = '[clusters.prod]\npd = ["http://x:1"]\n[clusters.dev]\npd = ["http://y:1"]\n'
        file.write_text(both if settings is None else settings)
        loaded: Loaded = load()
        marks = loaded.settings.state_directory / "local"
        for name in up:
            marks.mkdir(parents=True, exist_ok=True)
            (marks / name).touch()
        made = Choice(
            pd=(choice["pd"],) if "pd" in choice else (),
            prometheus=choice.get("prometheus"),
            name=choice.get("name"),
        )
        return [cluster_name(m) for m in resolve_several(made, clusters, every=every, loaded=loaded)]

    return resolved


def test_several_clusters_are_taken_in_their_order_and_each_once(names: Names) -> None:
    assert names("prod", "dev", "prod") == ["prod", "dev"]
    assert names("prod") == ["prod"]
    assert names(pd="http://z:1") == ["z:1"]


def test_all_is_every_cluster_of_the_settings_and_every_deployment_that_is_up(names: Names) -> None:
    assert names(every=True, up=["mine"]) == ["dev", "prod", "local:mine"]


@pytest.mark.parametrize(
    ("clusters", "options", "words"),
    [
        (("prod", "nope"), {}, "nope"),
        (("prod", "dev"), {"prometheus": "http://p:9"}, "--prometheus"),
        (("prod", "dev"), {"pd": "http://x:1"}, "--pd and --cluster"),
        (("prod",), {"every": True}, "leave --cluster out"),
        ((), {"every": True, "pd": "http://x:1"}, "leave --pd out"),
        ((), {"every": True, "name": "x"}, "leave --name out"),
        ((), {"every": True, "prometheus": "http://p:9"}, "--prometheus"),
        ((), {"every": True, "settings": ""}, "no deployment is up"),
        ((), {"every": True, "settings": '[clusters."local:a"]\npd = ["http://x:1"]\n', "up": ["a"]}, "local:a"),
    ],
)
def test_what_contradicts_itself_or_names_nothing_is_refused(
    names: Names, clusters: tuple[str, ...], options: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        names(*clusters, **options)


def test_the_interval_is_the_options_else_that_of_the_settings(names: Names) -> None:
    names(every=True)
    settings = load().settings
    assert parse_interval(None, settings) == timedelta(seconds=5)
    assert parse_interval("1m", settings) == timedelta(minutes=1)
    with pytest.raises(ConfigurationError, match="--interval is '0'"):
        parse_interval("0", settings)


@pytest.mark.parametrize("given", [0.0, 0.1, 0.49])
def test_a_jitter_below_half_the_interval_is_let_through(given: float) -> None:
    assert parse_jitter(given) == given


@pytest.mark.parametrize("given", [-0.1, 0.5, 7, float("nan"), float("inf")])
def test_a_jitter_with_which_two_looks_could_meet_is_refused(given: float) -> None:
    with pytest.raises(ConfigurationError, match="--jitter"):
        parse_jitter(given)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, None),
        ("127.0.0.1:9187", ("127.0.0.1", 9187)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_where_to_listen_is_a_host_and_a_port(text: str | None, meant: tuple[str, int] | None) -> None:
    assert parse_listen(text) == meant


@pytest.mark.parametrize(
    "text", ["9187", ":9187", "localhost", "localhost:", "localhost:http", "::1:9187", "[::1]", "[127.0.0.1]:1",
             "a:65536", "a:-1", "a:١", ""]
)  # fmt: skip
def test_anything_else_to_listen_on_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--listen is"):
        parse_listen(text)
