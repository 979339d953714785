from __future__ import annotations

from dataclasses import replace

import pytest
from operator_core.knowledge import Expectation, Knowledge, SignName
from operator_core.readings import SignalName
from operator_tikv import KNOWLEDGE, lint
from operator_tikv.rules import INVARIANTS

MODES = {
    *("store-kill", "store-pause", "net-isolate-store", "net-store-pd", "two-stores-down"),
    *("pd-follower-loss", "pd-leader-loss", "pd-quorum-loss"),
    *("prometheus-down", "scrape-target-missing", "observer-cut-off", "observer-isolated"),
    *("disk-slow", "disk-nearly-full"),
}


def test_the_knowledge_is_whole() -> None:
    assert lint(KNOWLEDGE) == ()
    assert {m.name for m in KNOWLEDGE.modes} == MODES
    assert KNOWLEDGE.invariants == INVARIANTS


def _first_mode(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.modes
    return replace(KNOWLEDGE, modes=(replace(first, **changes), *rest))


def _first_sign(**changes: object) -> Knowledge:
    first, *rest = KNOWLEDGE.signs
    return replace(KNOWLEDGE, signs=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_first_mode(options=KNOWLEDGE.modes[0].options[:1]), "doing nothing is not among the options"),
        (_first_mode(expects=(Expectation(sign=SignName("no-such"), probability=0.5),)), "no sign no-such"),
        (
            _first_mode(expects=(Expectation(sign=KNOWLEDGE.modes[0].expects[0].sign, probability=1.0),)),
            "probability 1.0",
        ),
        (_first_mode(expects=(Expectation(sign=SignName("pd-away"), probability=0.5),)), "is about a pd, not a store"),
        (_first_mode(summary="{it} and {them}"), "only {it} is known"),
        (_first_mode(summary="{it"), "cannot be formatted"),
        (_first_mode(title=" "), "a text is empty"),
        (_first_mode(prior=0.0), "prior 0.0"),
        (_first_sign(base_rate=0.0), "base rate 0.0"),
        (replace(KNOWLEDGE, signals=KNOWLEDGE.signals[1:] + KNOWLEDGE.signals[1:2]), "is there twice"),
        (replace(KNOWLEDGE, signals=()), "no signal store.status_contact"),
        (replace(KNOWLEDGE, unknown=()), "unknown: doing nothing"),
    ],
)
def test_what_is_broken_is_named(broken: Knowledge, says: str) -> None:
    assert [found for found in lint(broken) if says in found]


def test_every_signal_has_words_for_a_person() -> None:
    names = [s.name for s in KNOWLEDGE.signals]
    assert len(names) == len(set(names))
    assert SignalName("store.heartbeat_age") in names
    assert all(s.describes and s.unit for s in KNOWLEDGE.signals)
