"""Knocking at doors below HTTP with the operating system's sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import timedelta

from operator_core.ports import Clock
from operator_core.readings import Cause, Contact

from operator_tikv.http import cause_of
from operator_tikv.targets import TlsFiles

_ENOUGH = 64
"""Bytes that are enough to tell what answers: a status line, or an HTTP/2 frame header and more."""


class AsyncioDialer:
    """A Dialer over TCP, or TLS over TCP when files for it are given.

    A connection that is accepted and then closed without a byte counts as REFUSED: somebody in between accepts for
    a process that is not there, as a port proxy of a container engine does.
    """

    def __init__(self, clock: Clock, tls: TlsFiles | None = None) -> None:
        self._clock = clock
        self._plain_tls = None if tls is None else tls.context()
        self._h2_tls = None if tls is None else tls.context("h2")

    async def dial(self, host: str, port: int, hello: bytes, *, within: timedelta) -> tuple[Contact, bytes]:
        """Connect, send, and wait for the first bytes that come back. See the port for the answers."""
        context = self._h2_tls if hello.startswith(b"PRI ") else self._plain_tls
        writer: asyncio.StreamWriter | None = None
        try:
            async with self._clock.deadline(within):
                reader, writer = await asyncio.open_connection(host, port)
                if context is not None:
                    await writer.start_tls(context, server_hostname=host)
                writer.write(hello)
                await writer.drain()
                answer = await reader.read(_ENOUGH)
        except TimeoutError:
            return (Contact.UNANSWERED if writer is None else Contact.SILENT), b""
        except ssl.SSLError:
            return Contact.GARBLED, b""
        except ValueError:  # an address that no resolver takes, as a name or as a number
            return Contact.UNANSWERED, b""
        except OSError as e:
            if writer is None and cause_of(e) is Cause.UNANSWERED:
                return Contact.UNANSWERED, b""
            return Contact.REFUSED, b""
        finally:
            if writer is not None:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.transport.abort()
        return (Contact.ANSWERED, answer) if answer else (Contact.REFUSED, b"")
