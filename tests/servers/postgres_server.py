"""A PostgreSQL server that only this run of the tests knows: started, stopped and killed as a test likes.

A plugin of pytest; the fixture `postgres` is one server for the session, `new_postgres` makes one that a test may hurt.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

_WAIT_S = 60


class PostgresServer:
    """A server on a socket in its own folder; no port is taken.

    Args:
        programs: where initdb, pg_ctl and psql are.
        folder: its own, empty and readable by everybody.
        data: where the tables go; a folder below the other when left out.
    """

    def __init__(self, programs: Path, folder: Path, data: Path | None = None, *initdb: str) -> None:
        self.programs, self.folder = programs, folder
        self.data, self.password = data or folder / "data", "se/c:r@t%"
        self.user = "nobody" if os.geteuid() == 0 else None  # the server refuses to be root
        self.options: tuple[str, ...] = ("fsync=off",)  # a crash of the machine is none of what is tested
        if self.user is not None:
            for mine in (folder, *([data] if data else [])):
                shutil.chown(mine, self.user)
        secret = folder / "secret"
        secret.write_text(self.password)
        secret.chmod(0o644)
        arguments = ("-U", "ada", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "-N", *initdb)
        self._run("initdb", "-D", self.data, *arguments)
        self._schemas = count(1)

    def _run(self, program: str, *arguments: str | Path, **more: str) -> str:
        done = subprocess.run(
            [self.programs / program, *arguments],
            user=self.user,
            group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
            extra_groups=None if self.user is None else [],
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "psql" else subprocess.DEVNULL,  # a server would keep a pipe open
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            timeout=_WAIT_S,
            check=False,
        )
        log = self.folder / "log"
        told = log.read_text()[-2000:] if program == "pg_ctl" and log.exists() else (done.stderr or b"").decode()
        assert done.returncode == 0, f"{program}: {told}"
        return (done.stdout or b"").decode()

    def start(self) -> None:
        """Start it, and wait until it can be asked."""
        settings = ("listen_addresses=", "log_min_messages=fatal", *self.options)
        options = " ".join([f"-k '{self.folder}'", *(f"-c {setting}" for setting in settings)])
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-l", self.folder / "log", "-o", options)

    def stop(self, how: str = "fast") -> None:
        """Stop it: "fast" ends every transaction, "immediate" is as good as a crash."""
        self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m", how)

    @property
    def processes(self) -> tuple[int, ...]:
        """Its main process and those that it has started; empty when it does not run."""
        try:
            main = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return ()
        if not _is_alive(main):
            return ()
        return (main, *(pid for pid in _all_processes() if _parent(pid) == main))

    def kill(self) -> None:
        """Kill all of it, as a machine would that runs out of memory."""
        with suppress(IndexError):
            os.kill(self.processes[0], signal.SIGSTOP)  # lest it starts others meanwhile
        killed = self.processes
        for pid in reversed(killed):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in killed:
            while _is_alive(pid):
                os.sched_yield()
        # Where nobody collects the dead, the number in these would look as if it still ran.
        for lock in (self.data / "postmaster.pid", self.folder / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)

    def kill_one(self) -> None:
        """Kill one process of its that serves somebody; it then begins anew by itself."""
        found = self.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'operator' LIMIT 1").split()
        if found:
            with suppress(ProcessLookupError):
                os.kill(int(found[0]), signal.SIGKILL)

    def cut(self) -> None:
        """End every connection of ours."""
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'operator'")

    def run(self, statement: str) -> str:
        """Run a statement; what it gives, as lines."""
        arguments = ("-h", self.folder, "-U", "ada", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-Atc", statement)
        return self._run("psql", *arguments, PGPASSWORD=self.password)

    @property
    def socket(self) -> Path:
        """Where it is asked."""
        return self.folder / ".s.PGSQL.5432"

    def url(
        self,
        schema: str,
        *,
        password: str = "se%2Fc%3Ar%40t%25",
        database: str = "postgres",
        at: str = "",
    ) -> str:
        """The URL of one schema.

        Args:
            at: host and port of somebody who hands on to it; its own socket when left out.
        """
        where = f"{at}/{database}?" if at else f"/{database}?host={self.folder}&"
        return f"postgresql://ada:{password}@{where}search_path={schema}"

    def new_schema(self) -> str:
        """The name of a schema that is empty."""
        schema = f"ledger_{next(self._schemas)}"
        self.run(f"CREATE SCHEMA {schema}")
        return schema

    def new_url(self) -> str:
        """A place that is empty."""
        return self.url(self.new_schema())


def _all_processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _status(pid: int) -> tuple[str, int]:
    """State and parent of a process (proc_pid_stat(5)); its name may hold anything, and ends with the last ')'."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return state, int(parent)


def _parent(pid: int) -> int:
    return _status(pid)[1]


def _is_alive(pid: int) -> bool:
    return _status(pid)[0] not in "XZ"


def programs() -> Path:
    """Where the newest server's programs are; the test is skipped when there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    folder = found[-1].parent if found else Path(shutil.which("postgres") or "/nowhere/postgres").parent
    if not (folder / "initdb").exists():
        pytest.skip("there is no PostgreSQL server on this machine")
    return folder


@contextmanager
def _running(data: Path | None = None, *initdb: str) -> Generator[PostgresServer]:
    where = programs()
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(where, Path(folder), data, *initdb)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests that only use it."""
    with _running() as server:
        yield server


@pytest.fixture
def new_postgres() -> Iterator[Callable[..., PostgresServer]]:
    """Makes a server that this test may stop and kill; given where its tables go, and what initdb is to be told."""
    with ExitStack() as stack:

        def make(data: Path | None = None, *initdb: str) -> PostgresServer:
            return stack.enter_context(_running(data, *initdb))

        yield make
