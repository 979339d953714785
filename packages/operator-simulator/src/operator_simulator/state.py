"""The state file of an embedded cluster: which background process serves it, where, and since when.

A file outlives its process when that is killed; a process is recognised by its id together with its start time, so
that a program which has been given the same id later is not taken for it. The process writes the two into the lock
that it holds as well: it is found by them when its state file is lost.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast

from operator_core.components import Address, ComponentRef, Endpoint
from operator_core.errors import ConfigurationError, DeploymentError

_SUFFIX: Final = ".json"
_LOCK: Final = ".lock"
_PORTS: Final = ".ports"
_FORMAT: Final = 1
_SOCKET_PATH_LIMIT: Final = 100
"""A unix socket's path has room for 104 bytes on some systems, 108 on Linux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """A process of the system, told from later ones with the same id.

    Attributes:
        started: as :func:`process_started` says it.
    """

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return process_started(self.pid) == self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a running embedded cluster wrote down of itself.

    Attributes:
        started: the start time of the process, in whatever words the system has for it.
        control: the path of the control socket, or ``127.0.0.1:port``.
        wall_epoch: the wall clock's instant at which the cluster's clock showed `cluster_epoch`.
    """

    name: str
    pid: int
    started: str
    control: str
    token: str
    speed: float
    wall_epoch: str
    cluster_epoch: str
    config: str
    endpoints: tuple[Mapping[str, str], ...]
    format: int = _FORMAT

    @property
    def process(self) -> RunningProcess:
        return RunningProcess(pid=self.pid, started=self.started)

    def to_endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(
                component=ComponentRef.parse(e["component"]),
                purpose=e["purpose"],
                advertised=Address(e["advertised"]),
                reachable=Address(e["reachable"]),
            )
            for e in self.endpoints
        )

    def cluster_now(self, wall_now: datetime) -> datetime:
        """The cluster's instant at an instant of the wall clock."""
        passed = (wall_now - datetime.fromisoformat(self.wall_epoch)).total_seconds()
        return datetime.fromisoformat(self.cluster_epoch) + timedelta(seconds=passed * self.speed)


def process_started(pid: int) -> str | None:
    """When a process was started; None when there is none, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    except (ProcessLookupError, PermissionError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _started_by_ps(pid: int) -> str | None:
    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or None


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Where the state files, control sockets and logs of embedded clusters lie."""

    path: Path

    def prepare(self) -> None:
        """Make it, for this user alone.

        Raises:
            DeploymentError: it cannot be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            raise DeploymentError(f"state directory {self.path} cannot be made: {e.strerror}") from e
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise DeploymentError(f"state directory {self.path} cannot be written")

    def _file(self, name: str, suffix: str) -> Path:
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise ConfigurationError(f"{name!r} is no name for a deployment")
        return self.path / f"{name}{suffix}"

    def file(self, name: str) -> Path:
        return self._file(name, _SUFFIX)

    def log(self, name: str) -> Path:
        return self._file(name, ".log")

    def lock(self, name: str) -> Path:
        return self._file(name, _LOCK)

    def socket(self, name: str) -> Path | None:
        """Where the control socket goes; None when the path would be too long for one."""
        path = self._file(name, ".sock").absolute()
        return path if len(os.fsencode(path)) < _SOCKET_PATH_LIMIT else None

    def write(self, state: State) -> None:
        """At once and for this user alone."""
        self._replace(self.file(state.name), asdict(state))

    def remember_ports(self, name: str, ports: Mapping[str, int]) -> None:
        """Keep them beyond the process's life, so that who watches the cluster finds its next life where it was."""
        self._replace(self._file(name, _PORTS), dict(ports))

    def ports(self, name: str) -> Mapping[str, int]:
        """The ports of the last life of a name, by advertised address; empty when they are not known."""
        try:
            found: object = json.loads(self._file(name, _PORTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        kept = cast("dict[str, object]", found).items()
        return {advertised: port for advertised, port in kept if isinstance(port, int) and 0 < port < 1 << 16}

    def _replace(self, target: Path, content: object) -> None:
        draft = target.with_suffix(".tmp")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                json.dump(content, out)
            draft.replace(target)
        except OSError as e:
            raise DeploymentError(f"state file {target} cannot be written: {e.strerror}") from e

    def read(self, name: str) -> State | None:
        """What is written, whether or not its process still runs; None when there is nothing that can be read."""
        try:
            text = self.file(name).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError:
            return None
        except OSError as e:
            raise DeploymentError(f"state file {self.file(name)} cannot be read: {e.strerror}") from e
        try:
            found = cast("dict[str, object]", json.loads(text))
            if found["format"] != _FORMAT:
                return None
            found["endpoints"] = tuple(cast("list[Mapping[str, str]]", found["endpoints"]))
            return State(**found)  # type: ignore[arg-type]  # asdict wrote it
        except (ValueError, KeyError, TypeError):
            return None

    def running(self, name: str) -> State | None:
        """The state of a cluster that runs; a stale file is cleaned away.

        None also when its process runs and the state cannot be read; then :meth:`holder` knows the process.
        """
        state = self.read(name)
        if state is not None and state.process.is_alive:
            return state
        if self.file(name).exists() and self.holder(name) is None:
            self.clean(name)
        return None

    @contextmanager
    def hold(self, name: str) -> Generator[None]:
        """Hold the lock of a name, with this process written into it.

        Raises:
            DeploymentError: another process holds it, or it cannot be written.
        """
        path = self.lock(name)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as e:
            raise DeploymentError(f"lock {path} cannot be opened: {e.strerror}") from e
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(lock, 0)
                os.write(lock, f"{os.getpid()} {process_started(os.getpid())}\n".encode())
            except BlockingIOError as e:
                raise DeploymentError(f"deployment {name!r} is already up: {path} is held") from e
            except OSError as e:
                raise DeploymentError(f"lock {path} cannot be written: {e.strerror}") from e
            yield
        finally:
            os.close(lock)

    def holder(self, name: str) -> RunningProcess | None:
        """The process that holds the lock of a name; None when it is gone or not to be made out."""
        try:
            pid, _, started = self.lock(name).read_text(encoding="ascii", errors="replace").strip().partition(" ")
        except OSError:
            return None
        if not pid.isdecimal() or not started:
            return None
        found = RunningProcess(pid=int(pid), started=started)
        return found if found.is_alive else None

    def processes(self, name: str) -> tuple[RunningProcess, ...]:
        """Every living process that serves a name, by its lock and by its state file: one, or none."""
        state = self.running(name)
        found = (state.process if state is not None else None, self.holder(name))
        return tuple(dict.fromkeys(p for p in found if p is not None))

    def clean(self, name: str) -> None:
        """Take away what a process left behind; the log stays for whoever asks why."""
        self.file(name).unlink(missing_ok=True)
        self._file(name, ".sock").unlink(missing_ok=True)

    def names(self) -> tuple[str, ...]:
        """The clusters that run, by name."""
        if not self.path.is_dir():
            return ()
        known = {f.stem for suffix in (_SUFFIX, _LOCK) for f in self.path.glob(f"*{suffix}")}
        return tuple(n for n in sorted(known) if self.processes(n))
