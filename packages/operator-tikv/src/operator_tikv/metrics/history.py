"""The scrapes that are kept of one process, so that rates come from looks with the true time between them."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from operator_tikv.metrics.exposition import Scrape


class History:
    """The last scrapes of one process, oldest first.

    Args:
        keep: how far back a window may reach.
    """

    def __init__(self, keep: timedelta = timedelta(seconds=90)) -> None:
        self._keep = keep
        self._scrapes: deque[Scrape] = deque()

    def add(self, scrape: Scrape) -> None:
        """Keep a scrape, and forget those that no window reaches any more."""
        self._scrapes.append(scrape)
        while len(self._scrapes) > 2 and scrape.at - self._scrapes[0].at > self._keep:
            self._scrapes.popleft()

    @property
    def latest(self) -> Scrape | None:
        return self._scrapes[-1] if self._scrapes else None

    def earlier(self, window: timedelta | None) -> Scrape | None:
        """The oldest scrape within a window before the latest.

        When looks were lost and none lies within it, the one just before the latest, if it is kept still: the rate
        is then over a longer time, and still true.
        """
        if len(self._scrapes) < 2:
            return None
        latest = self._scrapes[-1]
        if window is not None:
            for scrape in self._scrapes:
                if latest.at - scrape.at <= window and scrape is not latest:
                    return scrape
        before = self._scrapes[-2]
        return before if latest.at - before.at <= self._keep else None

    def within(self, window: timedelta | None, now: datetime) -> Scrape | None:
        """What `earlier` gives for a scrape taken now that is not kept."""
        if not self._scrapes:
            return None
        if window is not None:
            found = next((s for s in self._scrapes if now - s.at <= window), None)
            if found is not None:
                return found
        latest = self._scrapes[-1]
        return latest if now - latest.at <= self._keep else None
