"""What is true survives and what is false does not, said by a model that has only read what it was sent."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from investigating import Held, investigate
from messages_replies import Answer
from messages_shapes import Asked
from scripted_minds import Json, Mind, Seen, claim, closes, evidence, good_closing, seen, step

AT_ONCE = 50
"""Statements in one closing object."""
Draw = Callable[[random.Random, Sequence[Seen]], Json]


def said(told: Json) -> str:
    """A claim as a sentence, with its number, its unit and its component."""
    of = told["component"].replace("/", " ")
    unit = f" {told['unit']}" if told["unit"] in ("s", "bytes") else ""
    value = told["value"] if isinstance(told["value"], str) else f"{told['value']!r}{unit}"
    return f"{told['signal']} of {of} {told['comparison']} {value}"


def _numbers(readings: Sequence[Seen]) -> list[Seen]:
    return [r for r in readings if not isinstance(r.value, str)]


def _number(chance: random.Random, readings: Sequence[Seen]) -> tuple[Seen, float]:
    reading = chance.choice(_numbers(readings))
    return reading, float(reading.value)


def _pair(chance: random.Random, readings: Sequence[Seen]) -> tuple[Seen, Seen, float]:
    """Two readings of one place, the earlier first, that differ."""
    while True:
        first, value = _number(chance, readings)
        row = [r for r in _numbers(readings) if _place(r) == _place(first)]
        last = chance.choice(row)
        if row.index(last) > row.index(first) and last.value != value:
            return first, last, float(last.value) - value


def _place(reading: Seen) -> tuple[str, str, str]:
    return (reading.signal, reading.component, reading.toward)


def _direction(chance: random.Random, readings: Sequence[Seen]) -> Json:
    first, last, change = _pair(chance, readings)
    return claim(first, "rises by at least" if change > 0 else "falls by at least", abs(change) * 0.9, last)


def _word(chance: random.Random, readings: Sequence[Seen]) -> Json:
    reading = chance.choice([r for r in readings if isinstance(r.value, str)])
    return claim(reading, "is", reading.value)


def _compared(comparison: str, factor: float) -> Draw:
    def draw(chance: random.Random, readings: Sequence[Seen]) -> Json:
        reading, value = _number(chance, readings)
        return claim(reading, comparison, value * factor)

    return draw


TRUE: Sequence[Draw] = (
    _compared("is", 1),
    _compared("is above", 0.8),
    _compared("is below", 1.3),
    _compared("is at least", 1 - 1e-4),
    _compared("is at most", 1 + 1e-4),
    _compared("is not", 1.5),
    _direction,
    _word,
)


def _changed(**how: Callable[[Json], object]) -> Draw:
    """A true claim in which a part is replaced."""

    def draw(chance: random.Random, readings: Sequence[Seen]) -> Json:
        told = claim(*_exact(chance, readings))
        return told | {key: make(told) for key, make in how.items()}

    return draw


def _exact(chance: random.Random, readings: Sequence[Seen]) -> tuple[Seen, str, float]:
    reading, value = _number(chance, readings)
    return reading, "is", value


def _other_node(told: Json) -> str:
    return "node/4" if told["component"] != "node/4" else "node/1"


def _reversed(chance: random.Random, readings: Sequence[Seen]) -> Json:
    told = _direction(chance, readings)
    other = {"rises by at least": "falls by at least", "falls by at least": "rises by at least"}
    return told | {"comparison": other[told["comparison"]]}


def _too_much(chance: random.Random, readings: Sequence[Seen]) -> Json:
    told = _direction(chance, readings)
    return told | {"value": told["value"] * 1.5}


def _of_one(chance: random.Random, readings: Sequence[Seen]) -> Json:
    told = _direction(chance, readings)
    return told | {"readings": told["readings"][:1]}


def _of_many(chance: random.Random, readings: Sequence[Seen]) -> Json:
    first, last, _ = _pair(chance, readings)
    return claim(first, "is", first.value, last) if abs(_ratio(first, last)) > 0.02 else _too_much(chance, readings)


def _ratio(first: Seen, last: Seen) -> float:
    return (float(last.value) - float(first.value)) / max(abs(float(first.value)), 1e-9)


FALSE: Sequence[Draw] = (
    _compared("is", 1.03),
    _compared("is", 1000),
    _compared("is above", 1.2),
    _compared("is below", 0.9),
    _compared("is not", 1),
    _changed(component=_other_node),
    _changed(signal=lambda told: "heat" if told["signal"] != "heat" else "queue"),
    _changed(unit=lambda _: "ms"),
    _changed(readings=lambda _: ["o99.1"]),
    _changed(readings=lambda _: []),
    _changed(readings=lambda told: [*told["readings"], "p7.7"]),
    _changed(toward=lambda told: "" if told["toward"] else "node/3"),
    _changed(component=lambda _: "node/77"),
    _changed(value=lambda _: "slow"),
    _reversed,
    _too_much,
    _of_one,
    _of_many,
)


def draws(kinds: Sequence[Draw], seed: int) -> Mind:
    """Closes with statements of these kinds, the same ones when they go back."""

    async def mind(asked: Asked) -> Answer:
        readings = [r for r in seen(asked) if r.signal != "first_key"]
        chance = random.Random(seed)
        told = [kinds[n % len(kinds)](chance, readings) for n in range(AT_ONCE)]
        return closes(good_closing(readings, more=[evidence(said(one), one) for one in told]))

    return mind


async def counted(kinds: Sequence[Draw]) -> list[tuple[Json, bool, str]]:
    """Each of 500 statements, whether its claim survived, and what became of its sentence."""
    found: list[tuple[Json, bool, str]] = []
    for seed in range(500 // AT_ONCE):
        held = (await investigate(draws(kinds, seed))).asserted_good()
        own = held.diagnosis.first.evidence[3:]
        asked = _closed_with(held)[3:]
        assert len(own) == len(asked) == AT_ONCE
        found += [(a["claims"][0], bool(e.claims), e.statement) for a, e in zip(asked, own, strict=True)]
    return found


def _closed_with(held: Held) -> list[Json]:
    """The evidence as the model wrote it."""
    return json.loads(held.server.replied[-1]["content"][-1]["text"])["hypotheses"][0]["evidence"]


async def test_of_500_true_statements_hardly_one_is_struck() -> None:
    found = await counted(TRUE)
    struck = [(told, statement) for told, survived, statement in found if not survived or "[struck]" in statement]
    assert len(found) == 500
    assert len(struck) <= 0.005 * 500, struck[:5]


async def test_of_500_false_statements_hardly_one_survives() -> None:
    found = await counted(FALSE)
    survived = [told for told, survived, _ in found if survived]
    assert len(found) == 500
    assert len(survived) <= 0.01 * 500, survived[:5]


# --- links


def _row(readings: Sequence[Seen], signal: str, component: str = "node/2") -> list[Seen]:
    return [r for r in readings if r.signal == signal and r.component == component and not r.toward]


def _grew(row: Sequence[Seen], share: float) -> Json:
    return claim(row[0], "rises by at least", (float(row[-1].value) - float(row[0].value)) * share, row[-1])


def _now(row: Sequence[Seen], share: float) -> Json:
    return claim(row[-1], "is above", float(row[-1].value) * share)


Link = tuple[str, Sequence[Json], Sequence[Json]]
CHAIN = ("disk_wait", "queue", "write_p99")


def false_links(readings: Sequence[Seen], chance: random.Random) -> Iterator[Link]:
    """True citations with a false link between; the name says what is false about it."""
    while True:
        share = chance.uniform(0.5, 0.9)
        early, late = sorted(chance.sample(range(3), 2))
        cause, effect = _row(readings, CHAIN[early]), _row(readings, CHAIN[late])
        calm = _row(readings, "heat", chance.choice(["node/1", "node/4"]))
        yield "backwards", [_grew(effect, share)], [_grew(cause, share)]
        yield "backwards, by the newest readings", [_now(effect, share)], [_now(cause, share)]
        yield "of itself", [_grew(cause, share)], [_now(cause, share)]
        yield "of what was always so", [_now(calm, share)], [_grew(effect, share)]
        yield "to what was always so", [_grew(cause, share)], [_now(calm, share)]
        yield "without an effect", [_grew(cause, share)], []
        yield "without a cause", [], [_grew(effect, share)]
        yield "with a false citation", [_grew(cause, share) | {"readings": ["o99.9"]}], [_grew(effect, share)]


async def links(
    draw: Callable[[Sequence[Seen], random.Random], Iterator[Link]], many: int
) -> Counter[tuple[str, bool]]:
    """How many of each name stand as supported, and how many do not."""
    found: Counter[tuple[str, bool]] = Counter()
    for seed in range(many // 20):
        names: list[str] = []

        async def mind(asked: Asked, seed: int = seed, names: list[str] = names) -> Answer:
            readings = seen(asked)
            drawn = [one for one, _ in zip(draw(readings, random.Random(seed)), range(20 * seed + 20), strict=False)]
            names[:] = [name for name, _, _ in drawn[-20:]]
            path = [step(f"this led to that, link {name}", cause, effect) for name, cause, effect in drawn[-20:]]
            return closes(good_closing(readings, path=path))

        held = (await investigate(mind)).asserted_good()
        found.update((name, s.is_supported) for name, s in zip(names, held.diagnosis.path, strict=True))
        assert all("not supported" in s.says for s in held.diagnosis.path if not s.is_supported)
    return found


async def test_of_100_false_links_between_true_citations_hardly_one_stands() -> None:
    found = await links(false_links, 100)
    assert found.total() == 100
    stand = {name: n for (name, supported), n in found.items() if supported}
    assert sum(stand.values()) <= 5, stand
