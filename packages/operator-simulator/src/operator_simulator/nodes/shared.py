"""The model that all nodes share: it hears what they measured, lives on by the wall clock, and answers for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from operator_core.ports import Clock

from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Broken, Later, Request
from operator_simulator.model.cluster import Cluster
from operator_simulator.model.process import Life
from operator_simulator.model.store import Store
from operator_simulator.nodes import frames
from operator_simulator.nodes.frames import BadFrame, Frame, Hello, Peer
from operator_simulator.nodes.links import Links
from operator_simulator.nodes.lives import FROZEN_AFTER_S, Lives

_EVERY: Final = timedelta(seconds=0.1)
_LOGS_EVERY_ROUNDS: Final = 10
_HELLO_WITHIN: Final = timedelta(seconds=5)
_MOST_ASKED: Final = 256
_MOST_UNSENT_BYTES: Final = 1 << 20
_KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3))
"""The kernel of a frozen process answers, a host that is gone does not."""


@dataclass(slots=True)
class _Seat:
    """A node's connection.

    Attributes:
        asked: what it asked and has no answer to, by its numbers.
        is_open: what it was last told of its ports.
        ends: it asked for an orderly end.
    """

    hello: Hello
    writer: asyncio.StreamWriter
    asked: dict[int, asyncio.Task[None]] = field(default_factory=dict[int, asyncio.Task[None]])
    is_open: bool | None = None
    ends: bool = False
    has_ended: bool = False
    quiet_s: float = 0.0

    @property
    def name(self) -> str:
        return self.hello.name


class SharedModel:
    """One cluster and the connections of its nodes.

    Args:
        clock: wall-clock time, from the cluster's epoch on.
        traffic: the load while no load generator is connected, as a multiple of the usual one.
        said: told in words what was felt.
    """

    def __init__(self, cluster: Cluster, clock: Clock, traffic: float, said: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._traffic = traffic
        self._said = said
        self.lives = Lives(self.now, said)
        self.links = Links(cluster.network, said)
        self._peers: dict[str, Peer] = {}
        self._seats: dict[str, _Seat] = {}
        self._load: _Seat | None = None
        self._logged: dict[str, int] = {}
        self._last_refusal = ""

    def now(self) -> Cluster:
        """The cluster as it is at the clock's instant."""
        self._cluster.advance_to(self._clock.now())
        return self._cluster

    # -- what comes from nodes ----------------------------------------------------------------------------------

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends; whoever says what cannot be understood is told so and hung up on."""
        keep_alive(writer)
        try:
            async with self._clock.deadline(_HELLO_WITHIN):
                first = await frames.receive(reader)
            if first is None:
                return
            hello = frames.to_hello(first)
            if hello.kind == "load":
                await self._drive(hello, reader, writer)
            else:
                await self._attend(hello, reader, writer)
        except TimeoutError:
            writer.write(frames.line("refused", why="no hello came"))
        except BadFrame as e:
            self._refuse(f"refused: {e}")
            writer.write(frames.line("refused", why=str(e)))
        except OSError:
            pass  # it went away in the middle; that is what was to be learned
        finally:
            writer.close()

    def _refuse(self, words: str) -> None:
        """Said once, however often it is tried again."""
        if words != self._last_refusal:
            self._last_refusal = words
            self._said(words)

    def _admit(self, hello: Hello) -> None:
        """Let in who belongs to the cluster.

        Raises:
            BadFrame: there is no such node, it runs already, or its data is gone.
        """
        process = self.now().processes.get(hello.name)
        kind = "store" if isinstance(process, Store) else "pd"
        if process is None or kind != hello.kind:
            known = ", ".join(self._cluster.processes)
            raise BadFrame(f"there is no {hello.kind[:20]} {hello.name[:60]!r}; there are {known}")
        if not hello.data_address:
            raise BadFrame(f"{hello.name} does not say where its beats are received")
        seat = self._seats.get(hello.name)
        if seat is not None and seat.hello.life != hello.life and seat.quiet_s < FROZEN_AFTER_S:
            raise BadFrame(f"{hello.name} runs already")
        if isinstance(process, Store) and not hello.has_data and process.id in self._cluster.view.stores:
            raise BadFrame(
                f"{hello.name} comes with an empty data directory: PD would refuse its address (duplicated store)"
            )

    async def _attend(self, hello: Hello, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._admit(hello)
        seat, before = _Seat(hello, writer), self._seats.get(hello.name)
        if before is not None:
            before.writer.transport.abort()
        self._seats[hello.name] = seat
        self._logged.setdefault(hello.name, self._newest_line(hello.name))
        if self.lives.begins(hello.name, hello.life):
            self.links.forget(hello.name)
        self._peers[hello.name] = Peer(address=hello.data_address, life=hello.life)
        writer.write(frames.line("welcome", cluster=str(self._cluster.id)))
        for each in self._seats.values():
            each.writer.write(frames.peers_line(self._peers))
        trouble: BadFrame | OSError | None = None
        try:
            async with asyncio.TaskGroup() as answering:
                try:
                    while (frame := await frames.receive(reader)) is not None:
                        self._hear(seat, frame, answering)
                        await writer.drain()
                except (BadFrame, OSError) as e:
                    trouble = e
                finally:
                    for task in seat.asked.values():
                        task.cancel()
            if trouble is not None:
                raise trouble
        finally:
            if self._seats.get(hello.name) is seat:
                del self._seats[hello.name]
                self.lives.hangs_up(hello.name)

    def _newest_line(self, name: str) -> int:
        return max((line.number for line in self._cluster.processes[name].log.lines()), default=0)

    def _hear(self, seat: _Seat, frame: Frame, answering: asyncio.TaskGroup) -> None:
        if self._seats.get(seat.name) is not seat:
            raise BadFrame(f"{seat.name} has another connection by now")
        seat.quiet_s = 0.0
        self.lives.beats(seat.name)
        match frames.kind_of(frame):
            case "report":
                report = frames.to_report(frame)
                self.links.told(seat.name, seat.hello.life, report, self.lives.running())
                process = self._cluster.processes[seat.name]
                if isinstance(process, Store) and report.capacity_bytes:
                    process.disk.measured(report.capacity_bytes, report.available_bytes)
            case "ask":
                ident, request = frames.whole(frame, "id"), frames.to_request(frame)
                if len(seat.asked) >= _MOST_ASKED or ident in seat.asked:
                    raise BadFrame(f"{seat.name} asks too much at once, or twice by one number")
                task = answering.create_task(self._answer(seat, ident, request), name=f"answer {seat.name} {ident}")
                seat.asked[ident] = task
            case "drop":
                task = seat.asked.pop(frames.whole(frame, "id"), None)
                if task is not None:
                    task.cancel()
            case "stopping":
                seat.ends = True
                self.now().stop(seat.name)
            case other:
                raise BadFrame(f"a node does not say {other[:20]!r}")

    async def _answer(self, seat: _Seat, ident: int, request: Request) -> None:
        began_s = self.now().now_s
        try:
            while True:
                cluster = self.now()
                process = cluster.processes[seat.name]
                pause_s = _EVERY.total_seconds()
                if process.refuses:
                    seat.writer.write(frames.line("broken", id=ident, how=Broken.RESET.value))
                    return
                if process.life is Life.RUNNING:
                    outcome = front.answer(cluster, seat.name, request, cluster.now_s - began_s)
                    match outcome:
                        case Answer():
                            await self._clock.sleep(timedelta(seconds=outcome.after_s))
                            seat.writer.write(frames.answer_line(ident, outcome))
                            return
                        case Later():
                            pause_s = outcome.seconds
                        case Broken():
                            seat.writer.write(frames.line("broken", id=ident, how=outcome.value))
                            return
                await self._clock.sleep(timedelta(seconds=pause_s))
        finally:
            seat.asked.pop(ident, None)

    async def _drive(self, hello: Hello, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A load generator: the clients' load is what it says while it can be heard."""
        seat = _Seat(hello, writer)
        if self._load is not None:
            raise BadFrame("there is a load generator already")
        self._load = seat
        writer.write(frames.line("welcome", cluster=str(self._cluster.id)))
        self._drives(hello.traffic)
        try:
            while (frame := await frames.receive(reader)) is not None:
                seat.quiet_s = 0.0
                self._drives(frames.number(frame, "traffic", 1000))
        finally:
            self._load = None
            self._drives(self._traffic)

    def _drives(self, traffic: float) -> None:
        if self.now().workload.asked != traffic:
            self._said(f"the load is {traffic:g} times the usual one")
            self._cluster.workload.drive(traffic)

    # -- what goes on by itself ---------------------------------------------------------------------------------

    async def live(self) -> None:
        """Let time pass, and tell the nodes what they must know; for ever."""
        at, rounds = self._clock.now(), 0
        while True:
            await self._clock.sleep(_EVERY)
            before, at = at, self._clock.now()
            passed_s, rounds = (at - before).total_seconds(), rounds + 1
            self.lives.passes(passed_s)
            for seat in [*self._seats.values(), *([self._load] if self._load else [])]:
                seat.quiet_s += min(passed_s, 3 * _EVERY.total_seconds())
            if self._load is not None and self._load.quiet_s >= FROZEN_AFTER_S:
                self._drives(0.0)
            for seat in self._seats.values():
                self._tell(seat, with_log=rounds % _LOGS_EVERY_ROUNDS == 0)

    def _tell(self, seat: _Seat, *, with_log: bool) -> None:
        process = self._cluster.processes[seat.name]
        if seat.writer.is_closing() or seat.writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            return
        if (with_log or process.is_dead) and not seat.has_ended:
            lines = process.log.lines(self._logged[seat.name])
            if lines:
                self._logged[seat.name] = lines[-1].number
                seat.writer.write(frames.line("log", lines=[line.text for line in lines]))
        if seat.is_open is not process.is_up:
            seat.is_open = process.is_up
            seat.writer.write(frames.line("door", open=process.is_up))
        if process.is_dead and not seat.has_ended:
            seat.has_ended = True
            seat.writer.write(frames.line("end", code=0 if seat.ends else 1))


def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Have the kernel find out that the other host is gone."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in _KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
