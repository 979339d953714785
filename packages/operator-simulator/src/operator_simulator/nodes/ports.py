"""The ports of a node: what is asked there is passed on to the model, and its answer is given."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from operator_core.ports import Clock

from operator_simulator.faces.exchange import Answer, Broken, Door, Request
from operator_simulator.faces.tikv import SETTINGS_FRAME
from operator_simulator.gate import Gate
from operator_simulator.http_stream import serve_requests
from operator_simulator.nodes import frames

PORTS: Final = {"pd": {"client": 2379}, "store": {"service": 20160, "status": 20180}}
_LOOK: Final = timedelta(seconds=0.1)
_ANSWER_LOOK_S: Final = 0.25


class Link:
    """One connection to the model, and what was asked over it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._asked: dict[int, asyncio.Future[Answer | Broken | None]] = {}
        self._last = 0

    def ask(self, request: Request) -> tuple[int, asyncio.Future[Answer | Broken | None]]:
        """Pass a request on; None will be the outcome when the connection ends before."""
        self._last += 1
        future = asyncio.get_running_loop().create_future()
        self._asked[self._last] = future
        self.writer.write(frames.ask_line(self._last, request))
        return self._last, future

    def drop(self, ident: int) -> None:
        """Nobody waits for it any more."""
        if self._asked.pop(ident, None) is not None:
            self.writer.write(frames.line("drop", id=ident))

    def answered(self, ident: int, outcome: Answer | Broken) -> None:
        future = self._asked.pop(ident, None)
        if future is not None and not future.done():
            future.set_result(outcome)

    def over(self) -> None:
        for future in self._asked.values():
            if not future.done():
                future.set_result(None)
        self._asked.clear()
        self.writer.transport.abort()


class Ports:
    """All ports of one node.

    Args:
        listen: the address that they are on.

    Attributes:
        link: the connection to the model, while there is one; who asks without one waits for it.
    """

    def __init__(self, kind: str, listen: str, clock: Clock) -> None:
        self._clock = clock
        self.link: Link | None = None
        self._gates = [
            Gate(number, self._serve if purpose != "service" else self._greet, listen)
            for purpose, number in PORTS[kind].items()
        ]

    def become(self, state: Door) -> None:
        """Open, or refuse."""
        for gate in self._gates:
            gate.become(state)

    async def close(self) -> None:
        for gate in self._gates:
            await gate.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer(request: Request) -> Answer | None:
            outcome = await self._ask(request, reader)
            while outcome is Broken.SILENCE and not reader.at_eof():
                await self._clock.sleep(_LOOK)
            return outcome if isinstance(outcome, Answer) else None

        await serve_requests(reader, writer, answer)

    async def _ask(self, request: Request, reader: asyncio.StreamReader) -> Answer | Broken | None:
        """The model's answer; None when the caller has gone."""
        while not reader.at_eof():
            link = self.link
            if link is None:
                await self._clock.sleep(_LOOK)
                continue
            ident, outcome = link.ask(request)
            try:
                while not outcome.done() and not reader.at_eof():
                    await asyncio.wait((outcome,), timeout=_ANSWER_LOOK_S)
                if outcome.done() and (found := outcome.result()) is not None:
                    return found
            finally:
                link.drop(ident)
            if outcome.done() and request.method != "GET":
                return Broken.RESET  # it may have been done; that is not for us to do again
        return None

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A gRPC server speaks first, and then has nothing to say to us."""
        writer.write(SETTINGS_FRAME)
        await writer.drain()
        while await reader.read(4096):
            pass
