"""Names of commands from kinds and roles, and a target when none is named."""

import random
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from operator_chaos import Chaos, FaultCommand, choose_target, fault_commands
from operator_core.actions import Availability
from operator_core.components import Component, ComponentRef, Kind, Role
from operator_core.errors import ActionRejected, ConfigurationError
from operator_core.faults import EVERY, Fault, FaultCapability, FaultName
from operator_core.knowledge import ComponentKind

Toy: TypeAlias = Any
"""What conftest makes; its types cannot be imported here."""

NODE, ARBITER, WITNESS = Kind("node"), Kind("arbiter"), Kind("witness")
KINDS = (
    ComponentKind(kind=NODE, title="node"),
    ComponentKind(kind=ARBITER, title="arbiter", roles=("leader",)),
)


def can(name: str, kind: Kind, toward: Kind | None = None) -> FaultCapability:
    return FaultCapability(
        name=FaultName(name), kind=kind, describes=f"{name}s it", takes_away=True, toward=toward, parameters={"s": 1}
    )


def names(*capabilities: FaultCapability) -> list[str]:
    return [c.name for c in fault_commands(capabilities, KINDS)]


def command(name: str, kind: Kind, role: str | None = None) -> FaultCommand:
    return next(c for c in fault_commands([can(name, kind)], KINDS) if c.role == role)


def test_a_command_is_named_for_its_fault_and_its_kind_and_again_for_each_role() -> None:
    assert names(can("kill", NODE), can("kill", ARBITER), can("fill_disk", NODE)) == [
        "kill-node",
        "kill-arbiter",
        "kill-arbiter-leader",
        "fill-disk-node",
    ]


def test_a_cut_is_named_for_its_far_end_and_for_both_when_it_is_not_of_the_first_kind_that_can_be_cut() -> None:
    assert names(can("cut", NODE, ARBITER)) == ["cut-from-arbiter"]
    assert names(can("cut", WITNESS, ARBITER), can("cut", NODE, WITNESS), can("cut", NODE, ARBITER)) == [
        "cut-witness-from-arbiter",
        "cut-from-witness",
        "cut-from-arbiter",
    ]
    assert names(can("cut", WITNESS, ARBITER)) == ["cut-from-arbiter"]


def test_two_commands_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="kill-node"):
        names(can("kill", NODE), can("kill", NODE))


def test_a_command_makes_a_fault_with_its_defaults() -> None:
    (cut,) = fault_commands([can("cut", NODE, ARBITER)], KINDS)
    assert cut.on(ComponentRef(NODE, "1"), {"s": 2}) == Fault(
        name=FaultName("cut"),
        target=ComponentRef(NODE, "1"),
        toward=ComponentRef(ARBITER, EVERY),
        parameters={"s": 2},
    )
    assert cut.on(ComponentRef(NODE, "1"), toward=ComponentRef(ARBITER, "b")).toward == ComponentRef(ARBITER, "b")
    assert command("kill", NODE).on(ComponentRef(NODE, "1")).toward is None


@pytest.fixture
def components() -> list[Component]:
    nodes = [Component(ref=ComponentRef(NODE, n)) for n in "321"]
    leader = Component(ref=ComponentRef(ARBITER, "b"), roles=frozenset({Role("leader")}))
    return [*nodes, Component(ref=ComponentRef(ARBITER, "a")), leader]


def test_a_target_is_chosen_by_chance_and_the_same_seed_chooses_the_same(
    components: list[Component], groups: Toy, healthy: Toy
) -> None:
    def chosen(seed: int, among: list[Component]) -> str:
        return str(
            choose_target(command("kill", NODE), among, groups=groups, state=healthy, chance=random.Random(seed))
        )

    first = [chosen(seed, components) for seed in range(30)]
    assert set(first) == {"node 1", "node 2", "node 3"}
    assert first == [chosen(seed, components[::-1]) for seed in range(30)]


def test_a_role_is_found_and_one_that_nobody_plays_is_a_mistake(
    components: list[Component], groups: Toy, healthy: Toy
) -> None:
    leader = command("kill", ARBITER, "leader")
    terms: dict[str, Toy] = {"groups": (), "state": healthy, "chance": random.Random(1)}
    assert choose_target(leader, components, **terms) == ComponentRef(ARBITER, "b")
    with pytest.raises(ConfigurationError, match="there is no arbiter with role leader"):
        choose_target(leader, components[:-1], **terms)


def test_what_is_down_already_is_not_chosen_and_what_the_guard_refuses_neither(
    components: list[Component], groups: Toy, healthy: Toy
) -> None:
    kill, down = command("kill", NODE), {**healthy, ComponentRef(NODE, "1"): Availability.UNAVAILABLE}
    with pytest.raises(ActionRejected, match="nodes would have 1 of 3 members"):
        choose_target(kill, components, groups=groups, state=down, chance=random.Random(1))
    chosen = {
        choose_target(kill, components, groups=groups, state=down, chance=random.Random(n), allow_group_loss=True).id
        for n in range(30)
    }
    assert chosen == {"2", "3"}
    dead = dict.fromkeys(down, Availability.UNAVAILABLE)
    with pytest.raises(ActionRejected, match="every node is unavailable"):
        choose_target(kill, components, groups=groups, state=dead, chance=random.Random(1))


def test_what_is_surely_up_is_preferred_and_what_is_not_known_is_taken_when_nothing_else_is(
    components: list[Component], healthy: Toy
) -> None:
    kill = command("kill", NODE)
    one = {ComponentRef(NODE, "2"): Availability.AVAILABLE}
    chosen = {choose_target(kill, components, groups=(), state=one, chance=random.Random(n)).id for n in range(30)}
    assert chosen == {"2"}
    chosen = {choose_target(kill, components, groups=(), state={}, chance=random.Random(n)).id for n in range(30)}
    assert chosen == {"1", "2", "3"}


@pytest.mark.looptime
async def test_a_component_that_a_fault_took_away_is_not_chosen_again_though_it_was_seen_up(
    chaos: Callable[..., Chaos], components: list[Component], groups: Toy, healthy: Toy
) -> None:
    kill, c = command("kill", NODE), chaos()
    first = Fault(name=FaultName("kill"), target=ComponentRef(NODE, "1"))
    await c.inject(first, groups=groups, state=healthy)
    terms: dict[str, Toy] = {"groups": groups, "state": healthy}
    with pytest.raises(ActionRejected, match="not surely available: node 1"):
        await c.choose(kill, components, **terms, chance=random.Random(1))
    chosen = {
        (await c.choose(kill, components, **terms, chance=random.Random(n), allow_group_loss=True)).id
        for n in range(30)
    }
    assert chosen == {"2", "3"}
