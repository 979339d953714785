"""One look at a subject and what it says; also when the look itself failed.

A look that raised or hung is no exception to the rules of partial failure: it is an observation in which the one
source "subject" failed. Every invariant that is followed becomes UNKNOWN, and lost sight counts its grace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from operator_core.components import CLUSTER
from operator_core.decide import Tracked, departed
from operator_core.judgements import Concern, Invariant, Judgement, JudgementKey, Verdict, judge
from operator_core.readings import Cause, ClusterName, Observation, SourceLook
from operator_core.sight import LOST_SIGHT, source_ref

SUBJECT_SOURCE = "subject"
"""The source that a look as a whole is, when it fails as a whole."""

SUBJECT_KEY = JudgementKey(invariant=LOST_SIGHT, component=source_ref(SUBJECT_SOURCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """An observation with its judgements.

    Attributes:
        failed: why the look as a whole failed; None when it did not.
    """

    observation: Observation
    judgements: tuple[Judgement, ...]
    failed: str | None = None


def _own_look(observation: Observation, failure: Cause | None = None, detail: str = "") -> Observation:
    look = SourceLook(source=SUBJECT_SOURCE, component=CLUSTER, required=True, failure=failure, detail=detail)
    return Observation(cluster=observation.cluster, number=observation.number, at=observation.at, sources=(look,))


def _about_sight(invariants: Iterable[Invariant]) -> list[Invariant]:
    return [i for i in invariants if i.concern is Concern.SIGHT]


def seen(observation: Observation, invariants: tuple[Invariant, ...], tracked: Mapping[JudgementKey, Tracked]) -> Sight:
    """A look that worked; what has left the subject is judged too, for nothing else would ever end its violations."""
    judgements = judge(invariants, observation)
    if SUBJECT_KEY in tracked:
        judgements += judge(_about_sight(invariants), _own_look(observation))
    if left := departed(tracked, observation):
        judged = {j.key for j in judgements}
        judgements += tuple(j for j in left if j.key not in judged)
    return Sight(observation=observation, judgements=judgements)


def blind(cluster: ClusterName, number: int, at: datetime, *, cause: Cause, why: str) -> Observation:
    """The observation that a failed look is."""
    nothing = Observation(cluster=cluster, number=number, at=at)
    return _own_look(nothing, cause, why)


def unseen(
    observation: Observation, invariants: tuple[Invariant, ...], tracked: Mapping[JudgementKey, Tracked], *, why: str
) -> Sight:
    """A look that failed as a whole: only lost sight has a verdict."""
    of_sight = judge(_about_sight(invariants), observation)
    judged = {j.key for j in of_sight}
    terms = {i.name: i for i in invariants}
    unknown = tuple(
        Judgement(
            key=key,
            verdict=Verdict.UNKNOWN,
            at=observation.at,
            because=f"the look at the subject failed: {why}",
            grace=terms[key.invariant].grace,
            stability=terms[key.invariant].stability,
            severity=terms[key.invariant].severity,
            concern=terms[key.invariant].concern,
        )
        for key in tracked
        if key not in judged and key.invariant in terms
    )
    return Sight(observation=observation, judgements=of_sight + unknown, failed=why)
