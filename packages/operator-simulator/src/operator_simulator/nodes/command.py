"""``python -m operator_simulator model``, ``node`` and ``load``: the processes of a deployment in node mode."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.runtime import RealClock

from operator_simulator.config import ClusterConfig
from operator_simulator.model.cluster import Cluster
from operator_simulator.nodes import frames
from operator_simulator.nodes.load import PATTERNS, drive
from operator_simulator.nodes.node import Node, NodeOptions
from operator_simulator.nodes.shared import SharedModel

CONTROL_PORT: Final = 20190
CONTROL: Final = f"model:{CONTROL_PORT}"
DATA_PORTS: Final = {"pd": 2379, "store": 20160}
"""Datagrams come to the number under which the others are served, so that a cut of that port is felt."""
_MARK: Final = "born.json"


class Commands(Protocol):
    """What `ArgumentParser.add_subparsers` gives."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser: ...  # noqa: A002


def add_commands(commands: Commands) -> None:
    """Declare the three; each runs what its ``run`` is."""
    model = commands.add_parser("model", help="hold the cluster that all nodes share")
    model.add_argument("--listen", default=f"0.0.0.0:{CONTROL_PORT}", help="where nodes connect")
    model.add_argument("--pd", type=int, default=3)
    model.add_argument("--stores", type=int, default=3)
    model.add_argument("--regions", type=int, default=60)
    model.add_argument("--seed", type=int, default=1)
    model.add_argument("--noise", type=float, default=1.0)
    model.add_argument("--traffic", type=float, default=1.0, help="load while no load generator is connected")
    model.add_argument("--reserve-space", type=int, default=5 << 30, help="storage.reserve-space of stores, in bytes")
    model.add_argument("--data-dir", type=Path, help="remembers that the cluster has data, for the next start")
    model.set_defaults(run=_model)
    node = commands.add_parser("node", help="be one PD member or one store")
    node.add_argument("--kind", choices=("pd", "store"), required=True)
    node.add_argument("--name", required=True, help="pd0, tikv0, …")
    node.add_argument("--control", default=CONTROL, help="the model, HOST:PORT")
    node.add_argument("--data-dir", type=Path, default=Path("/data"), help="a store's room is that of this volume")
    node.add_argument("--listen", default="0.0.0.0", help="address of the ports")  # noqa: S104 - a container's own
    node.add_argument("--data-address", required=True, help="this node on the data network, HOST[:PORT]")
    node.add_argument("--advertise-data-address", help="where the others send their beats, when it is another")
    node.set_defaults(run=_node)
    load = commands.add_parser("load", help="drive the clients' load")
    load.add_argument("--control", default=CONTROL, help="the model, HOST:PORT")
    load.add_argument("--traffic", type=float, default=2.0, help="multiple of the usual load")
    load.add_argument("--pattern", choices=sorted(PATTERNS), default="steady", help="how much of it, step by step")
    load.add_argument("--step", type=float, default=30.0, help="seconds")
    load.set_defaults(run=_load)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _numeric(address: str, port: int) -> str:
    """An address of numbers, looked up once.

    Raises:
        ConfigurationError: it cannot be looked up.
    """
    host, _, number = address.rpartition(":") if ":" in address else (address, "", str(port))
    try:
        found = socket.getaddrinfo(host, int(number), socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, ValueError, OverflowError) as e:
        raise ConfigurationError(f"{address!r} is no address of this machine: {e}") from e
    return f"{found[0][4][0]}:{number}"


def _node(given: argparse.Namespace) -> int:
    data = _numeric(given.data_address, DATA_PORTS[given.kind])
    options = NodeOptions(
        kind=given.kind, name=given.name, control=given.control, data_dir=given.data_dir, listen=given.listen,
        data=data, announced=_numeric(given.advertise_data_address or data, DATA_PORTS[given.kind]),
    )  # fmt: skip

    async def run() -> int:
        return await Node(options, RealClock(), _say).run()

    return asyncio.run(run())


def _load(given: argparse.Namespace) -> int:
    if not (0 <= given.traffic <= 100 and given.step > 0):
        raise ConfigurationError(
            f"traffic is {given.traffic} and step {given.step}; 0 to 100 and more than 0 are meant"
        )
    steps = [given.traffic * percent / 100 for percent in PATTERNS[given.pattern]]

    async def run() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await drive(given.control, steps, timedelta(seconds=given.step), RealClock(), _say)

    asyncio.run(run())
    return 0


def _model(given: argparse.Namespace) -> int:
    is_old = given.data_dir is not None and (given.data_dir / _MARK).exists()
    config = ClusterConfig(
        stores=given.stores, pd=given.pd, regions=given.regions, seed=given.seed, noise=given.noise,
        traffic=given.traffic, cold_start=not is_old, restarted=is_old, launched=False,
        reserve_space_bytes=given.reserve_space,
    )  # fmt: skip
    asyncio.run(_hold(config, given.listen, given.data_dir))
    return 0


def _remember(data_dir: Path, cluster: Cluster) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / _MARK).write_text(json.dumps({"cluster": str(cluster.id)}), encoding="utf-8")
    except OSError as e:
        raise DeploymentError(f"data directory {data_dir} cannot be written: {e.strerror}") from e


async def _hold(config: ClusterConfig, listen: str, data_dir: Path | None) -> None:
    """Serve until a signal comes.

    Raises:
        DeploymentError: the port cannot be bound.
    """
    host, _, port = listen.rpartition(":")
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    start = RealClock().now()
    cluster = Cluster(config, start)
    model = SharedModel(cluster, RealClock(start=start), config.traffic, _say)
    try:
        server = await asyncio.start_server(model.converse, host, int(port), limit=frames.MOST_BYTES)
    except (OSError, ValueError, OverflowError) as e:
        raise DeploymentError(f"nodes cannot be served at {listen}: {e}") from e
    if data_dir is not None:
        _remember(data_dir, cluster)
    _say(f"cluster {cluster.id} waits for its nodes at {listen}")
    living = loop.create_task(model.live(), name="live")
    ended = loop.create_task(stopped.wait(), name="signal")
    await asyncio.wait((living, ended), return_when=asyncio.FIRST_COMPLETED)
    server.close()
    if living.done():
        living.result()
    living.cancel()
