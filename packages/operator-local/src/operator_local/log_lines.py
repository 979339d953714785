"""Log lines of a Compose project.

python-on-whales can stream logs too, but nothing ends the child it starts when the reader stops reading: every log
that was followed and left would stay behind as a process. Here the child ends with the reader, and its errors go to a
file, so that no pipe is left undrained.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence

from operator_core.errors import DeploymentError
from operator_core.ports import Clock

from operator_local.complaints import one_line
from operator_local.docker_program import end

_CHUNK_BYTES = 64 * 1024
_LONGEST_LINE_BYTES = 1024 * 1024


async def follow_lines(command: Sequence[str], clock: Clock) -> AsyncGenerator[str, None]:
    """The lines that a command prints, without their ends, until it ends or nobody reads any more.

    A line of more than 1 MiB comes in pieces.

    Raises:
        DeploymentError: the command failed.
    """
    with tempfile.TemporaryFile() as complaints:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=complaints
        )
        try:
            assert child.stdout is not None
            rest = b""
            while chunk := await child.stdout.read(_CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield _text(line)
                if len(rest) >= _LONGEST_LINE_BYTES:
                    yield _text(rest)
                    rest = b""
            if rest:
                yield _text(rest)
            if await child.wait() != 0:
                complaints.seek(0)
                raise DeploymentError(f"logs: {one_line(_text(complaints.read()))}")
        finally:
            await end(child, clock)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")
