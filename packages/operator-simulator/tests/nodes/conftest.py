"""A machine room on one machine: nodes are processes with loopback addresses of their own, a switch lies between."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from operator_core.runtime import RealClock
from operator_simulator import Cluster, ClusterConfig
from operator_simulator.model.process import Life
from operator_simulator.nodes.frames import MOST_BYTES
from operator_simulator.nodes.shared import SharedModel
from stream_server import stream_server

DATA_PORT = 20170


class Switch:
    """Carries every datagram between the nodes: each sends to the other's address here, and it arrives or does not."""

    def __init__(self, block: str, hosts: dict[str, int]) -> None:
        self.cut: set[tuple[str, str]] = set()
        self.delay_s = 0.0
        self.loss = 0.0
        self._rng = random.Random(3)
        self._names = {f"{block}.{host}": name for name, host in hosts.items()}
        self._addresses = {name: address for address, name in self._names.items()}
        self._sockets: dict[str, socket.socket] = {}
        loop = asyncio.get_running_loop()
        try:
            for name, host in hosts.items():
                sock = self._sockets[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.setblocking(False)
                sock.bind((f"{block}.{host + 100}", DATA_PORT))
                loop.add_reader(sock, self._arrived, name)
        except OSError:
            self.close()
            raise

    def _arrived(self, to: str) -> None:
        loop, sock = asyncio.get_running_loop(), self._sockets[to]
        with suppress(BlockingIOError):
            while True:
                datagram, source = sock.recvfrom(512)
                if (self._names.get(source[0]), to) in self.cut:
                    continue
                if self._rng.random() < self.loss:
                    continue
                if self.delay_s:
                    loop.call_later(self.delay_s, self._pass_on, to, datagram)
                else:
                    self._pass_on(to, datagram)

    def _pass_on(self, to: str, datagram: bytes) -> None:
        with suppress(OSError):
            self._sockets[to].sendto(datagram, (self._addresses[to], DATA_PORT))

    def close(self) -> None:
        for sock in self._sockets.values():
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()


class Room:
    """One model in this process, and nodes that are processes of their own."""

    def __init__(self, folder: Path, *, pd: int = 1, stores: int = 2) -> None:
        self.folder = folder
        names = [*(f"pd{i}" for i in range(pd)), *(f"tikv{i}" for i in range(stores))]
        self.hosts = {name: i + 2 for i, name in enumerate(names)}
        self.config = ClusterConfig(pd=pd, stores=stores, noise=0, restarted=True, launched=False)
        self.clock = RealClock()
        self.said: list[str] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._served = AsyncExitStack()
        self.cluster: Cluster
        self.block: str
        self.control: str
        self.switch: Switch

    async def __aenter__(self) -> Room:
        self._move_in()
        await self.begin_model()
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name)
        await self.end_model()
        self.switch.close()

    def _move_in(self) -> None:
        """Take the first block of addresses whose switch no other room has, be it of this process or of another."""
        for number in count(os.getpid()):
            self.block = f"127.{60 + number // 200 % 180}.{1 + number % 200}"
            self.control = f"{self.block}.1:20190"
            try:
                self.switch = Switch(self.block, self.hosts)
            except OSError as refused:
                if refused.errno != errno.EADDRINUSE:
                    raise
            else:
                return

    async def begin_model(self) -> None:
        start = self.clock.now()
        self.cluster = Cluster(self.config, start)
        self.model = SharedModel(self.cluster, RealClock(start=start), 1.0, self.said.append)
        host, _, port = self.control.rpartition(":")
        await self._served.enter_async_context(stream_server(self.model.converse, host, int(port), limit=MOST_BYTES))
        self._living = asyncio.get_running_loop().create_task(self.model.live())

    async def end_model(self) -> None:
        """Its process is gone: every connection is reset."""
        await self._served.aclose()
        self._living.cancel()
        with suppress(asyncio.CancelledError):
            await self._living
        await self.clock.sleep(timedelta(seconds=0.05))

    def begin(self, *names: str) -> None:
        for name in names or tuple(self.hosts):
            address, kind = self.address(name), "pd" if name.startswith("pd") else "store"
            arguments = [
                sys.executable, "-m", "operator_simulator", "node", "--kind", kind, "--name", name,
                "--control", self.control, "--data-dir", str(self.folder / name), "--listen", address,
                "--data-address", f"{address}:{DATA_PORT}",
                "--advertise-data-address", f"{self.block}.{self.hosts[name] + 100}:{DATA_PORT}",
            ]  # fmt: skip
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def address(self, name: str) -> str:
        return f"{self.block}.{self.hosts[name]}"

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def signal(self, name: str, number: signal.Signals) -> None:
        self.processes[name].send_signal(number)

    def end(self, name: str) -> None:
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)

    async def until(self, holds: Callable[[], bool], within_s: float = 12) -> None:
        try:
            async with self.clock.deadline(timedelta(seconds=within_s)):
                while not holds():
                    await self.clock.sleep(timedelta(seconds=0.05))
        except TimeoutError:
            pytest.fail(f"not within {within_s} s; said: {self.said}")

    async def passes(self, seconds: float) -> None:
        await self.clock.sleep(timedelta(seconds=seconds))

    async def up(self) -> None:
        """Every node has its data, is connected, and has heard the others."""
        for name in self.hosts:
            (self.folder / name).mkdir()
            (self.folder / name / "node.json").write_text(json.dumps({"name": name}))
        self.begin()
        await self.until(lambda: len(self.model.lives.running()) == len(self.hosts), 30)
        await self.passes(0.8)

    async def open(self) -> None:
        """Every process does its work, and its ports are open."""
        await self.until(lambda: all(p.is_running for p in self.cluster.processes.values()), 40)
        await self.passes(0.3)

    def life(self, name: str) -> Life:
        return self.cluster.processes[name].life

    def layers(self) -> set[str]:
        return set(self.cluster.network.layers)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    """One PD and two stores, all connected."""
    async with Room(tmp_path) as made:
        await made.up()
        yield made


@pytest.fixture
async def room_in_memory() -> AsyncGenerator[Room]:
    """The same, with its data on a filesystem that is quiet."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        async with Room(Path(folder)) as made:
            await made.up()
            yield made
