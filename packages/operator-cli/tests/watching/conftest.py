"""A small invented cluster, and the reports that a monitor of it would give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from operator_cli.render.course import Courses
from operator_cli.render.live_view import ClusterView
from operator_core.components import CLUSTER, Component, ComponentRef, Kind, Role
from operator_core.diagnosis import Diagnosis, Hypothesis
from operator_core.judgements import Concern, InvariantName, Judgement, JudgementKey, Severity, Verdict
from operator_core.knowledge import DO_NOTHING, ComponentKind, Knowledge, ModeName
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
)
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from operator_monitor import CycleReport

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=5)
LAMP = Kind("lamp")
LIT = InvariantName("lit")
LOAD, HEAT, STATE = SignalName("lamp.load"), SignalName("lamp.heat"), SignalName("lamp.state")
WHOLE_LOAD = SignalName("cluster.load")
UNITS = {LOAD: Unit("1/s"), HEAT: Unit("s"), STATE: Unit("state")}

Look = Callable[..., CycleReport]
TicketOf = Callable[..., Ticket]


def lamp(name: object) -> ComponentRef:
    return ComponentRef(LAMP, str(name))


@pytest.fixture
def known() -> Knowledge:
    """Lamps have a load and a heat; their state is a word."""
    return Knowledge(
        version="1",
        kinds=(
            ComponentKind(kind=LAMP, title="Lamp", glance=(STATE, LOAD, HEAT), course=(LOAD, HEAT)),
            ComponentKind(kind=CLUSTER.kind, title="Street", course=(WHOLE_LOAD,)),
        ),
        signals=(),
        invariants=(),
        signs=(),
        modes=(),
        unknown=(),
    )


@pytest.fixture
def view(known: Knowledge) -> ClusterView:
    """A cluster of which nothing was seen yet."""
    return ClusterView(name=ClusterName("street"), courses=Courses(interval=INTERVAL), knowledge=known)


@pytest.fixture
def look() -> Look:
    """The report of cycle `number`: every lamp with its load, None where it was not seen; some of them dark."""

    def make(
        number: int,
        loads: Mapping[int, float | None],
        *,
        dark: tuple[int, ...] = (),
        unknown: tuple[int, ...] = (),
        failing: Mapping[str, Cause] | None = None,
        failed: str | None = None,
        at: datetime | None = None,
        **fields: object,
    ) -> CycleReport:
        at = at or START + INTERVAL * (number - 1)
        readings: list[Reading] = []
        unseens: list[Unseen] = []
        for n, load in loads.items():
            for signal, value in ((STATE, "On"), (LOAD, load), (HEAT, None if load is None else load / 1000)):
                if value is None:
                    unseens.append(
                        Unseen(
                            component=lamp(n),
                            signal=signal,
                            cause=Cause.SILENT,
                            detail="",
                            at=at,
                            source=f"meter of lamp {n}",
                        )
                    )
                else:
                    ident = ReadingId(f"o{number}.{len(readings) + 1}")
                    readings.append(
                        Reading(
                            id=ident,
                            component=lamp(n),
                            signal=signal,
                            value=value,
                            unit=UNITS[signal],
                            at=at,
                            source="m",
                        )
                    )
        seen = [load for load in loads.values() if load is not None]
        if seen:
            readings.append(
                Reading(
                    id=ReadingId(f"o{number}.0"),
                    component=CLUSTER,
                    signal=WHOLE_LOAD,
                    value=sum(seen),
                    unit=Unit("1/s"),
                    at=at,
                    source="m",
                )
            )
        observation = Observation(
            cluster=ClusterName("street"),
            number=number,
            at=at,
            components=tuple(
                Component(ref=lamp(n), version="2.1", roles=frozenset({Role("main")}) if n == 1 else frozenset())
                for n in loads
            ),
            readings=tuple(readings),
            unseens=tuple(unseens),
            sources=(
                SourceLook(source="box", component=CLUSTER, required=True),
                *(
                    SourceLook(source=s, component=CLUSTER, required=False, failure=c)
                    for s, c in (failing or {}).items()
                ),
            ),
        )
        judgements = tuple(
            Judgement(
                key=JudgementKey(invariant=LIT, component=lamp(n)),
                verdict=Verdict.VIOLATED if n in dark else Verdict.UNKNOWN if n in unknown else Verdict.HOLDS,
                at=at,
                because=f"lamp {n} is dark" if n in dark else f"lamp {n} was not seen" if n in unknown else "it shines",
                concern=Concern.SUBJECT,
            )
            for n in loads
        )
        return CycleReport(
            number=number,
            at=at,
            took=timedelta(milliseconds=80),
            observation=observation,
            judgements=judgements,
            failed=failed,
            **fields,  # pyright: ignore[reportArgumentType]
        )

    return make


@pytest.fixture
def ticket() -> TicketOf:
    """Ticket `ident` about a lamp."""

    def make(
        ident: int,
        *,
        of: int = 1,
        title: str | None = None,
        severity: Severity = Severity.CRITICAL,
        state: TicketState = TicketState.OPEN,
        at: datetime = START,
    ) -> Ticket:
        violation = Violation(
            key=JudgementKey(invariant=LIT, component=lamp(of)),
            since=at,
            opened_at=at,
            because=f"lamp {of} is dark",
            severity=severity,
            concern=Concern.SUBJECT,
            readings=(),
        )
        return Ticket(
            id=TicketId(ident),
            cluster=ClusterName("street"),
            state=state,
            title=title or f"lamp {of} is dark",
            component=lamp(of),
            severity=severity,
            concern=Concern.SUBJECT,
            opened_at=at,
            violations=(violation,),
        )

    return make


@pytest.fixture
def diagnosis() -> Callable[..., Diagnosis]:
    """A diagnosis of ticket `ident`."""

    def make(ident: int, title: str = "the bulb is gone", probability: float = 0.9) -> Diagnosis:
        return Diagnosis(
            cluster=ClusterName("street"),
            at=START,
            diagnoser="rules",
            knowledge="1",
            summary=f"{title}.",
            hypotheses=(
                Hypothesis(mode=ModeName("bulb"), title=title, components=(lamp(1),), probability=probability),
            ),
            path=(),
            options=(),
            recommended=DO_NOTHING,
            because="",
            ticket=ident,
        )

    return make
