"""An invented cluster that faults are done to, with a journal in a few lines; either can fail at any step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from operator_chaos import Chaos
from operator_core.actions import Availability
from operator_core.components import ComponentRef, Kind, RedundancyGroup
from operator_core.faults import Fault, FaultCapability, FaultId, FaultName, FaultState, JournalEntry, Undo
from operator_core.runtime import VirtualClock

NODE, ARBITER = Kind("node"), Kind("arbiter")


def _capability(
    name: str, kind: Kind, *, toward: Kind | None = None, takes_away: bool = True, **parameters: float
) -> FaultCapability:
    return FaultCapability(
        name=FaultName(name),
        kind=kind,
        describes=f"{name} it",
        takes_away=takes_away,
        toward=toward,
        parameters=parameters,
    )


@dataclass
class Trouble:
    """What happens at a step: an error, a wait, or a call."""

    clock: VirtualClock
    at: dict[str, Exception | timedelta | Callable[[], object]] = field(
        default_factory=dict[str, Exception | timedelta | Callable[[], object]]
    )
    steps: list[str] = field(default_factory=list[str])

    async def step(self, name: str) -> None:
        self.steps.append(name)
        match self.at.get(name):
            case None:
                pass
            case Exception() as error:
                raise error
            case timedelta() as wait:
                await self.clock.sleep(wait)
            case call:
                call()
                await self.clock.sleep(timedelta(0))


@dataclass
class ToyTarget:
    """A cluster whose faults are a set of words."""

    trouble: Trouble
    active: set[str] = field(default_factory=set[str])
    undone: list[str] = field(default_factory=list[str])

    async def capabilities(self) -> tuple[FaultCapability, ...]:
        return (
            _capability("kill", NODE),
            _capability("slow", NODE, takes_away=False, delay_s=0.1, share=1.0),
            _capability("cut", NODE, toward=ARBITER),
            _capability("kill", ARBITER),
        )

    async def plan(self, fault: Fault) -> Undo:
        await self.trouble.step("plan")
        return Undo(steps={"word": str(fault)})

    async def inject(self, fault: Fault, undo: Undo) -> None:
        await self.trouble.step("before inject")
        self.active.add(str(fault))
        await self.trouble.step("after inject")

    async def undo(self, undo: Undo) -> None:
        word = undo.steps["word"]
        await self.trouble.step(f"before undo {word}")
        self.active.discard(word)
        self.undone.append(word)
        await self.trouble.step(f"after undo {word}")


@dataclass
class ToyJournal:
    """A fault journal by the port's words."""

    trouble: Trouble
    book: dict[FaultId, JournalEntry] = field(default_factory=dict[FaultId, JournalEntry])

    async def plan(self, deployment: str, fault: Fault, undo: Undo, at: datetime) -> FaultId:
        await self.trouble.step("before journal")
        ident = FaultId(len(self.book) + 1)
        self.book[ident] = JournalEntry(
            id=ident, deployment=deployment, fault=fault, undo=undo, state=FaultState.PLANNED, planned_at=at
        )
        await self.trouble.step("after journal")
        return ident

    async def injected(self, ident: FaultId, at: datetime) -> None:
        await self.trouble.step("before injected")
        self.book[ident] = replace(self.book[ident], state=FaultState.INJECTED, injected_at=at)
        await self.trouble.step("after injected")

    async def healed(self, ident: FaultId, at: datetime) -> None:
        await self.trouble.step("before healed")
        self.book[ident] = replace(self.book[ident], state=FaultState.HEALED, healed_at=at)
        await self.trouble.step("after healed")

    async def entries(self, deployment: str | None = None, *, unhealed_only: bool = False) -> tuple[JournalEntry, ...]:
        return tuple(
            e
            for e in self.book.values()
            if (deployment is None or e.deployment == deployment)
            and (e.state is not FaultState.HEALED or not unhealed_only)
        )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def trouble(clock: VirtualClock) -> Trouble:
    return Trouble(clock)


@pytest.fixture
def target(trouble: Trouble) -> ToyTarget:
    return ToyTarget(trouble)


@pytest.fixture
def journal(trouble: Trouble) -> ToyJournal:
    return ToyJournal(trouble)


@pytest.fixture
def chaos(target: ToyTarget, journal: ToyJournal, clock: VirtualClock) -> Callable[..., Chaos]:
    """Another Chaos on the same target and journal, as after a restart."""

    def make(*, deployment: str = "lab", expendable: bool = True) -> Chaos:
        return Chaos(deployment=deployment, target=target, journal=journal, clock=clock, expendable=expendable)

    return make


@pytest.fixture
def groups() -> tuple[RedundancyGroup, ...]:
    """Three nodes of which two are needed, and one arbiter that is."""
    return (
        RedundancyGroup(name="nodes", members=tuple(ComponentRef(NODE, n) for n in "123"), needed=2),
        RedundancyGroup(name="arbiters", members=(ComponentRef(ARBITER, "a"),), needed=1),
    )


@pytest.fixture
def healthy() -> Mapping[ComponentRef, Availability]:
    refs = [*(ComponentRef(NODE, n) for n in "123"), ComponentRef(ARBITER, "a")]
    return dict.fromkeys(refs, Availability.AVAILABLE)
