"""The probe of components' logs: their lines as readings, of the trouble's time, without a path or a word too much."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from operator_cli.settings import load
from operator_cli.use_cases.log_probe import MOST, LogProbe
from operator_cli.use_cases.logs_at_hand import LogsAtHand
from operator_cli.wiring import log_reader
from operator_core.components import Component, ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.readings import Cause, ClusterName, Reading, Unseen
from operator_core.runtime import VirtualClock

PROD = ClusterName("prod")
BEGAN = datetime(2026, 3, 1, 13, tzinfo=UTC)
STORES = tuple(Component(ref=ComponentRef(Kind("store"), n)) for n in ("1", "4"))


def line(after: timedelta, message: str, fields: str = "") -> str:
    at = BEGAN + after + timedelta(hours=2)
    return f'[{at:%Y/%m/%d %H:%M:%S}.000 +02:00] [WARN] [a.rs:1] ["{message}"] {fields}\n'


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LogProbe:
    (tmp_path / "operator.toml").write_text(
        '[clusters.prod]\npd = ["http://127.0.0.1:1"]\n'
        f'[clusters.prod.logs]\n"store/4" = "{tmp_path}/four.log"\n"store/1" = "{tmp_path}/gone.log"\n'
    )
    monkeypatch.setenv("OPERATOR_CONFIG", str(tmp_path / "operator.toml"))
    logs = LogsAtHand(loaded=load(), reader=log_reader())
    assert logs.may_have(PROD)
    assert not logs.may_have(ClusterName("another"))
    return LogProbe(logs, cluster=PROD, components=STORES, since=BEGAN, clock=VirtualClock())


def asked(probe: LogProbe, component: str) -> tuple[Reading | Unseen, ...]:
    return asyncio.run(probe.ask({"component": component}, number=7))


def test_an_event_is_what_it_means_and_the_line_that_says_so(probe: LogProbe, tmp_path: Path) -> None:
    (tmp_path / "four.log").write_text(
        line(timedelta(hours=-1), "Welcome to TiKV")
        + line(timedelta(seconds=5), "wait connect timeout", "[store_id=1]")
        + line(timedelta(seconds=9), "wait connect timeout", "[store_id=1]")
    )
    far, meaning, written = asked(probe, "store/4")
    assert isinstance(far, Reading)
    assert (far.signal, far.value) == ("log.read", "3 lines, from 2026-03-01 12:00:00 UTC on")
    assert isinstance(meaning, Reading)
    assert isinstance(written, Reading)
    assert (meaning.id, meaning.signal, meaning.value) == (
        "o7.2",
        "log.connect-timeout",
        "store 1 does not answer its connecting",
    )
    assert (written.id, written.signal) == ("o7.3", "log.connect-timeout.line")
    assert written.value == "WARN wait connect timeout store_id=1 (2 times until 13:00:09)"
    assert {meaning.at, written.at} == {BEGAN + timedelta(seconds=5)}
    assert {meaning.source, written.source} == {"log of store 4"}


def test_of_many_the_newest_are_told(probe: LogProbe, tmp_path: Path) -> None:
    many = (line(timedelta(minutes=n), "wait connect timeout", f"[store_id={n}]") for n in range(MOST + 5))
    (tmp_path / "four.log").write_text("".join(many))
    told = asked(probe, "store/4")
    assert len(told) == 1 + 2 * MOST
    assert [t.value for t in told[:2] if isinstance(t, Reading)] == [
        f"{MOST + 5} lines, from 2026-03-01 13:00:00 UTC on; 5 older events are left out",
        "store 5 does not answer its connecting",
    ]


def test_a_log_that_is_not_there_is_unseen_and_no_path_is_told(probe: LogProbe, tmp_path: Path) -> None:
    (missing,) = asked(probe, "store/1")
    assert isinstance(missing, Unseen)
    assert (missing.cause, missing.detail) == (Cause.ABSENT, "its log is not at hand")
    assert str(tmp_path) not in repr(missing)


@pytest.mark.parametrize("arguments", [{}, {"component": "store/9"}, {"component": "store/4", "file": "/etc/passwd"}])
def test_what_is_not_meant_is_refused(probe: LogProbe, arguments: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="it takes component, one of store/1, store/4"):
        asyncio.run(probe.ask(arguments, number=0))
