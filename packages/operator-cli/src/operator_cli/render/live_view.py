"""What a picture of a cluster shows: everything that its drawing needs, and how a monitor's reports change it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from operator_core.diagnosis import Hypothesis
from operator_core.judgements import Judgement, Severity, judge
from operator_core.knowledge import Knowledge
from operator_core.readings import ClusterName, Observation
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId

from operator_cli.render.course import Courses
from operator_cli.render.watching_news import Newsroom

if TYPE_CHECKING:
    from operator_monitor import CycleReport, StandingBy

    from operator_cli.use_cases.recalling import OnRecord

T = TypeVar("T")

EVENTS = 200
"""Events that are remembered."""


class Tone(Enum):
    """How an event is to be taken; said by a sign as well as by a colour."""

    NEWS = ("·", "")
    GOOD = ("+", "green")
    WARNING = ("!", "yellow")
    BAD = ("‼", "red")

    @property
    def sign(self) -> str:
        return self.value[0]

    @property
    def style(self) -> str:
        return self.value[1]


TONES = {Severity.INFO: Tone.NEWS, Severity.WARNING: Tone.WARNING, Severity.CRITICAL: Tone.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened while we watched, in one plain line."""

    at: datetime
    text: str
    tone: Tone = Tone.NEWS


@dataclass(slots=True, kw_only=True)
class ClusterView:
    """One cluster as it was last seen.

    Attributes:
        looked_at: when the newest look was made, in the cluster's time; None before the first.
        failed: why the newest cycle failed; None when it did not.
        is_stale: the newest look failed as a whole; the observation is the last one that did not.
        unseen_since: by source, since when it has not been seen.
        tickets: those that are open.
        hypotheses: the first hypothesis about each ticket, where there is one.
        watch: who has the watch, in a few words.
        is_ours: whether we have it.
        events: the newest last.
    """

    name: ClusterName
    courses: Courses
    knowledge: Knowledge | None = None
    observation: Observation | None = None
    judgements: tuple[Judgement, ...] = ()
    number: int = 0
    looked_at: datetime | None = None
    failed: str | None = None
    is_stale: bool = False
    unseen_since: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    tickets: Mapping[TicketId, Ticket] = field(default_factory=dict[TicketId, Ticket])
    hypotheses: dict[TicketId, Hypothesis] = field(default_factory=dict[TicketId, Hypothesis])
    silences: tuple[Silence, ...] = ()
    watch: str = ""
    is_ours: bool = True
    events: deque[Event] = field(default_factory=lambda: deque[Event](maxlen=EVENTS))
    _news: Newsroom = field(default_factory=Newsroom)
    _kept: dict[object, object] = field(default_factory=dict[object, object])

    def until_changed(self, what: object, make: Callable[[], T]) -> T:
        """What was made of the view, as long as nothing new came in: only ages change with every second."""
        if what not in self._kept:
            self._kept[what] = make()
        return cast("T", self._kept[what])

    @property
    def open_tickets(self) -> tuple[Ticket, ...]:
        """The gravest first, of those the newest."""
        return tuple(sorted(self.tickets.values(), key=lambda t: (-t.severity.rank, -t.opened_at.timestamp(), t.id)))

    @property
    def worst(self) -> Severity | None:
        """Of the open tickets; None when there is none."""
        return max((t.severity for t in self.tickets.values()), key=lambda s: s.rank, default=None)

    def heard(self, report: CycleReport) -> None:
        """Take what a cycle brought."""
        self._kept.clear()
        self.events.extend(_told(report, self._news, self.tickets))
        self.is_ours, self.watch = True, ""
        self.number, self.failed = report.number, report.failed
        self.judgements = report.judgements
        saw = bool(report.observation.components)
        self.is_stale = not saw
        self.courses.add(
            report.at, report.observation if saw else None, () if self.knowledge is None else self.knowledge.kinds
        )
        if saw or self.observation is None:
            self.observation = report.observation
        self.looked_at = report.observation.at if saw else self.looked_at
        self.unseen_since = dict(self._news.unseen_since)
        self.silences = report.silences
        for diagnosis in report.diagnoses:
            if diagnosis.ticket is not None:
                self.hypotheses[TicketId(diagnosis.ticket)] = diagnosis.first
        if report.now_open is not None:
            self.tickets = {t.id: t for t in report.now_open}
            self.hypotheses = {i: h for i, h in self.hypotheses.items() if i in self.tickets}

    def recalled(self, record: OnRecord) -> None:
        """Take what the record says; of another's watch also what it saw, up to its newest look."""
        self._kept.clear()
        for ident, diagnosis in record.diagnoses.items():
            self.hypotheses[ident] = diagnosis.first
        if self.is_ours:
            return  # a report knows better, and may have come meanwhile
        self.tickets = {t.id: t for t in record.tickets}
        self.silences = self.silences if record.silences is None else record.silences
        seen = record.observation
        if seen is None or self.knowledge is None or seen.number <= self.number:
            return
        self.observation, self.number, self.looked_at, self.failed = seen, seen.number, seen.at, None
        self.is_stale = False
        self.judgements = judge(self.knowledge.invariants, seen)
        self.courses.add(seen.at, seen, self.knowledge.kinds)

    def stood_by(self, report: StandingBy) -> None:
        """Take that another has the watch."""
        if self._news.standing(report):
            self.events.append(Event(at=report.at, text=f"standing by: {report.because}", tone=Tone.WARNING))
        self.is_ours, self.watch = False, report.because


def _told(report: CycleReport, room: Newsroom, before: Mapping[TicketId, Ticket]) -> Iterator[Event]:
    """What is worth a line, in the order in which it came about."""
    news = room.cycle(report)

    def event(text: str, tone: Tone = Tone.NEWS) -> Event:
        return Event(at=report.at, text=text, tone=tone)

    if news.taken_over:
        yield event("the watch is ours now", Tone.GOOD)
    if news.failed is not None:
        yield event(f"the cycle failed: {news.failed}", Tone.BAD)
    if news.recovered:
        yield event("cycles work again", Tone.GOOD)
    if news.slow is not None:
        yield event(news.slow, Tone.WARNING)
    for look in news.lost:
        yield event(f"not seen: {look.source}: {look.failure.value if look.failure else ''}", Tone.WARNING)
    for source in news.regained:
        yield event(f"seen again: {source}", Tone.GOOD)
    for judgement in news.begun:
        yield event(f"violated: {judgement.because}", Tone.WARNING)
    for key in news.ended:
        yield event(f"holds again: {key}", Tone.GOOD)
    for violation in report.silenced:
        yield event(f"silenced: {violation.because}")
    for ticket in report.opened:
        yield event(f"ticket {ticket.id} opened, {ticket.severity.value}: {ticket.title}", TONES[ticket.severity])
    for ticket in report.reopened:
        yield event(f"ticket {ticket.id} came back, {ticket.severity.value}: {ticket.title}", TONES[ticket.severity])
    for ticket in report.changed:
        was = before.get(ticket.id)
        if was is None or (was.title, was.severity) != (ticket.title, ticket.severity):
            yield event(f"ticket {ticket.id} grew, {ticket.severity.value}: {ticket.title}", TONES[ticket.severity])
        elif was.state is not ticket.state:
            yield event(f"ticket {ticket.id} is {ticket.state.value}")
    for diagnosis in report.diagnoses:
        first = diagnosis.first
        yield event(f"ticket {diagnosis.ticket} diagnosed: {first.title} ({first.probability:.0%})")
    for ident, why in report.undiagnosed.items():
        yield event(f"ticket {ident} not diagnosed: {why}", Tone.WARNING)
    for ticket in report.resolved:
        yield event(f"ticket {ticket.id} resolved: {ticket.title}", Tone.GOOD)
