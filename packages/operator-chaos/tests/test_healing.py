"""Healing: after a crash at any step, twice, past what fails, and out of a block that ends in any way."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from operator_chaos import Chaos
from operator_core.components import ComponentRef, Kind
from operator_core.errors import ActionIndeterminate, ActionRejected, DeploymentError
from operator_core.faults import Fault, FaultName, FaultState
from operator_core.runtime import VirtualClock

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

pytestmark = pytest.mark.looptime

NODE = Kind("node")
STEPS = [
    "plan",
    "before journal",
    "after journal",
    "before inject",
    "after inject",
    "before injected",
    "after injected",
]


def fault(name: str, node: str) -> Fault:
    return Fault(name=FaultName(name), target=ComponentRef(NODE, node))


@pytest.fixture
def safely(groups: Toy, healthy: Toy) -> dict[str, Toy]:
    return {"groups": groups, "state": healthy}


@pytest.fixture
def cut_short(trouble: Toy) -> Callable[..., Toy]:
    """Run something that is cancelled at a step, as a crash would end it."""

    async def run(step: str, act: Callable[[], Toy]) -> bool:
        async with asyncio.TaskGroup() as tg:
            task = tg.create_task(act())
            trouble.at = {step: task.cancel}
        trouble.at = {}
        return task.cancelled()

    return run


@pytest.mark.parametrize("step", STEPS)
async def test_after_a_crash_at_any_step_of_a_fault_healing_leaves_nothing(
    chaos: Callable[..., Chaos], target: Toy, cut_short: Toy, safely: dict[str, Toy], step: str
) -> None:
    assert await cut_short(step, lambda: chaos().inject(fault("kill", "1"), **safely))
    written_down = step not in ("plan", "before journal")
    assert len(await chaos().status()) == written_down
    assert len(await chaos().heal()) == written_down
    assert (target.active, await chaos().status()) == (set(), ())


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("step", ["before undo", "after undo"])
async def test_after_a_crash_at_any_step_of_healing_healing_again_leaves_nothing(
    chaos: Callable[..., Chaos], target: Toy, cut_short: Toy, safely: dict[str, Toy], step: str, first: int
) -> None:
    await chaos().inject(fault("slow", "1"), **safely)
    await chaos().inject(fault("kill", "2"), **safely)
    word = {1: "kill node 2", 2: "slow node 1"}[first]
    assert await cut_short(f"{step} {word}", lambda: chaos().heal())
    assert len(await chaos().status()) == 3 - first
    await chaos().heal()
    assert (target.active, await chaos().status()) == (set(), ())


@pytest.mark.parametrize("step", ["before healed", "after healed"])
async def test_what_is_undone_but_not_yet_marked_is_undone_again(
    chaos: Callable[..., Chaos], target: Toy, cut_short: Toy, safely: dict[str, Toy], step: str
) -> None:
    await chaos().inject(fault("kill", "1"), **safely)
    assert await cut_short(step, lambda: chaos().heal())
    await chaos().heal()
    assert (target.active, await chaos().status()) == (set(), ())


async def test_the_newest_is_healed_first_and_healing_twice_changes_nothing(
    chaos: Callable[..., Chaos], target: Toy, journal: Toy, safely: dict[str, Toy]
) -> None:
    for name, node in [("slow", "1"), ("slow", "2"), ("kill", "3")]:
        await chaos().inject(fault(name, node), **safely)
    healed = await chaos().heal()
    assert target.undone == ["kill node 3", "slow node 2", "slow node 1"]
    assert [e.id for e in healed] == [3, 2, 1]
    assert {e.state for e in healed} == {FaultState.HEALED}
    before = dict(journal.book)
    assert await chaos().heal() == ()
    assert (journal.book, len(target.undone)) == (before, 3)


async def test_only_this_deployments_faults_are_healed(
    chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]
) -> None:
    await chaos().inject(fault("slow", "1"), **safely)
    await chaos(deployment="field").inject(fault("slow", "2"), **safely)
    await chaos().heal()
    assert target.active == {"slow node 2"}


async def test_healing_needs_no_mark_that_a_deployment_is_expendable(
    chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]
) -> None:
    await chaos().inject(fault("slow", "1"), **safely)
    await chaos(expendable=False).heal()
    assert target.active == set()


@pytest.mark.parametrize("error", [DeploymentError("the engine said no"), KeyError("a bug"), timedelta(hours=1)])
async def test_healing_goes_on_past_what_fails_and_names_it(
    chaos: Callable[..., Chaos], target: Toy, trouble: Toy, safely: dict[str, Toy], error: Toy
) -> None:
    for node in "123":
        await chaos().inject(fault("slow", node), **safely)
    trouble.at = {"before undo slow node 2": error}
    with pytest.raises(ActionIndeterminate, match=r"1 of 3 faults in lab could not be healed: fault 2 \(slow node 2\)"):
        await chaos().heal()
    assert target.active == {"slow node 2"}
    assert [e.id for e in await chaos().status()] == [2]
    trouble.at = {}
    assert [e.id for e in await chaos().heal()] == [2]


async def test_a_block_ends_healed(chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]) -> None:
    c = chaos()
    async with c.lasting(fault("kill", "1"), **safely) as entry:
        assert (target.active, entry.state) == ({"kill node 1"}, FaultState.INJECTED)
    assert (target.active, await c.status()) == (set(), ())


async def test_a_block_that_raises_ends_healed_and_raises(
    chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with chaos().lasting(fault("kill", "1"), **safely):
            raise ZeroDivisionError
    assert (target.active, await chaos().status()) == (set(), ())


@pytest.mark.parametrize("step", [*STEPS[2:], "in the block"])
async def test_a_block_that_is_cancelled_at_any_step_ends_healed(
    chaos: Callable[..., Chaos],
    target: Toy,
    trouble: Toy,
    cut_short: Toy,
    clock: VirtualClock,
    safely: dict[str, Toy],
    step: str,
) -> None:
    async def block() -> None:
        async with chaos().lasting(fault("kill", "1"), **safely):
            await trouble.step("in the block")
            await clock.sleep(timedelta(hours=1))

    assert await cut_short(step, block)
    assert (target.active, await chaos().status()) == (set(), ())


async def test_cancelling_again_while_a_block_heals_does_not_keep_it_from_healing(
    chaos: Callable[..., Chaos], target: Toy, trouble: Toy, clock: VirtualClock, safely: dict[str, Toy]
) -> None:
    trouble.at = {"before undo kill node 1": timedelta(seconds=10)}

    async def block() -> None:
        async with chaos().lasting(fault("kill", "1"), **safely):
            await clock.sleep(timedelta(hours=1))

    async with asyncio.TaskGroup() as tg:
        task = tg.create_task(block())
        for _ in range(4):
            await clock.sleep(timedelta(seconds=2))
            task.cancel()
    assert task.cancelled()
    assert (target.active, await chaos().status()) == (set(), ())


async def test_healing_a_block_has_a_bound_and_what_remains_is_in_the_journal(
    chaos: Callable[..., Chaos], target: Toy, trouble: Toy, clock: VirtualClock, safely: dict[str, Toy]
) -> None:
    trouble.at = {"before undo kill node 1": timedelta(hours=1)}
    start = clock.now()
    with pytest.raises(ActionIndeterminate, match="kill node 1 was not undone within 7 s"):
        async with chaos().lasting(fault("kill", "1"), **safely, heal_within=timedelta(seconds=7)):
            pass
    assert clock.now() - start == timedelta(seconds=7)
    trouble.at = {}
    await chaos().heal()
    assert (target.active, await chaos().status()) == (set(), ())


async def test_a_block_heals_only_its_own_fault_and_none_when_it_was_refused(
    chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]
) -> None:
    c = chaos()
    await c.inject(fault("slow", "1"), **safely)
    async with c.lasting(fault("slow", "2"), **safely):
        assert target.active == {"slow node 1", "slow node 2"}
    with pytest.raises(ActionRejected, match="already injected"):
        async with c.lasting(fault("slow", "1"), **safely):
            raise AssertionError
    assert target.active == {"slow node 1"}


async def test_two_faults_last_side_by_side(chaos: Callable[..., Chaos], target: Toy, safely: dict[str, Toy]) -> None:
    c = chaos()
    async with c.lasting(fault("slow", "2"), **safely), c.lasting(fault("kill", "3"), **safely):
        assert target.active == {"slow node 2", "kill node 3"}
    assert target.undone == ["kill node 3", "slow node 2"]
