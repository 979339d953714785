"""Torture: a few rounds of each by default, and the full counts with ``make torture``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer


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
