"""Faults of what a container may use: cores and memory by `docker update`, bytes of its disk in its control group.

What `docker update` sets stays with the container over restarts; a limit of its disk ends with its control group.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from operator_core.errors import ActionIndeterminate, ConfigurationError, DeploymentError
from operator_core.faults import Fault

from operator_local.docker_program import DockerProgram
from operator_local.faults.catalogue import values_of
from operator_local.faults.containers import Container, Containers
from operator_local.faults.steps import CONTAINER, IDENT, NAME
from operator_local.faults.tools import Tools
from operator_local.faults.volumes import Volumes

_NANO_CPUS, _CPU_QUOTA, _CPU_PERIOD = "nano_cpus", "cpu_quota", "cpu_period"
_MEMORY, _SWAP, _VOLUME = "memory_bytes", "memory_swap_bytes", "volume"

_MB = 1024 * 1024
_PERIOD_US = 100_000
_NANO = 1_000_000_000
_ROUGHLY = 0.05


class LimitFaults:
    """Fewer cores, less memory, a slower disk."""

    def __init__(self, docker: DockerProgram, containers: Containers, tools: Tools, volumes: Volumes) -> None:
        self._docker = docker
        self._containers = containers
        self._tools = tools
        self._volumes = volumes

    async def plan(self, fault: Fault, target: Container, others: tuple[Container, ...]) -> tuple[str, dict[str, str]]:
        """What it will do, and the values as they are.

        Raises:
            ConfigurationError: it cannot be done to the container as it is, or could not be taken back.
        """
        del others
        values = values_of(fault)
        if not target.is_running or not target.pid:
            raise ConfigurationError(f"{fault}: its container is {target.status}; its limits could not be measured")
        await self._tools.check()
        limits = target.limits
        who = f"container {target.id[:12]} (service {target.service})"
        match str(fault.name):
            case "limit-cpu":
                former = _cpus(target)
                if former is not None and former <= values["cpus"]:
                    raise ConfigurationError(f"{fault}: it has {former:g} CPUs already")
                steps = {
                    _NANO_CPUS: str(limits.nano_cpus),
                    _CPU_QUOTA: str(limits.cpu_quota),
                    _CPU_PERIOD: str(limits.cpu_period),
                }
                had = f"{former:g}" if former is not None else "no limit"
                return f"docker update gives {who} {values['cpus']:g} CPUs; before: {had}.", steps
            case "limit-memory":
                wanted = int(values["mb"] * _MB)
                if not limits.memory_bytes:
                    raise ConfigurationError(
                        f"{fault}: service {target.service} has no memory limit, and Docker cannot take one away "
                        "again; give it mem_limit in the compose file"
                    )
                if limits.memory_bytes <= wanted:
                    raise ConfigurationError(f"{fault}: it has {limits.memory_bytes // _MB} MiB already")
                steps = {_MEMORY: str(limits.memory_bytes), _SWAP: str(limits.memory_swap_bytes)}
                does = (
                    f"docker update gives {who} {values['mb']:g} MiB of memory and no swap; before: "
                    f"{limits.memory_bytes // _MB} MiB. It may be killed for lack of memory."
                )
                return does, steps
            case _:
                if target.has_disk_limit:
                    raise ConfigurationError(f"{fault}: service {target.service} has a limit of its disk of its own")
                volume = await self._volumes.data_of(target)
                does = (
                    f"The control group of {who} lets {values['mb_per_s']:g} MiB/s pass to and from the disk under "
                    f"its volume {volume.name}, each way; it ends when the container starts anew."
                )
                return does, {_VOLUME: volume.name}

    async def inject(self, fault: Fault, steps: Mapping[str, str]) -> None:
        """Set the limit, and read it back from the control group.

        Raises:
            ActionIndeterminate: it is not there.
        """
        target = await self._containers.present(steps[CONTAINER])
        if not target.is_running:
            raise DeploymentError(f"{fault}: its container is {target.status} since the fault was planned")
        values = values_of(fault)
        match str(fault.name):
            case "limit-cpu":
                await self._docker.told("update", *_cpu_words(steps, values["cpus"]), target.id)
                told = await self._read(steps)
                is_there = _is_roughly(told["cpus"], values["cpus"])
            case "limit-memory":
                wanted = int(values["mb"] * _MB)
                await self._docker.told("update", "--memory", str(wanted), "--memory-swap", str(wanted), target.id)
                told = await self._read(steps)
                is_there = _is_roughly(told["memory_bytes"], wanted)
            case _:
                wanted = int(values["mb_per_s"] * _MB)
                order = {"act": "throttle", "container": target.id, "bytes_per_s": wanted}
                volume = ("--volume", f"{steps[_VOLUME]}:/volume:ro")
                told = await self._tools.run("cgroup", order, ident=steps[IDENT], options=(*_groups("rw"), *volume))
                is_there = wanted in cast("Mapping[str, int]", told["bytes_per_s"]).values()
        if not is_there:
            raise ActionIndeterminate(f"{fault}: the limit is not in the control group; it says {json.dumps(told)}")

    async def undo(self, steps: Mapping[str, str]) -> None:
        """Set the former values again; a container that is gone is no error."""
        await self._tools.remove(steps[IDENT])
        target = await self._containers.still(steps[CONTAINER])
        if target is None:
            return
        match steps[NAME]:
            case "limit-cpu":
                if _cpu_now(target) != _cpu_before(steps):
                    await self._docker.told("update", *_cpu_back(steps), target.id)
            case "limit-memory":
                if (target.limits.memory_bytes, target.limits.memory_swap_bytes) != (
                    int(steps[_MEMORY]),
                    int(steps[_SWAP]),
                ):
                    words = ("--memory", steps[_MEMORY], "--memory-swap", steps[_SWAP])
                    await self._docker.told("update", *words, target.id)
            case _:
                if target.is_running and target.pid:
                    order = {"act": "release", "container": target.id}
                    await self._tools.run("cgroup", order, ident=steps[IDENT], options=_groups("rw"))

    async def _read(self, steps: Mapping[str, str]) -> Mapping[str, object]:
        order = {"act": "read", "container": steps[CONTAINER]}
        return await self._tools.run("cgroup", order, ident=steps[IDENT], options=_groups("ro"))


def _groups(how: str) -> tuple[str, ...]:
    return ("--network", "none", "--cap-add", "DAC_OVERRIDE", "--volume", f"/sys/fs/cgroup:/cgroup:{how}")


def _is_roughly(value: object, wanted: float) -> bool:
    return isinstance(value, int | float) and abs(value - wanted) <= _ROUGHLY * wanted


def _cpus(target: Container) -> float | None:
    """How many cores a container may use; None for all."""
    if target.limits.nano_cpus:
        return target.limits.nano_cpus / _NANO
    if target.limits.cpu_quota > 0:
        return target.limits.cpu_quota / (target.limits.cpu_period or _PERIOD_US)
    return None


# Docker takes a share of cores in two ways, and refuses the other once a container was made with one of them. A
# quota can be taken away again (-1), a number of cores only be changed.


def _cpu_words(steps: Mapping[str, str], cpus: float) -> tuple[str, ...]:
    if int(steps[_NANO_CPUS]):
        return ("--cpus", f"{cpus:.3f}")
    return ("--cpu-quota", str(round(cpus * (int(steps[_CPU_PERIOD]) or _PERIOD_US))))


def _cpu_back(steps: Mapping[str, str]) -> tuple[str, ...]:
    if int(steps[_NANO_CPUS]):
        return ("--cpus", f"{int(steps[_NANO_CPUS]) / _NANO:.9f}")
    quota = int(steps[_CPU_QUOTA])
    return ("--cpu-quota", str(quota if quota > 0 else -1))


def _cpu_now(target: Container) -> tuple[int, int]:
    return target.limits.nano_cpus, max(target.limits.cpu_quota, 0)


def _cpu_before(steps: Mapping[str, str]) -> tuple[int, int]:
    return int(steps[_NANO_CPUS]), max(int(steps[_CPU_QUOTA]), 0)
