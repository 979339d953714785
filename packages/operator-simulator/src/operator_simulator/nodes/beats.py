"""A node's beats on the data network: small datagrams to every peer, and what is heard of theirs.

A beat that arrives says that its sender can be heard here, whether or not anything arrives there; it is sent back,
and what comes back says how long a round trip takes. Each beat has a number, so the receiver alone knows how many were
lost on the way. Beats of an earlier life of a peer count for nothing.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from operator_simulator.nodes.frames import Heard, Peer

EVERY_S: Final = 0.2
_MAGIC: Final = b"bt01"
_HEAD: Final = struct.Struct("!4s?QQd")
_MOST_BYTES: Final = 128
_REMEMBERED_S: Final = 3.0
_FEWEST: Final = 4
_MOST_AT_ONCE: Final = 4096


@dataclass(slots=True)
class _Ear:
    """What was heard of one life of a peer, and how long its beats were on the way and back."""

    peer: Peer
    got: int = 0
    top: int = 0
    trips: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]])


class Beats:
    """One node's socket on the data network.

    Args:
        sock: bound, datagrams, not blocking.
        life: which run of this node it is.
        now_s: a monotonic clock.
    """

    def __init__(self, sock: socket.socket, name: str, life: int, now_s: Callable[[], float]) -> None:
        self._sock = sock
        self._name = name.encode()
        self._life = life
        self._now_s = now_s
        self._ears: dict[str, _Ear] = {}
        self.sent = 0

    def fileno(self) -> int:
        return self._sock.fileno()

    def meet(self, peers: Mapping[str, Peer]) -> None:
        """These are the others from now on; of a new life nothing has been heard."""
        known = self._ears
        self._ears = {
            name: known[name] if name in known and known[name].peer.life == peer.life else _Ear(peer)
            for name, peer in peers.items()
            if name.encode() != self._name
        }
        for name, ear in self._ears.items():
            ear.peer = peers[name]

    def send(self) -> None:
        """One beat to every peer."""
        self.sent += 1
        beat = _HEAD.pack(_MAGIC, True, self._life, self.sent, self._now_s()) + self._name
        for ear in self._ears.values():
            self._send(beat, ear.peer.address)

    def _send(self, datagram: bytes, address: str) -> None:
        host, _, port = address.rpartition(":")
        with suppress(OSError, ValueError, OverflowError):  # what cannot be sent is not heard: that is the measurement
            self._sock.sendto(datagram, (host, int(port)))

    def take_in(self) -> None:
        """Read all that has arrived; what is not a peer's beat is passed over.

        Of a peer's beats that have waited for us together only the latest is sent back: how long they waited says
        that we were held up, and nothing of the way.
        """
        echoes: dict[str, bytes] = {}
        for _ in range(_MOST_AT_ONCE):
            try:
                datagram = self._sock.recv(_MOST_BYTES)
            except BlockingIOError:
                break
            except OSError:
                continue  # an earlier datagram was turned away
            if len(datagram) < _HEAD.size or datagram[:4] != _MAGIC:
                continue
            _, is_beat, life, number, sent_s = _HEAD.unpack_from(datagram)
            name = datagram[_HEAD.size :].decode(errors="replace")
            ear = self._ears.get(name)
            if ear is None:
                continue
            if is_beat:
                if life == ear.peer.life:
                    ear.got += 1
                    ear.top = max(ear.top, number)
                echoes[name] = _HEAD.pack(_MAGIC, False, life, number, sent_s) + self._name
            elif life == self._life and sent_s <= self._now_s():
                ear.trips.append((self._now_s(), self._now_s() - sent_s))
        for name, echo in echoes.items():
            self._send(echo, self._ears[name].peer.address)

    def heard(self) -> tuple[Heard, ...]:
        """What is known of every peer now."""
        oldest = self._now_s() - _REMEMBERED_S
        found: list[Heard] = []
        for name, ear in self._ears.items():
            while ear.trips and ear.trips[0][0] < oldest:
                ear.trips.popleft()
            trips = sorted(seconds for _, seconds in ear.trips)
            rtt_s = trips[len(trips) // 4] if len(trips) >= _FEWEST else None
            found.append(Heard(peer=name, life=ear.peer.life, got=ear.got, top=ear.top, rtt_s=rtt_s))
        return tuple(found)
