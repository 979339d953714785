"""Scraping the processes' own ``/metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from operator_core.errors import SubjectUnreachable
from operator_core.readings import Cause
from operator_core.signals import Signal

from operator_tikv.http import Http
from operator_tikv.metrics.exposition import Scrape, parse


async def scrape(http: Http, base: str, signals: Sequence[Signal], *, within: timedelta) -> Scrape:
    """Scrape one process.

    Raises:
        SubjectUnreachable: no whole answer, or a status that is not 200 (cause DENIED).
        SubjectNonsense: the answer is not the text format.
    """
    answer = await http.get(f"{base}/metrics", within=within)
    if answer.status != 200:
        raise SubjectUnreachable(f"GET {answer.url}: {answer.status} {answer.text[:120]!r}", Cause.DENIED)
    return parse(answer.text, signals, at=answer.at)
