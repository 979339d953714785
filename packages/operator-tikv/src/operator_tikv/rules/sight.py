"""Lost sight of a source, except where its own component's failure or announced absence explains it.

A scrape that a dead store refuses is not lost sight: we see very well that it is dead. Such a source is UNKNOWN, which
opens nothing and closes nothing. The grace outlasts an election of PD and a restart. What has never been seen is not
lost: while a cluster is coming up, and before the first answer of anything at all, the grace is two minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from operator_core.components import CLUSTER, ComponentRef
from operator_core.judgements import CheckResult, Invariant, Verdict
from operator_core.readings import Observation
from operator_core.sight import lost_sight, source_ref

from operator_tikv import names as n
from operator_tikv.rules import pd, stores
from operator_tikv.rules.seen import Seen
from operator_tikv.rules.starting import COMING_UP_GRACE, young_for

_GENERIC = lost_sight(grace=timedelta(seconds=30), stability=timedelta(seconds=10))
_OF_PD_AS_A_WHOLE = tuple(i for i in pd.INVARIANTS if i.name in (pd.PD_HAS_LEADER, pd.PD_HAS_QUORUM))


def _known_failures(observation: Observation) -> dict[ComponentRef, CheckResult]:
    """The components that are seen to fail, or to be away as announced, by what is said of each.

    The cluster is among them while PD is seen to be leaderless.
    """
    judged = [*stores.judge_stores(observation)]
    judged += [pd.judge_member(observation, ref) for ref in observation.refs(n.PD)]
    failed = {j.component: j for j in judged if j.verdict is Verdict.VIOLATED}
    planned = [stores.planned_absence(observation, ref) for ref in observation.refs(n.STORE)]
    planned += [pd.planned_absence(observation, ref) for ref in observation.refs(n.PD)]
    failed.update({p.component: p for p in planned if p is not None})
    of_pd = (result for invariant in _OF_PD_AS_A_WHOLE for result in invariant.check(observation))
    leaderless = next((r for r in of_pd if r.verdict is Verdict.VIOLATED), None)
    if leaderless is not None:
        failed[CLUSTER] = leaderless
    return failed


def _check(observation: Observation) -> Iterable[CheckResult]:
    failed = _known_failures(observation)
    is_coming_up = not observation.components or young_for(Seen(observation)) is not None
    component_of = {source_ref(look.source): look for look in observation.sources}
    for result in _GENERIC.check(observation):
        look = component_of[result.component]
        explained = failed.get(look.component) if look.source != n.PROMETHEUS_SOURCE else None
        if result.verdict is Verdict.VIOLATED and explained is not None:
            because = f"{result.because}; it is known why: {explained.because}"
            yield replace(result, verdict=Verdict.UNKNOWN, because=because, readings=explained.readings)
        elif is_coming_up:
            yield replace(result, grace=COMING_UP_GRACE)
        else:
            yield result


LOST_SIGHT: Invariant = replace(_GENERIC, check=_check)
