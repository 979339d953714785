"""Which versions of TiKV and PD are known, and what is done about the others.

The API paths and metric families that are read here are the same from 6.5 to 8.5; what differs (a follower's way
to say that there is no leader, labels that were added) is read so that both forms are understood. An older or newer
cluster is read with the nearest known dialect, and each observation says so in `cluster.version_known`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

OLDEST = (6, 5)
NEWEST = (8, 5)

_VERSION = re.compile(r"^v?(\d+)\.(\d+)")


class Dialect(Enum):
    """How well a version is known."""

    KNOWN = "known"
    OLDER = "older"
    """Before 6.5; read as 6.5."""
    NEWER = "newer"
    """After 8.5; read as 8.5."""


def dialect_of(versions: Iterable[str]) -> tuple[Dialect, str] | None:
    """The dialect of the version that is farthest from what is known, and that version; None when none was told."""
    found: list[tuple[tuple[int, int], str]] = []
    for version in versions:
        match = _VERSION.match(version)
        if match is not None:
            found.append(((int(match[1]), int(match[2])), version))
    if not found:
        return None
    low, high = min(found), max(found)
    if high[0] > NEWEST:
        return Dialect.NEWER, high[1]
    if low[0] < OLDEST:
        return Dialect.OLDER, low[1]
    return Dialect.KNOWN, high[1]
