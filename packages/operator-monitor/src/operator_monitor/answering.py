"""The process answers for itself over HTTP: `/healthz` for whoever restarts it, `/metrics` for Prometheus.

Meant for loopback or a network that is trusted: it changes nothing, and asks nobody who they are.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from operator_core.errors import ConfigurationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from operator_monitor.vitals import Vitals

LAST_PORT = 65535


class _Server(uvicorn.Server):
    """A server that is ended by its caller; signals are the business of the program that it is in."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _answers(vitals: Vitals) -> Starlette:
    async def healthz(_: Request) -> Response:
        health = vitals.health()
        unwell = [
            {
                "cluster": h.cluster,
                "standing_by": h.stands_by,
                "last_good_look_age_s": None if h.age is None else round(h.age.total_seconds(), 3),
                "at_most_s": h.at_most.total_seconds(),
            }
            for h in health
            if not h.is_well
        ]
        standing_by = sum(h.stands_by for h in health)
        return JSONResponse(
            {
                "status": "unwell" if unwell else "well",
                "watching": len(health) - standing_by,
                "standing_by": standing_by,
                "unwell": unwell,
            },
            status_code=503 if unwell else 200,
        )

    async def metrics(request: Request) -> Response:
        body, content_type = await vitals.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", metrics)])


@asynccontextmanager
async def listening(vitals: Vitals, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[int]:
    """Answer at this address until the block ends.

    Args:
        port: 0 takes one that is free.

    Yields:
        The port.

    Raises:
        ConfigurationError: the address cannot be had.
    """
    with _door(host, port) as door:
        config = uvicorn.Config(
            _answers(vitals),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[door]), name=f"listen {host}:{port}")
            try:
                yield door.getsockname()[1]
            finally:
                # Asked to end rather than cancelled, for only so does it close what it has opened.
                server.should_exit = server.force_exit = True
                await asyncio.wait([serving])


@contextmanager
def _door(host: str, port: int) -> Generator[socket.socket]:
    if not 0 <= port <= LAST_PORT:
        raise ConfigurationError(f"cannot listen on {host}:{port}: a port is a number from 0 to {LAST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family)
    except OSError as e:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {e.strerror or e}") from e
    with door:
        yield door
