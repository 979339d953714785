"""Watches as processes of their own, on a pipe or on a terminal, and a cluster for them that is simulated."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_ledger import SqlLedger
from operator_simulator import EmbeddedDeployment
from watch_process import OPERATOR, PATIENCE, Watch, pause

CLUSTER = ClusterName("embedded:default")


@pytest.fixture(name="pause", scope="session")
def pause_() -> Callable[[float], None]:
    """Let the processes go on for so many seconds."""
    return pause


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """One environment for all of these: a cluster takes seconds to come up."""
    folder = tmp_path_factory.mktemp("watching")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPERATOR_", "COLUMNS", "LINES"))}
    return {
        **kept,
        "OPERATOR_STATE_DIRECTORY": str(folder / "state"),
        "OPERATOR_CONFIG": str(folder / "operator.toml"),
        "NO_COLOR": "1",
    }


@pytest.fixture(scope="module", autouse=True)
def cluster(surroundings: Mapping[str, str]) -> Iterator[None]:
    """An embedded cluster in the background."""
    Path(surroundings["OPERATOR_CONFIG"]).write_text('[clusters.away]\npd = ["http://127.0.0.1:1"]\n')
    for argument in ("up", "down"):
        subprocess.run([OPERATOR, "deploy", "embedded", argument], check=True, env=dict(surroundings), timeout=PATIENCE)
        if argument == "up":
            yield


@pytest.fixture(scope="module")
def attached(cluster: None, surroundings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file in which the cluster is somebody else's, called prod; and a staging that is the same one."""
    state = Path(surroundings["OPERATOR_STATE_DIRECTORY"])
    endpoints = asyncio.run(EmbeddedDeployment(name="default", state_directory=state / "embedded").endpoints())
    pd = [f"http://{e.reachable}" for e in endpoints if e.component.kind == "pd"]
    lines = ['interval = "1s"']
    for name in ("prod", "staging"):
        lines += [f"[clusters.{name}]", f"pd = {json.dumps(pd)}", f"[clusters.{name}.addresses]"]
        lines += [f'"{e.advertised}" = "{e.reachable}"' for e in endpoints]
    file = tmp_path_factory.mktemp("etc") / "operator.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def watch(surroundings: Mapping[str, str]) -> Iterator[Callable[..., Watch]]:
    """Begin a watch; all of them are over at the end."""
    begun: list[Watch] = []

    def begin(
        *arguments: str, on_terminal: bool = False, is_read: bool = True, env: Mapping[str, str] | None = None
    ) -> Watch:
        begun.append(Watch({**surroundings, **(env or {})}, *arguments, on_terminal=on_terminal, is_read=is_read))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.fixture
def held(surroundings: Mapping[str, str]) -> Callable[[], Lease | None]:
    """Who has the watch of the cluster, by the record."""

    async def read() -> Lease | None:
        async with await SqlLedger.open(Path(surroundings["OPERATOR_STATE_DIRECTORY"]) / "ledger.db") as ledger:
            return await ledger.lease(CLUSTER)

    return lambda: asyncio.run(read())
