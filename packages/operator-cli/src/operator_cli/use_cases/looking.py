"""One look at a cluster, for scripts and for whoever is about to break it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from operator_cli.wiring import Meant, watch

if TYPE_CHECKING:
    from operator_monitor import Look

APART = timedelta(seconds=5)
"""Between the two looks that a rate needs."""


async def look_at(meant: Meant) -> Look:
    """Look once, or twice where rates need it, and judge without grace."""
    from operator_monitor import look_once

    async with watch(meant) as watched:
        return await look_once(watched.subject, clock=watched.clock, apart=APART)
