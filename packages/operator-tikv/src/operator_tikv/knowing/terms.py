"""Short ways to write modes down: expectations by sign, path steps, and options that several modes share."""

from __future__ import annotations

from collections.abc import Mapping

from operator_core.actions import RiskClass
from operator_core.components import Kind
from operator_core.judgements import InvariantName
from operator_core.knowledge import (
    DO_NOTHING,
    Consequence,
    Expectation,
    Of,
    OptionName,
    OptionTemplate,
    PathStep,
    SignName,
)


def expects(probabilities: Mapping[str, float]) -> tuple[Expectation, ...]:
    """Expectations from sign names to probabilities."""
    return tuple(Expectation(sign=SignName(s), probability=p) for s, p in probabilities.items())


def step(says: str, sign: str | None = None) -> PathStep:
    """One step of a path."""
    return PathStep(says=says, sign=None if sign is None else SignName(sign))


def breaks(*invariants: InvariantName, of: Of = Of.SELF, kind: Kind | None = None) -> tuple[Consequence, ...]:
    """Consequences of one reach."""
    return tuple(Consequence(invariant=i, of=of, kind=kind) for i in invariants)


def wait(*, gains: str, costs: str, unless: str) -> OptionTemplate:
    """Doing nothing, with what that means for this mode."""
    return OptionTemplate(
        name=DO_NOTHING,
        does="Do nothing and watch.",
        gains=gains,
        costs=costs,
        risk=RiskClass.SAFE,
        unless=unless,
        is_action=False,
    )


def look(name: str, does: str, *, gains: str, costs: str, unless: str) -> OptionTemplate:
    """Something a person does outside the cluster; nothing of it is changed."""
    return OptionTemplate(
        name=OptionName(name), does=does, gains=gains, costs=costs, risk=RiskClass.SAFE, unless=unless, is_action=False
    )


def act(
    name: str,
    does: str,
    risk: RiskClass,
    *,
    gains: str,
    costs: str,
    unless: str,
    undo: str = "",
    takes_away: bool = False,
) -> OptionTemplate:
    """Something that changes the cluster."""
    return OptionTemplate(
        name=OptionName(name),
        does=does,
        gains=gains,
        costs=costs,
        risk=risk,
        unless=unless,
        undo=undo,
        takes_away=takes_away,
    )


START_STORE = act(
    "start-store",
    "Start the process of {it} again, with its data directory as it is.",
    RiskClass.LOW,
    gains="Full redundancy again within a minute or two; {it} catches up by raft log, or by snapshot.",
    costs="Some I/O while it catches up; if it crashes again, its log tells why.",
    unless="its disk is broken, or its log ends in FATAL: find the cause first",
)

LONGER_DOWN_TIME = act(
    "raise-max-store-down-time",
    "Raise PD's max-store-down-time above the time that {it} will still be away.",
    RiskClass.MEDIUM,
    gains="PD does not copy the data of {it} to other stores for nothing after 30 min.",
    costs="While {it} is away, one more failure loses the quorum of regions, for longer.",
    unless="{it} returns within 30 min, or will not return at all",
    undo="set max-store-down-time back to its old value",
)

REMOVE_STORE = act(
    "remove-store",
    "Take {it} out with DELETE /pd/api/v1/store, so that PD repairs its regions elsewhere now.",
    RiskClass.HIGH,
    gains="Redundancy is repaired without {it}.",
    costs="All data of {it} is copied between the others; it needs as many other Up stores as replicas, and space.",
    unless="{it} can come back: then a start costs minutes, and this costs hours of copying",
    undo="set the state of {it} back to Up (POST /pd/api/v1/store/…/state?state=Up) before it is Tombstone",
    takes_away=True,
)

EVICT_LEADERS = act(
    "evict-leaders",
    "Add an evict-leader scheduler for {it}.",
    RiskClass.LOW,
    gains="Clients no longer wait for {it}: its leaders move to other stores within a minute or so.",
    costs="The other stores take its load; left behind, it keeps {it} without leaders for ever.",
    unless="PD has moved its leaders already, or the other stores have no headroom",
    undo="remove the evict-leader scheduler of {it} (DELETE /pd/api/v1/schedulers/evict-leader-scheduler-…)",
)

START_MEMBER = act(
    "start-pd-member",
    "Start the process of {it} again, with its data directory as it is.",
    RiskClass.LOW,
    gains="PD can lose a member again without losing its quorum.",
    costs="None; it catches up within seconds.",
    unless="its disk is broken, or its log ends in a FATAL: find the cause first",
)
