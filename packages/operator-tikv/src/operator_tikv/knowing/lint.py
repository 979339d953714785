"""Whether some knowledge is whole: what refers to something refers to what is there."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping

from operator_core.components import CLUSTER_KIND
from operator_core.judgements import Concern, Invariant
from operator_core.knowledge import (
    DO_NOTHING,
    AllOf,
    AnyOf,
    ComponentKind,
    Condition,
    FailureMode,
    Knowledge,
    Of,
    OptionTemplate,
    Scope,
    Sign,
    Test,
)
from operator_core.readings import SignalName
from operator_core.sight import SOURCE_KIND
from operator_core.signals import Signal, SignalKind


def tests_of(condition: Condition) -> Iterator[Test]:
    """Every comparison in a condition."""
    match condition:
        case Test():
            yield condition
        case AllOf(tests=parts) | AnyOf(tests=parts):
            for part in parts:
                yield from tests_of(part)


def _fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def _texts(where: str, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            strange = _fields(text) - {"it"}
        except ValueError as e:
            yield f"{where}: {text!r} cannot be formatted: {e}"
            continue
        if strange:
            yield f"{where}: {text!r} has {sorted(strange)}; only {{it}} is known"
    if not all(t.strip() for t in texts):
        yield f"{where}: a text is empty"


def _options(where: str, options: Iterable[OptionTemplate]) -> Iterator[str]:
    names = [o.name for o in options]
    if DO_NOTHING not in names:
        yield f"{where}: doing nothing is not among the options"
    yield from (f"{where}: option {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1)
    for option in options:
        texts = [option.does, option.gains, option.costs, option.unless, *([option.undo] if option.undo else [])]
        yield from _texts(f"{where}, option {option.name}", texts)


def _sign(sign: Sign, signals: frozenset[SignalName]) -> Iterator[str]:
    where = f"sign {sign.name}"
    if not 0 < sign.base_rate < 1:
        yield f"{where}: base rate {sign.base_rate} is not between 0 and 1"
    yield from (f"{where}: no signal {t.signal}" for t in tests_of(sign.condition) if t.signal not in signals)
    yield from _texts(where, [sign.says, sign.says_not])


def _consequences(mode: FailureMode, knowledge: Knowledge) -> Iterator[str]:
    """What is wrong with what a mode violates.

    One that a diagnosis blames on a component must be seen there or in the whole, or else on our sight alone.
    """
    where = f"mode {mode.name}"
    if not mode.violates:
        yield f"{where}: it violates nothing"
        return
    invariants = {i.name: i for i in knowledge.invariants}
    kinds = {k.kind for k in knowledge.kinds} | {SOURCE_KIND}
    for consequence in mode.violates:
        what = f"{where}: {consequence.invariant} of {consequence.of.value}"
        invariant = invariants.get(consequence.invariant)
        if mode.violates.count(consequence) > 1:
            yield f"{what} is there twice"
        if consequence.of in (Of.BY_OTHERS, Of.TO_OTHERS):
            yield f"{what}: violations are about components, not about pairs"
            continue
        reaches_a_kind = consequence.of in (Of.OTHERS, Of.ALL)
        if consequence.kind is not None and not reaches_a_kind:
            yield f"{what}: a kind is given, and it means others or all only"
        if consequence.kind is not None and consequence.kind not in kinds:
            yield f"{what}: no kind {consequence.kind}"
        about = CLUSTER_KIND if consequence.of is Of.CLUSTER else consequence.kind or mode.about
        if invariant is None:
            yield f"{what}: no invariant of that name"
        elif about not in invariant.about:
            yield f"{what}: that invariant does not speak of a {about}"
    is_seen = any(c.of in (Of.SELF, Of.CLUSTER) for c in mode.violates)
    is_sight = all(i.concern is Concern.SIGHT for c in mode.violates if (i := invariants.get(c.invariant)) is not None)
    if not is_seen and not is_sight:
        yield f"{where}: it violates nothing of its own and nothing of the whole"


def _invariant(invariant: Invariant, knowledge: Knowledge) -> Iterator[str]:
    where = f"invariant {invariant.name}"
    if not invariant.about:
        yield f"{where}: it does not say what it is about"
    kinds = {k.kind for k in knowledge.kinds} | {SOURCE_KIND}
    yield from (f"{where}: no kind {kind}" for kind in sorted(invariant.about - kinds))
    if invariant.takes_away and CLUSTER_KIND in invariant.about:
        yield f"{where}: it takes a component away from its group, and the cluster is in none"


def _kind(kind: ComponentKind, signals: Mapping[SignalName, Signal]) -> Iterator[str]:
    where = f"kind {kind.kind}"
    for what, names in (("glance", kind.glance), ("course", kind.course)):
        for name in names:
            signal = signals.get(name)
            if signal is None:
                yield f"{where}: {what}: no signal {name}"
            elif signal.about != kind.kind:
                yield f"{where}: {what}: {name} is about a {signal.about}"
            elif what == "course" and signal.kind is SignalKind.STATE:
                yield f"{where}: {what}: {name} is a word, and words have no course"
    yield from (
        f"{where}: {name} is there twice" for name in sorted({s for s in kind.glance if kind.glance.count(s) > 1})
    )


def _mode(mode: FailureMode, knowledge: Knowledge) -> Iterator[str]:
    where = f"mode {mode.name}"
    signs = {s.name: s for s in knowledge.signs}
    for expectation in mode.expects:
        sign = signs.get(expectation.sign)
        if sign is None:
            yield f"{where}: no sign {expectation.sign}"
        elif sign.about not in (mode.about, CLUSTER_KIND):
            yield f"{where}: sign {sign.name} is about a {sign.about}, not a {mode.about} and not the cluster"
        if not 0 < expectation.probability < 1:
            yield f"{where}: {expectation.sign} has probability {expectation.probability}"
    named = [e.sign for e in mode.expects]
    yield from (f"{where}: sign {name} is expected twice" for name in sorted(set(named)) if named.count(name) > 1)
    if not mode.expects or not mode.path:
        yield f"{where}: it expects nothing, or has no path"
    yield from (f"{where}: path: no sign {s.sign}" for s in mode.path if s.sign is not None and s.sign not in signs)
    if mode.scope is Scope.GROUP and mode.blames not in signs:
        yield f"{where}: it is about a group, and blames no sign that exists"
    names = {m.name for m in knowledge.modes}
    yield from (
        f"{where}: tells itself from {other}, which does not exist" for other in mode.tells_apart if other not in names
    )
    if mode.prior <= 0:
        yield f"{where}: prior {mode.prior} is not above 0"
    yield from _consequences(mode, knowledge)
    texts = [
        mode.title,
        mode.summary,
        mode.mechanism,
        *(s.says for s in mode.path),
        *mode.dont,
        *mode.tells_apart.values(),
    ]
    yield from _texts(where, texts)
    yield from _options(where, mode.options)


def lint(knowledge: Knowledge) -> tuple[str, ...]:
    """What is wrong with some knowledge, one sentence each; empty when it is whole."""
    signals = frozenset(s.name for s in knowledge.signals)
    found: list[str] = []
    for what, names in (
        ("signal", [str(s.name) for s in knowledge.signals]),
        ("sign", [str(s.name) for s in knowledge.signs]),
        ("mode", [str(m.name) for m in knowledge.modes]),
        ("invariant", [str(i.name) for i in knowledge.invariants]),
    ):
        found.extend(f"{what} {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1)
    for sign in knowledge.signs:
        found.extend(_sign(sign, signals))
    for mode in knowledge.modes:
        found.extend(_mode(mode, knowledge))
    expected = {e.sign for m in knowledge.modes for e in m.expects}
    found.extend(f"sign {s.name}: no mode expects it" for s in knowledge.signs if s.name not in expected)
    by_name = {s.name: s for s in knowledge.signals}
    for kind in knowledge.kinds:
        found.extend(_kind(kind, by_name))
    for invariant in knowledge.invariants:
        found.extend(_invariant(invariant, knowledge))
    kinds = {k.kind for k in knowledge.kinds}
    found.extend(f"mode {m.name}: no kind {m.about}" for m in knowledge.modes if m.about not in kinds)
    found.extend(_options("unknown", knowledge.unknown))
    return tuple(found)
