"""A disk that is full: a file of the fault's own name in the volume that holds the data.

A volume without a size of its own is the host's disk, and filling it would stop everything on the host: refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from operator_core.errors import ActionIndeterminate, ActionRejected, ConfigurationError
from operator_core.faults import Fault

from operator_local.faults.catalogue import values_of
from operator_local.faults.containers import Container
from operator_local.faults.steps import IDENT
from operator_local.faults.tools import Tools
from operator_local.faults.volumes import Volumes

_VOLUME = "volume"
_SPARE_BYTES = 512 * 1024 * 1024
_ROUGHLY = 0.01


class DiskFaults:
    """A full disk."""

    def __init__(self, tools: Tools, volumes: Volumes) -> None:
        self._tools = tools
        self._volumes = volumes

    async def plan(self, fault: Fault, target: Container, others: tuple[Container, ...]) -> tuple[str, dict[str, str]]:
        """What it will do, and the volume that it does it to.

        Raises:
            ConfigurationError: the volume has no size of its own, or it cannot be told which is meant.
        """
        del others
        values = values_of(fault)
        await self._tools.check()
        volume = await self._volumes.data_of(target)
        if not volume.is_bounded:
            raise ConfigurationError(
                f"{fault}: volume {volume.name} has no size of its own, so that filling it would fill the host's disk; "
                "give it one in the compose file (driver_opts: {type: tmpfs, device: tmpfs, o: size=2g}, or a device)"
            )
        if not target.is_running:
            raise ConfigurationError(f"{fault}: its container is {target.status}; its volume may not be mounted then")
        does = (
            f"A file named for the fault fills volume {volume.name} of service {target.service} to "
            f"{values['level']:g} of its size; {_SPARE_BYTES >> 20} MiB stay free at the host, or nothing is done."
        )
        return does, {_VOLUME: volume.name}

    async def inject(self, fault: Fault, steps: Mapping[str, str]) -> None:
        """Write the file, and look how full the volume is.

        Raises:
            ActionRejected: the volume is gone.
            ActionIndeterminate: it is not as full as it was meant to be.
        """
        level = values_of(fault)["level"]
        if await self._volumes.named(steps[_VOLUME]) is None:
            raise ActionRejected(f"{fault}: there is no volume {steps[_VOLUME]} of this deployment")
        order = {"act": "fill", "file": _file(steps), "level": level, "spare_bytes": _SPARE_BYTES}
        told = await self._tools.run("filling", order, ident=steps[IDENT], options=_options(steps))
        size, free = cast("int", told["size"]), cast("int", told["free"])
        if 1 - free / size < level - _ROUGHLY:
            raise ActionIndeterminate(f"{fault}: the volume is not that full; measured {json.dumps(told)}")

    async def undo(self, steps: Mapping[str, str]) -> None:
        """Delete the file, also when the container is another one by now; a volume that is gone is no error."""
        await self._tools.remove(steps[IDENT])
        if await self._volumes.named(steps[_VOLUME]) is not None:
            order = {"act": "empty", "file": _file(steps)}
            await self._tools.run("filling", order, ident=steps[IDENT], options=_options(steps))


def _file(steps: Mapping[str, str]) -> str:
    return f".{steps[IDENT]}"


def _options(steps: Mapping[str, str]) -> tuple[str, ...]:
    return ("--network", "none", "--cap-add", "DAC_OVERRIDE", "--volume", f"{steps[_VOLUME]}:/volume")
