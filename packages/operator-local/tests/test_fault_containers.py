import json
from collections.abc import Callable, Mapping

import pytest
from operator_core.components import Address, Component, ComponentRef
from operator_core.errors import ConfigurationError, DeploymentError
from operator_core.faults import Fault, FaultName
from operator_core.ports import FaultTarget
from operator_local import LocalFaultTarget

Says = Callable[..., None]

_LABELS = {
    "com.docker.compose.project": "operator-pottery",
    "com.docker.compose.service": "kiln0",
    "com.docker.compose.oneoff": "False",
    "operator.component": "kiln/kiln0",
    "operator.advertised.heat": "kiln0:8080",
}


def _inspected(ident: str, labels: Mapping[str, str]) -> dict[str, object]:
    return {
        "Id": ident,
        "RestartCount": 0,
        "State": {"Status": "running", "Pid": 12, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Labels": labels, "StopTimeout": 30},
        "HostConfig": {
            "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
            **dict.fromkeys(("NanoCpus", "CpuQuota", "CpuPeriod", "Memory", "MemorySwap"), 0),
        },
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }


@pytest.fixture
def target(docker_says: Says) -> LocalFaultTarget:
    """Two kilns, and something of the project that stands for nothing."""
    docker_says("ps --all --quiet --no-trunc --filter label=com.docker.compose.project=operator-pottery", out="a\nb\nc")
    other = {"com.docker.compose.service": "kiln1", "operator.component": "kiln/kiln1"}
    nothing = {k: v for k, v in _LABELS.items() if not k.startswith("operator.")}
    containers = [
        _inspected("a", _LABELS),
        _inspected("b", {**_LABELS, **other, "operator.advertised.heat": "kiln1:8080"}),
        _inspected("c", nothing),
    ]
    docker_says("container inspect a b c", out=json.dumps(containers))
    return LocalFaultTarget(name="pottery")


def _kill(text: str) -> Fault:
    return Fault(name=FaultName("kill"), target=ComponentRef.parse(text))


async def test_a_component_is_found_by_its_label_and_by_an_address_that_it_advertises(target: FaultTarget):
    by_label = await target.plan(_kill("kiln/kiln1"))
    by_address = await target.plan(_kill("kiln/kiln0:8080"))

    assert (by_label.steps["service"], by_label.steps["container"]) == ("kiln1", "b")
    assert (by_address.steps["service"], by_address.steps["container"]) == ("kiln0", "a")


async def test_a_component_that_the_subject_calls_otherwise_is_found_by_what_the_caller_says(target: LocalFaultTarget):
    seen = Component(ref=ComponentRef.parse("kiln/4"), addresses={"heat": Address("kiln1:8080")})
    strange = Component(ref=ComponentRef.parse("kiln/5"), addresses={"heat": Address("elsewhere:8080")})

    services = await target.services_of([seen, strange])

    assert services == {seen.ref: "kiln1"}
    knowing = LocalFaultTarget(name="pottery", services=services)
    assert (await knowing.plan(_kill("kiln/4"))).steps["container"] == "b"
    with pytest.raises(ConfigurationError, match="no container stands for kiln 4 here; there is kiln0, kiln1"):
        await target.plan(_kill("kiln/4"))


async def test_a_component_of_another_kind_is_not_taken_for_the_one_at_its_address(target: LocalFaultTarget):
    oven = Component(ref=ComponentRef.parse("oven/4"), addresses={"heat": Address("kiln1:8080")})

    assert await target.services_of([oven]) == {}
    with pytest.raises(ConfigurationError, match="no container stands for oven 4"):
        await LocalFaultTarget(name="pottery", services={oven.ref: "kiln1"}).plan(_kill("oven/4"))


async def test_an_undo_is_plain_text_with_a_word_of_its_own_for_each_fault(target: FaultTarget):
    one, other = await target.plan(_kill("kiln/kiln0")), await target.plan(_kill("kiln/kiln0"))

    assert {type(v) for v in one.steps.values()} == {str}
    assert one.steps["ident"].startswith("operator-fault-")
    assert one.steps["ident"] != other.steps["ident"]
    assert one.steps["project"] == "operator-pottery"


async def test_what_can_be_done_is_asked_of_the_containers_that_are_there(target: FaultTarget):
    assert {c.kind for c in await target.capabilities()} == {"kiln"}
    assert {"kill", "stop", "pause"} <= {c.name for c in await target.capabilities()}


async def test_a_daemon_that_does_not_answer_is_an_error_and_leaves_the_undo_undone(docker_says: Says):
    docker_says("ps --all", err="Cannot connect to the Docker daemon at unix:///no.sock. Is it running?")

    with pytest.raises(DeploymentError, match="docker ps: the Docker daemon does not answer"):
        await LocalFaultTarget(name="pottery").plan(_kill("kiln/kiln0"))
