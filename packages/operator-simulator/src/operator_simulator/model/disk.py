"""The disk of a store: how long it takes to make something durable, and how much room is left."""

from __future__ import annotations

from enum import Enum
from typing import Final

GIB: Final = 1 << 30
_RESERVED: Final = 5 * GIB
"""`storage.reserve-space`, or 5 % of the capacity where that is more (tikv v8.5.5 `src/server/config`)."""


class Fullness(Enum):
    """What TiKV makes of the room left."""

    NORMAL = "Normal"
    ALMOST_FULL = "AlmostFull"
    ALREADY_FULL = "AlreadyFull"


class Disk:
    """One disk.

    Attributes:
        foreign_bytes: what others keep on the same filesystem.
        slowness: by fault key, a factor on the time of a sync.
        fill: by fault key, bytes that lie there on top.
    """

    def __init__(self, *, capacity: int, used: int, foreign: int, sync_s: float) -> None:
        self.capacity_bytes = capacity
        self.used_bytes = float(used)
        self.foreign_bytes = foreign
        self._sync_s = sync_s
        self.slowness: dict[str, float] = {}
        self.fill: dict[str, int] = {}

    @property
    def sync_s(self) -> float:
        """The usual duration of one sync."""
        factor = 1.0
        for each in self.slowness.values():
            factor *= each
        return self._sync_s * factor

    @property
    def available_bytes(self) -> int:
        taken = int(self.used_bytes) + self.foreign_bytes + sum(self.fill.values())
        return max(0, self.capacity_bytes - taken)

    @property
    def fullness(self) -> Fullness:
        reserve = max(_RESERVED, self.capacity_bytes // 20)
        if self.available_bytes <= reserve // 2:
            return Fullness.ALREADY_FULL
        return Fullness.ALMOST_FULL if self.available_bytes <= reserve else Fullness.NORMAL

    def fill_to(self, key: str, level: float) -> None:
        """Put a file there that brings the share in use to `level`; one that is fuller already gets none."""
        self.fill.pop(key, None)
        self.fill[key] = max(0, self.available_bytes - int(self.capacity_bytes * (1 - level)))
