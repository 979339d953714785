"""The background process of an embedded cluster: its model, its ports, and the socket by which it is controlled."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

from operator_core.errors import ConfigurationError, DeploymentError, OperatorError
from operator_core.faults import Undo
from operator_core.runtime import RealClock

from operator_simulator import chaos, services, wire
from operator_simulator.config import ClusterConfig
from operator_simulator.model.cluster import Cluster
from operator_simulator.rolling import Rolling
from operator_simulator.sockets import LoopbackServer
from operator_simulator.state import State, StateDirectory, process_started

Said = Callable[[str], None]
"""Tells the caller what is being done."""


class Background:
    """One embedded cluster and its control."""

    def __init__(self, cluster: Cluster, clock: RealClock, server: LoopbackServer, token: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._server = server
        self._token = token
        self._rolling = Rolling(self._now, clock, server.reconcile)
        self._commands: dict[str, Callable[[wire.Json, Said], Awaitable[object]]] = {
            "status": self._status,
            "logs": self._logs,
            "restart": self._restart,
            "plan": self._plan,
            "inject": self._inject,
            "undo": self._undo,
        }

    def _now(self) -> Cluster:
        self._cluster.advance_to(self._clock.now())
        return self._cluster

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the commands of one connection, line by line."""
        try:
            while line := await reader.readline():
                answer = await self._answer(line, lambda text: _write(writer, {"progress": text}))
                _write(writer, answer)
                await writer.drain()
        except OSError:
            pass  # the caller went away
        finally:
            writer.close()

    async def _answer(self, line: bytes, said: Said) -> wire.Json:
        try:
            asked = cast("wire.Json", json.loads(line))
            if not secrets.compare_digest(str(asked.get("token", "")), self._token):
                return {"error": "the token is wrong", "kind": "deployment"}
            command = self._commands[str(asked.get("do"))]
            return {"ok": await command(asked, said)}
        except ConfigurationError as e:
            return {"error": str(e), "kind": "configuration"}
        except (OperatorError, ValueError, KeyError, TypeError, TimeoutError) as e:
            return {"error": f"{type(e).__name__}: {e}", "kind": "deployment"}

    async def _status(self, _asked: wire.Json, _said: Said) -> object:
        return wire.status_to_json(services.status("", self._now()))

    async def _logs(self, asked: wire.Json, _said: Said) -> object:
        after = cast("dict[str, int]", asked["after"])
        found = services.lines(self._now(), cast("str | None", asked["service"]), after)
        return [[line.at_s, line.service, line.number, line.text] for line in found]

    async def _restart(self, asked: wire.Json, said: Said) -> object:
        """Takes minutes; what is being done is said meanwhile. It is finished also when the caller has gone."""
        await self._rolling.restart(cast("str | None", asked["service"]), said)
        return None

    async def _plan(self, asked: wire.Json, _said: Said) -> object:
        fault = wire.fault_of_json(cast("wire.Json", asked["fault"]))
        return dict(chaos.plan(self._now(), fault).steps)

    async def _inject(self, asked: wire.Json, _said: Said) -> object:
        fault = wire.fault_of_json(cast("wire.Json", asked["fault"]))
        chaos.inject(self._now(), fault, Undo(steps=cast("dict[str, str]", asked["undo"])))
        self._server.reconcile()
        return None

    async def _undo(self, asked: wire.Json, _said: Said) -> object:
        chaos.undo(self._now(), Undo(steps=cast("dict[str, str]", asked["undo"])))
        self._server.reconcile()
        return None


def _write(writer: asyncio.StreamWriter, line: wire.Json) -> None:
    """One line to the caller; to one who has gone it is lost."""
    if not writer.is_closing():
        writer.write(json.dumps(line).encode() + b"\n")


async def serve(*, name: str, directory: Path, config: ClusterConfig, speed: float, first_port: int | None) -> None:
    """Bring the cluster up, write the state file, and serve until a signal comes.

    Raises:
        DeploymentError: it is up already, or something cannot be bound or written.
    """
    home = StateDirectory(directory)
    home.prepare()
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    with home.hold(name):
        async with AsyncExitStack() as stack:
            start = RealClock().now()
            clock = RealClock(start=start, speed=speed)
            cluster = Cluster(config, start)
            server = LoopbackServer(cluster, clock, speed=speed, first_port=first_port, earlier=home.ports(name))
            await server.start()
            stack.push_async_callback(server.close)
            token = secrets.token_urlsafe(24)
            control = await _open_control(home, name, Background(cluster, clock, server, token), stack)
            endpoints = tuple(
                {
                    "component": e.component.key,
                    "purpose": e.purpose,
                    "advertised": e.advertised,
                    "reachable": e.reachable,
                }
                for e in server.endpoints()
            )
            home.remember_ports(name, {e.advertised: int(e.reachable.rpartition(":")[2]) for e in server.endpoints()})
            home.write(
                State(
                    name=name, pid=os.getpid(), started=process_started(os.getpid()) or "",
                    control=control, token=token, speed=speed, wall_epoch=start.isoformat(),
                    cluster_epoch=start.isoformat(), config=config.to_json(), endpoints=endpoints,
                )
            )  # fmt: skip
            stack.callback(home.clean, name)
            await stopped.wait()


async def _open_control(home: StateDirectory, name: str, background: Background, stack: AsyncExitStack) -> str:
    """A unix socket, or a loopback port where its path would be too long; gives its address."""
    path = home.socket(name)
    try:
        if path is None:
            listening = await asyncio.start_server(background.converse, "127.0.0.1", 0)
        else:
            path.unlink(missing_ok=True)
            listening = await asyncio.start_unix_server(background.converse, str(path))
            path.chmod(0o600)
    except OSError as e:
        raise DeploymentError(f"control socket {path or '127.0.0.1'} cannot be opened: {e.strerror}") from e
    stack.callback(listening.close)
    if path is not None:
        return str(path)
    host, port = listening.sockets[0].getsockname()[:2]
    return f"{host}:{port}"
