"""What is refused before anything is done, and what is done in which order."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from operator_chaos import Chaos
from operator_core.actions import Availability
from operator_core.components import ComponentRef, Kind
from operator_core.errors import (
    ActionIndeterminate,
    ActionRejected,
    ConfigurationError,
    DeploymentError,
    LedgerError,
)
from operator_core.faults import EVERY, Fault, FaultName, FaultState

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

pytestmark = pytest.mark.looptime

NODE, ARBITER = Kind("node"), Kind("arbiter")


def fault(name: str, node: str, **parameters: float) -> Fault:
    return Fault(name=FaultName(name), target=ComponentRef(NODE, node), parameters=parameters)


CUT = Fault(name=FaultName("cut"), target=ComponentRef(NODE, "1"), toward=ComponentRef(ARBITER, EVERY))


@pytest.fixture
def safely(groups: Toy, healthy: Toy) -> dict[str, Toy]:
    return {"groups": groups, "state": healthy}


async def test_the_undo_is_in_the_journal_before_the_fault(
    chaos: Callable[..., Chaos], trouble: Toy, journal: Toy, target: Toy, safely: dict[str, Toy]
) -> None:
    entry = await chaos().inject(fault("kill", "1"), **safely)
    assert trouble.steps == [
        "plan",
        "before journal",
        "after journal",
        "before inject",
        "after inject",
        "before injected",
        "after injected",
    ]
    assert (entry.state, journal.book[entry.id], target.active) == (FaultState.INJECTED, entry, {"kill node 1"})
    assert entry.undo.steps == {"word": "kill node 1"}


async def test_a_deployment_that_is_not_expendable_is_left_alone(
    chaos: Callable[..., Chaos], trouble: Toy, safely: dict[str, Toy]
) -> None:
    with pytest.raises(ActionRejected, match="lab is neither Operator's own"):
        await chaos(expendable=False).inject(fault("kill", "1"), **safely)
    with pytest.raises(ActionRejected, match="lab is neither Operator's own"):
        async with chaos(expendable=False).lasting(fault("kill", "1"), **safely):
            raise AssertionError
    assert trouble.steps == []


async def test_a_majority_is_not_taken_away_unless_that_is_the_aim(
    chaos: Callable[..., Chaos], trouble: Toy, target: Toy, safely: dict[str, Toy]
) -> None:
    state = {**safely["state"], ComponentRef(NODE, "3"): Availability.UNKNOWN}
    with pytest.raises(ActionRejected, match="nodes would have 1 of 3 members and needs 2"):
        await chaos().inject(fault("kill", "1"), groups=safely["groups"], state=state)
    assert trouble.steps == []
    await chaos().inject(fault("slow", "1"), groups=safely["groups"], state=state)
    await chaos().inject(fault("kill", "1"), groups=safely["groups"], state=state, allow_group_loss=True)
    assert target.active == {"slow node 1", "kill node 1"}


async def test_what_an_unhealed_fault_took_away_is_not_counted_twice_as_there(
    chaos: Callable[..., Chaos], safely: dict[str, Toy]
) -> None:
    await chaos().inject(fault("slow", "2"), **safely)
    await chaos().inject(fault("kill", "1"), **safely)
    with pytest.raises(ActionRejected, match="not surely available: node 1"):
        await chaos().inject(fault("kill", "2"), **safely)
    await chaos().heal()
    await chaos().inject(fault("kill", "2"), **safely)


async def test_the_same_fault_is_not_done_twice_until_it_is_healed(
    chaos: Callable[..., Chaos], safely: dict[str, Toy]
) -> None:
    await chaos().inject(fault("slow", "1"), **safely)
    with pytest.raises(ActionRejected, match="slow node 1 is already injected as fault 1"):
        await chaos().inject(fault("slow", "1", delay_s=9), **safely)
    await chaos().inject(fault("slow", "2"), **safely)
    await chaos(deployment="field").inject(fault("slow", "1"), **safely)
    await chaos().heal()
    await chaos().inject(fault("slow", "1"), **safely)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (fault("melt", "1"), "melt node 1 cannot be done here.*cut from arbiter, kill, slow"),
        (replace(CUT, toward=None), "cannot be done here"),
        (replace(fault("kill", "1"), toward=ComponentRef(ARBITER, EVERY)), "cannot be done here"),
        (Fault(name=FaultName("kill"), target=ComponentRef(Kind("disk"), "1")), "nothing"),
        (fault("slow", "1", colour=1), "no parameter 'colour'; known: delay_s, share"),
        (fault("slow", "1", delay_s=math.nan), "delay_s is nan"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_before_anything_is_done(
    chaos: Callable[..., Chaos], trouble: Toy, safely: dict[str, Toy], wrong: Fault, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        await chaos().inject(wrong, **safely)
    with pytest.raises(ConfigurationError, match=says):
        await chaos().plan(wrong)
    assert trouble.steps == []


async def test_parameters_that_are_not_given_are_written_down_with_their_defaults(
    chaos: Callable[..., Chaos], safely: dict[str, Toy]
) -> None:
    entry = await chaos().inject(fault("slow", "1", delay_s=3), **safely)
    assert entry.fault.parameters == {"delay_s": 3, "share": 1.0}


async def test_a_cut_from_a_whole_kind_says_so(chaos: Callable[..., Chaos], safely: dict[str, Toy]) -> None:
    entry = await chaos().inject(CUT, **safely)
    assert str(entry.fault) == "cut node 1 from every arbiter"


async def test_a_dry_run_changes_nothing(chaos: Callable[..., Chaos], trouble: Toy, journal: Toy) -> None:
    undo = await chaos().plan(fault("kill", "1"))
    assert undo.steps == {"word": "kill node 1"}
    assert (trouble.steps, journal.book) == (["plan"], {})


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("before inject", DeploymentError("the engine said no")),
        ("before inject", KeyError("a bug")),
        ("before inject", timedelta(hours=1)),
        ("after inject", OSError("gone")),
        ("after inject", timedelta(hours=1)),
        ("before injected", LedgerError("the disk is full")),
    ],
)
async def test_a_fault_that_did_not_go_well_stays_planned_and_can_be_healed(
    chaos: Callable[..., Chaos], trouble: Toy, journal: Toy, target: Toy, safely: dict[str, Toy], error: Toy, step: str
) -> None:
    trouble.at = {step: error}
    with pytest.raises(ActionIndeterminate, match="fault 1 in the journal, and healing undoes it"):
        await chaos().inject(fault("kill", "1"), **safely)
    assert [e.state for e in await chaos().status()] == [FaultState.PLANNED]
    trouble.at = {}
    await chaos().heal()
    assert (target.active, await chaos().status()) == (set(), ())


@pytest.mark.parametrize(
    ("step", "error", "raised"),
    [
        ("plan", ConfigurationError("no such node"), ConfigurationError),
        ("plan", timedelta(hours=1), DeploymentError),
        ("before journal", LedgerError("the disk is full"), LedgerError),
    ],
)
async def test_what_cannot_be_written_down_is_not_done(
    chaos: Callable[..., Chaos], trouble: Toy, target: Toy, safely: dict[str, Toy], step: str, error: Toy, raised: Toy
) -> None:
    trouble.at = {step: error}
    with pytest.raises(raised):
        await chaos().inject(fault("kill", "1"), **safely)
    assert (target.active, await chaos().status()) == (set(), ())
    assert "before inject" not in trouble.steps
