"""All that tells how a deployment is, in one archive that can be given away.

What the services wrote, the pages that the compose file's labels name, what Compose made of the files, and versions.
Every text goes through redaction on its way into the archive. What could not be had is listed with the reason, so that
nobody takes an absence for a state.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import IO

import httpx
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.ports import Clock, DeploymentStatus, Progressed, ServiceHealth
from operator_core.redaction import redact, redact_text

from operator_local.compose_file import Service
from operator_local.log_lines import follow_lines
from operator_local.project import Project

_LOG_WITHIN = timedelta(minutes=3)
_PAGE_WITHIN = timedelta(seconds=15)
_AT_ONCE = 8
_LARGEST_PAGE_BYTES = 64 * 1024 * 1024
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST_KEY_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An archive that was written.

    Attributes:
        files: what is in it, by name.
        masked: how many secrets of each kind were masked.
        unseen: what could not be had, and why.
    """

    archive: Path
    size_bytes: int
    files: tuple[str, ...]
    masked: Mapping[str, int]
    unseen: Mapping[str, str]


class Export:
    """Gathers what there is of one deployment.

    Args:
        services: of the compose files; logs and pages are had of those that the status lists.
    """

    def __init__(self, project: Project, services: Sequence[Service], status: DeploymentStatus, clock: Clock) -> None:
        there = {s.name for s in status.services if s.health is not ServiceHealth.MISSING}
        self._project = project
        self._services = [s for s in services if s.name in there]
        self._status = status
        self._clock = clock
        self._masked: dict[str, int] = {}
        self._unseen: dict[str, str] = {}

    async def write(
        self, to: Path, progressed: Progressed, *, since: datetime | None = None, tail: int | None = None
    ) -> Exported:
        """Write the archive, a gzipped tar that only its owner may read.

        Args:
            to: a file that is not there yet; it appears whole or not at all.
            since: no line of a log that is older.
            tail: at most so many of the last lines of each log.

        Raises:
            ConfigurationError: the file is there, or its folder is not.
            DeploymentError: it could not be written.
        """
        _expect_room_for(to)
        try:
            with tempfile.TemporaryDirectory(prefix=".export-", dir=to.parent) as scratch:
                root = _folders(Path(scratch) / to.name.removesuffix(".tar.gz"))
                await self._logs(root / "logs", progressed, since=since, tail=tail)
                await self._pages(root / "pages", progressed)
                await self._words(root)
                files, size = await asyncio.to_thread(_pack, root, Path(scratch) / "archive", to)
        except OSError as e:
            raise DeploymentError(f"{to} cannot be written: {e.strerror or e}") from e
        return Exported(archive=to, size_bytes=size, files=files, masked=self._masked, unseen=self._unseen)

    async def _logs(self, folder: Path, progressed: Progressed, *, since: datetime | None, tail: int | None) -> None:
        for service in self._services:
            progressed(f"{service.name}: its log")
            command = self._project.logs_command(service.name, tail=tail, since=since, with_times=True)
            with (folder / f"{service.name}.log").open("w", encoding="utf-8") as out:
                try:
                    async with (
                        self._clock.deadline(_LOG_WITHIN),
                        aclosing(follow_lines(command, self._clock)) as lines,
                    ):
                        await self._copy(lines, out)
                except (DeploymentError, TimeoutError) as e:
                    self._unseen[f"logs/{service.name}.log"] = str(e) or "it did not end in time"

    async def _copy(self, lines: AsyncIterator[str], out: IO[str]) -> None:
        """Copy lines without their secrets; the lines of a key are looked at together."""
        held: list[str] = []
        async for line in lines:
            held.append(line)
            begun = "-----BEGIN" in held[0] and "-----END" not in line
            if not begun or len(held) > _LONGEST_KEY_LINES:
                out.write(self._clean("\n".join(held)) + "\n")
                held = []
        if held:
            out.write(self._clean("\n".join(held)) + "\n")

    async def _pages(self, folder: Path, progressed: Progressed) -> None:
        doors = [
            (service.name, str(door.reachable), path)
            for service in self._services
            for door in service.doors
            for path in service.pages.get(door.purpose, ())
        ]
        progressed(f"asking {len(doors)} pages of {len({d[0] for d in doors})} services")
        at_once = asyncio.Semaphore(_AT_ONCE)
        async with httpx.AsyncClient(timeout=_PAGE_WITHIN.total_seconds(), trust_env=False) as client:

            async def keep(service: str, address: str, path: str) -> None:
                async with at_once:
                    name = f"pages/{service}{_file_name(path)}"
                    try:
                        async with self._clock.deadline(_PAGE_WITHIN):
                            answer = await client.get(f"http://{address}{path}")
                    except (httpx.HTTPError, TimeoutError) as e:
                        self._unseen[name] = f"GET {path}: {str(e) or type(e).__name__}"
                        return
                    if not answer.is_success:
                        self._unseen[name] = f"GET {path}: {answer.status_code} {answer.text[:200]!r}"
                    elif len(answer.content) > _LARGEST_PAGE_BYTES:
                        self._unseen[name] = f"GET {path}: {len(answer.content)} bytes are too many"
                    else:
                        target = folder.parent / name
                        target.parent.mkdir(exist_ok=True)
                        target.write_text(self._clean_page(answer.text), encoding="utf-8")

            async with asyncio.TaskGroup() as tg:
                for door in doors:
                    tg.create_task(keep(*door), name=f"export.{door[0]}")

    async def _words(self, root: Path) -> None:
        """What Docker and we say: status, compose file, versions, and what is missing."""
        config = redact(await self._project.config())
        self._count(config.masked)
        said = {
            "versions.json": {
                **await self._project.versions(),
                "operator": version("operator-local"),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "images": {s.name: s.image for s in self._status.services},
            },
            "compose.json": config.value,
            "status.json": [asdict(s) for s in self._status.services],
            "unseen.json": self._unseen,
        }
        for name, value in said.items():
            text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
            (root / name).write_text(self._clean_page(text) + "\n", encoding="utf-8")

    def _clean_page(self, text: str) -> str:
        """A page without secrets: a line at a time, unless a key may go over several."""
        if "-----BEGIN" in text:
            return self._clean(text)
        return "\n".join(self._clean(line) for line in text.split("\n"))

    def _clean(self, text: str) -> str:
        clean = redact_text(text)
        self._count(clean.masked)
        return clean.value

    def _count(self, masked: Mapping[str, int]) -> None:
        for kind, count in masked.items():
            self._masked[kind] = self._masked.get(kind, 0) + count


def _file_name(path: str) -> str:
    return "/" + (_NO_FILE_NAME.sub("_", path.strip("/"))[:100].strip("_") or "root")


def _expect_room_for(to: Path) -> None:
    if to.exists():
        raise ConfigurationError(f"{to} is there already; name another file")
    if not to.parent.is_dir():
        raise ConfigurationError(f"there is no folder {to.parent}")


def _folders(root: Path) -> Path:
    for folder in (root, root / "logs", root / "pages"):
        folder.mkdir()
    return root


def _pack(root: Path, scratch: Path, to: Path) -> tuple[tuple[str, ...], int]:
    """Make the archive, give it its name, and say what is in it and how large it is."""
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            tar.add(root, arcname=root.name, filter=_anonymous)
        out.flush()
        os.fsync(out.fileno())
    scratch.rename(to)
    return tuple(sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())), to.stat().st_size


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name and number of who made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
