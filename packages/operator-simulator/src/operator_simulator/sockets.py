"""The cluster's face on real loopback sockets: every PD and store on ports of its own, for the life of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

from operator_core.components import Address, Endpoint
from operator_core.errors import DeploymentError
from operator_core.ports import Clock

from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Door, Request
from operator_simulator.faces.front import Port
from operator_simulator.faces.tikv import SETTINGS_FRAME
from operator_simulator.gate import Gate
from operator_simulator.http_stream import serve_requests
from operator_simulator.in_process import InProcessNetwork, converse
from operator_simulator.model.cluster import Cluster

_RECONCILE_WALL_S: Final = 0.1


class LoopbackServer:
    """Serves a cluster on 127.0.0.1.

    Args:
        clock: the cluster's time.
        speed: how many seconds of it pass in one of the wall clock.
        first_port: ports are this one and those after it, in the order of :func:`front.ports_of`; any free ones
            when left out.
        earlier: the ports of an earlier life by advertised address, taken again where they are free; without
            `first_port` only.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        *,
        speed: float = 1.0,
        first_port: int | None = None,
        earlier: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._network = InProcessNetwork(cluster, clock)
        self._network.look_again_s = max(0.25, 0.05 * speed)
        self._clock = clock
        self._pause = timedelta(seconds=_RECONCILE_WALL_S * speed)
        self._first_port = first_port
        self._earlier: Mapping[str, int] = earlier if first_port is None else {}
        self._gates: dict[Port, Gate] = {}
        self._reconciling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind everything and serve.

        Raises:
            DeploymentError: a port cannot be bound; then none is kept.
        """
        try:
            served = front.ports_of(self._network.now())
            self._take_earlier(served)
            for index, port in enumerate(served):
                number = 0 if self._first_port is None else self._first_port + index
                if port not in self._gates:
                    self._gates[port] = Gate(number, partial(self._serve, port))
            self._gates = {port: self._gates[port] for port in served}
        except BaseException:
            await self.close()
            raise
        self.reconcile()
        self._reconciling = asyncio.get_running_loop().create_task(self._reconcile_always(), name="reconcile")

    def _take_earlier(self, served: Sequence[Port]) -> None:
        """Before any other port is given out, which might be one of these."""
        for port in served:
            number = self._earlier.get(port.advertised, 0)
            if number:
                with suppress(DeploymentError):  # it is somebody else's by now
                    self._gates[port] = Gate(number, partial(self._serve, port))

    async def close(self) -> None:
        """Give every port back."""
        if self._reconciling is not None:
            self._reconciling.cancel()
            self._reconciling = None
        for gate in self._gates.values():
            await gate.close()
        self._gates.clear()

    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(
                component=port.component,
                purpose=port.purpose,
                advertised=port.advertised,
                reachable=Address(f"127.0.0.1:{gate.number}"),
            )
            for port, gate in self._gates.items()
        )

    def reconcile(self) -> None:
        """Make every port look as its process is now; done several times a second, and after each fault at once."""
        cluster = self._network.now()
        for port, gate in self._gates.items():
            gate.become(front.door(cluster, port.process))

    async def _reconcile_always(self) -> None:
        while True:
            await self._clock.sleep(self._pause)
            self.reconcile()

    async def _serve(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not port.speaks_http:
            await self._greet(port, reader, writer)
            return

        async def answer(request: Request) -> Answer | None:
            found = await converse(self._network, port, request, None, reader.at_eof)
            return found if isinstance(found, Answer) else None

        await serve_requests(reader, writer, answer)

    async def _greet(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A gRPC server speaks first, and then has nothing to say to us."""
        while front.door(self._network.now(), port.process) is not Door.OPEN:
            if reader.at_eof():
                return
            await self._network.sleep(self._network.look_again_s)
        writer.write(SETTINGS_FRAME)
        await writer.drain()
        while await reader.read(4096):
            pass
