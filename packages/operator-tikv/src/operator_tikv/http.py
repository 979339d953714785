"""The one place that speaks HTTP: a GET with a deadline of the cluster's clock, and our errors for the library's.

The library's own time-outs are off, because they count wall-clock seconds and an observer of a cluster at ten
times speed must count cluster seconds.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import httpx
from operator_core.errors import SubjectNonsense, SubjectUnreachable
from operator_core.ports import Clock
from operator_core.readings import Cause

from operator_tikv.targets import TlsFiles

BODY_AT_MOST: Final = 64 << 20
"""Bytes of one answer that are taken. A thousand stores are 1 MiB of JSON, a busy store 2 MiB of metrics."""
AT_ONCE: Final = 128
"""Requests under way at once; the others wait, within their deadlines."""

_LOST_PATH: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        date: the ``Date`` header, whole seconds of the server's own clock; None when it sends none.
        at: when it had come in, by our clock.
    """

    url: str
    status: int
    body: bytes
    at: datetime
    date: datetime | None = None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class _Progress:
    """How far a request got, told by the transport; a transport that tells nothing counts as connected."""

    def __init__(self) -> None:
        self.connecting = False

    async def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.connecting = True
        elif event in ("connection.connect_tcp.complete", "http11.send_request_headers.started"):
            self.connecting = False


class Http:
    """GET requests; nothing else is ever sent."""

    def __init__(
        self, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None, tls: TlsFiles | None = None
    ) -> None:
        self._clock = clock
        self._room = asyncio.Semaphore(AT_ONCE)
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=None,  # noqa: S113 - every request has a deadline of the clock
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},  # what is small on the wire may be huge in memory
            verify=True if tls is None else tls.context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=256),
        )

    async def get(
        self,
        url: str,
        *,
        within: timedelta,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once; a kept connection that turns out to be dead is replaced within the same deadline.

        Raises:
            SubjectUnreachable: no whole answer came within the deadline; the cause says how it failed.
            SubjectNonsense: what came is not HTTP.
        """
        progress = _Progress()
        try:
            async with self._clock.deadline(within):
                try:
                    response, body = await self._send(url, params, headers, progress)
                except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                    response, body = await self._send(url, params, headers, progress)
        except TimeoutError as e:
            cause = Cause.UNANSWERED if progress.connecting else Cause.SILENT
            raise SubjectUnreachable(f"GET {url}: {cause.value} for {within.total_seconds():g} s", cause) from e
        except httpx.ConnectTimeout as e:
            raise SubjectUnreachable(f"GET {url}: no connection: {e}", Cause.UNANSWERED) from e
        except httpx.TimeoutException as e:
            raise SubjectUnreachable(f"GET {url}: no answer: {e}", Cause.SILENT) from e
        except httpx.ConnectError as e:
            raise SubjectUnreachable(f"GET {url}: {e}", cause_of(e)) from e
        except httpx.RemoteProtocolError as e:
            cause = Cause.REFUSED if "disconnected" in str(e) else Cause.NONSENSE
            if cause is Cause.NONSENSE:
                raise SubjectNonsense(f"GET {url}: {e}") from e
            raise SubjectUnreachable(f"GET {url}: {e}", cause) from e
        except httpx.TransportError as e:
            raise SubjectUnreachable(f"GET {url}: {type(e).__name__} {e}", Cause.REFUSED) from e
        except (httpx.DecodingError, httpx.InvalidURL, UnicodeError) as e:
            raise SubjectNonsense(f"GET {url}: {e}") from e
        except OSError as e:  # a transport that is not the library's own may let it through
            raise SubjectUnreachable(f"GET {url}: {e}", cause_of(e)) from e
        return Answer(
            url=url,
            status=response.status_code,
            body=body,
            at=self._clock.now(),
            date=_date(response.headers.get("date")),
        )

    async def _send(
        self,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        progress: Callable[[str, Mapping[str, Any]], Awaitable[None]],
    ) -> tuple[httpx.Response, bytes]:
        asked = self._client.stream("GET", url, params=params, headers=headers, extensions={"trace": progress})
        body = bytearray()
        async with self._room, asked as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > BODY_AT_MOST:
                    raise SubjectNonsense(f"GET {url}: more than {BODY_AT_MOST >> 20} MiB came back")
        return response, bytes(body)

    async def close(self) -> None:
        await self._client.aclose()


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and everything it came from."""
    waiting, seen = [error], set[int]()
    while waiting:
        e = waiting.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        yield e
        waiting.extend(c for c in (e.__cause__, e.__context__) if c is not None)
        if isinstance(e, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", e).exceptions)


def cause_of(error: BaseException) -> Cause:
    """Why a connection could not be made: refused by the host, or never answered by anybody.

    A name that cannot be resolved counts as unanswered: nothing was heard from the host itself.
    """
    for e in _chain(error):
        if isinstance(e, socket.gaierror) or (isinstance(e, OSError) and e.errno in _LOST_PATH):
            return Cause.UNANSWERED
    return Cause.REFUSED
