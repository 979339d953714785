from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from operator_core.components import Component, ComponentRef, Kind
from operator_core.judgements import Concern, Severity, Verdict, judge
from operator_core.readings import (
    Cause,
    ClusterName,
    Observation,
    Reading,
    ReadingId,
    SignalName,
    SourceLook,
    Unit,
    Unseen,
    by_id,
)
from operator_core.sight import LOST_SIGHT, lost_sight, source_ref

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = (ComponentRef(Kind("node"), n) for n in ("1", "2"))
LAMP = ComponentRef(Kind("lamp"), "1")
HUM = SignalName("hum")


def reading(n: int, component: ComponentRef, toward: ComponentRef | None = None) -> Reading:
    return Reading(
        id=ReadingId(f"o1.{n}"),
        component=component,
        signal=HUM,
        value=float(n),
        unit=Unit("1"),
        at=T0,
        source="a toy",
        toward=toward,
    )


SEEN = Observation(
    cluster=ClusterName("toys"),
    number=1,
    at=T0,
    components=(Component(ref=TWO), Component(ref=LAMP), Component(ref=ONE)),
    readings=(reading(1, ONE), reading(2, ONE, TWO)),
    unseens=(Unseen(component=TWO, signal=HUM, cause=Cause.SILENT, detail="5 s", at=T0, source="a toy"),),
    sources=(
        SourceLook(source="seer", component=LAMP, required=True, failure=Cause.REFUSED, detail="errno 111"),
        SourceLook(source="ear", component=ONE, required=False, failure=Cause.SILENT),
        SourceLook(source="eye", component=TWO, required=True),
    ),
)


def test_a_reading_is_found_by_its_place_and_what_is_missing_is_none() -> None:
    found = SEEN.reading(HUM, ONE), SEEN.reading(HUM, ONE, TWO), SEEN.reading(HUM, TWO)
    assert [None if r is None else r.id for r in found] == ["o1.1", "o1.2", None]


def test_why_it_is_missing_is_known_when_it_was_asked_for() -> None:
    unseen = SEEN.unseen(HUM, TWO)
    assert unseen is not None
    assert unseen.cause is Cause.SILENT
    assert SEEN.unseen(HUM, LAMP) is None


def test_components_come_in_the_order_of_observation() -> None:
    assert SEEN.refs() == (TWO, LAMP, ONE)
    assert SEEN.refs("node") == (TWO, ONE)
    assert [r.id for r in SEEN.of_signal(HUM)] == ["o1.1", "o1.2"]
    assert set(by_id([SEEN])) == {"o1.1", "o1.2"}


def test_lost_sight_names_the_source_and_the_cause() -> None:
    invariant = lost_sight(grace=timedelta(seconds=30), stability=timedelta(seconds=10))
    seer, ear, eye = judge([invariant], SEEN)
    assert seer.key.component == source_ref("seer")
    assert (seer.key.invariant, seer.verdict, seer.severity) == (LOST_SIGHT, Verdict.VIOLATED, Severity.CRITICAL)
    assert seer.because == "seer was not seen: refused (errno 111)"
    assert (ear.verdict, ear.severity, ear.because) == (
        Verdict.VIOLATED,
        Severity.WARNING,
        "ear was not seen: silent",
    )
    assert (eye.verdict, eye.because) == (Verdict.HOLDS, "eye answered")
    assert {j.concern for j in (seer, ear, eye)} == {Concern.SIGHT}
    assert (seer.grace, seer.stability) == (timedelta(seconds=30), timedelta(seconds=10))


def test_the_vocabulary_brings_no_loop_no_network_and_no_model_of_the_wire() -> None:
    code = (
        "import sys, operator_core.ports, operator_core.prose, operator_core.sight\n"
        "print(sorted({'asyncio', 'httpx', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
