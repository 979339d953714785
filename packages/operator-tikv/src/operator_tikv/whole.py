"""What is told of the cluster as a whole: who leads PD, how old it is, what its stores come to together.

A total is told only when every store that answers was read: one that is away serves nothing, but one that serves and
was not read would make the total smaller than it is. Of latency, a store that counted no write in the window has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from operator_core.components import CLUSTER
from operator_core.errors import SubjectError
from operator_core.readings import Cause, Contact, SignalName

from operator_tikv import names as n
from operator_tikv.looks import Looked, answers
from operator_tikv.memory import Memory
from operator_tikv.names import store_ref
from operator_tikv.pd.client import PdNotBootstrapped, Told, verdict_of
from operator_tikv.pd.model import StoreState
from operator_tikv.report import Report
from operator_tikv.versions import dialect_of

_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""What a process may say of its start at most; anything may stand in its answer."""


def report_cluster(report: Report, memory: Memory, looked: Looked) -> None:
    """What PD tells of the whole."""
    _report_leader(report, memory, looked)
    _report_stores(report, looked)
    for signal, told in ((n.REGIONS_COUNT, looked.regions), (n.REPLICAS_MAX, looked.replication)):
        if isinstance(told, SubjectError):
            report.miss_for(CLUSTER, signal, n.PD_SOURCE, told)
        else:
            value = told.value if isinstance(told.value, int) else told.value.max_replicas
            report.read(CLUSTER, signal, float(value), f"PD GET {told.answer.url}", at=told.answer.at)
    starts = _starts(memory, looked)
    if starts:
        report.read(CLUSTER, n.CLUSTER_AGE, max(0.0, (report.at - min(starts)).total_seconds()), "starts of processes")
    else:
        report.miss(CLUSTER, n.CLUSTER_AGE, n.PD_SOURCE, Cause.ABSENT, "no process that answers tells its start")
    watched = max(timedelta(0), report.at - (memory.watching_since or report.at))
    report.read(CLUSTER, n.WATCHED_FOR, watched.total_seconds(), "our looks")
    _report_version(report, memory)


def _starts(memory: Memory, looked: Looked) -> list[datetime]:
    """When the processes that answer were started, as they tell themselves or PD."""
    told = [look.status.value for look in looked.at_member.values() if isinstance(look.status, Told)]
    starts = [status.started for status in (*told, *looked.given) if status.started is not None]
    for store in memory.stores.values():
        look = looked.at_store.get(store_ref(store.id))
        if look is None or not (answers(look.status) or answers(look.service)):
            continue
        scraped = look.scraped
        by_itself = None if scraped is None or isinstance(scraped, SubjectError) else scraped.started
        known = [s for s in (store.started, _instant(by_itself)) if s is not None]
        if known:
            starts.append(max(known))  # of a process started anew, PD may know the start before only
    return starts


def _instant(unix: float | None) -> datetime | None:
    return datetime.fromtimestamp(unix, UTC) if unix is not None and 0 < unix < _LATEST else None


def _report_leader(report: Report, memory: Memory, looked: Looked) -> None:
    members = looked.members
    leadership = memory.leadership
    report.read(CLUSTER, n.PD_ANSWER, verdict_of(members).value, "PD GET /pd/api/v1/members")
    if isinstance(members, Told):
        source = f"PD GET {members.answer.url}"
        report.read(CLUSTER, n.PD_LEADER, members.value.leader or n.NO_LEADER, source, at=members.answer.at)
    elif verdict_of(members).value == "no leader":
        report.read(CLUSTER, n.PD_LEADER, n.NO_LEADER, "PD GET /pd/api/v1/members")
    else:
        report.miss_for(CLUSTER, n.PD_LEADER, n.PD_SOURCE, members)
    if leadership.name is not None:
        report.read(CLUSTER, n.PD_LAST_LEADER, leadership.name, "our looks at PD")
    else:
        report.miss(CLUSTER, n.PD_LAST_LEADER, n.PD_SOURCE, Cause.ABSENT, "no leader has been seen yet")
    if leadership.changed_at is not None:
        age = (report.at - leadership.changed_at).total_seconds()
        report.read(CLUSTER, n.PD_LEADER_AGE, age, "our looks at PD")
    else:
        report.miss(CLUSTER, n.PD_LEADER_AGE, n.PD_SOURCE, Cause.ABSENT, "we have not seen it change")
    led_ago = None if leadership.led_at is None else (report.at - leadership.led_at).total_seconds()
    never = "PD has not answered as a whole yet"
    report.read_or_miss(CLUSTER, n.PD_LED_AGO, led_ago, "our looks at PD", lost_from=n.PD_SOURCE, because=never)
    lost = leadership.lost_since
    leaderless = 0.0 if lost is None else max(0.0, (report.at - lost).total_seconds())
    report.read(CLUSTER, n.PD_LEADERLESS_FOR, leaderless, "our looks at PD")
    answering = sum(answers(look.contact) for look in looked.at_member.values())
    if looked.at_member:
        report.read(CLUSTER, n.PD_MEMBERS_ANSWERING, float(answering), "our knocks at PD")
    else:
        report.miss(CLUSTER, n.PD_MEMBERS_ANSWERING, n.PD_SOURCE, Cause.NOT_ASKED, "no member is known yet")


def _report_stores(report: Report, looked: Looked) -> None:
    told = looked.stores
    signals = (n.STORES_UP, n.STORES_KNOWN, n.REGIONS_LED)
    if isinstance(told, Told):
        report.read(CLUSTER, n.CLUSTER_BOOTSTRAPPED, 1.0, f"PD GET {told.answer.url}", at=told.answer.at)
    elif isinstance(told, PdNotBootstrapped):
        report.read(CLUSTER, n.CLUSTER_BOOTSTRAPPED, 0.0, "PD GET /pd/api/v1/stores")
    else:
        report.miss_for(CLUSTER, n.CLUSTER_BOOTSTRAPPED, n.PD_SOURCE, told)
    if isinstance(told, SubjectError):
        for signal in signals:
            report.miss_for(CLUSTER, signal, n.PD_SOURCE, told)
        return
    source, at = f"PD GET {told.answer.url}", told.answer.at
    serving = [s for s in told.value if s.state in (StoreState.UP, StoreState.OFFLINE)]
    report.read(CLUSTER, n.STORES_UP, float(sum(s.state is StoreState.UP for s in told.value)), source, at=at)
    report.read(CLUSTER, n.STORES_KNOWN, float(len(told.value)), source, at=at)
    report.read(CLUSTER, n.REGIONS_LED, float(sum(s.leaders for s in serving)), source, at=at)


def _report_version(report: Report, memory: Memory) -> None:
    versions = [s.version for s in memory.stores.values()] + [m.version for m in memory.members.values()]
    dialect = dialect_of(versions)
    if dialect is None:
        report.miss(CLUSTER, n.CLUSTER_VERSION_KNOWN, n.PD_SOURCE, Cause.ABSENT, "no version has been told yet")
        return
    report.read(CLUSTER, n.CLUSTER_VERSION_KNOWN, dialect[0].value, f"version {dialect[1]} by PD")


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
