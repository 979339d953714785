"""Running a program of ours in a container of the tools image, in the namespaces of the container that is meant.

The program's text is handed over when it runs, so the image holds Debian's tools only and fits every version. Such a
container gets nothing but the capabilities it is given, no project's label, and the label of its fault: whatever is
left of a fault's containers can be found and removed, also when whoever started them is gone.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

from operator_core.errors import ConfigurationError, DeploymentError

from operator_local.complaints import one_line
from operator_local.docker_program import DockerProgram
from operator_local.project import FAULT_PROJECT_LABEL

TOOLS_IMAGE = "operator/fault-tools:1"
FAULT_LABEL = "operator.fault"

_ENDS_WITHIN = timedelta(seconds=40)


class Tools:
    """Programs in containers of the tools image.

    Args:
        project: whose faults these are; a label of each container.
    """

    def __init__(self, docker: DockerProgram, *, image: str, project: str) -> None:
        self._docker = docker
        self._image = image
        self._project = project

    async def check(self) -> None:
        """See that the image is there.

        Raises:
            ConfigurationError: it is not, and how it is made.
        """
        answer = await self._docker.ask("image", "inspect", "--format", "{{.Id}}", self._image)
        if not answer.succeeded:
            if "no such image" not in answer.complaint.lower():
                raise DeploymentError(f"docker image inspect: {one_line(answer.complaint)}")
            raise ConfigurationError(
                f"there is no image {self._image}, from which such faults are done; build it: "
                "docker/fault-tools/build-image"
            )

    async def run(
        self, program: str, order: Mapping[str, object], *, ident: str, options: Sequence[str]
    ) -> Mapping[str, object]:
        """Run one of the programs to its end.

        Args:
            program: the name of a module of ``operator_local.faults.inside``.
            order: what it reads from its standard input, as JSON.
            ident: the fault's.
            options: of ``docker run``; every capability is dropped but what they add.

        Returns:
            What it printed, as JSON.

        Raises:
            DeploymentError: it failed, in its own last line.
        """
        answer = await self._docker.ask(
            *("run", "--rm", "--interactive", *self._common(ident), *options, self._image),
            *("python3", "-c", _text(program)),
            fed=json.dumps(order),
            within=_ENDS_WITHIN,
        )
        if not answer.succeeded:
            raise DeploymentError(f"fault {ident}: {one_line(answer.complaint)}")
        try:
            told = json.loads(answer.output)
        except ValueError as e:
            raise DeploymentError(f"fault {ident}: {program} printed {answer.output[:200]!r}") from e
        return cast("Mapping[str, object]", told)

    async def start(self, program: str, order: Mapping[str, object], *, ident: str, options: Sequence[str]) -> str:
        """Let one of the programs run in a container that outlives us; gives the container's id."""
        return (
            await self._docker.told(
                *("run", "--detach", *self._common(ident), *options, self._image),
                *("python3", "-c", _text(program), json.dumps(order)),
            )
        ).strip()

    async def logs(self, container: str) -> str:
        """What a container that was started has printed so far."""
        answer = await self._docker.ask("logs", container)
        return answer.output + answer.complaint

    async def remove(self, ident: str) -> None:
        """Remove every container of a fault; none there is no error."""
        listed = await self._docker.told("ps", "--all", "--quiet", "--filter", f"label={FAULT_LABEL}={ident}")
        for container in listed.split():
            answer = await self._docker.ask("rm", "--force", container)
            gone = ("no such container", "is already in progress")
            if not answer.succeeded and not any(word in answer.complaint.lower() for word in gone):
                raise DeploymentError(f"docker rm: {one_line(answer.complaint)}")

    def _common(self, ident: str) -> tuple[str, ...]:
        return (
            *("--pull", "never", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--label", f"{FAULT_LABEL}={ident}", "--label", f"{FAULT_PROJECT_LABEL}={self._project}"),
        )


def _text(program: str) -> str:
    return (importlib.resources.files("operator_local.faults.inside") / f"{program}.py").read_text(encoding="utf-8")
