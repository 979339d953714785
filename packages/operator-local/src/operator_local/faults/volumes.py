"""The volume that holds a container's data, and whether it has a size of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from operator_core.errors import ConfigurationError, DeploymentError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from operator_local.complaints import one_line
from operator_local.docker_program import DockerProgram
from operator_local.faults.containers import Container
from operator_local.project import PROJECT_LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of the project.

    Attributes:
        is_bounded: whether it was made with a size, or on a device, of its own; else it is the host's disk.
    """

    name: str
    is_bounded: bool


class _VolumeJson(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(alias="Name")
    labels: dict[str, str] | None = Field(default=None, alias="Labels")
    options: dict[str, str] | None = Field(default=None, alias="Options")


class Volumes:
    """The volumes of one project.

    Args:
        project: the value of Compose's own project label.
    """

    def __init__(self, docker: DockerProgram, *, project: str) -> None:
        self._docker = docker
        self._project = project

    async def named(self, name: str) -> Volume | None:
        """A volume of the project; None when there is none of that name, or it is not the project's."""
        answer = await self._docker.ask("volume", "inspect", name)
        if not answer.succeeded:
            if "no such volume" in answer.complaint.lower():
                return None
            raise DeploymentError(f"docker volume inspect: {one_line(answer.complaint)}")
        try:
            (wire,) = (_VolumeJson.model_validate(v) for v in json.loads(answer.output))
        except ValidationError as e:
            raise DeploymentError(f"docker volume inspect gave something that cannot be read: {e}") from e
        if (wire.labels or {}).get(PROJECT_LABEL) != self._project:
            return None
        return Volume(name=wire.name, is_bounded=is_bounded(wire.options or {}))

    async def data_of(self, container: Container) -> Volume:
        """The one volume of the project that a container has.

        Raises:
            ConfigurationError: it has none, or several.
        """
        found = [v for name in sorted(set(container.volumes.values())) if (v := await self.named(name)) is not None]
        if len(found) == 1:
            return found[0]
        names = ", ".join(v.name for v in found)
        raise ConfigurationError(
            f"service {container.service} has {f'several volumes ({names})' if found else 'no volume of its own'}; "
            "faults of disks are done to the one that holds its data"
        )


def is_bounded(options: dict[str, str]) -> bool:
    """Whether a volume of Docker's driver `local` that was made with these options cannot fill the host's disk."""
    mount = options.get("o", "").split(",")
    if "bind" in mount or "rbind" in mount:
        return False
    if any(part.startswith("size=") for part in mount) or "size" in options:
        return True
    # Of other file systems only those on a device, or in a file, of this host: a share belongs to others too.
    return options.get("type", "tmpfs") not in {"tmpfs", "none"} and options.get("device", "").startswith("/")
