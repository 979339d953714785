"""What becomes of a container's processes, and back."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from operator_core.errors import ConfigurationError
from operator_core.faults import Fault
from operator_local import LocalDeployment, LocalFaultTarget

pytestmark = pytest.mark.docker

Makes = Callable[..., Fault]
Looks = Callable[[str], dict[str, str]]
Was = dict[str, dict[str, str]]
States = Callable[[str], dict[str, object]]


@pytest.mark.parametrize(
    ("done", "status", "exit_code"),
    [
        ("kill kiln/kiln0", "exited", 137),
        ("stop kiln/kiln0", "exited", 0),
        ("pause kiln/kiln0", "paused", 0),
        ("restart kiln/kiln0", "running", 0),
    ],
)
async def test_a_process_fault_does_what_it_says_and_its_undo_brings_the_container_back(
    target: LocalFaultTarget,
    fault: Makes,
    state_of: States,
    everything: Looks,
    untouched: Was,
    done: str,
    status: str,
    exit_code: int,
):
    meant = fault(*done.split())
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    seen = state_of("kiln0")
    assert (seen["Status"], seen["ExitCode"]) == (status, exit_code)
    await target.undo(undo)
    await target.undo(undo)
    assert everything("kiln0") == untouched["kiln0"]


@pytest.mark.parametrize(
    ("service", "number", "exit_code"),
    [
        ("kiln0", 11, 139),  # its init tells of what its child died
        ("kiln0", 6, 134),
        ("kiln1", 11, 137),  # a first process without a handler shields itself from all but KILL
    ],
)
async def test_a_crash_is_seen_in_the_exit_of_the_container(
    target: LocalFaultTarget,
    fault: Makes,
    state_of: States,
    everything: Looks,
    untouched: Was,
    service: str,
    number: int,
    exit_code: int,
):
    meant = fault("crash", f"kiln/{service}", signal=number)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    assert (state_of(service)["Status"], state_of(service)["ExitCode"]) == ("exited", exit_code)
    await target.undo(undo)
    await target.undo(undo)
    assert everything(service) == untouched[service]


async def test_a_restart_loop_goes_on_by_itself_and_ends_with_its_undo(
    target: LocalFaultTarget,
    fault: Makes,
    state_of: States,
    everything: Looks,
    untouched: Was,
    run_docker: Callable[..., str],
):
    meant = fault("restart-loop", "kiln/kiln1", every_s=2, for_s=60)
    undo = await target.plan(meant)

    await target.inject(meant, undo)

    first = state_of("kiln1")["StartedAt"]
    assert any(state_of("kiln1")["StartedAt"] != first for _ in range(200))
    assert run_docker("ps", "--quiet", "--filter", f"label=operator.fault={undo.steps['ident']}")
    await target.undo(undo)
    await target.undo(undo)
    assert everything("kiln1") == untouched["kiln1"]


async def test_what_a_fault_will_do_is_said_before_and_changes_nothing(
    target: LocalFaultTarget, fault: Makes, everything: Looks, untouched: Was
):

    says = await target.describe(fault("stop", "kiln/kiln0"))

    assert "(service kiln0) gets SIGTERM, and SIGKILL after 2 s" in says
    assert everything("kiln0") == untouched["kiln0"]


async def test_a_process_that_does_not_run_cannot_be_stopped_once_more(target: LocalFaultTarget, fault: Makes):
    undo = await target.plan(fault("kill", "kiln/kiln0"))
    await target.inject(fault("kill", "kiln/kiln0"), undo)

    with pytest.raises(ConfigurationError, match="its container is exited; stop needs one that runs"):
        await target.plan(fault("stop", "kiln/kiln0"))

    await target.undo(undo)


async def test_taking_the_deployment_down_takes_what_keeps_a_fault_up_with_it(
    brings: Callable[..., LocalDeployment], docker_config: Path, run_docker: Callable[..., str], fault: Makes
):
    deployment = brings(name=(name := f"pots-{uuid4().hex[:8]}"))
    await deployment.up(lambda _: None)
    target = LocalFaultTarget(name=name, docker_config=docker_config)
    undo = await target.plan(fault("restart-loop", "kiln/kiln", every_s=600))
    await target.inject(fault("restart-loop", "kiln/kiln", every_s=600), undo)
    label = f"label=operator.fault={undo.steps['ident']}"
    assert run_docker("ps", "--quiet", "--filter", label)

    await deployment.down(lambda _: None)

    assert not run_docker("ps", "--all", "--quiet", "--filter", label)
    await target.undo(undo)
