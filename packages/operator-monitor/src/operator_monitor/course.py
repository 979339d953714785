"""Where the loop stands between two cycles, and what a cycle comes to write; pure but for the remembering."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from operator_core.components import RedundancyGroup
from operator_core.decide import Command, SilenceViolation, Tracked, decide, follow, settle
from operator_core.incidents import assign
from operator_core.judgements import Judgement, JudgementKey, Verdict
from operator_core.knowledge import FailureMode, Knowledge
from operator_core.ports import Standpoint
from operator_core.readings import Observation
from operator_core.record import Entry, JudgementChanged, ObservationKept, Progress
from operator_core.sight import sources_of
from operator_core.silences import Silence
from operator_core.tickets import Ticket, TicketId, Violation

from operator_monitor.following import remarkable, remembered, turned
from operator_monitor.questions import CaseFile
from operator_monitor.sight import Sight

OWED = 1000
"""So many entries that could not be written are remembered; a ledger that is away for longer loses the oldest."""
OWED_AT_ONCE = 100
"""So many of them go into one append, lest it take too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one cycle comes to write in one append.

    Attributes:
        owed: those of the entries that were owed before.
        settled: what is tracked once it is written.
    """

    observation: Observation
    entries: tuple[Entry, ...]
    settled: Mapping[JudgementKey, Tracked]
    news: tuple[JudgementChanged, ...]
    silenced: tuple[Violation, ...]
    owed: tuple[Entry, ...]


@dataclass(slots=True, kw_only=True)
class Course:
    """What a monitor remembers from cycle to cycle.

    Attributes:
        recorded: the last verdict of each key that the record knows.
        window: the newest observations, oldest first.
        remembers_all: whether the window has all that a diagnoser is shown of the newest looks; after a restart, and
            for a monitor that is to need little memory, it has not.
        unwritten: observations whose append failed; the next one that works takes them along.
        groups: as they were last seen.
        files: what is remembered of the tickets that are open.
        doubtful: a draft whose append failed, and may have been written nevertheless.
        since_doubt: what was judged after it, look by look.
        has_new_keys: whether something is tracked of which the record has no verdict.
    """

    number: int
    tracked: dict[JudgementKey, Tracked]
    recorded: dict[JudgementKey, Verdict]
    keep: int
    window: deque[Observation]
    remembers_all: bool
    unwritten: deque[Observation]
    since_doubt: deque[tuple[Judgement, ...]]
    groups: tuple[RedundancyGroup, ...] = ()
    files: dict[TicketId, CaseFile] = field(default_factory=dict[TicketId, CaseFile])
    doubtful: Draft | None = None
    has_new_keys: bool = True

    @classmethod
    def after(cls, standpoint: Standpoint, *, keep: int, remember: int) -> Course:
        """From where the record ends.

        Args:
            keep: how many observations a diagnoser is shown of the newest, and how many may wait to be written.
            remember: how many of the newest are remembered.
        """
        return cls(
            number=standpoint.last_number,
            tracked=dict(standpoint.tracked),
            recorded={key: t.verdict for key, t in standpoint.tracked.items()},
            keep=keep,
            window=deque(maxlen=remember),
            remembers_all=standpoint.last_number == 0,
            unwritten=deque(maxlen=keep),
            since_doubt=deque(maxlen=keep),
        )

    def saw(self, observation: Observation) -> None:
        """Remember a look that is not written yet."""
        was_full = len(self.window) == self.window.maxlen
        self.window.append(observation)
        self.unwritten.append(observation)
        self.groups = observation.groups or self.groups
        self.remembers_all = len(self.window) >= self.keep or (self.remembers_all and not was_full)

    def judged(self, tracked: Mapping[JudgementKey, Tracked], judgements: tuple[Judgement, ...]) -> None:
        """Go on with what a look's verdicts do to what is tracked."""
        self.tracked = follow(tracked, judgements)
        self.has_new_keys = self.has_new_keys or len(self.tracked) != len(tracked)
        if self.doubtful is not None:
            self.since_doubt.append(judgements)

    def recall(self, past: Iterable[Observation]) -> tuple[Observation, ...]:
        """The window, and what was not remembered; as much of it as can be is from now on.

        Args:
            past: the newest observations of the record.
        """
        by_number = {o.number: o for o in (*past, *self.window)}
        every = tuple(by_number[n] for n in sorted(by_number))
        self.window = deque(every, maxlen=self.window.maxlen)
        self.remembers_all = len(every) == len(self.window)
        return every

    def wrote(self, draft: Draft) -> None:
        """Go on from what is written."""
        has_other_keys = self.has_new_keys or len(draft.settled) != len(self.tracked)
        self.tracked = dict(draft.settled)
        self.recorded.update((n.judgement.key, n.judgement.verdict) for n in draft.news)
        if has_other_keys:
            # What held when it was first seen was no news, and is known from now on; what is gone is not.
            first = {key: Verdict.HOLDS for key, t in self.tracked.items() if t.verdict is Verdict.HOLDS}
            self.recorded = {key: verdict for key, verdict in (first | self.recorded).items() if key in self.tracked}
            self.has_new_keys = len(self.recorded) != len(self.tracked)
        self._written_up_to(draft.observation.number)
        self.doubtful = None

    def doubt(self, draft: Draft) -> None:
        """Go on not knowing whether it is written."""
        self.doubtful = draft
        self.since_doubt.clear()

    def clear_doubt(self, last_number: int, *, is_written: bool) -> None:
        """Go on knowing whether the doubtful draft was written after all.

        Observations under a number that the record has already are not written again, whoever wrote them.

        Args:
            last_number: the highest in the record.
            is_written: when it was, the course goes on from it, unless that was too long ago.
        """
        draft, self.doubtful = self.doubtful, None
        self.number = max(self.number, last_number)
        self._written_up_to(last_number)
        if draft is not None and is_written and len(self.since_doubt) < self.keep:
            self.wrote(draft)
            for judgements in self.since_doubt:
                self.tracked = follow(self.tracked, judgements)

    def _written_up_to(self, number: int) -> None:
        later = [o for o in self.unwritten if o.number > number]
        self.unwritten.clear()
        self.unwritten.extend(later)


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a monitor remembers from one run of its loop to the next.

    Attributes:
        owed: entries that are still to be written, oldest first.
    """

    knowledge: Knowledge | None = None
    course: Course | None = None
    owed: deque[Entry] = field(default_factory=lambda: deque[Entry](maxlen=OWED))

    def due(self) -> tuple[Entry, ...]:
        """What is owed, as much of it as goes into one append."""
        return tuple(self.owed)[:OWED_AT_ONCE]

    def paid(self, entries: Sequence[Entry]) -> None:
        """Forget what was owed and is written."""
        while self.owed and self.owed[0] in entries:
            self.owed.popleft()


def drafted(
    course: Course,
    sight: Sight,
    *,
    tickets: Sequence[Ticket],
    silences: Sequence[Silence],
    modes: Sequence[FailureMode],
    owed: Sequence[Entry],
) -> Draft:
    """Decide, and put together what is to be written; changes nothing.

    Args:
        course: with what this cycle's judgements did to what is tracked.
        tickets: those that are open, and those that were resolved a short while ago.
        owed: entries from before that are still to be written.
    """
    observation = sight.observation
    now = observation.at
    commands: tuple[Command, ...] = tuple(decide(course.tracked, sight.judgements, now=now, silences=silences))
    orders = assign(
        tickets,
        commands,
        cluster=observation.cluster,
        groups=course.groups,
        now=now,
        modes=modes,
        sources=sources_of(observation),
    )
    settled = settle(course.tracked, commands)
    if sight.failed is None:
        settled = remembered(settled, sight.judgements, now=now)
    news = turned(course.recorded, sight.judgements, blind=sight.failed is not None)
    silenced = tuple(c for c in commands if isinstance(c, SilenceViolation))
    entries: tuple[Entry, ...] = (
        *owed,
        *(ObservationKept(observation=o) for o in course.unwritten),
        *news,
        *silenced,
        *orders,
        Progress(number=observation.number, at=now, tracked=remarkable(settled)),
    )
    return Draft(
        observation=observation,
        entries=entries,
        settled=settled,
        news=news,
        silenced=tuple(c.violation for c in silenced),
        owed=tuple(owed),
    )
