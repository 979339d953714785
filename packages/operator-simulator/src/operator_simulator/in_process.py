"""The cluster's face without sockets: an httpx transport and a dialer that behave like a network in a clock's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Final, cast

import httpx
from operator_core.components import ComponentRef
from operator_core.ports import Clock
from operator_core.readings import Contact

from operator_simulator.faces import front
from operator_simulator.faces.exchange import Answer, Broken, Door, Later, Request
from operator_simulator.faces.front import Port
from operator_simulator.faces.http import reason, render
from operator_simulator.faces.tikv import SETTINGS_FRAME
from operator_simulator.model.cluster import Cluster

_SYN_RETRIES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Linux repeats an unanswered SYN after these pauses, and gives up after 127 s."""
_LOOK_AGAIN_S: Final = 0.25


class Unplugged(Enum):
    """How the observer's own view of something is spoilt, while the cluster itself is well."""

    REFUSED = "refused"
    HANGING = "hanging"
    GARBAGE = "garbage"


class InProcessNetwork:
    """The network between an observer and a cluster.

    Attributes:
        cluster: None before the cluster is up; then everything refuses.
    """

    def __init__(self, cluster: Cluster | None, clock: Clock) -> None:
        self.cluster = cluster
        self.clock = clock
        self.look_again_s = _LOOK_AGAIN_S
        """How often a caller that has no answer yet is looked after, in cluster time."""
        self._unplugged: dict[str, Unplugged] = {}
        self._ports: dict[tuple[str, int], Port] = {}
        self._ports_of: Cluster | None = None
        self.transport = _Transport(self)
        self.dialer = InProcessDialer(self)

    def unplug(self, what: ComponentRef | str, how: Unplugged | str) -> None:
        """Spoil the observer's view of a component, of a kind (``pd``, ``store``) or of all scrapes (``metrics``)."""
        self._unplugged[what.key if isinstance(what, ComponentRef) else what] = Unplugged(how)

    def plug(self, what: ComponentRef | str | None = None) -> None:
        """Give the view back; all of it when nothing is named."""
        if what is None:
            self._unplugged.clear()
        else:
            self._unplugged.pop(what.key if isinstance(what, ComponentRef) else what, None)

    def spoilt(self, port: Port, path: str) -> Unplugged | None:
        """How the observer's view of this port and path is spoilt, if it is."""
        if not self._unplugged:
            return None
        names = [port.component.key, port.component.kind, f"metrics {port.component.key}" if path == "/metrics" else ""]
        names.append("metrics" if path == "/metrics" else "")
        return next((self._unplugged[n] for n in names if n in self._unplugged), None)

    def port(self, host: str, number: int) -> Port | None:
        if self.cluster is None:
            return None
        if self._ports_of is not self.cluster:
            self._ports = {(p.process, p.number): p for p in front.ports_of(self.cluster)}
            self._ports_of = self.cluster
        return self._ports.get((host, number))

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(timedelta(seconds=seconds))

    def now(self) -> Cluster:
        """The cluster as it is at the clock's instant."""
        assert self.cluster is not None
        self.cluster.advance_to(self.clock.now())
        return self.cluster


async def connect(network: InProcessNetwork, port: Port, within_s: float | None, path: str = "") -> Contact:
    """Open a connection: ANSWERED (also by a frozen process's kernel), REFUSED or UNANSWERED."""
    waited = 0.0
    spoilt = network.spoilt(port, path)
    for pause in _SYN_RETRIES_S:
        state = front.door(network.now(), port.process)
        if spoilt is Unplugged.REFUSED:
            return Contact.REFUSED
        if state is not Door.UNANSWERED:
            await network.sleep(front.distance_s(network.now(), port.process))
            return Contact.REFUSED if state is Door.REFUSES else Contact.ANSWERED
        rest = pause if within_s is None else min(pause, within_s - waited)
        await network.sleep(rest)
        waited += rest
        if within_s is not None and waited >= within_s - 1e-9:
            return Contact.UNANSWERED
    return Contact.UNANSWERED


async def converse(
    network: InProcessNetwork,
    port: Port,
    request: Request,
    within_s: float | None,
    has_left: Callable[[], bool] = lambda: False,
) -> Answer | Contact:
    """Ask, and wait for the answer: SILENT when none came in time, REFUSED when the connection was reset.

    Args:
        has_left: says that the caller is gone, so that nobody waits for ever.
    """
    waited = 0.0
    spoilt = network.spoilt(port, request.path)
    answered: Answer | None = None
    while True:
        cluster = network.now()
        state = front.door(cluster, port.process)
        if state is Door.REFUSES:
            return Contact.REFUSED
        if has_left():
            return Contact.SILENT
        pause = network.look_again_s
        if state is Door.OPEN and spoilt is not Unplugged.HANGING:
            if answered is not None:
                return answered
            outcome = front.answer(cluster, port.process, request, waited)
            match outcome:
                case Answer():
                    if spoilt is Unplugged.GARBAGE:
                        outcome = Answer.text("\x00\x7f<html>*** portal ***", 200)
                    answered = outcome
                    pause = outcome.after_s
                case Later():
                    pause = outcome.seconds
                case Broken.RESET:
                    return Contact.REFUSED
                case Broken.SILENCE:
                    spoilt = Unplugged.HANGING
        if within_s is not None and waited + pause >= within_s:
            await network.sleep(within_s - waited)
            return Contact.SILENT
        await network.sleep(pause)
        waited += pause


class _Transport(httpx.AsyncBaseTransport):
    """Answers for the advertised hosts; a timeout of the client's counts in the clock's time."""

    def __init__(self, network: InProcessNetwork) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        network, url = self._network, request.url
        port = network.port(url.host, url.port or 80)
        if port is None:
            known = network.cluster is not None and any(p.process == url.host for p in front.ports_of(network.cluster))
            why = "Connection refused" if known or network.cluster is None else "Name or service not known"
            raise httpx.ConnectError(f"All connection attempts failed: {why}", request=request)
        timeouts = cast("dict[str, float | None]", request.extensions.get("timeout", {}))
        target = url.raw_path.decode("ascii")
        match await connect(network, port, timeouts.get("connect"), target.partition("?")[0]):
            case Contact.REFUSED:
                raise httpx.ConnectError("All connection attempts failed: Connection refused", request=request)
            case Contact.UNANSWERED:
                raise httpx.ConnectTimeout("Connection timed out", request=request)
            case _:
                pass
        headers = {k.lower(): v for k, v in request.headers.items()}
        asked = Request.of(request.method, target, headers, await request.aread())
        if not port.speaks_http:
            raise httpx.RemoteProtocolError("illegal status line: an HTTP/2 SETTINGS frame", request=request)
        match await converse(network, port, asked, timeouts.get("read")):
            case Answer() as answer:
                given = {"content-length": str(len(answer.body))}
                if answer.content_type is not None:
                    given["content-type"] = answer.content_type
                extensions = {"http_version": b"HTTP/1.1", "reason_phrase": reason(answer.status).encode()}
                return httpx.Response(answer.status, headers=given, content=answer.body, extensions=extensions)
            case Contact.REFUSED:
                raise httpx.ReadError("Connection reset by peer", request=request)
            case _:
                raise httpx.ReadTimeout("The read operation timed out", request=request)


class InProcessDialer:
    """Knocks at the same doors below HTTP (:class:`operator_core.ports.Dialer`)."""

    def __init__(self, network: InProcessNetwork) -> None:
        self._network = network

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        network, limit = self._network, within.total_seconds()
        door = network.port(host, port)
        if door is None:
            return Contact.REFUSED, b""
        began = network.clock.now()
        contact = await connect(network, door, limit)
        if contact is not Contact.ANSWERED:
            return contact, b""
        rest = limit - (network.clock.now() - began).total_seconds()
        if network.spoilt(door, "") is Unplugged.GARBAGE:
            return Contact.ANSWERED, b"SSH-2.0-OpenSSH_9.6\r\n"
        if not door.speaks_http:
            return await self._greeting(door, rest)
        asked = _read_head(hello)
        if asked is None:
            if hello:
                return Contact.ANSWERED, render(Answer.text("400 Bad Request", 400))
            await network.sleep(rest)
            return Contact.SILENT, b""
        match await converse(network, door, asked, rest):
            case Answer() as answer:
                return Contact.ANSWERED, render(answer)
            case Contact() as contact:
                return contact, b""

    async def _greeting(self, door: Port, limit: float) -> tuple[Contact, bytes]:
        """A gRPC server speaks first."""
        waited = 0.0
        while True:
            match front.door(self._network.now(), door.process):
                case Door.OPEN if self._network.spoilt(door, "") is None:
                    return Contact.ANSWERED, SETTINGS_FRAME
                case Door.REFUSES:
                    return Contact.REFUSED, b""
                case _:
                    pass
            if waited + _LOOK_AGAIN_S >= limit:
                await self._network.sleep(limit - waited)
                return Contact.SILENT, b""
            await self._network.sleep(_LOOK_AGAIN_S)
            waited += _LOOK_AGAIN_S


def _read_head(hello: bytes) -> Request | None:
    head = hello.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(head) != 3 or not head[2].startswith("HTTP/1"):
        return None
    return Request.of(head[0], head[1], {}, b"")
