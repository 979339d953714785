"""``operator ledger prune``: what no ticket needs goes, told before when asked, and the record stays provable."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from operator_cli.sizes import parse_size, shown_size
from operator_core.components import Component, ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.readings import ClusterName, Observation
from operator_core.record import ObservationKept
from operator_ledger import SqlLedger

Run = Callable[..., subprocess.CompletedProcess[str]]
Refused = Callable[..., None]

CUPS = ClusterName("cups")


@pytest.fixture
def looked(ledger: Path) -> Path:
    """A ledger with a hundred looks at a cluster that is well, of a year ago."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    looks = [
        ObservationKept(
            observation=Observation(
                cluster=CUPS,
                number=n,
                at=start + timedelta(seconds=5 * n),
                components=(Component(ref=ComponentRef(Kind("cup"), "1")),),
            )
        )
        for n in range(1, 101)
    ]

    async def write() -> None:
        async with await SqlLedger.open(ledger) as opened:
            await opened.append(CUPS, looks, at=start)

    asyncio.run(write())
    return ledger


def pruned(operator: Run, *arguments: str) -> list[dict[str, Any]]:
    done = operator("ledger", "prune", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "operator.pruned/1"
    return document["result"]["pruned"]["clusters"]


def test_what_would_go_is_told_and_then_goes(operator: Run, looked: Path) -> None:
    would = operator("ledger", "prune", "--older-than", "30d", "--dry-run")
    assert would.stdout.startswith("cups  80 looks would go"), would
    assert "80 between number 1 and 80" in would.stdout
    done = operator("ledger", "prune", "--older-than", "30d", "--by", "bert")
    assert done.stdout.startswith("cups  80 looks gone")
    assert f"{looked}: " in done.stdout
    again = operator("ledger", "prune", "--older-than", "30d")
    assert again.stdout.startswith("nothing goes: ")
    proof = operator("ledger", "verify")
    assert proof.returncode == 0
    assert "by bert: 80 looks between number 1 and 80" in proof.stdout


def test_by_size_the_record_is_told_to_be_larger_still_when_the_rest_must_stay(operator: Run, looked: Path) -> None:
    del looked
    assert pruned(operator, "--larger-than", "1GB") == []
    done = operator("ledger", "prune", "--larger-than", "1kB")
    assert "that is more than 1 kB" in done.stdout
    assert pruned(operator, "--larger-than", "1kB", "--older-than", "1d") == []


def test_what_is_not_old_enough_or_of_another_cluster_stays(operator: Run, looked: Path, beside: str) -> None:
    del looked
    assert pruned(operator, "--older-than", "90y", "--dry-run") == []
    assert pruned(operator, "--older-than", "30d", "--cluster", beside, "--dry-run") == []
    assert [c["cluster"] for c in pruned(operator, "--older-than", "30d", "--cluster", "cups")] == ["cups"]


@pytest.fixture
def beside(operator: Run, looked: Path, recorded: Path, tmp_path: Path) -> str:
    """The incident too, in the same ledger, and what its cluster is called there: its ticket needs all of its looks."""
    del looked
    elsewhere = ("--ledger", str(recorded))
    assert operator("ledger", "export", "1", str(tmp_path / "x.gz"), *elsewhere).returncode == 0
    taken_in = json.loads(operator("ledger", "import", str(tmp_path / "x.gz"), "--json").stdout)
    return taken_in["result"]["ticket"]["cluster"]


def test_what_a_ticket_rests_on_is_there_after_everything_else_went(operator: Run, incident: Path) -> None:
    del incident
    operator("ledger", "prune", "--older-than", "1m", "--larger-than", "1kB")
    page = operator("tickets", "show", "1").stdout
    assert "do not hold" not in page
    assert "“refused”" in page
    assert operator("diagnose", "1").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--older-than", "--larger-than")),
        (("--older-than", "old"), ("--older-than", "'old'")),
        (("--older-than", "-3d"), ("--older-than", "'-3d'")),
        (("--older-than", "1s"), ("--older-than", "'1s'")),
        (("--larger-than", "2"), ("--larger-than", "'2'", "2GB")),
        (("--larger-than", "-2GB"), ("--larger-than", "'-2GB'")),
        (("--larger-than", "2XB"), ("--larger-than", "'2XB'")),
        (("--older-than", "3d", "--cluster", "cusp"), ("--cluster", "cusp")),
        (("--older-than", "3d", "--by", "monitor"), ("--by", "monitor")),
    ],
)
def test_what_is_asked_wrongly_is_named(
    refused: Refused, looked: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    del looked
    refused(["ledger", "prune", *arguments], *words)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("500kb", 500_000), ("12B", 12), (" 3TiB ", 3 * 2**40)],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert parse_size(text, of="x") == size


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (999_900_000, "1000 MB")]
)
def test_sizes_are_shown_in_three_digits(size: int, text: str) -> None:
    assert shown_size(size) == text


def test_a_number_alone_is_no_size() -> None:
    with pytest.raises(ConfigurationError, match="x is '5'"):
        parse_size("5", of="x")
