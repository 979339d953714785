"""The logs of a ticket's components, where they can be had now: in files, or of a deployment on this machine.

Logs are read when they are asked for, and not kept: what is gone when one asks cannot be told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from operator_core.components import Component, ComponentRef
from operator_core.errors import ConfigurationError, OperatorError
from operator_core.log_events import LogRead, LogReader
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock

from operator_cli.wiring import Attached, Embedded, Local, cluster_name, embedded, is_deployment, local, meant_by

if TYPE_CHECKING:
    from operator_local import LocalDeployment
    from operator_simulator import EmbeddedDeployment

    from operator_cli.settings import Loaded

LINES = 50_000
"""Newest lines of a service's log that are read."""
MOST_BYTES = 64_000_000
"""Newest bytes of a component's log files that are read."""
WITHIN = timedelta(seconds=20)
"""How long a deployment may take to give one log."""

_LATE = f"it was not given within {WITHIN.total_seconds():.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSight:
    """One component's log, read or not.

    Attributes:
        source: the file, or the service of a deployment.
        read: None when it could not be read.
        why: why not.
    """

    component: ComponentRef
    source: str
    read: LogRead | None = None
    why: str = ""


def log_files(given: Sequence[str], kinds: Iterable[str]) -> Mapping[ComponentRef, str]:
    """What ``--log COMPONENT=FILE`` names.

    Args:
        given: as they were typed.
        kinds: of components that write logs.

    Raises:
        ConfigurationError: one names no component, or no file.
    """
    known, files = sorted(kinds), dict[ComponentRef, str]()
    for text in given:
        name, _, file = text.partition("=")
        try:
            ref = ComponentRef.parse(name)
        except ValueError:
            raise ConfigurationError(f"--log is {text!r}; COMPONENT=FILE is meant, as in store/4=tikv.log") from None
        if ref.kind not in known:
            raise ConfigurationError(f"--log is {text!r}, and there is no kind {ref.kind!r}; kinds: {', '.join(known)}")
        if ref in files:
            raise ConfigurationError(f"--log names {name} twice; a pattern takes several files (store/4=tikv*.log)")
        if not file or not _matching(file):
            raise ConfigurationError(f"--log is {text!r}, and there is no file {file!r} that can be seen")
        files[ref] = file
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsAtHand:
    """Reads every log of a cluster's components that can be read now; one that cannot be is told with why.

    Args:
        loaded: the settings, which may name log files.
        files: what a person has named; wins over the others.
        is_alone: nothing else is read.
        reader: how the subject reads a log.
    """

    loaded: Loaded
    reader: LogReader
    files: Mapping[ComponentRef, str] = field(default_factory=dict[ComponentRef, str])
    is_alone: bool = False

    def may_have(self, cluster: ClusterName) -> bool:
        """Whether there is anywhere to look for a cluster's logs, or somewhere is missing."""
        meant = None if self.is_alone else meant_by(cluster, self.loaded)
        settled = meant.settings.logs if isinstance(meant, Attached) else meant
        return bool(self.files or settled or (not self.is_alone and is_deployment(cluster)))

    async def __call__(
        self, cluster: ClusterName, components: Sequence[Component], *, only: bool = False
    ) -> tuple[LogSight, ...]:
        """Read them.

        Args:
            cluster: as the record knows it.
            components: whose, as they were seen, with their addresses.
            only: nobody else's, though a file of another may be named.
        """
        meant = None if self.is_alone else meant_by(cluster, self.loaded)
        there = {c.ref for c in components}
        settled: Mapping[ComponentRef, str] = meant.settings.log_files if isinstance(meant, Attached) else {}
        named = {ref: file for ref, file in {**settled, **self.files}.items() if ref in there or not only}
        sights = [await asyncio.to_thread(_of_files, ref, file, self.reader) for ref, file in named.items()]
        others = [c for c in components if c.ref not in named]
        if isinstance(meant, Embedded | Local):
            sights += await self._of_deployment(meant, others)
        elif not self.is_alone and is_deployment(cluster):
            sights += [LogSight(component=c.ref, source=cluster, why=f"{cluster} is not up") for c in others]
        return tuple(sorted(sights, key=lambda s: (s.component.kind, s.component.id)))

    async def _of_deployment(self, meant: Embedded | Local, components: Sequence[Component]) -> list[LogSight]:
        try:
            async with RealClock().deadline(WITHIN):
                services = await _services(meant, self.loaded, components)
        except OperatorError as e:
            return [LogSight(component=c.ref, source=cluster_name(meant), why=str(e)) for c in components]
        except TimeoutError:
            return [LogSight(component=c.ref, source=cluster_name(meant), why=_LATE) for c in components]
        deployment = _deployment(meant, self.loaded)
        return [await self._of_service(deployment, c.ref, services.get(c.ref)) for c in components]

    async def _of_service(
        self, deployment: EmbeddedDeployment | LocalDeployment, ref: ComponentRef, service: str | None
    ) -> LogSight:
        if service is None:
            return LogSight(component=ref, source="", why="no service of it is known")
        try:
            async with RealClock().deadline(WITHIN):
                lines = [line async for line in deployment.logs(service, follow=False, tail=LINES)]
        except OperatorError as e:
            return LogSight(component=ref, source=service, why=str(e))
        except TimeoutError:
            return LogSight(component=ref, source=service, why=_LATE)
        return LogSight(component=ref, source=service, read=await asyncio.to_thread(self.reader, ref, [lines]))


def _deployment(meant: Embedded | Local, loaded: Loaded) -> EmbeddedDeployment | LocalDeployment:
    return embedded(meant.name, loaded) if isinstance(meant, Embedded) else local(meant.name, loaded)


async def _services(
    meant: Embedded | Local, loaded: Loaded, components: Iterable[Component]
) -> Mapping[ComponentRef, str]:
    if isinstance(meant, Embedded):
        status = await embedded(meant.name, loaded).status()
        return {s.component: s.name for s in status.services if s.component is not None}
    from operator_local import LocalFaultTarget

    return await LocalFaultTarget(name=meant.name).services_of(components)


def _of_files(ref: ComponentRef, file: str, reader: LogReader) -> LogSight:
    paths = _matching(file)
    if not paths:
        return LogSight(component=ref, source=file, why="there is no such file")
    try:
        return LogSight(component=ref, source=file, read=reader(ref, list(_parts(paths))))
    except OSError as e:
        return LogSight(component=ref, source=file, why=e.strerror or type(e).__name__)


def _matching(file: str) -> list[Path]:
    """The files of a path, newest first; its last part may be a pattern, as a rotated log goes on in another file.

    None where the path is none, or may not be looked into.
    """
    try:
        path = Path(file).expanduser()
        found = [path] if path.is_file() else path.parent.glob(path.name) if path.name else []
        return sorted((p for p in found if p.is_file()), key=lambda p: -p.stat().st_mtime)
    except (OSError, ValueError, RuntimeError):  # of the system, a pattern, or a home that nobody has
        return []


def _parts(paths: Iterable[Path]) -> Iterator[list[str]]:
    """The lines of files, newest file first, until there are enough; what is older than a cut would leave a gap."""
    left = MOST_BYTES
    for path in paths:
        with path.open("rb") as opened:
            size = opened.seek(0, 2)
            start = max(0, size - left)
            opened.seek(start)
            lines = opened.read(left).decode("utf-8", errors="replace").split("\n")
        yield [line.removesuffix("\r") for line in (lines[1:] if start else lines) if line]
        left -= size
        if left <= 0:
            return
