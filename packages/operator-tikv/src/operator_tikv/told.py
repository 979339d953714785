"""What PD and the doors tell, as readings."""

from __future__ import annotations

from datetime import datetime, timedelta

from operator_core.components import ComponentRef
from operator_core.errors import SubjectError
from operator_core.readings import Cause, Contact, SignalName

from operator_tikv import names as n
from operator_tikv.doors import Knock
from operator_tikv.looks import Looked, MemberLook, StoreLook, answers
from operator_tikv.memory import Memory
from operator_tikv.names import pd_ref, store_ref
from operator_tikv.pd.client import Told
from operator_tikv.pd.model import Store
from operator_tikv.report import Report

SLACK = timedelta(seconds=1.5)
"""How far two clocks that agree may seem apart: ``Date`` has whole seconds."""

_OF_PD = (
    n.STORE_STATE,
    n.STORE_HEARTBEAT_AGE,
    n.STORE_START,
    n.STORE_LEADERS,
    n.STORE_REGIONS,
    n.STORE_CAPACITY,
    n.STORE_AVAILABLE,
    n.STORE_SPACE_LEFT,
    n.STORE_SLOW_SCORE,
    n.STORE_BUSY,
)


def pd_now(told: Told[tuple[Store, ...]]) -> datetime:
    """The instant of an answer by PD's clock, as well as it can be known.

    PD's ``Date`` header is PD's own clock cut to seconds; ours may be minutes off, and a proxy or a clock that
    runs at another speed may have written the header. Of the two, the clock is believed by which the freshest
    heartbeat is youngest without lying in the future: some store's heartbeat is always but seconds old, unless
    all are silent, and then both clocks say so.
    """
    ours = told.answer.at
    if told.answer.date is None:
        return ours
    theirs = told.answer.date + timedelta(seconds=0.5)
    freshest = max((s.last_heartbeat for s in told.value if s.last_heartbeat is not None), default=None)
    if abs(theirs - ours) <= SLACK or freshest is None:
        return ours
    if theirs - freshest < -SLACK:
        return ours
    if ours - freshest < -SLACK:
        return theirs
    return min(theirs, ours)


def remember(memory: Memory, looked: Looked, now: datetime) -> None:
    """Take from a look what the next one must know."""
    if memory.watching_since is None:
        memory.watching_since = looked.began
    if isinstance(looked.members, Told):
        memory.take_members(looked.members.value)
    if isinstance(looked.stores, Told):
        memory.take_stores(looked.stores.value)
    if isinstance(looked.replication, Told):
        memory.max_replicas = looked.replication.value.max_replicas
    if isinstance(looked.evicting, Told):
        memory.evicting = looked.evicting.value
    leader = looked.members.value.leader if isinstance(looked.members, Told) else None
    for ref, at_member in looked.at_member.items():
        _remember_hearing(memory, ref, (at_member.contact,), at_member.began, now)
        lost = memory.hearing_of(ref).lost_since
        if lost is None:
            memory.lost_as.pop(ref, None)
        elif ref not in memory.lost_as:
            led = leader is None and memory.leadership.name == ref.id
            memory.lost_as[ref] = "leader" if led else "follower"
    for ref, at_store in looked.at_store.items():
        _remember_hearing(memory, ref, (at_store.status, at_store.service), at_store.began, now)
    if leader is not None:
        memory.leadership.led_by(leader, now)
    else:
        memory.leadership.leaderless(looked.began)


def _remember_hearing(
    memory: Memory, ref: ComponentRef, knocks: tuple[Knock | None, ...], began: datetime, now: datetime
) -> None:
    hearing = memory.hearing_of(ref)
    if any(answers(k) for k in knocks):
        hearing.heard(now)
        memory.seen_up.add(ref)
    elif any(k is not None for k in knocks):
        hearing.missed(began)


def _knocked(report: Report, ref: ComponentRef, signal: SignalName, knock: Knock | None, where: str) -> None:
    if knock is None:
        report.miss(ref, signal, where, Cause.NOT_ASKED, "the door is not known, or there was no time left to knock")
    else:
        report.read(
            ref, signal, knock.contact.value, f"knock at {where}" + (f": {knock.detail}" if knock.detail else "")
        )


def _heard(report: Report, memory: Memory, ref: ComponentRef, silent: SignalName, heard: SignalName) -> None:
    hearing = memory.hearing_of(ref)
    where = f"our looks at {ref}"
    ago = None if hearing.heard_at is None else (report.at - hearing.heard_at).total_seconds()
    report.read_or_miss(ref, heard, ago, where, lost_from=str(ref), because="it has never answered us")
    if hearing.heard_at is None and hearing.lost_since is None:
        report.miss(ref, silent, str(ref), Cause.NOT_ASKED, "it was not knocked at")
    else:
        report.read(ref, silent, hearing.silent_for(report.at).total_seconds(), where)


def report_store(report: Report, memory: Memory, looked: Looked, store: Store) -> None:
    """What PD and the doors tell of one store; `store` may be known from an earlier answer only."""
    ref = store_ref(store.id)
    told = looked.stores
    if isinstance(told, Told):
        source = f"PD GET {told.answer.url}"
        report.read(ref, n.STORE_LISTED, "now", source)
        _report_listed(report, ref, store, told, source)
    else:
        report.read(ref, n.STORE_LISTED, "earlier", "PD's last list of stores")
        for signal in _OF_PD:
            report.miss_for(ref, signal, n.PD_SOURCE, told)
    if isinstance(looked.evicting, Told):
        evicting = float(store.id in looked.evicting.value)
        report.read(ref, n.STORE_EVICTING, evicting, f"PD GET {looked.evicting.answer.url}")
    elif store.id in memory.evicting:
        report.read(ref, n.STORE_EVICTING, 1.0, "PD's last list of schedulers")
    else:
        report.miss_for(ref, n.STORE_EVICTING, n.PD_SOURCE, looked.evicting)
    at_store = looked.at_store.get(ref, StoreLook(began=looked.began))
    if at_store.scraped is None:
        report.miss(ref, n.STORE_METRICS_CONTACT, n.metrics_source(ref), Cause.NOT_ASKED, "it is not scraped directly")
    else:
        word = at_store.scraped.cause.value if isinstance(at_store.scraped, SubjectError) else Contact.ANSWERED.value
        report.read(ref, n.STORE_METRICS_CONTACT, word, f"GET {store.status_address}/metrics")
    _knocked(report, ref, n.STORE_STATUS_CONTACT, at_store.status, f"{store.status_address or 'status port'} of {ref}")
    _knocked(report, ref, n.STORE_SERVICE_CONTACT, at_store.service, f"{store.address} of {ref}")
    _heard(report, memory, ref, n.STORE_SILENT_FOR, n.STORE_HEARD_AGO)
    word = "us" if ref in memory.seen_up else "pd" if store.last_heartbeat is not None else "nobody"
    report.read(ref, n.STORE_SEEN_UP, word, f"our looks at {ref}, and PD's list of stores")
    leading = memory.leading_of(ref)
    if isinstance(told, Told):
        leading.leads(store.leaders, report.at, memory.hearing_of(ref).heard_at)
    report.read(ref, n.STORE_DRAINED, float(leading.is_drained), f"PD's leader counts of {ref}, as our looks saw them")


def _report_listed(report: Report, ref: ComponentRef, store: Store, told: Told[tuple[Store, ...]], source: str) -> None:
    at, pd = told.answer.at, n.PD_SOURCE
    report.read(ref, n.STORE_STATE, store.state.value, source, at=at)
    age = None if store.last_heartbeat is None else max(0.0, (pd_now(told) - store.last_heartbeat).total_seconds())
    no_heartbeat = "PD never had a heartbeat of it"
    report.read_or_miss(ref, n.STORE_HEARTBEAT_AGE, age, source, lost_from=pd, at=at, because=no_heartbeat)
    start = None if store.started is None else store.started.timestamp()
    report.read_or_miss(ref, n.STORE_START, start, source, lost_from=pd, at=at)
    report.read(ref, n.STORE_LEADERS, float(store.leaders), source, at=at)
    report.read(ref, n.STORE_REGIONS, float(store.regions), source, at=at)
    not_yet = "PD has no figures until the store's next heartbeat"
    for signal, size in ((n.STORE_CAPACITY, store.capacity_bytes), (n.STORE_AVAILABLE, store.available_bytes)):
        value = None if size is None else float(size)
        report.read_or_miss(ref, signal, value, source, lost_from=pd, at=at, because=not_yet)
    left = (
        None
        if store.capacity_bytes is None or store.available_bytes is None
        else store.available_bytes / store.capacity_bytes
    )
    report.read_or_miss(ref, n.STORE_SPACE_LEFT, left, source, lost_from=pd, at=at, because=not_yet)
    report.read_or_miss(ref, n.STORE_SLOW_SCORE, store.slow_score, source, lost_from=pd, at=at)
    report.read(ref, n.STORE_BUSY, float(store.is_busy), source, at=at)


def report_member(report: Report, memory: Memory, looked: Looked, name: str) -> None:
    """What a PD member tells of itself, and what the others tell of it."""
    ref = pd_ref(name)
    source = n.member_source(ref)
    is_listed = isinstance(looked.members, Told)
    report.read(ref, n.PD_LISTED, "now" if is_listed else "earlier", "PD's list of members")
    look = looked.at_member.get(ref, MemberLook(began=looked.began))
    _knocked(report, ref, n.PD_CONTACT, look.contact, f"client port of {ref}")
    _heard(report, memory, ref, n.PD_SILENT_FOR, n.PD_HEARD_AGO)
    if ref in memory.lost_as:
        report.read(ref, n.PD_LOST_AS, memory.lost_as[ref], f"our looks at {ref}")
    if isinstance(look.status, Told):
        started = look.status.value.started
        start = None if started is None else started.timestamp()
        url = f"PD GET {look.status.answer.url}"
        report.read_or_miss(ref, n.PD_START, start, url, lost_from=source, at=look.status.answer.at)
    else:
        report.miss_for(ref, n.PD_START, source, look.status)
    _report_health(report, looked, ref)


def _report_health(report: Report, looked: Looked, ref: ComponentRef) -> None:
    """Whether another member reaches it; one that does outweighs those that do not."""
    told: list[tuple[bool, str]] = []
    failures: list[SubjectError] = []
    for other, look in looked.at_member.items():
        if other == ref:
            continue
        if isinstance(look.health, SubjectError):
            failures.append(look.health)
        elif ref.id in look.health.value:
            told.append((look.health.value[ref.id], f"PD GET {look.health.answer.url}"))
    if told:
        healthy, source = max(told)
        report.read(ref, n.PD_HEALTH, "healthy" if healthy else "unhealthy", source)
    elif failures:
        report.miss_for(ref, n.PD_HEALTH, "health by the other PD members", failures[0])
    else:
        report.miss(ref, n.PD_HEALTH, "health by the other PD members", Cause.ABSENT, "there is no other to ask")
