"""Pulling the plug on our own eyes while an incident is open: nothing about the incident may change.

The whole chain is real (subject, monitor, rules, ledger in memory); the cluster is the embedded one in virtual time,
and only the observer's view of it is spoilt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from operator_cli.trials.stage import Cast, stage
from operator_core.actions import availability
from operator_core.components import ComponentRef, Kind
from operator_core.diagnosis import Diagnosis
from operator_core.faults import Fault, FaultName
from operator_core.judgements import Concern
from operator_core.ports import Clock
from operator_core.runtime import VirtualClock, run_virtual
from operator_core.tickets import Ticket
from operator_monitor import CycleReport
from operator_simulator import Unplugged

STORE = ComponentRef(Kind("store"), "4")
OTHER = ComponentRef(Kind("store"), "5")


class Watcher:
    """What the monitor has said so far."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self.last: CycleReport | None = None
        self.tickets: dict[int, Ticket] = {}
        self.diagnoses: dict[int, list[Diagnosis]] = {}

    async def listen(self) -> None:
        async for report in self._cast.monitor.cycles():
            assert report.failed is None
            self.last = report
            for ticket in (*report.opened, *report.changed, *report.resolved):
                self.tickets[ticket.id] = ticket
            for diagnosis in report.diagnoses:
                assert diagnosis.ticket is not None
                self.diagnoses.setdefault(diagnosis.ticket, []).append(diagnosis)

    def open_about(self, concern: Concern) -> list[Ticket]:
        return [t for t in self.tickets.values() if t.is_open and t.concern is concern]

    async def kill(self, ref: ComponentRef, *, everyone: bool = False) -> None:
        assert self.last is not None
        await self._cast.chaos.inject(
            Fault(name=FaultName("kill"), target=ref),
            groups=self.last.observation.groups,
            state=availability(self.last.observation.refs(), self.last.judgements),
            allow_group_loss=everyone,
        )


def watched(story: Callable[[Cast, Watcher, Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = VirtualClock()
        async with stage(clock, seed=3) as cast, asyncio.TaskGroup() as tasks:
            watcher = Watcher(cast)
            listening = tasks.create_task(watcher.listen(), name="monitor")
            await clock.sleep(timedelta(seconds=60))
            assert not watcher.tickets
            await story(cast, watcher, clock)
            listening.cancel()

    run_virtual(run())


PLUGS: list[tuple[str, ComponentRef | str, Unplugged, str]] = [
    *((f"pd-{how.value}", "pd", how, "pd") for how in Unplugged),
    ("metrics-of-one", f"metrics {OTHER.key}", Unplugged.HANGING, "metrics of store 5"),
    ("metrics-of-all", "metrics", Unplugged.HANGING, "metrics of"),
]


@pytest.mark.sampled(0)
@pytest.mark.parametrize(("what", "how", "source"), [p[1:] for p in PLUGS], ids=[p[0] for p in PLUGS])
def test_an_open_store_ticket_does_not_change_while_we_cannot_see(
    what: ComponentRef | str, how: Unplugged, source: str
) -> None:
    async def story(cast: Cast, watcher: Watcher, clock: Clock) -> None:
        await watcher.kill(STORE)
        await clock.sleep(timedelta(seconds=40))
        (incident,) = watcher.open_about(Concern.SUBJECT)
        assert incident.component == STORE

        cast.deployment.network.unplug(what, how)
        await clock.sleep(timedelta(seconds=120))
        (still,) = watcher.open_about(Concern.SUBJECT)
        assert (still.id, still.violations) == (incident.id, incident.violations)
        (sight,) = watcher.open_about(Concern.SIGHT)
        assert source in sight.title
        causes = {"refused": ("refused",), "hanging": ("silent", "unanswered"), "garbage": ("nonsense",)}[how.value]
        assert any(c in sight.title for c in causes), sight.title

        cast.deployment.network.plug()
        await clock.sleep(timedelta(seconds=60))
        assert not watcher.open_about(Concern.SIGHT)
        assert [t.id for t in watcher.open_about(Concern.SUBJECT)] == [incident.id]

        await cast.chaos.heal()
        await clock.sleep(timedelta(seconds=90))
        assert not watcher.open_about(Concern.SUBJECT)
        assert len(watcher.tickets) == 2

    watched(story)


def modes(diagnosis: Diagnosis, most: int = 2) -> list[str]:
    return [h.mode for h in diagnosis.hypotheses[:most]]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("plugs", "first"),
    [
        pytest.param(
            {"pd": Unplugged.REFUSED, "metrics": Unplugged.HANGING},
            {"pd-quorum-loss", "observer-cut-off"},
            id="without a second witness both PD down and we cut off come first",
        ),
        pytest.param(
            {"pd": Unplugged.REFUSED},
            {"observer-cut-off"},
            id="stores that say PD answers them say that we are cut off",
        ),
        pytest.param(
            {"pd": Unplugged.REFUSED, "store": Unplugged.REFUSED},
            {"observer-isolated"},
            id="that nothing at all answers is most likely our own doing",
        ),
    ],
)
def test_a_pd_that_refuses_us_is_not_called_down_without_a_second_witness(
    plugs: dict[str, Unplugged], first: set[str]
) -> None:
    async def story(cast: Cast, watcher: Watcher, clock: Clock) -> None:
        for what, how in plugs.items():
            cast.deployment.network.unplug(what, how)
        await clock.sleep(timedelta(seconds=90))
        assert not watcher.open_about(Concern.SUBJECT)
        (sight,) = watcher.open_about(Concern.SIGHT)
        assert set(modes(watcher.diagnoses[sight.id][-1], len(first))) == first

    watched(story)


def test_the_stores_word_that_pd_is_silent_says_that_pd_is_down() -> None:
    async def story(cast: Cast, watcher: Watcher, clock: Clock) -> None:
        assert watcher.last is not None
        for ref in watcher.last.observation.refs("pd"):
            await watcher.kill(ref, everyone=True)
        await clock.sleep(timedelta(seconds=90))
        incident = watcher.open_about(Concern.SUBJECT)
        assert len(incident) == 1, incident
        assert modes(watcher.diagnoses[incident[0].id][-1], 1) == ["pd-quorum-loss"]
        assert not [t for t in watcher.open_about(Concern.SUBJECT) if t.component.kind == "store"]

    watched(story)
