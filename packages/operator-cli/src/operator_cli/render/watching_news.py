"""What is news in a monitor's reports: what was not so the report before.

Whoever tails a journal, or looks at a picture, wants a thing told when it begins and when it ends, not with every look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from operator_core.judgements import Concern, Judgement, JudgementKey, Verdict
from operator_core.readings import Cause, SourceLook

if TYPE_CHECKING:
    from operator_monitor import CycleReport, StandingBy


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What changed with one cycle.

    Attributes:
        taken_over: the watch was somebody else's, or nobody's, the report before.
        begun: what is violated and was not; likewise `ended`, what holds again.
        lost: sources that are not seen and were; likewise `regained`.
        failed: why the cycle failed, where the one before did not, or for another reason.
        recovered: the cycle before failed, and this one did not.
        slow: it took longer than it had, and the one before did not.
    """

    taken_over: bool = False
    begun: tuple[Judgement, ...] = ()
    ended: tuple[JudgementKey, ...] = ()
    lost: tuple[SourceLook, ...] = ()
    regained: tuple[str, ...] = ()
    failed: str | None = None
    recovered: bool = False
    slow: str | None = None


class Newsroom:
    """Remembers of one cluster what was told already.

    Attributes:
        unseen_since: by source, since when it has not been seen.
        standing_by: the newest word that another has the watch; None while we have it.
    """

    def __init__(self) -> None:
        self.unseen_since: dict[str, datetime] = {}
        self.standing_by: StandingBy | None = None
        self._violated: dict[JudgementKey, None] = {}
        self._causes: dict[str, Cause] = {}
        self._failed: str | None = None
        self._slow = False

    def cycle(self, report: CycleReport) -> News:
        """What is news in a cycle."""
        taken_over, self.standing_by = self.standing_by is not None, None
        failed, before, self._failed = report.failed, self._failed, report.failed
        slow = report.fell_short if failed is None else None
        was_slow, self._slow = self._slow, slow is not None
        begun, ended = self._verdicts(report)
        lost, regained = self._sources(report)
        return News(
            taken_over=taken_over,
            begun=begun,
            ended=ended,
            lost=lost,
            regained=regained,
            failed=failed if failed != before else None,
            recovered=before is not None and failed is None,
            slow=None if was_slow else slow,
        )

    def standing(self, report: StandingBy) -> bool:
        """Whether it is news that, and behind whom, we stand by."""
        before, self.standing_by = self.standing_by, report
        return before is None or (before.holder, before.failed) != (report.holder, report.failed)

    def _verdicts(self, report: CycleReport) -> tuple[tuple[Judgement, ...], tuple[JudgementKey, ...]]:
        of_subject = [j for j in report.judgements if j.concern is Concern.SUBJECT]
        begun = tuple(j for j in of_subject if j.verdict is Verdict.VIOLATED and j.key not in self._violated)
        ended = tuple(j.key for j in of_subject if j.verdict is Verdict.HOLDS and j.key in self._violated)
        self._violated.update(dict.fromkeys(j.key for j in begun))
        for key in ended:
            del self._violated[key]
        return begun, ended

    def _sources(self, report: CycleReport) -> tuple[tuple[SourceLook, ...], tuple[str, ...]]:
        failing = {s.source: s for s in report.observation.sources if s.failure is not None}
        seen = {s.source for s in report.observation.sources if s.failure is None}
        lost = tuple(s for name, s in failing.items() if self._causes.get(name) is not s.failure)
        regained = tuple(name for name in self._causes if name in seen)
        whole = bool(report.observation.components)  # else it tells nothing of the sources that it does not name
        gone = [name for name in self._causes if whole and name not in seen and name not in failing]
        for name, look in failing.items():
            assert look.failure is not None
            self._causes[name] = look.failure
            self.unseen_since.setdefault(name, report.at)
        for name in (*regained, *gone):
            del self._causes[name]
            del self.unseen_since[name]
        return lost, regained
