"""A reader that takes nothing holds up nobody, and loses only what no room was left for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TextIO

import pytest
from operator_cli.render.outlet import Outlet

AT_ONCE = timedelta(0)
SOON = timedelta(seconds=10)
PIPE = 1 << 16


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: the descriptor to read from, and the stream to write to."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream
    with contextlib.suppress(OSError):
        os.close(reader)


def taken(reader: int, size: int) -> str:
    found = b""
    while len(found) < size:
        found += os.read(reader, size - len(found))
    return found.decode()


def test_what_is_written_arrives_in_order(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    outlet = Outlet(stream)
    for word in ("größe → ", "店", "\n"):
        outlet.write(word)
    assert outlet.drain(SOON)
    assert os.read(reader, 100).decode() == "größe → 店\n"
    assert not outlet.is_behind


def test_a_reader_that_takes_nothing_holds_up_no_writer(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    outlet = Outlet(stream)
    outlet.write("x" * (2 * PIPE))
    outlet.write("y" * 10)
    assert not outlet.drain(AT_ONCE)
    assert outlet.is_behind
    assert taken(reader, 2 * PIPE + 10).endswith("xy" + "y" * 9)
    assert outlet.drain(SOON)


def test_what_there_is_no_room_for_is_dropped_and_that_is_said(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    outlet = Outlet(stream, most=3 * PIPE)
    outlet.write("x" * (3 * PIPE - 1) + "\n")
    for _ in range(7):
        outlet.write("lost\n")
    taken(reader, 3 * PIPE)
    assert outlet.drain(SOON)
    outlet.write("here again\n")
    assert outlet.drain(SOON)
    assert os.read(reader, 1000).decode() == "… 7 lines are missing here: nobody took them\nhere again\n"


def test_a_reader_that_went_away_is_told_to_the_writer(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    os.close(reader)
    outlet = Outlet(stream)
    outlet.write("x")
    assert outlet.drain(SOON)
    with pytest.raises(BrokenPipeError):
        outlet.write("y")


def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    outlet = Outlet(stream)
    outlet.write("x" * (4 * PIPE))
    assert taken(reader, 4 * PIPE) == "x" * (4 * PIPE)
    assert outlet.drain(SOON)
