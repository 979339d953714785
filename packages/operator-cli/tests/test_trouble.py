"""Which observations a ticket is reasoned about from: how it began and how it last was, however long it lasted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from operator_cli.use_cases.trouble import LOOKS, while_it_lasted
from operator_core.claims import Interval
from operator_core.components import Component, ComponentRef, Kind
from operator_core.judgements import CheckResult, Concern, Invariant, InvariantName, JudgementKey, Severity, Verdict
from operator_core.knowledge import Knowledge
from operator_core.readings import ClusterName, Observation
from operator_core.record import ObservationKept
from operator_core.tickets import Ticket, TicketId, TicketState, Violation
from operator_ledger import MemoryLedger

Run = Callable[..., subprocess.CompletedProcess[str]]

CUPS = ClusterName("cups")
CUP = ComponentRef(Kind("cup"), "1")
T0 = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _check(observation: Observation) -> Iterable[CheckResult]:
    """A cup that is there leaks."""
    verdict = Verdict.VIOLATED if observation.components else Verdict.HOLDS
    yield CheckResult(component=CUP, verdict=verdict, because="so")


DRY = Invariant(name=InvariantName("dry"), title="", check=_check, grace=SECOND, stability=30 * SECOND)
KNOWN = Knowledge(version="1", kinds=(), signals=(), invariants=(DRY,), signs=(), modes=(), unknown=())


class _Counting(MemoryLedger):
    read = 0

    async def observations(
        self, cluster: ClusterName, *, span: Interval | None = None, newest: int | None = None
    ) -> tuple[Observation, ...]:
        found = await super().observations(cluster, span=span, newest=newest)
        self.read += len(found)
        return found


async def recorded(leaks: range, looks: int, *, every: timedelta = 5 * SECOND) -> _Counting:
    """A ledger with so many looks; those of these numbers show the trouble."""
    ledger = _Counting()
    kept = [
        ObservationKept(
            observation=Observation(
                cluster=CUPS,
                number=n,
                at=T0 + n * every,
                components=(Component(ref=CUP),) if n in leaks else (),
            )
        )
        for n in range(1, looks + 1)
    ]
    await ledger.append(CUPS, kept, at=T0)
    return ledger


def ticket(since: datetime, ended: datetime | None, resolved: datetime | None = None) -> Ticket:
    violation = Violation(
        key=JudgementKey(invariant=DRY.name, component=CUP),
        since=since,
        opened_at=since,
        because="so",
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        readings=(),
        ended_at=ended,
    )
    return Ticket(
        id=TicketId(1),
        cluster=CUPS,
        state=TicketState.OPEN,
        title="",
        component=CUP,
        severity=Severity.WARNING,
        concern=Concern.SUBJECT,
        opened_at=since,
        violations=(violation,),
        resolved_at=resolved,
    )


async def test_it_ends_with_the_last_look_that_shows_the_trouble() -> None:
    ledger = await recorded(range(20, 31), 60)
    found = await while_it_lasted(ledger, ticket(T0 + 100 * SECOND, T0 + 185 * SECOND), KNOWN)
    assert found[-1].number == 30
    assert any(o.number < 20 for o in found), "what was normal belongs to it"


async def test_of_a_long_one_only_its_beginning_and_its_end_are_read() -> None:
    ledger = await recorded(range(100, 9900), 10_000)
    found = await while_it_lasted(ledger, ticket(T0 + 500 * SECOND, T0 + 9930 * 5 * SECOND), KNOWN)
    numbers = [o.number for o in found]
    assert 99 in numbers
    assert 100 in numbers
    assert numbers[-1] == 9899
    assert len(found) <= 2 * LOOKS
    assert ledger.read < 300


async def test_one_that_lasts_is_told_up_to_now() -> None:
    ledger = await recorded(range(20, 1000), 100)
    found = await while_it_lasted(ledger, ticket(T0 + 100 * SECOND, None), KNOWN)
    assert found[-1].number == 100


async def test_looks_that_come_fast_leave_room_for_the_trouble_itself() -> None:
    ledger = await recorded(range(2000, 2101), 2400, every=SECOND / 10)
    since = T0 + 200 * SECOND
    found = await while_it_lasted(ledger, ticket(since, since + 39 * SECOND), KNOWN)
    assert [o.number for o in found if o.at < since] == list(range(2000 - LOOKS // 2, 2000))
    assert found[-1].number == 2100


async def test_nothing_is_looked_at_that_came_later_than_one_asks_for() -> None:
    ledger = await recorded(range(20, 100), 200)
    then = T0 + 150 * SECOND
    found = await while_it_lasted(ledger, ticket(T0 + 100 * SECOND, None), KNOWN, until=then)
    assert found[-1].at == then
    assert await while_it_lasted(ledger, ticket(T0 + 9999 * SECOND, None), KNOWN) == ()


def test_a_ticket_is_diagnosed_again_from_the_record_and_that_is_recorded(operator: Run, incident: Path) -> None:
    del incident
    assert "The process of store 4 has died" in operator("diagnose", "1").stdout
    line = json.loads(operator("timeline", "1", "--json").stdout)["result"]["happenings"]
    before = [h for h in line if h["what"] == "diagnosed"]
    assert operator("diagnose", "1", "--at", "2026-01-01T12:01:12Z").returncode == 0
    line = json.loads(operator("timeline", "1", "--json").stdout)["result"]["happenings"]
    assert [h for h in line if h["what"] == "diagnosed"] == before, (
        "what is asked of an earlier instant is not recorded"
    )


def test_what_was_happening_at_an_instant_is_told_from_the_record(
    operator: Run, refused: Callable[..., None], incident: Path
) -> None:
    del incident
    at = ("diagnose", "--cluster", "prod", "--at")
    assert "store 4" in operator(*at, "2026-01-01T12:01:40Z").stdout
    assert "nothing was violated" in operator(*at, "2026-01-01T12:00:50Z").stdout
    refused([*at, "2026-01-01T13:00Z"], "2026-01-01T13:00Z", "nothing of prod is recorded")
    refused([*at, "whenever"], "--at", "whenever")
    refused(["diagnose", "--cluster", "prdo", "--at", "12:00"], "prdo")
    refused(["diagnose", "1", "--at", "2025-01-01"], "ticket 1", "no observation")
    refused(["diagnose", "1", "--cluster", "prod"], "ticket 1")
