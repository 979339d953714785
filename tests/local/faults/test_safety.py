"""Only containers that carry the project's label, and stand for a component, are ever touched."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from operator_core.errors import ActionRejected, ConfigurationError, DeploymentError
from operator_core.faults import Fault, Undo
from operator_local import LocalFaultTarget

pytestmark = pytest.mark.docker

Makes = Callable[..., Fault]
Docker = Callable[..., str]

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"


@pytest.fixture
def stranger(run_docker: Docker, node_image: str) -> Iterator[Callable[..., str]]:
    """Runs a container with these labels, and gives its id."""
    made: list[str] = []

    def make(*options: str, **labels: str) -> str:
        given = [part for label, value in labels.items() for part in ("--label", f"{label}={value}")]
        made.append(run_docker("run", "--detach", *given, *options, node_image, "sleep", "600"))
        return made[-1]

    yield make
    for ident in made:
        run_docker("rm", "--force", ident)


def _status(run_docker: Docker, ident: str) -> str:
    return json.loads(run_docker("inspect", "--format", "{{json .State}}", ident))["Status"]


async def test_a_container_of_a_look_alike_name_is_none_of_ours(
    target: LocalFaultTarget, fault: Makes, stranger: Callable[..., str], name: str
):
    stranger("--name", f"operator-{name}-kiln7-1", **{"operator.component": "kiln/kiln7", _SERVICE: "kiln7"})

    with pytest.raises(ConfigurationError, match="no container stands for kiln7 here; there is"):
        await target.plan(fault("kill", "kiln/kiln7"))


@pytest.mark.parametrize(
    "more",
    [
        {},  # Compose's label alone: it stands for nothing that we know
        {"operator.component": "kiln/kiln7", "com.docker.compose.oneoff": "True"},  # somebody's `compose run`
    ],
)
async def test_a_container_of_the_project_that_is_no_component_is_not_touched(
    target: LocalFaultTarget, fault: Makes, stranger: Callable[..., str], name: str, more: dict[str, str]
):
    stranger(**{_PROJECT: f"operator-{name}", _SERVICE: "kiln7"}, **more)

    with pytest.raises(ConfigurationError, match="no container stands for kiln7"):
        await target.plan(fault("kill", "kiln/kiln7"))


async def test_another_project_with_the_same_service_is_left_alone_and_ours_is_hit(
    target: LocalFaultTarget,
    fault: Makes,
    stranger: Callable[..., str],
    name: str,
    run_docker: Docker,
    container: Callable[[str], str],
):
    labels = {"operator.component": "kiln/kiln0", _SERVICE: "kiln0", "com.docker.compose.oneoff": "False"}
    others = [stranger(**labels, **{_PROJECT: project}) for project in (f"operator-{name}-2", name, "operator")]
    undo = await target.plan(fault("kill", "kiln/kiln0"))

    await target.inject(fault("kill", "kiln/kiln0"), undo)

    assert [_status(run_docker, o) for o in others] == ["running"] * 3
    assert _status(run_docker, container("kiln0")) == "exited"
    await target.undo(undo)


async def test_a_journal_that_names_a_foreign_container_is_refused_at_every_step(
    target: LocalFaultTarget, fault: Makes, stranger: Callable[..., str], run_docker: Docker
):
    ident = stranger(**{_PROJECT: "another", _SERVICE: "kiln0", "operator.component": "kiln/kiln0"})
    planned = await target.plan(fault("kill", "kiln/kiln0"))
    forged = replace(planned, steps={**planned.steps, "container": ident})

    with pytest.raises(ActionRejected, match="is no component of operator-pots"):
        await target.inject(fault("kill", "kiln/kiln0"), forged)
    run_docker("kill", ident)
    with pytest.raises(ActionRejected, match="it is not touched"):
        await target.undo(forged)

    assert _status(run_docker, ident) == "exited"


async def test_the_undo_of_another_deployment_is_refused_and_not_taken_for_done(target: LocalFaultTarget, fault: Makes):
    planned = await target.plan(fault("kill", "kiln/kiln0"))
    foreign = Undo(steps={**planned.steps, "project": "operator-somebody"})

    with pytest.raises(ActionRejected, match="belongs to operator-somebody"):
        await target.undo(foreign)


async def test_a_container_that_is_gone_needs_no_undo_and_takes_no_fault(
    target: LocalFaultTarget, fault: Makes, stranger: Callable[..., str], name: str, run_docker: Docker
):
    ident = stranger(**{_PROJECT: f"operator-{name}", _SERVICE: "kiln9", "operator.component": "kiln/kiln9"})
    undo = await target.plan(fault("restart-loop", "kiln/kiln9"))
    run_docker("rm", "--force", ident)

    with pytest.raises(DeploymentError, match="is gone since the fault was planned"):
        await target.inject(fault("restart-loop", "kiln/kiln9"), undo)
    await target.undo(undo)
    await target.undo(undo)
