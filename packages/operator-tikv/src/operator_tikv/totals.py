"""Load and latency of the whole, from what was read of its stores in the same look.

A total is told only when every store that answers was read: one that is away serves nothing, but one that serves and
was not read would make the total smaller than it is. Of latency, a store that counted no write in the window has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from operator_core.components import CLUSTER
from operator_core.readings import Cause, Contact, SignalName

from operator_tikv import names as n
from operator_tikv.report import Report

_TOTALS: tuple[tuple[SignalName, SignalName, Callable[[Iterable[float]], float], frozenset[Cause]], ...] = (
    (n.CLUSTER_REQUESTS, n.STORE_REQUESTS, sum, frozenset()),
    (n.CLUSTER_WRITE_P99, n.STORE_WRITE_P99, max, frozenset({Cause.TOO_EARLY, Cause.ABSENT, Cause.NOT_ASKED})),
)
"""The total, what it is of, how it comes to be, and for which causes a store may be missing in it."""


def report_totals(report: Report) -> None:
    """What the stores' readings come to."""
    doors = (n.STORE_STATUS_CONTACT, n.STORE_SERVICE_CONTACT)
    answering = {r.component for r in report.readings if r.signal in doors and r.value == Contact.ANSWERED.value}
    for whole, part, total, excused in _TOTALS:
        seen = {r.component: r.value for r in report.readings if r.signal == part and not isinstance(r.value, str)}
        missing = [u for u in report.unseens if u.signal == part and u.component in answering]
        unread = next((u for u in missing if u.cause not in excused), None)
        if unread is not None:
            report.miss(CLUSTER, whole, unread.source, unread.cause, f"{part} of {unread.component}: {unread.detail}")
        elif seen:
            report.read(CLUSTER, whole, float(total(seen.values())), f"{part} of {len(seen)} stores")
        else:
            report.miss(CLUSTER, whole, n.PD_SOURCE, Cause.TOO_EARLY, f"{part} was seen of no store")
