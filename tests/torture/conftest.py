"""Torture: a few rounds of each by default, and the full counts with ``make torture``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from postgres_server import PostgresServer
from structlog.typing import EventDict


def _dropped(_logger: object, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Nothing of what is done to monitors on purpose is logged."""
    structlog.configure(processors=[_dropped])
    yield
    structlog.reset_defaults()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger can be; nothing is there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_url()


@pytest.fixture
def errors(tmp_path: Path) -> Iterator[Path]:
    """Where the processes' error output goes; it is shown when a test fails, and nobody is to have written any."""
    path = tmp_path / "errors.txt"
    yield path
    if path.exists():
        print(path.read_text(encoding="utf-8"))  # noqa: T201 - pytest shows it with a failure
