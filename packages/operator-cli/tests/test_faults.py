"""Which faults there are, for which deployments, and what a person's words for a component mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from operator_chaos import FaultCommand
from operator_cli.chaos_cases import catalogue
from operator_cli.faults import Offered, command_named, local_commands, merged, target_named
from operator_core.components import Component, ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.faults import FaultName
from operator_core.readings import ClusterName, Observation

STORE = Kind("store")
SEEN = Observation(
    cluster=ClusterName("local:local"),
    number=1,
    at=datetime(2026, 3, 1, tzinfo=UTC),
    components=tuple(Component(ref=ComponentRef(STORE, ident)) for ident in ("1", "4")),
)
SERVICES = {ComponentRef(STORE, "1"): "tikv0", ComponentRef(STORE, "4"): "tikv1"}


def command(name: str, **parameters: float) -> FaultCommand:
    return FaultCommand(
        name=name, fault=FaultName(name), kind=STORE, describes=name, takes_away=True, parameters=parameters
    )


def test_a_fault_that_several_deployments_have_is_offered_once_with_the_parameters_of_all() -> None:
    here, there = [command("kill"), command("slow", ms=5)], [command("slow", ms=9, jitter_ms=1), command("crash")]
    assert merged({"here": here, "there": there}) == (
        Offered(command=command("kill"), deployments=("here",)),
        Offered(command=command("slow", jitter_ms=1, ms=5), deployments=("here", "there")),
        Offered(command=command("crash"), deployments=("there",)),
    )


async def test_a_name_means_the_same_fault_of_the_same_ends_wherever_it_can_be_done() -> None:
    local = {c.name: (c.fault, c.kind, c.role, c.toward) for c in local_commands()}
    shared = [o.command for o in await catalogue() if len(o.deployments) == 2]
    assert {"kill-store", "pause-pd-leader", "cut-from-pd", "cut-from-store"} <= {c.name for c in shared}
    for c in shared:
        assert local[c.name] == (c.fault, c.kind, c.role, c.toward)


def test_a_fault_that_a_deployment_has_not_is_refused_with_those_that_it_has() -> None:
    commands = [command("kill"), command("slow")]
    assert command_named("slow", commands, deployment="local:x") == command("slow")
    with pytest.raises(ConfigurationError, match="crash cannot be done to local:x; it has kill, slow"):
        command_named("crash", commands, deployment="local:x")


@pytest.mark.parametrize("text", ["4", "store 4", "store/4", "tikv1"])
def test_a_component_is_named_by_its_id_its_key_or_its_service(text: str) -> None:
    assert target_named(command("kill"), STORE, text, SEEN, SERVICES) == ComponentRef(STORE, "4")


def test_a_component_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"kill: there is no store 'tikv9'; there is 1 \(tikv0\), 4 \(tikv1\)"):
        target_named(command("kill"), STORE, "tikv9", SEEN, SERVICES)
    with pytest.raises(ConfigurationError, match=r"there is no store 'tikv1'; there is 1, 4$"):
        target_named(command("kill"), STORE, "tikv1", SEEN, {})
