"""The disk of a store: how long it takes to make something durable, and how much room is left."""

from __future__ import annotations

from enum import Enum
from typing import Final

GIB: Final = 1 << 30
RESERVED: Final = 5 * GIB
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
        reserve_space_bytes: what TiKV keeps free for hard times.
    """

    def __init__(self, *, capacity: int, used: int, foreign: int, sync_s: float, reserve_space: int = RESERVED) -> None:
        self.capacity_bytes = capacity
        self.used_bytes = float(used)
        self.foreign_bytes = foreign
        self._sync_s = sync_s
        self.slowness: dict[str, float] = {}
        self.fill: dict[str, int] = {}
        self.reserve_space_bytes = reserve_space
        self._measured_bytes: int | None = None

    def measured(self, capacity: int, available: int) -> None:
        """The disk is a real one, and this is what it says of itself."""
        self.capacity_bytes, self._measured_bytes = capacity, available

    @property
    def sync_s(self) -> float:
        """The usual duration of one sync."""
        factor = 1.0
        for each in self.slowness.values():
            factor *= each
        return self._sync_s * factor

    @property
    def available_bytes(self) -> int:
        free = self._measured_bytes
        if free is None:
            free = self.capacity_bytes - int(self.used_bytes) - self.foreign_bytes
        return max(0, free - sum(self.fill.values()))

    @property
    def held_bytes(self) -> float:
        """What TiKV itself has there; a real disk may have less room than the model's clients have filled."""
        return min(self.used_bytes, float(self.capacity_bytes - self.available_bytes))

    @property
    def fullness(self) -> Fullness:
        reserve = max(self.reserve_space_bytes, self.capacity_bytes // 20)
        if self.available_bytes <= reserve // 2:
            return Fullness.ALREADY_FULL
        return Fullness.ALMOST_FULL if self.available_bytes <= reserve else Fullness.NORMAL

    def fill_to(self, key: str, level: float) -> None:
        """Put a file there that brings the share in use to `level`; one that is fuller already gets none."""
        self.fill.pop(key, None)
        self.fill[key] = max(0, self.available_bytes - int(self.capacity_bytes * (1 - level)))
