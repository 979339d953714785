from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.claims import Claim, Comparison, Interval
from operator_core.components import ComponentRef, Kind
from operator_core.prose import check_prose
from operator_core.readings import Reading, ReadingId, SignalName, Unit, Value

AT = datetime(2026, 11, 22, 12, 3, 10, tzinfo=UTC)
NODES = tuple(ComponentRef(Kind("node"), str(n)) for n in (1, 2, 3, 4, 12))
SEER = ComponentRef(Kind("seer"), "seer1")
ALL = (*NODES, SEER)


def claim(
    value: Value,
    unit: str = "1",
    component: ComponentRef = NODES[3],
    comparison: Comparison = Comparison.EQUALS,
    signal: str = "width_p99",
    *readings: str,
) -> Claim:
    return Claim(
        component=component,
        signal=SignalName(signal),
        comparison=comparison,
        value=value,
        unit=Unit(unit),
        interval=Interval(start=AT, end=AT + timedelta(minutes=2)),
        readings=tuple(ReadingId(r) for r in readings or ("o12.7",)),
    )


def struck(prose: str, *claims: Claim) -> list[str]:
    return [s.text for s in check_prose(prose, claims, ALL)]


HELD = (
    claim(0.97),
    claim(1234567.0, "bytes"),
    claim(-3.5),
    claim(0.73, "s"),
    claim(5.0, "1/s", comparison=Comparison.FALLS),
    claim("refused", "state", SEER),
)


@pytest.mark.parametrize(
    "prose",
    [
        "node 4 stands at 0.97.",
        "node 4 stands at 97 %, that is 97%.",
        "It wrote 1,234,567 bytes (1234567, or 1.177 MiB, or 1.235 MB).",
        "The balance is -3.5, or −3.5; it fell by 5 1/s, that is -5/s.",
        "It takes 0.73 s (730 ms, 0.73 seconds) at the 99th percentile of width_p99.",
        "At 12:03:10 node 4 stopped [o12.7]; by 12:04 it was 12:05:10 [o12.7, o12.7].",
        "Since 2026-11-22T12:03:10Z, 2026-11-22 12:04:59 UTC, 2026-11-22, 2026-11-22T13:03:30+01:00 and 12:03:10.250.",
        "seer1 and Node 4 (node/4, node-4, node #4) disagree.",
        "Nothing to see here, v2 of the p99 plan.",
    ],
)
def test_what_a_held_claim_backs_survives(prose: str) -> None:
    assert struck(prose, *HELD) == []


@pytest.mark.parametrize(
    ("prose", "words"),
    [
        ("node 4 stands at 0.95.", ["0.95"]),
        ("node 4 stands at 96 %.", ["96 %"]),
        ("It wrote 1,274,567 bytes.", ["1,274,567 bytes"]),
        ("It takes 730 s.", ["730 s"]),
        ("It takes 0.73 GiB.", ["0.73 GiB"]),
        ("The balance is 3.5.", ["3.5"]),
        ("At 12:02:59 or 12:06 it began.", ["12:02:59", "12:06"]),
        ("At 12:03:10+01:00 it began.", ["12:03:10+01:00"]),
        ("On 2026-11-21 at 2026-11-21T12:03:10Z.", ["2026-11-21", "2026-11-21T12:03:10Z"]),
        ("On 2026-13-45.", ["2026-13-45"]),
        ("See [o12.8] and o1.2.", ["o12.8", "o1.2"]),
        ("node 3 is to blame.", ["node 3"]),
        ("node 12 is to blame.", ["node 12"]),
        ("Nodes 1, 2 and 4 are to blame.", ["1", "2"]),
        ("node 9 is to blame.", ["9"]),
        ("It is 5x as slow, 3 times.", ["3"]),
        ("The values 0.97,0.98 rose.", ["0.98"]),
    ],
)
def test_what_no_held_claim_backs_is_struck(prose: str, words: list[str]) -> None:
    assert struck(prose, *HELD) == words


def test_without_claims_every_number_time_component_and_citation_is_struck() -> None:
    prose = "node 4 refused 3 calls at 12:03:10 [o12.7]."
    assert struck(prose) == ["node 4", "3", "12:03:10", "o12.7"]


def test_times_are_read_in_the_zone_of_the_reader() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert check_prose("at 13:03:10", HELD, ALL, zone=berlin) == ()
    assert [s.text for s in check_prose("at 12:03:10", HELD, ALL, zone=berlin)] == ["12:03:10"]
    assert check_prose("at 12:03:10Z", HELD, ALL, zone=berlin) == ()


def test_a_time_near_midnight_may_be_of_either_day() -> None:
    late = Claim(
        component=NODES[0],
        signal=SignalName("door"),
        comparison=Comparison.EQUALS,
        value="refused",
        unit=Unit("state"),
        interval=Interval(start=AT.replace(hour=23, minute=58), end=AT.replace(day=23, hour=0, minute=3)),
        readings=(ReadingId("o1.1"),),
    )
    assert struck("from 23:59 to 0:02", late) == []
    assert struck("from 23:57 to 0:04", late) == ["23:57", "0:04"]


def test_the_value_of_a_cited_reading_may_be_said_when_the_record_is_at_hand() -> None:
    above = claim(0.1, "s", comparison=Comparison.ABOVE)
    reading = Reading(
        id=ReadingId("o12.7"),
        component=NODES[3],
        signal=above.signal,
        value=0.44,
        unit=Unit("s"),
        at=AT,
        source="a toy",
    )
    assert struck("It takes 440 ms.", above) == ["440 ms"]
    assert check_prose("It takes 440 ms, above 0.1 s.", [above], ALL, readings={reading.id: reading}) == ()


@given(value=st.floats(-1e12, 1e12).filter(lambda v: abs(v) > 1), by=st.sampled_from((1.02, 0.98, 1.5, -1.0)))
def test_a_number_survives_as_it_is_and_is_struck_when_it_is_another(value: float, by: float) -> None:
    held = claim(value)
    # four digits, in the three ways people write them
    for text in (f"{value:.4g}", f"{value:,.6f}", f"{value:.6f}"):
        assert struck(f"it is {text} now", held) == []
        wrong = text.replace(f"{value:.4g}", f"{value * by:.4g}") if "," not in text else f"{value * by:,.6f}"
        if wrong != text:
            assert len(struck(f"it is {wrong} now", held)) == 1


@given(prose=st.text(alphabet="node 1234,.:-+%o[]TZsmin/e−", max_size=60))
def test_any_text_can_be_read_and_parts_do_not_overlap(prose: str) -> None:
    parts = check_prose(prose, HELD, ALL)
    assert all(prose[p.start : p.end] == p.text for p in parts)
    assert all(a.end <= b.start for a, b in itertools.pairwise(parts))
