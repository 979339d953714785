"""One real port that can look like every state a host can be in.

- A dead process: the port refuses. A second socket, bound and never listening, keeps the port ours meanwhile.
- A frozen process: the kernel completes connections into the backlog and nobody takes them out.
- A host that is cut off: Linux drops a SYN for a listener whose backlog is full, so a connect is never answered. The
  backlog is shortened to one and filled by a connection of our own; giving the listener its backlog back undoes it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from operator_core.errors import DeploymentError

from operator_simulator.faces.exchange import Door

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 1024
_PLUGS: Final = 3
Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _bound(host: str, number: int) -> socket.socket:
    """A TCP socket on the port, which is shared among sockets of this user that ask for sharing.

    It does not ask for SO_REUSEADDR, so that :func:`_free` of another process meets it even while nobody listens.

    Raises:
        DeploymentError: the port belongs to somebody else.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, number))
    except OSError as e:
        sock.close()
        raise DeploymentError(f"port {number} on {host} cannot be bound: {e.strerror}") from e
    return sock


class Gate:
    """A port; starts out refusing.

    Args:
        number: 0 for any free port.
        serve: what is done with each connection.
        host: the address of ours that it is on; one that stands for all of them cannot look cut off.
    """

    def __init__(self, number: int, serve: Served, host: str = _HOST) -> None:
        if number:
            _free(host, number)
        self._host = host
        self._reserved = _bound(host, number)
        self.number: int = self._reserved.getsockname()[1]
        self._serve = serve
        self.state = Door.REFUSES
        self._listener: socket.socket | None = None
        self._plugs: list[socket.socket] = []
        self._accepting: asyncio.Task[None] | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def become(self, state: Door) -> None:
        """Look like this from now on."""
        if state is self.state:
            return
        was, self.state = self.state, state
        self._stop_accepting()
        if was is Door.UNANSWERED:
            self._unplug()
        if state is Door.REFUSES:
            self._close_listener()
            return
        if self._listener is None:
            self._listener = _bound(self._host, self.number)
            # What is left of its connections inherits this, and so keeps nobody from the port after us.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if state is Door.UNANSWERED:
            self._plug(self._listener)
            return
        self._listener.listen(_BACKLOG)
        if state is Door.OPEN:
            self._accepting = asyncio.get_running_loop().create_task(
                self._accept(self._listener), name=f"accept {self.number}"
            )

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            reader, writer = await asyncio.open_connection(sock=connection)
            task = loop.create_task(self._connected(reader, writer), name=f"connection {self.number}")
            self._connections[task] = writer
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task, None)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the caller went away in the middle; that is his right
        finally:
            writer.close()

    def _stop_accepting(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None

    def _close_listener(self) -> None:
        if self._listener is not None:
            # At once, because the next socket may be given the number of this one before a task that ends could do it.
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task, writer in list(self._connections.items()):
            writer.transport.abort()
            task.cancel()

    def _plug(self, listener: socket.socket) -> None:
        listener.listen(_BACKLOG)
        self._drain(listener)
        listener.listen(0)
        for _ in range(_PLUGS):
            plug = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            plug.setblocking(False)
            plug.connect_ex((self._host, self.number))
            self._plugs.append(plug)

    def _unplug(self) -> None:
        for plug in self._plugs:
            plug.close()
        self._plugs.clear()
        if self._listener is not None:
            self._drain(self._listener)

    @staticmethod
    def _drain(listener: socket.socket) -> None:
        """Take out and drop what the kernel has connected already."""
        while True:
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, OSError):
                return
            connection.close()

    async def close(self) -> None:
        """Give the port back."""
        accepting, connections = self._accepting, list(self._connections)
        self.become(Door.REFUSES)
        self._reserved.close()
        for task in (*connections, *([accepting] if accepting is not None else [])):
            try:
                await task
            except asyncio.CancelledError:
                if (current := asyncio.current_task()) is not None and current.cancelling():
                    raise


def _free(host: str, number: int) -> None:
    """Sharing would let us bind a port that another sharing process has; a socket that does not share finds out.

    With SO_REUSEADDR, what is left of connections that ended lately (TIME_WAIT) does not count as taken.

    Raises:
        DeploymentError: the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except (OSError, OverflowError) as e:
            raise DeploymentError(f"port {number} on {host} cannot be bound: {getattr(e, 'strerror', e)}") from e
