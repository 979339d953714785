from __future__ import annotations

import io
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import Diagnosis
from operator_core.ports import Case
from operator_core.readings import ClusterName, Observation, Unit, Value
from operator_diagnosis.markdown import render_markdown
from operator_diagnosis.prose import clean, number, percent, quantity
from operator_diagnosis.review import recheck
from operator_diagnosis.rules import reason
from operator_diagnosis.terminal import bar, render_terminal
from operator_diagnosis.wire import from_json, published_schema, schema_text, to_json
from rich.console import Console

BERLIN = ZoneInfo("Europe/Berlin")
Golden = Callable[[str, str], None]
Look = Callable[..., Observation]
Cases = Callable[..., Case]
Crash = Callable[..., dict[str, Value]]


def on_terminal(diagnosis: Diagnosis, *, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=100,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    console.print(render_terminal(diagnosis, zone=BERLIN))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


@pytest.fixture
def crash_diagnosis(crash_case: Case) -> Diagnosis:
    return reason(crash_case)


@pytest.fixture
def struck_diagnosis(crash_case: Case, crash_diagnosis: Diagnosis) -> Diagnosis:
    """The record lost what the arbiter heard of node 2."""
    readings = {
        r.id: replace(r, value=1.0) if r.signal == "beat_age" else r
        for o in crash_case.observations
        for r in o.readings
    }
    return recheck(crash_diagnosis, readings)


@pytest.fixture
def two_faults(case: Cases, look: Look, crash: Crash) -> Diagnosis:
    said = crash(2, of=5) | {"write_p99@node/4": 0.8}
    return reason(case(look(1, nodes=5), look(2, said, nodes=5), ticket="node/4"))


def test_a_crash_reads_well_as_markdown(crash_diagnosis: Diagnosis, golden: Golden) -> None:
    golden("crash.md", render_markdown(crash_diagnosis, zone=BERLIN))


def test_a_crash_reads_well_on_a_terminal(crash_diagnosis: Diagnosis, golden: Golden) -> None:
    golden("crash.txt", on_terminal(crash_diagnosis))


def test_doubt_reads_well(two_faults: Diagnosis, golden: Golden) -> None:
    golden("two-faults.txt", on_terminal(two_faults))


def test_struck_claims_are_shown_as_struck(struck_diagnosis: Diagnosis, golden: Golden) -> None:
    golden("struck.md", render_markdown(struck_diagnosis, zone=UTC))
    assert "STRUCK" in on_terminal(struck_diagnosis)


def test_a_terminal_of_a_hundred_columns_is_never_overrun(two_faults: Diagnosis) -> None:
    assert max(len(line) for line in on_terminal(two_faults).splitlines()) <= 100


def test_colour_adds_nothing_but_colour(crash_diagnosis: Diagnosis) -> None:
    coloured = on_terminal(crash_diagnosis, colour=True)
    assert "\x1b[" in coloured
    stripped = "\n".join(_without_colour(line).rstrip() for line in coloured.splitlines()) + "\n"
    assert stripped == on_terminal(crash_diagnosis)


def _without_colour(line: str) -> str:
    out, inside = "", False
    for c in line:
        if c == "\x1b":
            inside = True
        elif inside:
            inside = c != "m"
        else:
            out += c
    return out


EVIL = "1\x1b[31m\x07\u202e\n[bold]x[/bold] <img src=x> [y](http://z) `a` \x9b2J"


@pytest.fixture
def evil_case(crash_case: Case) -> Case:
    """What the subject says wants to be more than text."""

    def twisted(ref: ComponentRef) -> ComponentRef:
        return ComponentRef(ref.kind, EVIL) if ref == ComponentRef(Kind("node"), "2") else ref

    observations = tuple(
        replace(
            o,
            components=tuple(replace(c, ref=twisted(c.ref)) for c in o.components),
            readings=tuple(
                replace(
                    r,
                    component=twisted(r.component),
                    toward=None if r.toward is None else twisted(r.toward),
                    source=EVIL,
                )
                for r in o.readings
            ),
            unseens=tuple(replace(u, component=twisted(u.component), detail=EVIL, source=EVIL) for u in o.unseens),
        )
        for o in crash_case.observations
    )
    return replace(crash_case, cluster=ClusterName(EVIL), observations=observations, ticket=None)


def test_what_the_subject_says_is_inert_everywhere(evil_case: Case) -> None:
    diagnosis = reason(evil_case)
    assert diagnosis.first.components[0].id == EVIL
    for text in (render_markdown(diagnosis, zone=UTC), on_terminal(diagnosis), to_json(diagnosis)):
        assert not [c for c in text if c != "\n" and unicodedata.category(c).startswith("C")]
    markdown = render_markdown(diagnosis, zone=UTC)
    assert "<img" not in markdown.replace("\\<", "")
    assert "\\[y\\](http" in markdown
    assert "[bold]x[/bold]" in on_terminal(diagnosis).replace("\n", "")
    assert from_json(to_json(diagnosis)) == diagnosis


def test_json_goes_there_and_back(
    crash_diagnosis: Diagnosis, two_faults: Diagnosis, struck_diagnosis: Diagnosis
) -> None:
    for diagnosis in (crash_diagnosis, two_faults, struck_diagnosis):
        assert from_json(to_json(diagnosis)) == diagnosis
        assert from_json(to_json(diagnosis, indent=2)) == diagnosis


def test_what_is_written_is_of_the_published_schema(crash_diagnosis: Diagnosis, struck_diagnosis: Diagnosis) -> None:
    schema = json.loads(published_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    for diagnosis in (crash_diagnosis, struck_diagnosis):
        written = json.loads(to_json(diagnosis))
        assert written["schema"] == "diagnosis-1"
        jsonschema.validate(written, schema)
        wrongs: tuple[dict[str, object], ...] = (
            {"recommended": 3},
            {"schema": "diagnosis-2"},
            {"more": 1},
            {"hypotheses": []},
        )
        for wrong in wrongs:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(written | wrong, schema)


def test_the_schema_files_are_what_the_models_say() -> None:
    root = Path(__file__).parents[3] / "docs" / "schema" / "diagnosis-1.json"
    assert published_schema() == schema_text()
    assert root.read_text(encoding="utf-8") == schema_text()


def test_a_document_that_is_not_of_the_schema_is_refused_by_name(crash_diagnosis: Diagnosis) -> None:
    written = json.loads(to_json(crash_diagnosis))
    del written["summary"]
    with pytest.raises(ValueError, match="summary"):
        from_json(json.dumps(written))


def test_importing_the_package_brings_neither_pydantic_nor_rich() -> None:
    code = "import sys, operator_diagnosis; print(sorted({'pydantic', 'rich', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0123, "s", "12.3 ms"),
        (2.0, "s", "2 s"),
        (1234567.0, "1", "1,234,567"),
        (0.04567, "1", "0.04567"),
        (5.0e9, "bytes", "4.657 GiB"),
        (12.0, "bytes", "12 bytes"),
        (float("inf"), "1", "inf"),
        ("re\x1bfused", "state", "“refused”"),
    ],
)
def test_a_quantity_reads_as_a_person_says_it(value: float | str, unit: str, said: str) -> None:
    assert quantity(value, Unit(unit)) == said


def test_a_probability_never_says_certain_or_impossible() -> None:
    assert [percent(p) for p in (0.0, 0.001, 0.02, 0.5, 0.98, 0.999)] == [
        "< 1 %",
        "< 1 %",
        "2 %",
        "50 %",
        "98 %",
        "> 99 %",
    ]
    assert (bar(0.0).count("█"), bar(0.001).count("█"), bar(1.0).count("█")) == (0, 1, 20)


def test_text_from_outside_is_one_short_line() -> None:
    assert clean("a\tb\r\nc\x00\u200bd") == "a b  cd"
    assert len(clean("x" * 5000)) == 400
    assert number(-1500.0) == "-1,500"
