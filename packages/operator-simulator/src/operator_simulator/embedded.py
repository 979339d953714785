"""A cluster in a background process of its own, on real loopback ports, that outlives the command that started it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, cast

from operator_core.components import Endpoint
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.faults import Fault, FaultCapability, Undo
from operator_core.ports import Clock, DeploymentStatus, Progressed, ServiceHealth
from operator_core.runtime import RealClock

from operator_simulator import chaos, services, wire
from operator_simulator.config import ClusterConfig
from operator_simulator.state import RunningProcess, State, StateDirectory, process_started

_UP_WITHIN: Final = timedelta(seconds=30)
_ALL_UP_WITHIN: Final = timedelta(seconds=180)
_TERM_WITHIN: Final = timedelta(seconds=10)
_COMMAND_WITHIN: Final = timedelta(seconds=45)
_SILENCE_WITHIN: Final = timedelta(seconds=180)
"""How long, at the wall clock's speed, it may do something long without a word; no wait of a restart is longer."""
_SETTLED_WITHIN: Final = timedelta(seconds=3)
_LOOK_EVERY: Final = timedelta(seconds=0.1)
_FOLLOW_EVERY: Final = timedelta(seconds=0.5)
_LINE_LIMIT: Final = 1 << 26


def embedded_deployments(state_directory: Path) -> tuple[str, ...]:
    """The names of the embedded clusters that run; what killed ones left behind is cleaned away."""
    return StateDirectory(state_directory).names()


class EmbeddedDeployment:
    """A deployment and fault target whose cluster lives in a background process.

    Args:
        state_directory: where the state file, the control socket and the log go.
        config: None for the usual shape; a running cluster keeps its own.
        speed: cluster seconds per second of the wall clock, for a cluster that is brought up.
        first_port: see :class:`LoopbackServer`.
    """

    def __init__(
        self,
        *,
        name: str,
        state_directory: Path,
        config: ClusterConfig | None = None,
        speed: float = 1.0,
        first_port: int | None = None,
    ) -> None:
        if speed <= 0:
            raise ConfigurationError(f"speed is {speed}; it must be above 0")
        self.name = name
        self._home = StateDirectory(state_directory)
        self._home.file(name)
        self._config = config or ClusterConfig()
        self._speed = speed
        self._first_port = first_port
        self._wall = RealClock()

    # -- the process --------------------------------------------------------------------------------------------

    async def up(self, progressed: Progressed) -> None:
        self._home.prepare()
        if await self._found() is not None:
            progressed(f"{self.name} is already up")
            return
        progressed(f"starting {self.name}: {self._config.pd} PD, {self._config.stores} TiKV")
        pid = self._spawn()
        try:
            async with self._wall.deadline(_UP_WITHIN):
                while (state := self._home.read(self.name)) is None or state.pid != pid:
                    if _has_ended(pid):
                        raise DeploymentError(f"embedded cluster {self.name!r} did not start: {self._last_words()}")
                    await self._wall.sleep(_LOOK_EVERY)
                await self._command("status")
        except TimeoutError as e:
            os.kill(pid, signal.SIGKILL)
            raise DeploymentError(
                f"embedded cluster {self.name!r} (pid {pid}) did not answer within {_UP_WITHIN.total_seconds():g} s; "
                f"see {self._home.log(self.name)}"
            ) from e
        if self._config.cold_start or self._config.restarted:
            await self._comes_up(progressed)
        progressed(f"{self.name} is up (pid {pid})")

    async def _comes_up(self, progressed: Progressed) -> None:
        """Wait until every process does its work; meanwhile the cluster can be watched already.

        Raises:
            DeploymentError: not all of them do in time; the cluster stays as it is.
        """
        running = set[str]()
        status = await self.status()
        try:
            async with self._wall.deadline(_ALL_UP_WITHIN / self._speed):
                while not status.is_healthy:
                    for service in status.services:
                        if service.health is ServiceHealth.RUNNING and service.name not in running:
                            running.add(service.name)
                            progressed(f"{service.name} runs")
                    await self._wall.sleep(_LOOK_EVERY)
                    status = await self.status()
        except TimeoutError as e:
            raise DeploymentError(
                f"embedded cluster {self.name!r}: {services.not_running(status)} after "
                f"{_ALL_UP_WITHIN.total_seconds():g} s of its time"
            ) from e

    def _spawn(self) -> int:
        """Start the process in a session of its own; its output goes to a file, so nobody must drain a pipe."""
        arguments = [
            sys.executable, "-m", "operator_simulator", "embedded", self.name,
            "--state-directory", str(self._home.path.absolute()),
            "--config", self._config.to_json(), "--speed", repr(self._speed),
        ]  # fmt: skip
        if self._first_port is not None:
            arguments += ["--first-port", str(self._first_port)]
        log = self._home.log(self.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        try:
            return os.posix_spawn(sys.executable, arguments, dict(os.environ), file_actions=actions, setsid=True)
        except OSError as e:
            raise DeploymentError(f"{sys.executable} cannot be started: {e.strerror}") from e

    def _last_words(self) -> str:
        try:
            lines = self._home.log(self.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].removeprefix("error: ") if lines else "it said nothing"

    async def down(self, progressed: Progressed) -> None:
        """Ask the process to end, and end it when it does not."""
        processes = self._home.processes(self.name)
        if not processes:
            progressed(f"{self.name} is not up")
            return
        for process in processes:
            progressed(f"stopping {self.name} (pid {process.pid})")
            _signal(process, signal.SIGTERM)
            if not await self._gone(process):
                _signal(process, signal.SIGKILL)
                if not await self._gone(process):
                    raise DeploymentError(f"embedded cluster {self.name!r} (pid {process.pid}) does not end")
        self._home.clean(self.name)
        progressed(f"{self.name} is down")

    async def _gone(self, process: RunningProcess) -> bool:
        try:
            async with self._wall.deadline(_TERM_WITHIN):
                while not _has_ended(process.pid) and process.is_alive:
                    await self._wall.sleep(_LOOK_EVERY)
        except TimeoutError:
            return False
        return True

    # -- its control --------------------------------------------------------------------------------------------

    async def _found(self) -> State | None:
        """What the running process wrote down; None when there is no process.

        Raises:
            DeploymentError: there is one, and its state cannot be read; one that is just coming or going is waited for.
        """
        try:
            async with self._wall.deadline(_SETTLED_WITHIN):
                while (state := self._home.running(self.name)) is None and self._home.holder(self.name) is not None:
                    await self._wall.sleep(_LOOK_EVERY)
        except TimeoutError as e:
            holder = self._home.holder(self.name)
            raise DeploymentError(
                f"embedded cluster {self.name!r}" + (f" (pid {holder.pid})" if holder is not None else "") + " runs, "
                f"but its state file {self._home.file(self.name)} is lost or spoilt; take it down first"
            ) from e
        return state

    async def _state(self) -> State:
        state = await self._found()
        if state is None:
            raise DeploymentError(f"deployment {self.name!r} is not up")
        return state

    async def _command(self, do: str, *, progressed: Progressed | None = None, **arguments: object) -> object:
        """One question to the background process.

        Args:
            progressed: told what it says before it answers; then it may take long, if only it is never silent for long.

        Raises:
            DeploymentError: it is not up, does not answer, or could not do it.
            ConfigurationError: what was asked makes no sense for this cluster.
        """
        state = await self._state()
        asked = json.dumps({"do": do, "token": state.token, **arguments}).encode() + b"\n"
        within = _COMMAND_WITHIN if progressed is None else _SILENCE_WITHIN / min(1.0, state.speed)
        answer: wire.Json = {}
        try:
            async with self._wall.deadline(_COMMAND_WITHIN):
                reader, writer = await _connect(state.control)
            try:
                writer.write(asked)
                while "ok" not in answer and "error" not in answer:
                    async with self._wall.deadline(within):
                        line = await reader.readline()
                    if not line:
                        raise DeploymentError(f"embedded cluster {self.name!r} (pid {state.pid}) hung up over {do}")
                    answer = cast("wire.Json", json.loads(line))
                    if progressed is not None and "progress" in answer:
                        progressed(str(answer["progress"]))
            finally:
                writer.close()
        except (OSError, TimeoutError, ValueError) as e:
            raise DeploymentError(
                f"embedded cluster {self.name!r} (pid {state.pid}): {do}: {e or type(e).__name__}"
            ) from e
        if "error" in answer:
            raise (ConfigurationError if answer["kind"] == "configuration" else DeploymentError)(str(answer["error"]))
        return answer["ok"]

    async def status(self) -> DeploymentStatus:
        state = await self._found()
        if state is None:
            return services.missing(self.name, self._config)
        addresses: dict[str, tuple[str, ...]] = {}
        for endpoint in state.to_endpoints():
            key = endpoint.component.key
            addresses[key] = (*addresses.get(key, ()), endpoint.reachable)
        rows = cast("list[wire.Json]", await self._command("status"))
        return wire.status_of_json(self.name, rows, addresses)

    async def logs(self, service: str | None, *, follow: bool, tail: int | None) -> AsyncIterator[str]:
        """Log lines in the order of time; each is led by its service's name when all are asked for."""
        seen: dict[str, int] = {}
        while True:
            rows = cast("list[list[object]]", await self._command("logs", service=service, after=seen))
            for row in rows:
                seen[str(row[1])] = max(seen.get(str(row[1]), 0), int(cast("int", row[2])))
            for row in rows if tail is None else rows[max(0, len(rows) - tail) :]:
                yield str(row[3])
            if not follow:
                return
            tail = None
            await self._wall.sleep(_FOLLOW_EVERY)

    async def restart(self, service: str | None, progressed: Progressed) -> None:
        """Restart in order (:class:`operator_simulator.rolling.Rolling`): one service, or all, one after the other.

        Raises:
            ConfigurationError: no such service.
            DeploymentError: it is not up, another restart is under way, or a process did not come back.
        """
        await self._command("restart", progressed=progressed, service=service)

    async def endpoints(self) -> tuple[Endpoint, ...]:
        return (await self._state()).to_endpoints()

    def clock(self) -> Clock:
        """The cluster's time; while it is not up, the wall clock's at the speed it would have."""
        state = self._home.running(self.name)
        if state is None:
            return RealClock(speed=self._speed)
        return RealClock(start=state.cluster_now(RealClock().now()), speed=state.speed)

    # -- faults -------------------------------------------------------------------------------------------------

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        return chaos.CAPABILITIES

    async def plan(self, fault: Fault) -> Undo:
        """How the fault would be taken back.

        Raises:
            ConfigurationError: there is no such component, or the fault cannot be done to it.
        """
        steps = await self._command("plan", fault=wire.fault_to_json(fault))
        return Undo(steps=cast("dict[str, str]", steps))

    async def inject(self, fault: Fault, undo: Undo) -> None:
        await self._command("inject", fault=wire.fault_to_json(fault), undo=dict(undo.steps))

    async def undo(self, undo: Undo) -> None:
        """Take a fault back; when the cluster is gone, so is the fault."""
        if await self._found() is not None:
            await self._command("undo", undo=dict(undo.steps))


def _signal(process: RunningProcess, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may just have ended by itself
        os.kill(process.pid, number)


def _has_ended(pid: int) -> bool:
    """Whether a process is gone; a child of ours is reaped on the way."""
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return process_started(pid) is None
    return ended == pid


async def _connect(control: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if control.startswith("/"):
        return await asyncio.open_unix_connection(control, limit=_LINE_LIMIT)
    host, _, port = control.rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=_LINE_LIMIT)
