from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import ComponentRef, Kind
from operator_core.readings import Reading, ReadingId, SignalName, Unit, Value
from operator_core.verify import compares, same, verify, why_not

T0 = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
STEP = timedelta(seconds=15)
KIND = Kind("node")
REFS = tuple(ComponentRef(KIND, str(n)) for n in range(1, 6))
UNITS = {"latency": "s", "size": "bytes", "rate": "1/s", "count": "1", "door": "state", "heard": "state"}
WORDS = ("answered", "refused", "silent")
PLANTED = 500


def recorded(chance: random.Random) -> dict[ReadingId, Reading]:
    """Twenty looks at five components: numbers over nine orders of magnitude, words, and pairs."""
    found: dict[ReadingId, Reading] = {}
    for look in range(1, 21):
        n = 0
        for ref in REFS:
            for signal, unit in UNITS.items():
                n += 1
                value: Value = chance.choice(WORDS) if unit == "state" else _number(chance, signal)
                toward = chance.choice([r for r in REFS if r != ref]) if signal == "heard" else None
                ident = ReadingId(f"o{look}.{n}")
                found[ident] = Reading(
                    id=ident,
                    component=ref,
                    signal=SignalName(signal),
                    value=value,
                    unit=Unit(unit),
                    at=T0 + look * STEP,
                    source="a toy",
                    toward=toward,
                )
    return found


def _number(chance: random.Random, signal: str) -> float:
    match signal:
        case "latency":
            return 10 ** chance.uniform(-4, 1)
        case "size":
            return float(chance.randrange(1, 1 << 40))
        case "count":
            return float(chance.randrange(-50, 50))
        case _:
            return chance.uniform(-1e3, 1e4)


def _row(chance: random.Random, record: dict[ReadingId, Reading], count: int) -> list[Reading]:
    one = chance.choice(list(record.values()))
    row = [r for r in record.values() if (r.component, r.signal, r.toward) == (one.component, one.signal, one.toward)]
    return sorted(chance.sample(row, min(count, len(row))), key=lambda r: r.at)


def true_claim(chance: random.Random, record: dict[ReadingId, Reading]) -> Claim:
    """A true claim of any comparison, about one reading or about several of a place."""
    while True:
        comparison = chance.choice(list(Comparison))
        row = _row(chance, record, 2 if comparison.is_direction else chance.choice((1, 1, 3)))
        made = _value(chance, comparison, row)
        if made is not None:
            return Claim(
                component=row[0].component,
                signal=row[0].signal,
                comparison=comparison,
                value=made,
                unit=row[0].unit,
                interval=Interval(start=row[0].at, end=row[-1].at),
                readings=tuple(r.id for r in row),
                toward=row[0].toward,
            )


def _value(chance: random.Random, comparison: Comparison, row: list[Reading]) -> Value | None:
    values = [r.value for r in row]
    words = [v for v in values if isinstance(v, str)]
    numbers = [v for v in values if not isinstance(v, str)]
    match comparison:
        case Comparison.EQUALS:
            if any(v != values[0] for v in values):
                return None
            # spoken with three significant digits, as people do
            return values[0] if words else float(f"{numbers[0]:.3g}")
        case Comparison.DIFFERS:
            if words:
                return next((w for w in WORDS if w not in words), None)
            return max(numbers) * 2 + 1
        case _ if words:
            return None
        case Comparison.ABOVE:
            return min(numbers) - abs(min(numbers)) * chance.uniform(0.001, 0.5) - 1e-9
        case Comparison.AT_LEAST:
            return min(numbers)
        case Comparison.BELOW:
            return max(numbers) + abs(max(numbers)) * chance.uniform(0.001, 0.5) + 1e-9
        case Comparison.AT_MOST:
            return max(numbers)
        case Comparison.RISES | Comparison.FALLS:
            if len(numbers) < 2:
                return None
            change = (numbers[-1] - numbers[0]) * (1 if comparison is Comparison.RISES else -1)
            return change * chance.uniform(0.2, 1.0) if change > 0 else None


def _wrong_value(claim: Claim, row: list[Reading], chance: random.Random) -> Claim | None:
    by = chance.choice((0.02, 0.05, 0.5))
    if isinstance(claim.value, str):
        other = row[0].value if claim.comparison is Comparison.DIFFERS else chance.choice(WORDS)
        return replace(claim, value=other) if other != claim.value else None
    numbers = [r.value for r in row if not isinstance(r.value, str)]
    match claim.comparison:
        case Comparison.EQUALS:
            return replace(claim, value=numbers[0] * (1 + by)) if numbers[0] else replace(claim, value=by)
        case Comparison.DIFFERS:
            return replace(claim, value=chance.choice(numbers))
        case Comparison.ABOVE | Comparison.AT_LEAST:
            return replace(claim, value=min(numbers) + abs(min(numbers)) * by + 1e-9)
        case Comparison.BELOW | Comparison.AT_MOST:
            return replace(claim, value=max(numbers) - abs(max(numbers)) * by - 1e-9)
        case Comparison.RISES | Comparison.FALLS:
            return replace(claim, value=abs(numbers[-1] - numbers[0]) * (1 + by))


def _wrong_direction(claim: Claim) -> Claim | None:
    turned = {
        Comparison.RISES: Comparison.FALLS,
        Comparison.FALLS: Comparison.RISES,
        Comparison.ABOVE: Comparison.BELOW,
        Comparison.BELOW: Comparison.ABOVE,
        Comparison.EQUALS: Comparison.DIFFERS,
        Comparison.DIFFERS: Comparison.EQUALS,
    }
    return replace(claim, comparison=turned[claim.comparison]) if claim.comparison in turned else None


def _wrong_id(claim: Claim, chance: random.Random, record: dict[ReadingId, Reading]) -> Claim:
    strangers = [r.id for r in record.values() if (r.component, r.signal) != (claim.component, claim.signal)]
    other = chance.choice((chance.choice(strangers), ReadingId("o99.1")))
    ids = list(claim.readings)
    ids[chance.randrange(len(ids))] = other
    return replace(claim, readings=tuple(ids))


def _changed(how: str, claim: Claim, chance: random.Random, record: dict[ReadingId, Reading]) -> Claim | None:
    row = [record[i] for i in claim.readings]
    others = [r for r in REFS if r not in (claim.component, claim.toward)]
    span = claim.interval
    match how:
        case "value":
            return _wrong_value(claim, row, chance)
        case "direction":
            return _wrong_direction(claim)
        case "component":
            return replace(claim, component=chance.choice(others))
        case "time":
            by = chance.choice((1, -1)) * (span.end - span.start + timedelta(seconds=1))
            return replace(claim, interval=Interval(start=span.start + by, end=span.end + by))
        case "unit":
            return replace(claim, unit=Unit(chance.choice([u for u in UNITS.values() if u != claim.unit])))
        case "toward":
            return replace(claim, toward=chance.choice([r for r in others if r != claim.toward]))
        case "signal":
            return replace(claim, signal=SignalName("latency" if claim.signal != "latency" else "rate"))
        case _:
            return _wrong_id(claim, chance, record)


def false_claim(how: str, chance: random.Random, record: dict[ReadingId, Reading]) -> Claim:
    """A true claim with one thing changed so that it is not true any more."""
    while True:
        made = _changed(how, true_claim(chance, record), chance, record)
        if made is not None:
            return made


def test_true_claims_of_every_kind_survive() -> None:
    chance = random.Random(1)
    record = recorded(chance)
    claims = [true_claim(chance, record) for _ in range(PLANTED)]
    assert {c.comparison for c in claims} == set(Comparison)
    verified = verify(claims, record)
    assert len(verified.held) >= 0.995 * PLANTED, verified.struck[:3]


@pytest.mark.parametrize("how", ["value", "component", "time", "direction", "unit", "toward", "id", "signal"])
def test_planted_false_claims_are_struck(how: str) -> None:
    chance = random.Random(how)
    record = recorded(chance)
    claims = [false_claim(how, chance, record) for _ in range(PLANTED)]
    verified = verify(claims, record)
    assert len(verified.struck) >= 0.99 * PLANTED, verified.held[:3]


def one(value: Value, n: int = 1, *, signal: str = "latency", unit: str = "s") -> Reading:
    return Reading(
        id=ReadingId(f"o{n}.1"),
        component=REFS[0],
        signal=SignalName(signal),
        value=value,
        unit=Unit(unit),
        at=T0 + n * STEP,
        source="a toy",
    )


def said(comparison: Comparison, value: Value, *readings: Reading) -> str | None:
    claim = Claim(
        component=REFS[0],
        signal=readings[0].signal,
        comparison=comparison,
        value=value,
        unit=readings[0].unit,
        interval=Interval(start=T0, end=T0 + 100 * STEP),
        readings=tuple(r.id for r in readings),
    )
    return why_not(claim, {r.id: r for r in readings})


def test_a_claim_that_cites_nothing_is_worth_nothing() -> None:
    claim = Claim(
        component=REFS[0],
        signal=SignalName("latency"),
        comparison=Comparison.ABOVE,
        value=0.0,
        unit=Unit("s"),
        interval=Interval(start=T0, end=T0),
        readings=(),
    )
    assert why_not(claim, {}) == "it cites no reading"


def test_every_cited_reading_must_bear_a_claim_out() -> None:
    assert said(Comparison.ABOVE, 1.0, one(2.0, 1), one(3.0, 2)) is None
    assert said(Comparison.ABOVE, 1.0, one(2.0, 1), one(0.5, 2)) == "reading o2.1 says 0.5"


def test_a_direction_goes_by_time_not_by_the_order_of_citation() -> None:
    assert said(Comparison.RISES, 1.0, one(3.0, 2), one(1.0, 1)) is None
    assert said(Comparison.FALLS, 1.0, one(3.0, 2), one(1.0, 1)) == "from o1.1 to o2.1 it changed by 2"


@pytest.mark.parametrize(
    ("readings", "value", "why"),
    [
        ((one(1.0, 1),), 0.5, "two instants"),
        ((one(1.0, 1), one(1.0, 2)), 0.0, "changed by 0"),
        ((one("a", 1), one("b", 2)), 0.0, "words have no direction"),
        ((one(1.0, 1), one(5.0, 2)), -3.0, "size of 0 or more"),
    ],
)
def test_a_direction_that_makes_no_sense_is_struck(readings: tuple[Reading, ...], value: float, why: str) -> None:
    assert why in (said(Comparison.RISES, value, *readings) or "")


@pytest.mark.parametrize("comparison", list(Comparison))
def test_what_is_not_a_number_bears_nothing_out(comparison: Comparison) -> None:
    assert not compares(float("nan"), comparison, 1.0)
    assert not compares(1.0, comparison, float("nan"))


def test_a_word_is_never_a_number() -> None:
    assert not same("1", 1.0)
    assert not compares("1", Comparison.DIFFERS, 1.0)
    assert not compares("b", Comparison.ABOVE, "a")
    assert compares("b", Comparison.DIFFERS, "a")


def test_half_a_percent_is_the_same_and_two_percent_is_not() -> None:
    assert same(1000.0, 1004.0)
    assert not same(1000.0, 1020.0)
    assert not same(0.0, 0.001)
