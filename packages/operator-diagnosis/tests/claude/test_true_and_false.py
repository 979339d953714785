"""Five hundred true statements and five hundred false ones, and a hundred true citations with a false link between.

Each is drawn from a record of the toy subject in which a node falls and others follow, by a seed, so that a miss can
be looked at again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operator_core.claims import Comparison
from operator_core.diagnosis import CausalStep
from operator_core.ports import Case
from operator_core.readings import Observation, Reading
from operator_diagnosis.claude.assembling import OWN_WORD, assemble
from operator_diagnosis.claude.closing import ClaimWire, ClosingWire
from operator_diagnosis.claude.grounding import Ground

if TYPE_CHECKING:
    from conftest import Json, Script

Look = Callable[..., Observation]
Cases = Callable[..., Case]

SEED = 20261122
MANY = 500
LINKS = 100


@pytest.fixture
def course(case: Cases, look: Look) -> Case:
    """Of five nodes, 2 is slow from the third look on, loses its beat from the fifth, falls silent from the seventh.

    That node 5 hums louder from the second look on has nothing to do with it.
    """
    chance = random.Random(SEED)
    looks: list[Observation] = []
    for n in range(1, 10):
        said: dict[str, float | str] = {}
        for node in range(1, 6):
            said |= {
                f"hum@node/{node}": round(1 + chance.random(), 3),
                f"write_p99@node/{node}": round(0.01 * node + chance.random() / 500, 5),
                f"beat_age@node/{node}": round(3 + chance.random() * 4, 2),
                f"restarts@node/{node}": float(3 + node),
            }
        if n >= 2:
            said["hum@node/5"] = 9.0 + chance.random()
        if n >= 3:
            said["write_p99@node/2"] = round(0.5 + 0.1 * n + chance.random() / 50, 4)
        if n >= 5:
            said["beat_age@node/2"] = round(10.0 * n + chance.random(), 2)
        if n >= 7:
            said |= {f"gossip@node/{m}>node/2": "lost" for m in (1, 3, 4, 5)}
            said["door@node/2"] = "silent"
        looks.append(look(n, said, nodes=5))
    return case(*looks, ticket="node/2", trouble_since=looks[2].at)


def _wire(readings: list[Reading], comparison: Comparison, value: float | str, **changed: object) -> ClaimWire:
    first = readings[0]
    whole: dict[str, object] = {
        "component": first.component.key,
        "toward": "" if first.toward is None else first.toward.key,
        "signal": first.signal,
        "comparison": comparison.value,
        "value": value,
        "unit": first.unit,
        "readings": [r.id for r in readings],
    }
    return ClaimWire.model_validate(whole | changed)


def _rows(case: Case) -> list[list[Reading]]:
    rows: dict[object, list[Reading]] = {}
    for observation in case.observations:
        for reading in observation.readings:
            rows.setdefault((reading.signal, reading.component, reading.toward), []).append(reading)
    return list(rows.values())


def _true(case: Case, chance: random.Random) -> ClaimWire:
    row = chance.choice(_rows(case))
    cited = sorted(chance.sample(row, chance.randint(1, 3)), key=lambda r: r.at)
    values = [r.value for r in cited]
    words = [v for v in values if isinstance(v, str)]
    if words:
        return _wire(cited, Comparison.EQUALS, words[0]) if len(set(words)) == 1 else _true(case, chance)
    numbers = [v for v in values if not isinstance(v, str)]
    change = numbers[-1] - numbers[0]
    if len(cited) > 1 and abs(change) > 1e-3 and chance.random() < 0.5:
        return _wire(
            cited, Comparison.RISES if change > 0 else Comparison.FALLS, abs(change) * chance.uniform(0.3, 0.99)
        )
    if len(cited) == 1 and chance.random() < 0.5:
        # as a person would round it
        return _wire(cited, Comparison.EQUALS, float(f"{numbers[0]:.3g}"))
    comparison, value = chance.choice(
        [
            (Comparison.ABOVE, min(numbers) * 0.9),
            (Comparison.BELOW, max(numbers) * 1.1),
            (Comparison.AT_LEAST, min(numbers)),
            (Comparison.AT_MOST, max(numbers)),
        ]
    )
    return _wire(cited, comparison, value)


def _false(case: Case, chance: random.Random) -> ClaimWire:
    """A true statement with one thing in it changed that makes it false."""
    true = _true(case, chance)
    row = chance.choice(_rows(case))
    way = chance.randrange(8)
    match way:
        case 0:
            others = [f"node/{n}" for n in range(1, 6) if f"node/{n}" != true.component]
            return true.model_copy(update={"component": chance.choice([*others, "node/9", "store 2"])})
        case 1:
            signals = [s for s in ("door", "hum", "write_p99", "beat_age", "made_up") if s != true.signal]
            return true.model_copy(update={"signal": chance.choice(signals)})
        case 2:
            wrong = "on fire" if isinstance(true.value, str) else true.value * 1.5 + 1
            return true.model_copy(update={"value": wrong, "comparison": Comparison.EQUALS})
        case 3:
            return true.model_copy(update={"readings": ("o9.999",)})
        case 4:
            return true.model_copy(update={"readings": ()})
        case 5:
            other = (
                next(r for r in row if r.component.key != true.component or r.signal != true.signal)
                if (row[0].component.key != true.component or row[0].signal != true.signal)
                else None
            )
            if other is None:
                return _false(case, chance)
            return true.model_copy(update={"readings": (*true.readings, other.id)})
        case 6:
            return true.model_copy(update={"unit": "ms" if true.unit != "ms" else "s"})
        case _:
            numbers = [r for r in row if not isinstance(r.value, str)]
            if len(numbers) < 2 or true.signal == "free":
                return _false(case, chance)
            ends = [numbers[0], numbers[-1]]
            change = float(ends[1].value) - float(ends[0].value)
            if abs(change) < 1e-3:
                return _false(case, chance)
            return _wire(ends, Comparison.FALLS if change > 0 else Comparison.RISES, abs(change) / 2)


def test_what_is_true_survives(course: Case) -> None:
    chance, ground = random.Random(SEED), Ground(case=course)
    struck = [s for _ in range(MANY) for s in ground.check([_true(course, chance)]).struck]
    assert len(struck) <= MANY * 0.005, struck[:3]


def test_what_is_false_is_struck(course: Case) -> None:
    chance, ground = random.Random(SEED), Ground(case=course)
    held = [c for _ in range(MANY) for c in ground.check([_false(course, chance)]).held]
    assert len(held) <= MANY * 0.01, held[:3]


SLOW = ("write_p99", "node/2", "is above", 0.5)
BEAT = ("beat_age", "node/2", "is above", 20)
MUTE = ("door", "node/2", "is", "silent")
WELL = ("door", "node/4", "is", "answered")
LOUD = ("hum", "node/5", "is above", 5)


def _claim(script: Script, what: tuple[str, str, str, float | str], *, chance: random.Random, last: bool) -> Json:
    signal, component, comparison, value = what
    row = [
        r for o in script.case.observations for r in o.readings if (r.signal, r.component.key) == (signal, component)
    ]
    fit = [r.id for r in row if (isinstance(r.value, str) and r.value == value) or _above(r.value, value)]
    return script.claim(signal, component, comparison, value, fit[-1] if last else chance.choice(fit))


def _above(value: float | str, bound: float | str) -> bool:
    return not isinstance(value, str) and not isinstance(bound, str) and value > bound


def _gossip(script: Script, chance: random.Random) -> Json:
    node = chance.choice((1, 3, 4, 5))
    return script.claim(
        "gossip", f"node/{node}", "is", "lost", script.ids("gossip", f"node/{node}", "node/2")[-1], toward="node/2"
    )


def _false_links(script: Script, chance: random.Random) -> Iterator[tuple[str, list[Json], list[Json]]]:
    """Links between true claims that the record does not bear out."""
    last = True
    while True:
        slow, beat = (_claim(script, w, chance=chance, last=last) for w in (SLOW, BEAT))
        mute, well = (_claim(script, w, chance=chance, last=last) for w in (MUTE, WELL))
        gossip = _gossip(script, chance)
        # the effect began before what is said to be its cause
        yield "the lost beat made the node slow", [beat], [slow]
        yield "the closed door made the node slow", [mute], [slow]
        yield "what others do not hear cost the node its beat", [gossip], [beat]
        yield "what others do not hear made the node slow", [gossip], [slow]
        yield "the door that does not answer cost the node its beat", [mute], [beat]
        # one of the two is missing
        yield "something made the node slow", [], [slow]
        yield "the slow node broke something", [slow], []
        # both are the same
        yield "the node is slow because it is slow", [slow], [_claim(script, SLOW, chance=chance, last=False)]
        # nothing has begun
        yield "a door that answers made the node slow", [well], [slow]
        yield "the slow node left another as it was", [slow], [well]
        # the words are about something else
        yield "node 5 made node 2 slow", [slow], [beat]
        yield "it took 917 s to lose the beat", [slow], [beat]
        last = not last


def _steps(script: Script, links: list[tuple[str, list[Json], list[Json]]]) -> list[bool]:
    return [step.is_supported for step in _path(script, links)]


def _path(script: Script, links: list[tuple[str, list[Json], list[Json]]]) -> list[CausalStep]:
    steps: list[CausalStep] = []
    for says, cause, effect in links:
        whole = script.closing(
            hypotheses=[
                script.hypothesis(
                    script.evidence("it is slow", _claim(script, SLOW, chance=random.Random(1), last=True)),
                    mode="slow-disk",
                )
            ],
            path=[script.step(says, cause, effect)],
            recommended="move-work",
        )
        assembled = assemble(ClosingWire.model_validate(whole), Ground(case=script.case))
        assert assembled.diagnosis is not None
        assert assembled.struck == ()
        steps += assembled.diagnosis.path
    return steps


def test_true_citations_with_a_false_link_are_marked_unsupported(course: Case, script: Script) -> None:
    drawn = _false_links(replace(script, case=course), random.Random(SEED))
    links = [link for _, link in zip(range(LINKS), drawn, strict=False)]
    supported = _steps(replace(script, case=course), links)
    assert sum(supported) <= LINKS * 0.05, [links[n][0] for n, s in enumerate(supported) if s]


def test_true_links_are_supported(course: Case, script: Script) -> None:
    told, chance = replace(script, case=course), random.Random(SEED)
    links: list[tuple[str, list[Json], list[Json]]] = []
    for last in (True, False) * 10:
        slow, beat, mute = (_claim(told, w, chance=chance, last=last) for w in (SLOW, BEAT, MUTE))
        links += [
            ("node 2 wrote slowly, and then lost its beat", [slow], [beat]),
            ("node 2 lost its beat, and then fell silent", [beat], [mute]),
            ("node 2 wrote slowly, and then others did not hear it", [slow], [_gossip(told, chance)]),
            ("node 2 fell silent, and others did not hear it", [mute], [_gossip(told, chance)]),
            ("node 2 wrote slowly, and then fell silent", [slow, beat], [mute]),
        ]
    supported = _steps(told, links)
    assert sum(supported) >= 0.95 * len(links), [links[n][0] for n, s in enumerate(supported) if not s]


def test_a_link_is_judged_by_when_things_began_not_by_which_readings_are_cited(course: Case, script: Script) -> None:
    told = replace(script, case=course)
    first, newest = random.Random(1), True
    slow, beat = (_claim(told, w, chance=first, last=newest) for w in (SLOW, BEAT))
    forth = _steps(told, [("node 2 wrote slowly, then lost its beat", [slow], [beat])])
    back = _steps(told, [("node 2 lost its beat, then wrote slowly", [beat], [slow])])
    assert (forth, back) == ([True], [False])
    apart = course.observations[4].at - course.observations[2].at
    assert apart > timedelta(0)


def test_a_link_that_nothing_but_its_order_bears_out_is_the_models_own_word(course: Case, script: Script) -> None:
    told, first = replace(script, case=course), random.Random(1)
    beat, mute, loud = (_claim(told, w, chance=first, last=True) for w in (BEAT, MUTE, LOUD))
    known, alone, among = _path(
        told,
        [
            ("node 2 lost its beat, then fell silent", [beat], [mute]),
            ("node 5 hummed, then node 2 fell silent", [loud], [mute]),
            ("node 5 hummed and node 2 lost its beat, then that fell silent", [loud, beat], [mute]),
        ],
    )
    assert [step.is_supported for step in (known, alone, among)] == [True, True, True]
    assert [OWN_WORD in step.says for step in (known, alone, among)] == [False, True, False]
