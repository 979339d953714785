"""A process that was told to end does, whatever its threads wait for, and puts back what it must before."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from operator_core.runtime import RealClock

WALL = RealClock()
SCRIPT = """
import asyncio, sys, threading
from datetime import timedelta
from operator_cli.running import LastResort, run

async def use_case():
    print("begun", flush=True)
    try:
        {waits}
    finally:
        print("let go", flush=True)

run(use_case(), LastResort(within=timedelta(seconds=0.5), leave=lambda: print("put back", flush=True)))
print("not reached")
"""
WAITS = {
    "for something that can be cancelled": "await asyncio.Event().wait()",
    "for a thread that does not end": "await asyncio.to_thread(threading.Event().wait)",
    "in the event loop itself": "threading.Event().wait(3600)",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("waits", WAITS.values(), ids=WAITS)
def test_it_ends_in_time_with_the_code_of_an_interruption(number: signal.Signals, waits: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(waits=waits)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        start = WALL.now()
        process.send_signal(number)
        try:
            said, complaints = process.communicate(timeout=30)
        finally:
            process.kill()
        lasted = WALL.now() - start
    assert process.returncode == 130
    assert lasted < timedelta(seconds=2)
    assert complaints == ""
    assert said.splitlines()[-1] == "put back"
    assert ("let go" in said) == ("Event().wait(3600)" not in waits)
    assert "not reached" not in said


def test_a_terminal_that_was_left_alone_on_purpose_does_not_end_it() -> None:
    script = SCRIPT.format(waits="await asyncio.wait_for(asyncio.Event().wait(), 1)")
    done = subprocess.Popen(
        ["nohup", sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with done as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGHUP)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 1, "it went on until it failed by itself"
