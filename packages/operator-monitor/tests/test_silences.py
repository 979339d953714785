"""What a person has announced: recorded, shown, opening nothing, and over by itself."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest
from operator_core.components import ComponentRef, Kind
from operator_core.decide import SilenceViolation
from operator_core.readings import ClusterName
from operator_core.record import SilenceAdded, SilenceEnded
from operator_core.runtime import VirtualClock
from operator_core.silences import SilenceId, SilenceScope
from operator_monitor import CycleReport, Monitor

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NORTH = ClusterName("north")
DOWN, BOTH = {"1": "down", "4": "up"}, {"1": "down", "4": "down"}
pytestmark = pytest.mark.looptime
Led = Callable[[Monitor, int], Awaitable[list[CycleReport]]]


@pytest.fixture
def monitor(ledger: Toy, clock: VirtualClock, subject: Callable[..., Toy]) -> Callable[..., Monitor]:
    def make(*script: Toy) -> Monitor:
        return Monitor(cluster=NORTH, subject=subject(*script), ledger=ledger, clock=clock)

    return make


def stated(at: datetime, lasts: float, scope: SilenceScope | None = None) -> SilenceAdded:
    return SilenceAdded(at=at, ends=at + timedelta(seconds=lasts), scope=scope or SilenceScope(), by="anna")


async def test_a_silenced_violation_is_recorded_once_and_opens_its_ticket_when_the_silence_is_over(
    led: Led, monitor: Callable[..., Monitor], ledger: Toy, clock: VirtualClock
) -> None:
    await ledger.say(stated(clock.now(), 32), clock.now())
    reports = await led(monitor(DOWN), 10)
    assert [[v.because for v in r.silenced] for r in reports] == [[], [], ["node 1 is down"], *[[]] * 7]
    assert [len(r.silences) for r in reports] == [1] * 7 + [0] * 3
    assert [len(r.opened) for r in reports] == [0] * 7 + [1] + [0] * 2
    assert len(ledger.entries(SilenceViolation)) == 1
    assert ledger.book[1].violations[0].since == reports[0].at


async def test_what_is_not_meant_opens_as_always(
    led: Led, monitor: Callable[..., Monitor], ledger: Toy, clock: VirtualClock
) -> None:
    scope = SilenceScope(component=ComponentRef(Kind("node"), "1"))
    await ledger.say(stated(clock.now(), 600, scope), clock.now())
    reports = await led(monitor(BOTH), 6)
    assert [t.title for r in reports for t in r.opened] == ["node 4 is down"]


async def test_a_restart_does_not_record_it_again(
    led: Led, monitor: Callable[..., Monitor], ledger: Toy, clock: VirtualClock
) -> None:
    await ledger.say(stated(clock.now(), 600), clock.now())
    await led(monitor(DOWN), 4)
    await led(monitor(DOWN), 4)
    assert len(ledger.entries(SilenceViolation)) == 1
    assert ledger.book == {}


async def test_a_silence_that_is_ended_early_counts_no_more(
    led: Led, monitor: Callable[..., Monitor], ledger: Toy, clock: VirtualClock
) -> None:
    await ledger.say(stated(clock.now(), 600), clock.now())
    await led(monitor(DOWN), 4)
    await ledger.say(SilenceEnded(silence=SilenceId(1), at=clock.now(), by="anna"), clock.now())
    (report,) = await led(monitor(DOWN), 1)
    assert (len(report.opened), report.silences) == (1, ())


async def test_an_open_ticket_resolves_in_a_silence(
    led: Led, monitor: Callable[..., Monitor], ledger: Toy, clock: VirtualClock
) -> None:
    await ledger.say(stated(clock.now() + timedelta(seconds=12), 600), clock.now())
    reports = await led(monitor(DOWN, DOWN, DOWN, {"1": "up", "4": "up"}), 8)
    assert [len(r.opened) for r in reports].index(1) == 2
    assert [len(r.resolved) for r in reports].index(1) == 6
