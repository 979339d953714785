"""One node: the ports of one PD member or store, beats on the data network, and a connection to the model.

It has nothing of its own to say. While the model cannot be reached its ports stay as they are and what is asked waits,
as it does at a process that hangs; it is asked again when the model is back.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, cast

from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock

from operator_simulator.faces.exchange import Broken, Door
from operator_simulator.nodes import beats, frames
from operator_simulator.nodes.beats import Beats
from operator_simulator.nodes.frames import BadFrame, Frame, Hello, Report
from operator_simulator.nodes.ports import Link, Ports
from operator_simulator.nodes.shared import keep_alive

_BEAT: Final = timedelta(seconds=beats.EVERY_S)
_BACKOFF_S: Final = (0.2, 0.4, 0.8, 1.6, 3.0)
_CONNECT_WITHIN: Final = timedelta(seconds=3)
_ENDS_WITHIN: Final = timedelta(seconds=25)
"""A store hands its leaders over for up to 20 s."""
_VOLUME_EVERY_ROUNDS: Final = 5
_MARK: Final = "node.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What a node is told.

    Attributes:
        control: where the model is, ``host:port``.
        data_dir: the volume whose room is the store's.
        listen: the address of its ports.
        data: the address on the data network where its beats arrive.
        announced: the same as the others know it.
    """

    kind: str
    name: str
    control: str
    data_dir: Path
    listen: str
    data: str
    announced: str


class Node:
    """One node, for the life of its process.

    Args:
        said: told in words what happens between it and the model.
    """

    def __init__(self, options: NodeOptions, clock: Clock, said: Callable[[str], None]) -> None:
        self._options = options
        self._clock = clock
        self._said = said
        self._life = int(clock.now().timestamp() * 1e6)
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._stops = False
        self._room = (0, 0)
        self._last_words = ""
        self._has_data = self._claim()
        self._beats = Beats(self._bound(), options.name, self._life, asyncio.get_running_loop().time)
        self._ports = Ports(options.kind, options.listen, clock)

    def _claim(self) -> bool:
        """Whether the data directory holds this node's data already.

        Raises:
            ConfigurationError: it holds another one's.
            DeploymentError: it cannot be used.
        """
        folder = self._options.data_dir
        mark = folder / _MARK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                return False
            owner = cast("dict[str, object]", json.loads(mark.read_text(encoding="utf-8"))).get("name")
        except (OSError, ValueError, AttributeError) as e:
            raise DeploymentError(f"data directory {folder} cannot be used: {e}") from e
        if owner != self._options.name:
            raise ConfigurationError(f"data directory {folder} holds the data of {owner}, not of {self._options.name}")
        return True

    def _bound(self) -> socket.socket:
        host, _, port = self._options.data.rpartition(":")
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            sock.bind((host, int(port)))
        except (OSError, ValueError, OverflowError) as e:
            sock.close()
            raise DeploymentError(f"beats cannot be received at {self._options.data}: {e}") from e
        return sock

    async def run(self) -> int:
        """Be the node until it ends; its exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        tasks = [
            loop.create_task(self._beat(), name="beats"),
            loop.create_task(self._stay_connected(), name="control"),
        ]
        for task in tasks:
            task.add_done_callback(self._failed)
        try:
            return await self._code
        finally:
            for task in tasks:
                task.cancel()
            await self._ports.close()

    def _failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._code.done():
            self._code.set_exception(error)

    def _end(self, code: int) -> None:
        if not self._code.done():
            self._code.set_result(code)

    def _stop(self) -> None:
        """SIGTERM: the model's process ends in order, and this one with it; without the model, or twice, at once."""
        if self._ports.link is None or self._stops:
            self._end(0)
            return
        self._stops = True
        self._ports.link.writer.write(frames.line("stopping"))
        asyncio.get_running_loop().call_later(_ENDS_WITHIN.total_seconds(), self._end, 0)

    # -- the data network ---------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        rounds = 0
        while True:
            self._beats.take_in()
            self._beats.send()
            if rounds % _VOLUME_EVERY_ROUNDS == 0:
                found = os.statvfs(self._options.data_dir)
                self._room = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
            if self._ports.link is not None:
                capacity, available = self._room
                report = Report(
                    sent=self._beats.sent, heard=self._beats.heard(), capacity_bytes=capacity, available_bytes=available
                )
                self._ports.link.writer.write(frames.report_line(report))
            rounds += 1
            await self._listen_until_next()

    async def _listen_until_next(self) -> None:
        """Beats are sent back as soon as they come, so that a round trip measures the way."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._beats.fileno(), self._beats.take_in)
        try:
            await self._clock.sleep(_BEAT)
        finally:
            loop.remove_reader(self._beats.fileno())

    # -- the control network ------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        tries = 0
        while True:
            try:
                tries = 0 if await self._talk() else tries + 1
            except (OSError, TimeoutError, BadFrame) as e:
                self._say(f"model {self._options.control}: {e or type(e).__name__}")
                tries += 1
            if self._stops:
                self._end(0)
            pause_s = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]
            await self._clock.sleep(timedelta(seconds=pause_s))

    def _say(self, words: str) -> None:
        """Once, however often it is tried again."""
        if words != self._last_words:
            self._last_words = words
            self._said(words)

    async def _talk(self) -> bool:
        """One connection, from beginning to end; whether the model has let us in."""
        host, _, port = self._options.control.rpartition(":")
        async with self._clock.deadline(_CONNECT_WITHIN):
            reader, writer = await asyncio.open_connection(host, int(port), limit=frames.MOST_BYTES)
        link, is_in = Link(writer), False
        try:
            keep_alive(writer)
            writer.write(
                frames.hello_line(
                    Hello(
                        kind=self._options.kind, name=self._options.name, life=self._life,
                        data_address=self._options.announced, has_data=self._has_data,
                    )
                )
            )  # fmt: skip
            while (frame := await frames.receive(reader)) is not None:
                if frames.kind_of(frame) == "welcome":
                    self._welcomed(frames.text(frame, "cluster"))
                    self._ports.link, is_in = link, True
                else:
                    self._told(link, frame)
            if is_in:
                self._say(f"model {self._options.control} has hung up")
            return is_in
        finally:
            self._ports.link = None
            link.over()

    def _welcomed(self, cluster: str) -> None:
        if not self._has_data:
            # What is there is marked at the first welcome; a volume without room for this holds nothing at all.
            mark = json.dumps({"name": self._options.name, "cluster": cluster})
            with suppress(OSError):
                (self._options.data_dir / _MARK).write_text(mark, encoding="utf-8")
                self._has_data = True
        self._say(f"{self._options.name} belongs to cluster {cluster}")

    def _told(self, link: Link, frame: Frame) -> None:
        match frames.kind_of(frame):
            case "answer":
                link.answered(frames.whole(frame, "id"), frames.to_answer(frame))
            case "broken":
                link.answered(frames.whole(frame, "id"), Broken(frames.text(frame, "how")))
            case "peers":
                self._beats.meet(frames.to_peers(frame))
            case "door":
                self._ports.become(Door.OPEN if frames.truth(frame, "open") else Door.REFUSES)
            case "log":
                for each in cast("list[object]", frame.get("lines", [])):
                    sys.stdout.write(f"{each}\n")
                sys.stdout.flush()
            case "end":
                self._end(frames.whole(frame, "code"))
            case "refused":
                raise BadFrame(f"refused: {frames.text(frame, 'why')}")
            case _:
                pass  # a later version of the model may say more
