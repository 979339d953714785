"""The processes as a deployment starts them: a model, its nodes, a load, and nothing of this process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from operator_core.runtime import RealClock

CLOCK = RealClock()


class Processes:
    """What a test has started."""

    def __init__(self, folder: Path) -> None:
        self.block = f"127.{40 + os.getpid() // 250 % 19}.{1 + os.getpid() % 250}"
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "operator_simulator", *arguments]
            self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def model(self) -> None:
        size = ("--pd", "1", "--stores", "1", "--regions", "8", "--noise", "0")
        self.begin(
            "model", "model", *size, "--listen", f"{self.block}.1:20190", "--data-dir", str(self.folder / "model")
        )

    def node(self, kind: str, name: str, host: int) -> None:
        address = f"{self.block}.{host}"
        where = ("--control", f"{self.block}.1:20190", "--data-dir", str(self.folder / name))
        self.begin(name, "node", "--kind", kind, "--name", name, *where, "--listen", address, "--data-address", address)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def end(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait(10)


@pytest.fixture
def processes(tmp_path: Path) -> Generator[Processes]:
    made = Processes(tmp_path)
    yield made
    for name in list(made.running):
        made.end(name)


async def asked(url: str, within_s: float) -> httpx.Response:
    """The first answer that is one."""
    async with httpx.AsyncClient(timeout=2) as client, CLOCK.deadline(timedelta(seconds=within_s)):
        while True:
            with suppress(httpx.TransportError):
                answer = await client.get(url)
                if answer.status_code == 200:
                    return answer
            await CLOCK.sleep(timedelta(seconds=0.1))


@pytest.mark.sampled(0)
async def test_a_cluster_comes_up_cold_and_comes_back_with_its_data_when_its_model_was_killed(
    processes: Processes,
) -> None:
    processes.model()
    processes.node("pd", "pd0", 2)
    processes.node("store", "tikv0", 3)
    pd = f"http://{processes.block}.2:2379/pd/api/v1"
    stores = (await asked(f"{pd}/stores", 40)).json()
    assert [s["store"]["address"] for s in stores["stores"]] == ["tikv0:20160"]
    assert (await asked(f"http://{processes.block}.3:20180/status", 20)).status_code == 200
    assert "Welcome to TiKV" in processes.log("tikv0")
    first = (await asked(f"{pd}/cluster", 5)).json()["id"]
    processes.begin("load", "load", "--control", f"{processes.block}.1:20190", "--traffic", "3")
    async with CLOCK.deadline(timedelta(seconds=10)):
        while "the load is 3 times the usual one" not in processes.log("model"):
            await CLOCK.sleep(timedelta(seconds=0.1))
    processes.end("model")
    processes.model()
    async with CLOCK.deadline(timedelta(seconds=60)):
        while (await asked(f"{pd}/stats/region", 40)).json()["count"] != 8:
            await CLOCK.sleep(timedelta(seconds=0.3))
    assert (await asked(f"{pd}/cluster", 5)).json()["id"] == first
    assert processes.running["tikv0"].poll() is None
    for name, code in (("tikv0", 0), ("pd0", 0), ("load", 0), ("model", 0)):
        processes.running[name].send_signal(signal.SIGTERM)
        await asyncio.to_thread(processes.running[name].wait, 30)
        assert (name, processes.running[name].returncode) == (name, code)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("model", "--pd", "2"), 2, "error: pd is 2; 1, 3 or 5 is meant"),
        (("model", "--listen", "127.0.0.1:99999"), 4, "nodes cannot be served at 127.0.0.1:99999"),
        (("node", "--kind", "pd", "--name", "pd0", "--control", "127.0.0.1:1", "--data-dir", "{folder}",
          "--data-address", "no.such.host.invalid"), 2, "'no.such.host.invalid' is no address"),
        (("node", "--kind", "pd", "--name", "pd0", "--control", "127.0.0.1:1", "--data-dir", "{folder}",
          "--data-address", "192.0.2.1"), 4, "beats cannot be received at 192.0.2.1:2379"),
        (("node", "--kind", "pd", "--name", "pd0", "--control", "127.0.0.1:1", "--data-dir", "/proc/x",
          "--data-address", "127.0.0.1"), 4, "data directory /proc/x cannot be used"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_one_line_and_an_exit_code(
    processes: Processes, arguments: tuple[str, ...], code: int, said: str
) -> None:
    processes.begin("one", *(a.format(folder=processes.folder) for a in arguments))
    assert await asyncio.to_thread(processes.running["one"].wait, 20) == code
    assert said in processes.log("one")
    assert processes.log("one").count("\n") == 1


@pytest.mark.sampled(0)
async def test_a_node_without_a_model_says_so_once_keeps_trying_and_ends_when_it_is_told_to(
    processes: Processes,
) -> None:
    processes.node("pd", "pd0", 4)
    async with CLOCK.deadline(timedelta(seconds=15)):
        while "20190" not in processes.log("pd0"):
            await CLOCK.sleep(timedelta(seconds=0.1))
    await CLOCK.sleep(timedelta(seconds=2))
    assert processes.log("pd0").count("\n") == 1
    processes.running["pd0"].send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(processes.running["pd0"].wait, 10) == 0


def test_a_node_needs_nothing_but_python_and_the_core() -> None:
    asked_for = "import sys, operator_simulator.__main__; print(*{m.partition('.')[0] for m in sys.modules})"
    found = subprocess.run([sys.executable, "-c", asked_for], capture_output=True, text=True, check=True, timeout=60)
    ours = {"operator_core", "operator_simulator"}
    others = set(found.stdout.split()) - set(sys.stdlib_module_names) - ours
    assert {m for m in others if not m.startswith("_")} == set()
