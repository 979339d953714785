"""Signals to the processes of another container, sent from the engine's own process namespace.

From there even a container's first process can be killed, and Docker sees a process that ended by itself. The kernel
shields the first process of a namespace from every signal that it has no handler for, except KILL from outside.

Reads its order, JSON, from its argument or its standard input: ``container`` (the full id), ``signal``, and either
``child`` (whether the first process is an init, and its child is meant) to do it once, or ``every_s`` and ``for_s`` to
kill the first process whenever it has run for that long.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

PROC = Path("/proc")


def processes(container: str) -> dict[int, tuple[int, int]]:
    """The container's processes: number here -> parent's number here, number in its own namespace.

    A process that joined by `docker exec` has its parent outside.
    """
    found: dict[int, tuple[int, int]] = {}
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if container not in (folder / "cgroup").read_text():
                continue
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        except OSError:
            continue  # it has ended meanwhile
        if status["State"].split()[0] in "ZX":
            continue
        found[int(folder.name)] = (int(status["PPid"]), int(status["NSpid"].split()[-1]))
    return found


def victim(container: str, *, child: bool) -> int | None:
    """The process that is meant: the first one, or the first one's oldest child."""
    there = processes(container)
    first = next((pid for pid, (_, inner) in there.items() if inner == 1), None)
    if first is None or not child:
        return first
    children = [(inner, pid) for pid, (parent, inner) in there.items() if parent == first]
    return min(children)[1] if children else None


def is_there(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def crash(container: str, number: int, *, child: bool) -> dict[str, object]:
    """Send a signal to the process once; where it is shielded or does not end of it, KILL."""
    pid = victim(container, child=child)
    if pid is None:
        sys.exit("the container has no process to send a signal to")
    sent = [number]
    os.kill(pid, number)
    # A program that writes a core or a trace takes its time.
    if not ended(pid, within_s=1.5):
        sent.append(int(signal.SIGKILL))
        os.kill(pid, signal.SIGKILL)
    return {"sent": sent, "ended": ended(pid, within_s=3)}


def ended(pid: int, *, within_s: float) -> bool:
    """Whether a process ends within a time."""
    until = time.monotonic() + within_s  # noqa: TID251 - a program of its own; there is no Clock
    while is_there(pid):
        if time.monotonic() > until:  # noqa: TID251
            return False
        time.sleep(0.02)  # noqa: TID251
    return True


def age_s(pid: int) -> float:
    """Seconds since a process was made; 0 when it is gone."""
    try:
        ticks = int((PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[19])
    except OSError:
        return 0.0
    return float((PROC / "uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def again_and_again(container: str, *, every_s: float, for_s: float) -> None:
    """Kill the first process whenever it has run for so long, until the time is over.

    One that dies before Docker has seen it start counts as a start that failed, and is not started again.
    """
    until = time.monotonic() + for_s  # noqa: TID251
    is_first = True
    while time.monotonic() < until:  # noqa: TID251
        pid = victim(container, child=False)
        if pid is not None and (is_first or age_s(pid) >= every_s):
            is_first = False
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            sys.stdout.write("killed\n")
            sys.stdout.flush()
            ended(pid, within_s=5)
        time.sleep(0.1)  # noqa: TID251


def leave(_number: int, _frame: FrameType | None) -> None:
    """The first process of a container is not ended by TERM unless it says so."""
    sys.exit(0)


def main() -> None:
    """Do what is ordered."""
    signal.signal(signal.SIGTERM, leave)
    order = json.loads(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.read())
    if "every_s" in order:
        again_and_again(order["container"], every_s=order["every_s"], for_s=order["for_s"])
    else:
        sys.stdout.write(json.dumps(crash(order["container"], order["signal"], child=order["child"])))


if __name__ == "__main__":
    main()
