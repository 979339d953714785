"""A watch from its beginning to its end, as processes of their own: on a pipe, on a terminal, beside another one."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from operator_core.ports import Lease
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock
from operator_ledger import SqlLedger

OPERATOR = str(Path(sys.executable).with_name("operator"))
CLUSTER = ClusterName("embedded:default")
AT_ONCE = 1.5
"""Seconds: one, and what a busy machine adds."""
LAST_RESORT = 0.85
"""Seconds after which a process that was told to end may leave the watch to the patience of the others."""
PATIENCE = 60.0
WALL = RealClock()


def pause(seconds: float) -> None:
    """Let the processes go on."""
    threading.Event().wait(seconds)


Run = Callable[..., subprocess.CompletedProcess[str]]


class Watch:
    """A monitor in the background; what it says is collected by a thread, or left where it is."""

    def __init__(
        self, surroundings: Mapping[str, str], *arguments: str, on_terminal: bool = False, is_read: bool = True
    ) -> None:
        self.said = b""
        self.end_of_pipe, theirs = pty.openpty() if on_terminal else os.pipe()
        env = dict(surroundings)
        if on_terminal:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            env |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.terminal = theirs if on_terminal else None
        self.process = subprocess.Popen(
            [*(["setsid", "--ctty"] if on_terminal else []), OPERATOR, "monitor", *arguments],
            stdin=theirs if on_terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs if on_terminal else subprocess.PIPE,
            env=env,
        )
        if not on_terminal:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        if is_read:
            self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := os.read(self.end_of_pipe, 65536):
                self.said += part

    def until(self, words: str, *, times: int = 1) -> None:
        """Wait until something was said so often."""
        start = WALL.now()
        while self.said.count(words.encode()) < times:
            assert self.process.poll() is None, self.said
            assert WALL.now() - start < timedelta(seconds=PATIENCE), self.said
            pause(0.05)

    def end(self, number: signal.Signals) -> float:
        """Send a signal; gives the seconds until the process had ended."""
        start = WALL.now()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        lasted = (WALL.now() - start).total_seconds()
        pause(0.2)
        return lasted

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        if self.process.stderr is not None:
            self.process.stderr.close()
        for descriptor in (self.terminal, self.end_of_pipe):
            if descriptor is not None:
                os.close(descriptor)


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """One environment for all of these: a cluster takes seconds to come up."""
    folder = tmp_path_factory.mktemp("watching")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPERATOR_", "COLUMNS", "LINES"))}
    return {
        **kept,
        "OPERATOR_STATE_DIRECTORY": str(folder / "state"),
        "OPERATOR_CONFIG": str(folder / "operator.toml"),
        "NO_COLOR": "1",
    }


@pytest.fixture(scope="module", autouse=True)
def cluster(surroundings: Mapping[str, str]) -> Iterator[None]:
    """An embedded cluster in the background."""
    Path(surroundings["OPERATOR_CONFIG"]).write_text('[clusters.away]\npd = ["http://127.0.0.1:1"]\n')
    for argument in ("up", "down"):
        subprocess.run([OPERATOR, "deploy", "embedded", argument], check=True, env=dict(surroundings), timeout=PATIENCE)
        if argument == "up":
            yield


@pytest.fixture
def watch(surroundings: Mapping[str, str]) -> Iterator[Callable[..., Watch]]:
    """Begin a watch; all of them are over at the end."""
    begun: list[Watch] = []

    def begin(*arguments: str, on_terminal: bool = False, is_read: bool = True) -> Watch:
        begun.append(Watch(surroundings, *arguments, on_terminal=on_terminal, is_read=is_read))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.fixture
def held(surroundings: Mapping[str, str]) -> Callable[[], Lease | None]:
    """Who has the watch of the cluster, by the record."""

    async def read() -> Lease | None:
        async with await SqlLedger.open(Path(surroundings["OPERATOR_STATE_DIRECTORY"]) / "ledger.db") as ledger:
            return await ledger.lease(CLUSTER)

    return lambda: asyncio.run(read())


@pytest.fixture
def hanging() -> Iterator[str]:
    """A URL behind which connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGHUP])
def test_a_watch_on_a_pipe_ends_at_once_and_gives_the_watch_up(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], number: signal.Signals
) -> None:
    watching = watch("--interval", "1s")
    watching.until("#", times=2)
    assert held() is not None
    lasted = watching.end(number)
    assert watching.process.returncode == 130
    assert lasted < AT_ONCE
    assert held() is None or lasted > LAST_RESORT
    assert b"\x1b" not in watching.said


@pytest.mark.parametrize("number", SIGNALS)
def test_a_watch_on_a_terminal_ends_at_once_and_leaves_the_terminal_as_it_was(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], number: signal.Signals
) -> None:
    watching = watch("--interval", "1s", on_terminal=True)
    watching.until("WELL")
    assert watching.terminal is not None
    assert not termios.tcgetattr(watching.terminal)[3] & termios.ECHO
    lasted = watching.end(number)
    assert watching.process.returncode == 130
    assert lasted < AT_ONCE
    assert held() is None or lasted > LAST_RESORT
    assert watching.said.count(b"\x1b[?1049h") == watching.said.count(b"\x1b[?1049l") == 1
    picture, _, after = watching.said.rpartition(b"\x1b[?1049l")
    assert picture.endswith(b"\x1b[?25h")
    assert after.startswith(b"watched embedded:default for")
    assert termios.tcgetattr(watching.terminal)[3] & termios.ECHO


def test_ctrl_c_on_the_keyboard_ends_it_too_and_ctrl_z_gives_the_terminal_back_meanwhile(
    watch: Callable[..., Watch],
) -> None:
    watching = watch("--interval", "1s", on_terminal=True)
    watching.until("WELL")
    os.kill(watching.process.pid, signal.SIGTSTP)
    watching.until("\x1b[?1049l")
    os.kill(watching.process.pid, signal.SIGCONT)
    watching.until("\x1b[?1049h", times=2)
    os.write(watching.end_of_pipe, b"\x03")
    assert watching.process.wait(PATIENCE) == 130


def test_the_picture_has_the_size_of_the_terminal_also_when_that_changes(watch: Callable[..., Watch]) -> None:
    watching = watch(on_terminal=True)
    watching.until("WELL")
    assert watching.terminal is not None
    fcntl.ioctl(watching.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 50, 0, 0))
    before = len(watching.said)
    watching.process.send_signal(signal.SIGWINCH)
    watching.until("\x1b[H", times=watching.said.count(b"\x1b[H") + 2)
    frame = watching.said[before:].split(b"\x1b[H")[1]
    assert frame.count(b"\n") == 9


@pytest.mark.parametrize("number", SIGNALS)
def test_a_look_that_hangs_holds_up_no_end(watch: Callable[..., Watch], hanging: str, number: signal.Signals) -> None:
    watching = watch("--pd", hanging)
    watching.until("watching")
    pause(1)
    assert watching.end(number) < AT_ONCE
    assert watching.process.returncode == 130


@pytest.mark.parametrize("number", SIGNALS)
def test_a_record_that_is_slow_holds_up_no_end(
    watch: Callable[..., Watch], surroundings: Mapping[str, str], number: signal.Signals
) -> None:
    watching = watch("--interval", "1s")
    watching.until("#", times=2)
    record = Path(surroundings["OPERATOR_STATE_DIRECTORY"]) / "ledger.db"
    with contextlib.closing(sqlite3.connect(record, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pause(2)
        assert watching.end(number) < AT_ONCE
        other.execute("ROLLBACK")
    assert watching.process.returncode == 130


@pytest.mark.parametrize("on_terminal", [False, True], ids=["pipe", "terminal"])
def test_a_reader_that_takes_nothing_holds_up_neither_the_watch_nor_its_end(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], on_terminal: bool
) -> None:
    watching = watch("--interval", "300ms", on_terminal=on_terminal, is_read=False)
    if not on_terminal:
        fcntl.fcntl(watching.end_of_pipe, fcntl.F_SETPIPE_SZ, 4096)
    start = WALL.now()
    while (lease := held()) is None or lease.holder.split("/")[1] != str(watching.process.pid):
        assert WALL.now() - start < timedelta(seconds=PATIENCE)
        pause(0.2)
    pause(6)
    now = held()
    assert now is not None
    assert now.beat > lease.beat + 5, "it still watches"
    assert watching.end(signal.SIGTERM) < AT_ONCE
    assert watching.process.returncode == 130


def test_a_reader_that_goes_away_ends_it_without_noise(watch: Callable[..., Watch]) -> None:
    watching = watch("--interval", "300ms", "--cycles", "30", is_read=False)
    os.close(watching.end_of_pipe)
    watching.end_of_pipe = os.open(os.devnull, os.O_RDONLY)
    assert watching.process.wait(PATIENCE) == 4
    assert watching.process.stderr is not None
    assert watching.process.stderr.read() == b""


def test_of_two_watches_one_works_and_the_other_stands_by_until_it_is_gone(watch: Callable[..., Watch]) -> None:
    first = watch("--interval", "1s")
    first.until("#")
    second = watch("--interval", "1s")
    second.until("standing by:")
    first.until("#", times=first.said.count(b"#") + 3)
    assert second.said.count(b"standing by:") == 1
    assert b"#" not in second.said
    assert f"/{first.process.pid}/".encode() in second.said

    assert first.end(signal.SIGTERM) < AT_ONCE
    second.until("the watch is ours now")
    second.until("#", times=2)
    third = watch("--interval", "1s")
    third.until("standing by:")
    second.process.kill()  # it says nothing any more: the third takes over when its patience is over
    third.until("the watch is ours now")
    numbers = [
        int(line.split(b"#")[1].split()[0])
        for w in (first, second, third)
        for line in w.said.split(b"\n")
        if b"#" in line
    ]
    assert numbers == sorted(set(numbers)), "no look is numbered twice"


def test_a_cluster_that_cannot_be_seen_holds_up_no_other(watch: Callable[..., Watch]) -> None:
    watching = watch("--all", "--interval", "1s")
    watching.until("embedded:default", times=6)
    assert watching.end(signal.SIGTERM) < AT_ONCE
    lines = [line.decode() for line in watching.said.splitlines()[1:] if b"#" in line]
    names = {line.split()[0] for line in lines}
    assert names == {"away", "embedded:default"}
    of_away = [line for line in lines if line.startswith("away")]
    assert "not seen: pd (refused)" in of_away[0]
    assert sum("not seen" in line for line in of_away) == 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_health_and_metrics_are_served_also_while_standing_by(watch: Callable[..., Watch]) -> None:
    doors = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    first = watch("--interval", "1s", "--listen", doors[0])
    first.until("#", times=2)
    second = watch("--interval", "1s", "--listen", doors[1])
    second.until("standing by:")
    second.until(f"health and metrics: http://{doors[1]}/healthz")
    status, health = got(f"http://{doors[0]}/healthz")
    assert (status, json.loads(health)["watching"]) == (200, 1)
    status, health = got(f"http://{doors[1]}/healthz")
    assert (status, json.loads(health)["standing_by"]) == (200, 1)
    metrics = got(f"http://{doors[0]}/metrics")[1]
    assert 'operator_watch_held{cluster="embedded:default"} 1.0' in metrics
    assert "operator_ledger_size_bytes " in metrics
    assert 'operator_watch_held{cluster="embedded:default"} 0.0' in got(f"http://{doors[1]}/metrics")[1]


def test_a_port_that_is_taken_is_named_and_nothing_is_watched(watch: Callable[..., Watch]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        door = f"127.0.0.1:{server.getsockname()[1]}"
        watching = watch("--listen", door)
        assert watching.process.wait(PATIENCE) == 2
    assert watching.process.stderr is not None
    (line,) = watching.process.stderr.read().decode().splitlines()
    assert door in line
    assert watching.said == b""
