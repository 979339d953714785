"""What may be spent in a day: counted from the record, so that all who spend have one purse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

from operator_core.ports import Clock, Investigations

DAY = timedelta(hours=24)
LEAST = Decimal("0.02")
"""USD. With less no investigation comes to an end; it is not begun."""


class Purse:
    """A day's money.

    What is set aside for an investigation counts as spent until it ends, so that several at once keep within the day.

    Args:
        ledger: what was spent, by whomever.
        daily: USD in any 24 hours.
        clock: the wall clock.
    """

    def __init__(self, ledger: Investigations, *, daily: Decimal, clock: Clock) -> None:
        self._ledger = ledger
        self._daily = daily
        self._clock = clock
        self._aside = Decimal(0)
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def share(self, most: Decimal) -> AsyncGenerator[Decimal | None]:
        """Money set aside while the block runs: `most`, or what is left; None when that is as good as nothing."""
        async with self._lock:
            since = self._clock.now() - DAY
            spent = sum((p.usd for p in await self._ledger.paid(since=since) if p.usd is not None), Decimal(0))
            left = self._daily - spent - self._aside
            mine = min(most, left) if left >= LEAST else None
            self._aside += mine or 0
        try:
            yield mine
        finally:
            self._aside -= mine or 0
