"""A monitor that dies at any point, and another that goes on: nobody who reads the record can tell."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation, Tracked
from operator_core.judgements import JudgementKey, Verdict
from operator_core.readings import ClusterName
from operator_core.record import DiagnosisMade, JudgementChanged, ObservationKept, SilenceAdded
from operator_core.runtime import run_virtual
from operator_core.silences import SilenceScope
from operator_core.tickets import Ticket
from operator_monitor import Monitor

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH, NOON = ClusterName("north"), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STATES = {"u": "up", "d": "down", "?": "?"}
COURSES = {
    "1": "dudududuuuuuuuuuuuuuuu",  # flaps
    "4": "uudddduuuuuuudddduuuuu",  # is down, is cured, and is down again
    "7": "uuddddddddddduuuuuuuuu",  # is expected to be down for a while
    "10": "uu?dd?d?d?uu?uuuuu?uuu",  # is hardly seen
}
SCRIPT = [{node: STATES[course[n]] for node, course in COURSES.items()} for n in range(22)]
EXPECTED = SilenceAdded(
    at=NOON + timedelta(seconds=12),
    ends=NOON + timedelta(seconds=48),
    scope=SilenceScope(component=ComponentRef(Kind("node"), "7")),
    by="anna",
)


class Life:
    """Counts what a monitor waits for, and ends its life at some of these points, for good."""

    def __init__(self, deaths: Sequence[int]) -> None:
        self.deaths, self.count = set(deaths), 0
        self.is_over = asyncio.Event()

    async def goes_on(self) -> None:
        """Nothing comes back from here once the life is over."""
        self.count += 1
        if self.count in self.deaths:
            self.is_over.set()
        if self.is_over.is_set():
            await asyncio.Event().wait()

    def of(self, target: Toy) -> Toy:
        return _Mortal(target, self)


class _Mortal:
    """Something whose methods are points at which one may die: before they are done, and after."""

    def __init__(self, target: Toy, life: Life) -> None:
        self._target, self._life = target, life

    def __getattr__(self, name: str) -> Toy:
        attribute: Toy = getattr(self._target, name)
        if isinstance(attribute, str):
            return attribute

        async def call(*args: Toy, **terms: Toy) -> object:
            await self._life.goes_on()
            answer = await attribute(*args, **terms)
            await self._life.goes_on()
            return answer

        return call


@dataclass(frozen=True, kw_only=True)
class Outcome:
    tickets: tuple[Ticket, ...]
    tracked: dict[JudgementKey, Tracked]
    turned: list[tuple[JudgementKey, datetime]]
    silenced: list[SilenceViolation]
    diagnosed: list[tuple[int | None, datetime]]
    shown: dict[tuple[int, datetime], frozenset[datetime]]
    looks: frozenset[datetime]


Stage = Callable[[Sequence[Toy]], tuple[Toy, Toy, Toy, Toy]]


async def played(stage: Stage, deaths: Sequence[int]) -> tuple[Outcome, int]:
    """The outcome of the script, and how many points there were at which one could have died."""
    clock, ledger, subject, diagnoser = stage(SCRIPT)
    count, left = 0, sorted(deaths)
    runs: list[asyncio.Task[None]] = []

    async def live(life: Life) -> None:
        monitor = Monitor(
            cluster=NORTH,
            subject=life.of(subject),
            ledger=life.of(ledger),
            clock=clock,
            diagnoser=life.of(diagnoser),
            within=timedelta(days=1),
        )
        async with aclosing(monitor.cycles()) as reports:
            async for _ in reports:
                pass

    async def lives() -> None:
        nonlocal count
        while True:
            life = Life([d - count for d in left])
            runs.append(asyncio.create_task(live(life)))  # one that is dead is not waited for
            try:
                await life.is_over.wait()
            finally:
                count += life.count

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lives())
        await clock.sleep(timedelta(seconds=12))
        await ledger.say(EXPECTED, clock.now())
        await clock.sleep(timedelta(seconds=5 * len(SCRIPT) - 13))
        task.cancel()
    outcome = Outcome(
        tickets=tuple(_without_readings(t) for t in ledger.book.values()),
        tracked=dict(ledger.progress.tracked),
        turned=[
            (e.judgement.key, e.judgement.at)
            for e in ledger.entries(JudgementChanged)
            if e.judgement.verdict is Verdict.VIOLATED
        ],
        silenced=[replace(e, violation=replace(e.violation, readings=())) for e in ledger.entries(SilenceViolation)],
        diagnosed=[(e.diagnosis.ticket, e.diagnosis.at) for e in ledger.entries(DiagnosisMade)],
        shown={(c.ticket.id, c.at): frozenset(o.at for o in c.observations) for c in diagnoser.cases},
        looks=frozenset(e.observation.at for e in ledger.entries(ObservationKept)),
    )
    for run in runs:
        run.cancel()
    await asyncio.wait(runs)
    return outcome, count


def _without_readings(ticket: Ticket) -> Ticket:
    """A look that is made again has another number, and its readings other ids."""
    return replace(ticket, violations=tuple(replace(v, readings=()) for v in ticket.violations))


@pytest.mark.sampled(0)
def test_one_death_at_any_point_changes_nothing(stage: Stage) -> None:
    whole, points = run_virtual(played(stage, []))
    assert len(whole.tickets) == 4
    assert len(whole.silenced) > 0
    assert len(whole.diagnosed) > 4
    assert points > 150
    for death in range(1, points + 1):
        outcome, _ = run_virtual(played(stage, [death]))
        assert outcome == whole, f"death at point {death} of {points}"


@pytest.mark.sampled(0)
@settings(max_examples=50, deadline=None)
@given(deaths=st.lists(st.integers(1, 250), max_size=12, unique=True))
def test_many_deaths_change_nothing(stage: Stage, deaths: list[int]) -> None:
    whole, _ = run_virtual(played(stage, []))
    outcome, _ = run_virtual(played(stage, deaths))
    assert outcome == whole
