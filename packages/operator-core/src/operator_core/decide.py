"""From judgements to violations; everything here is pure.

A cycle goes through :func:`follow` (what the verdicts do to what is tracked), :func:`decide` (which violations
open and end), :func:`settle` (what is tracked afterwards); :mod:`operator_core.incidents` says what that means for
tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from operator_core.components import CLUSTER_KIND
from operator_core.judgements import Concern, Judgement, JudgementKey, Verdict
from operator_core.readings import Observation
from operator_core.sight import SOURCE_KIND
from operator_core.silences import Silence, SilenceId, silencing
from operator_core.tickets import Violation

FLAP_WINDOW = timedelta(minutes=10)
FLAPS = 4
"""This many onsets within the window are flapping: no single one has to outlast the grace any more."""
CALM = timedelta(minutes=5)
"""How long a key must hold before its violation is over, while its onsets are recent enough to be flapping."""

DEPARTED_AFTER = timedelta(minutes=5)
"""How long a component must be gone from a subject that can be seen before its violations end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What is remembered of one judgement key from cycle to cycle.

    Attributes:
        violated_since: first of the violations seen without a HOLDS between; UNKNOWN does not reset it.
        held_since: first HOLDS of an unbroken row while a violation is open; UNKNOWN breaks the row,
            for a cure must be seen.
        onsets: when it turned VIOLATED, within the flap window, oldest first; at most FLAPS.
        silenced: the silence under which its violation, past its grace, was recorded instead of opened.
    """

    verdict: Verdict = Verdict.UNKNOWN
    violated_since: datetime | None = None
    held_since: datetime | None = None
    is_open: bool = False
    onsets: tuple[datetime, ...] = ()
    silenced: SilenceId | None = None

    def is_flapping(self, now: datetime) -> bool:
        """Whether it keeps coming and going."""
        return sum(now - onset <= FLAP_WINDOW for onset in self.onsets) >= FLAPS


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenViolation:
    """The grace is over."""

    violation: Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndViolation:
    """It has held for its stability."""

    key: JudgementKey
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceViolation:
    """The grace is over, and a person has said that this is expected: it is recorded, and opens nothing."""

    at: datetime
    silence: SilenceId
    violation: Violation


Command = OpenViolation | EndViolation | SilenceViolation


def _followed(tracked: Tracked, judgement: Judgement) -> Tracked:
    onsets = tuple(onset for onset in tracked.onsets if judgement.at - onset <= FLAP_WINDOW)
    match judgement.verdict:
        case Verdict.VIOLATED:
            begins = tracked.violated_since is None or tracked.held_since is not None
            return replace(
                tracked,
                verdict=Verdict.VIOLATED,
                violated_since=tracked.violated_since or judgement.at,
                held_since=None,
                onsets=(*onsets, judgement.at)[-FLAPS:] if begins else onsets,
            )
        case Verdict.HOLDS if tracked.is_open:
            held_since = tracked.held_since or judgement.at
            return replace(tracked, verdict=Verdict.HOLDS, held_since=held_since, onsets=onsets)
        case Verdict.HOLDS:
            return Tracked(verdict=Verdict.HOLDS, onsets=onsets)
        case Verdict.UNKNOWN:
            return replace(tracked, verdict=Verdict.UNKNOWN, held_since=None, onsets=onsets)


def follow(tracked: Mapping[JudgementKey, Tracked], judgements: Iterable[Judgement]) -> dict[JudgementKey, Tracked]:
    """What is tracked after these judgements; keys that were not judged stay as they are."""
    after = dict(tracked)
    for judgement in judgements:
        after[judgement.key] = _followed(after.get(judgement.key, Tracked()), judgement)
    return after


def _is_due(tracked: Tracked, judgement: Judgement, now: datetime) -> bool:
    """Whether what is violated counts: it has outlasted its grace, or one component keeps coming and going."""
    if tracked.violated_since is None:
        return False
    flaps = judgement.key.component.kind != CLUSTER_KIND and judgement.concern is Concern.SUBJECT
    return now - tracked.violated_since >= judgement.grace or (flaps and tracked.is_flapping(now))


def decide(
    tracked: Mapping[JudgementKey, Tracked],
    judgements: Iterable[Judgement],
    *,
    now: datetime,
    silences: Sequence[Silence] = (),
) -> Iterator[Command]:
    """Say which violations to open and which to end; change nothing.

    Args:
        tracked: what :func:`follow` made of these judgements.
        silences: those of this cluster, in force or not.
    """
    for j in judgements:
        t = tracked.get(j.key, Tracked())
        match j.verdict:
            case Verdict.VIOLATED if not t.is_open and _is_due(t, j, now):
                assert t.violated_since is not None
                violation = Violation(
                    key=j.key,
                    since=t.violated_since,
                    opened_at=now,
                    because=j.because,
                    severity=j.severity,
                    concern=j.concern,
                    readings=j.readings,
                    takes_away=j.takes_away,
                )
                silence = silencing(silences, j.key, now)
                if silence is None:
                    yield OpenViolation(violation=violation)
                elif silence.id != t.silenced:
                    yield SilenceViolation(at=now, silence=silence.id, violation=violation)
            case Verdict.HOLDS if t.is_open and t.held_since is not None:
                calm = max(j.stability, CALM) if t.is_flapping(now) else j.stability
                if now - t.held_since >= calm:
                    yield EndViolation(key=j.key, at=now)
            case _:
                pass  # UNKNOWN is not HOLDS: a failed look opens nothing and cures nothing


def settle(tracked: Mapping[JudgementKey, Tracked], commands: Iterable[Command]) -> dict[JudgementKey, Tracked]:
    """What is tracked once the commands are carried out."""
    after = dict(tracked)
    for command in commands:
        match command:
            case OpenViolation(violation=violation):
                after[violation.key] = replace(after[violation.key], is_open=True, silenced=None)
            case SilenceViolation(violation=violation, silence=silence):
                after[violation.key] = replace(after[violation.key], silenced=silence)
            case EndViolation(key=key):
                after[key] = Tracked(verdict=Verdict.HOLDS, onsets=after[key].onsets)
    return after


def departed(tracked: Mapping[JudgementKey, Tracked], observation: Observation) -> tuple[Judgement, ...]:
    """Judgements of components and sources that are no longer part of the subject: nothing is violated by them.

    Only a subject that was seen can say that something left it: its components are there, and no required source
    failed.

    Args:
        tracked: as it was before this observation.
    """
    if not observation.components or any(s.required and s.failure for s in observation.sources):
        return ()
    there = {(c.ref.kind, c.ref.id) for c in observation.components}
    there |= {(SOURCE_KIND, s.source) for s in observation.sources}
    return tuple(
        Judgement(
            key=key,
            verdict=Verdict.HOLDS,
            at=observation.at,
            because=f"{key.component} is no longer part of {observation.cluster}",
            stability=DEPARTED_AFTER,
        )
        for key, t in tracked.items()
        if key.component.kind != CLUSTER_KIND
        and (key.component.kind, key.component.id) not in there
        and (t.is_open or t.violated_since is not None)
    )
