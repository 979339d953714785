"""Holds packets back in user space, where the kernel has no netem: a reader of one of its packet queues.

A rule hands packets over (iptables ``-j NFQUEUE --queue-bypass``), each comes here by its number, and is let go when
its time has come; when this program ends, the rule lets everything pass. Packets of one direction stay in order, as on
a slow line. The messages are those of linux/netfilter/nfnetlink_queue.h.

Reads its order, JSON, from its argument: ``queue``, ``ms`` (each packet), ``jitter_ms`` (up to so much more or less),
``for_s``.
"""

from __future__ import annotations

import errno
import heapq
import json
import random
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

NETFILTER, SOL_NETLINK, NO_ENOBUFS = 12, 270, 5
QUEUE_SUBSYSTEM = 3 << 8
PACKET, VERDICT, CONFIG = QUEUE_SUBSYSTEM, QUEUE_SUBSYSTEM | 1, QUEUE_SUBSYSTEM | 2
REQUEST, REQUEST_ACK = 1, 5
ERROR = 2
ACCEPT = 1
LONGEST_QUEUE = 20_000


def message(kind: int, flags: int, queue: int, attribute: int, value: bytes) -> bytes:
    """One netlink message with one attribute."""
    padded = value + b"\0" * (-len(value) % 4)
    body = struct.pack(">BBH", 0, 0, queue) + struct.pack("=HH", 4 + len(value), attribute) + padded
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each message."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def packet(body: bytes) -> tuple[int, int] | None:
    """The number of a packet and the hook at which it waits."""
    rest = body[4:]
    while len(rest) >= 4:
        length, kind = struct.unpack_from("=HH", rest)
        if kind & 0x7FFF == 1:
            number, _protocol, hook = struct.unpack_from(">IHB", rest, 4)
            return number, hook
        rest = rest[(length + 3) & ~3 :]
    return None


def open_queue(queue: int) -> socket.socket:
    """A socket to which the kernel hands the packets of a queue."""
    line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
    line.bind((0, 0))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    line.setsockopt(SOL_NETLINK, NO_ENOBUFS, 1)
    for attribute, value in (
        (1, struct.pack(">BxH", 1, socket.AF_INET)),  # bind
        (2, struct.pack(">IB", 0, 1)),  # without the packets' contents
        (3, struct.pack(">I", LONGEST_QUEUE)),
    ):
        line.send(message(CONFIG, REQUEST_ACK, queue, attribute, value))
        for kind, body in messages(line.recv(65536)):
            if kind == ERROR and (code := -struct.unpack_from("=i", body)[0]):
                sys.exit(f"queue {queue}: {errno.errorcode.get(code, code)}")
    return line


def hold(line: socket.socket, queue: int, ms: float, jitter_ms: float, for_s: float) -> None:
    """Let each packet go when its time has come."""
    chance = random.Random(queue)  # noqa: S311 - when a packet goes is no secret
    waiting: list[tuple[float, int]] = []
    last: dict[int, float] = {}
    until = time.monotonic() + for_s  # noqa: TID251 - a program of its own; there is no Clock
    while (now := time.monotonic()) < until:  # noqa: TID251
        while waiting and waiting[0][0] <= now:
            _, number = heapq.heappop(waiting)
            line.send(message(VERDICT, REQUEST, queue, 2, struct.pack(">II", ACCEPT, number)))
        wait_s = min(1.0, waiting[0][0] - now) if waiting else 1.0
        if not select.select([line], [], [], max(0.0, wait_s))[0]:
            continue
        try:
            data = line.recv(1 << 16)
        except OSError:
            continue
        now = time.monotonic()  # noqa: TID251
        for kind, body in messages(data):
            if kind == PACKET and (found := packet(body)) is not None:
                number, hook = found
                due = now + (ms + chance.uniform(-jitter_ms, jitter_ms)) / 1000
                last[hook] = due = max(due, last.get(hook, 0.0))
                heapq.heappush(waiting, (due, number))


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """The first process of a container is not ended by TERM unless it says so."""
    sys.exit(0)


def main() -> None:
    """Do what is ordered."""
    signal.signal(signal.SIGTERM, leave)
    order = json.loads(sys.argv[1])
    line = open_queue(order["queue"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    hold(line, order["queue"], order["ms"], order["jitter_ms"], order["for_s"])


if __name__ == "__main__":
    main()
