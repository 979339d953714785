"""One look, for scripts: what holds right now, without the patience of the loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from operator_core.errors import SubjectUnreachable
from operator_core.judgements import Concern, Invariant, Judgement, Verdict, judge
from operator_core.ports import Clock, Subject
from operator_core.readings import Cause, Observation


class Outcome(Enum):
    """What one look says; the value is the exit code of a command that reports it."""

    FINE = 0
    VIOLATED = 1
    BLIND = 3

    @property
    def exit_code(self) -> int:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The last of one or two observations with its judgements.

    Attributes:
        observations: all that were made, oldest first.
    """

    observations: tuple[Observation, ...]
    judgements: tuple[Judgement, ...]
    outcome: Outcome

    @property
    def observation(self) -> Observation:
        return self.observations[-1]


def outcome(judgements: Iterable[Judgement], invariants: Iterable[Invariant], observation: Observation) -> Outcome:
    """What a look comes to. A violation that is seen beats whatever is not seen.

    A required invariant that gave no verdict at all is as unknown as one that says so, and a look of which nothing
    can be judged is no fine one.
    """
    judgements = tuple(judgements)
    required = {i.name for i in invariants if i.required}
    known = {j.key.invariant for j in judgements if j.verdict is not Verdict.UNKNOWN}
    unknown = {j.key.invariant for j in judgements if j.verdict is Verdict.UNKNOWN}
    if any(j.verdict is Verdict.VIOLATED and j.concern is Concern.SUBJECT for j in judgements):
        return Outcome.VIOLATED
    lost = any(j.verdict is Verdict.VIOLATED for j in judgements) or any(s.failure for s in observation.sources)
    if lost or not known or required & unknown or required - known:
        return Outcome.BLIND
    return Outcome.FINE


async def look_once(
    subject: Subject,
    *,
    clock: Clock,
    number: int = 1,
    apart: timedelta = timedelta(seconds=5),
    within: timedelta = timedelta(seconds=20),
) -> Look:
    """Look at a subject once, or twice where rates need it, and judge without grace.

    Args:
        number: of the first observation; a second one has the next.
        apart: the time between the two, on the clock.
        within: how long each may take.

    Raises:
        SubjectUnreachable: it did not end in time.
    """
    knowledge = await subject.knowledge()
    observations = [await _observe(subject, number, clock, within)]
    if any(u.cause is Cause.TOO_EARLY for u in observations[0].unseens):
        await clock.sleep(apart)
        observations.append(await _observe(subject, number + 1, clock, within))
    last = observations[-1]
    judgements = judge(knowledge.invariants, last)
    return Look(
        observations=tuple(observations),
        judgements=judgements,
        outcome=outcome(judgements, knowledge.invariants, last),
    )


async def _observe(subject: Subject, number: int, clock: Clock, within: timedelta) -> Observation:
    try:
        async with clock.deadline(within):
            return await subject.observe(number)
    except TimeoutError as e:
        raise SubjectUnreachable(f"observing did not end within {within.total_seconds():g} s", Cause.SILENT) from e
