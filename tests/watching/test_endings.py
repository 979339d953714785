"""However a watch is ended, and whatever it waits for: at once, with everything written, and the terminal as it was."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sqlite3
import struct
import termios
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from operator_core.ports import Lease
from watch_process import PATIENCE, WALL, Watch

Pause = Callable[[float], None]


@pytest.fixture
def hanging() -> Iterator[str]:
    """A URL behind which connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.sampled(0)
@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGHUP])
def test_a_watch_on_a_pipe_ends_at_once_and_gives_the_watch_up(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], number: signal.Signals
) -> None:
    watching = watch("--interval", "1s")
    watching.until("#", times=2)
    assert held() is not None
    lasted = watching.end(number)
    assert watching.gave_up(held(), lasted)
    assert b"\x1b" not in watching.said


@pytest.mark.sampled(0)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_watch_on_a_terminal_ends_at_once_and_leaves_the_terminal_as_it_was(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], number: signal.Signals
) -> None:
    watching = watch("--interval", "1s", on_terminal=True)
    watching.until("WELL")
    assert watching.terminal is not None
    assert not termios.tcgetattr(watching.terminal)[3] & termios.ECHO
    lasted = watching.end(number)
    assert watching.gave_up(held(), lasted)
    assert watching.said.count(b"\x1b[?1049h") == watching.said.count(b"\x1b[?1049l") == 1
    picture, _, after = watching.said.rpartition(b"\x1b[?1049l")
    assert picture.endswith(b"\x1b[?25h")
    assert after.startswith(b"watched embedded:default for")
    assert termios.tcgetattr(watching.terminal)[3] & termios.ECHO


@pytest.mark.sampled(0)
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


@pytest.mark.sampled(0)
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


@pytest.mark.sampled(0)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_look_that_hangs_holds_up_no_end(
    watch: Callable[..., Watch], hanging: str, pause: Pause, number: signal.Signals
) -> None:
    watching = watch("--pd", hanging)
    watching.until("watching")
    pause(1)
    watching.end(number)


@pytest.mark.sampled(0)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_record_that_is_slow_holds_up_no_end(
    watch: Callable[..., Watch], surroundings: Mapping[str, str], pause: Pause, number: signal.Signals
) -> None:
    watching = watch("--interval", "1s")
    watching.until("#", times=2)
    record = Path(surroundings["OPERATOR_STATE_DIRECTORY"]) / "ledger.db"
    with contextlib.closing(sqlite3.connect(record, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pause(2)
        watching.end(number)
        other.execute("ROLLBACK")


@pytest.mark.sampled(0)
@pytest.mark.parametrize("on_terminal", [False, True], ids=["pipe", "terminal"])
def test_a_reader_that_takes_nothing_holds_up_neither_the_watch_nor_its_end(
    watch: Callable[..., Watch], held: Callable[[], Lease | None], pause: Pause, on_terminal: bool
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
    watching.end(signal.SIGTERM)


@pytest.mark.sampled(0)
def test_a_reader_that_goes_away_ends_it_without_noise(watch: Callable[..., Watch]) -> None:
    watching = watch("--interval", "300ms", "--cycles", "30", is_read=False, env={"OPERATOR_LOG": "error"})
    os.close(watching.end_of_pipe)
    watching.end_of_pipe = os.open(os.devnull, os.O_RDONLY)
    assert watching.process.wait(PATIENCE) == 4
    assert watching.process.stderr is not None
    assert watching.process.stderr.read() == b""
