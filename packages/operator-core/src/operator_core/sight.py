"""Lost sight: the one invariant about ourselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from operator_core.components import CLUSTER_KIND, ComponentRef, Kind
from operator_core.judgements import CheckResult, Concern, Invariant, InvariantName, Severity, Verdict
from operator_core.readings import Observation

LOST_SIGHT = InvariantName("lost-sight")
SOURCE_KIND = Kind("source")


def source_ref(source: str) -> ComponentRef:
    """The component that stands for a source in judgements about sight."""
    return ComponentRef(SOURCE_KIND, source)


def sources_of(observation: Observation) -> dict[ComponentRef, ComponentRef]:
    """Of each source of an observation, the component that it tells of; none for one that tells of the whole."""
    return {source_ref(s.source): s.component for s in observation.sources if s.component.kind != CLUSTER_KIND}


def _check(observation: Observation) -> Iterable[CheckResult]:
    for look in observation.sources:
        if look.failure is None:
            yield CheckResult(
                component=source_ref(look.source), verdict=Verdict.HOLDS, because=f"{look.source} answered"
            )
        else:
            yield CheckResult(
                component=source_ref(look.source),
                verdict=Verdict.VIOLATED,
                because=f"{look.source} was not seen: {look.failure.value}"
                + (f" ({look.detail})" if look.detail else ""),
                severity=Severity.CRITICAL if look.required else Severity.WARNING,
            )


def lost_sight(*, grace: timedelta, stability: timedelta) -> Invariant:
    """Every source answers; one that has not for the grace is lost sight of."""
    return Invariant(
        name=LOST_SIGHT,
        title="every source of readings answers",
        check=_check,
        grace=grace,
        stability=stability,
        concern=Concern.SIGHT,
        about=frozenset({SOURCE_KIND}),
    )
