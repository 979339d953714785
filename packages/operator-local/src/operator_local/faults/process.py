"""Faults of processes: what becomes of a container, or of the process in it.

Docker's own kill and a process that dies by itself are two faults: only after the second does Docker start the
container again where it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from operator_core.errors import ActionIndeterminate, ConfigurationError, DeploymentError
from operator_core.faults import Fault
from operator_core.ports import Clock

from operator_local.docker_program import DockerProgram
from operator_local.faults.catalogue import values_of
from operator_local.faults.containers import Container, Containers
from operator_local.faults.steps import BEFORE, CONTAINER, IDENT, NAME
from operator_local.faults.tools import Tools

_POLICY = "restart_policy"
_STARTED = "started_at"

_CHANGES_WITHIN = timedelta(seconds=12)
_LOOKS_EVERY = timedelta(seconds=0.1)
_DOCKERS_OWN_GRACE_S = 10
_SPARE = timedelta(seconds=20)
_PROCESS_OPTIONS = ("--pid", "host", "--network", "none", "--cap-add", "KILL")


class ProcessFaults:
    """Kill, stop, pause, restart, crash, restart loop."""

    def __init__(self, docker: DockerProgram, containers: Containers, tools: Tools, clock: Clock) -> None:
        self._docker = docker
        self._containers = containers
        self._tools = tools
        self._clock = clock

    async def plan(self, fault: Fault, target: Container, others: tuple[Container, ...]) -> tuple[str, dict[str, str]]:
        """What it will do, in a sentence or two, and what must be known to take it back.

        Raises:
            ConfigurationError: it cannot be done to the container as it is.
        """
        del others
        values = values_of(fault)
        if target.status != "running":
            raise ConfigurationError(f"{fault}: its container is {target.status}; {fault.name} needs one that runs")
        if fault.name in {"crash", "restart-loop"}:
            await self._tools.check()
        if fault.name == "restart-loop" and values["for_s"] < values["every_s"]:
            raise ConfigurationError(f"{fault.name}: for_s is shorter than every_s")
        steps = {BEFORE: target.status, _POLICY: target.restart_policy, _STARTED: target.started_at}
        return _does(fault, target, values), steps

    async def inject(self, fault: Fault, steps: Mapping[str, str]) -> None:
        """Do it, and see that it came.

        Raises:
            ActionIndeterminate: it was done and its effect did not come.
        """
        target = await self._containers.present(steps[CONTAINER])
        values = values_of(fault)
        match str(fault.name):
            case "kill":
                if target.is_running:
                    await self._docker.told("kill", target.id)
                await self._until(target, lambda c: not c.is_running, f"{fault}: the container still runs")
            case "stop":
                await self._stop("stop", target)
                await self._until(target, lambda c: not c.is_running, f"{fault}: the container still runs")
            case "restart":
                await self._stop("restart", target)
                await self._until(
                    target,
                    lambda c: c.is_running and c.started_at != steps[_STARTED],
                    f"{fault}: the container did not start again",
                )
            case "pause":
                if target.status != "paused":
                    await self._docker.told("pause", target.id)
                await self._until(target, lambda c: c.status == "paused", f"{fault}: the container is not frozen")
            case "crash":
                await self._crash(fault, target, steps, int(values["signal"]))
            case "restart-loop":
                await self._loop(fault, target, steps, values)
            case other:
                raise ConfigurationError(f"{other!r} is no fault of processes")

    async def undo(self, steps: Mapping[str, str]) -> None:
        """Bring the container back to how it was; one that is gone is no error."""
        await self._tools.remove(steps[IDENT])
        target = await self._containers.still(steps[CONTAINER])
        if target is None:
            return
        if steps[NAME] == "restart-loop":
            if target.restart_policy != steps[_POLICY]:
                await self._docker.told("update", "--restart", steps[_POLICY], target.id)
            if target.status == "restarting":
                # Docker waits longer and longer between two tries; what starts it at once ends that first.
                await self._docker.told("stop", "--time", "0", target.id, within=_SPARE)
        target = await self._containers.still(target.id)
        if target is None or steps[BEFORE] != "running":
            return
        if target.status == "paused":
            if steps[NAME] == "pause":
                await self._docker.told("unpause", target.id)
        elif not target.is_running:
            await self._docker.told("start", target.id, within=_SPARE)
        else:
            return
        await self._until(target, lambda c: c.is_running, f"{steps[NAME]}: the container did not come back")

    async def _stop(self, command: str, target: Container) -> None:
        grace = target.stops_within_s if target.stops_within_s is not None else _DOCKERS_OWN_GRACE_S
        await self._docker.told(command, target.id, within=timedelta(seconds=grace) + _SPARE)

    async def _crash(self, fault: Fault, target: Container, steps: Mapping[str, str], number: int) -> None:
        order = {"container": target.id, "signal": number, "child": target.has_init}
        told = await self._tools.run("processes", order, ident=steps[IDENT], options=_PROCESS_OPTIONS)
        if not told.get("ended"):
            raise ActionIndeterminate(f"{fault}: the process lives on after signals {told.get('sent')}")
        await self._until(
            target,
            lambda c: not c.is_running or c.status == "restarting" or c.started_at != steps[_STARTED],
            f"{fault}: the process died, but its container does not show it",
        )

    async def _loop(
        self, fault: Fault, target: Container, steps: Mapping[str, str], values: Mapping[str, float]
    ) -> None:
        await self._docker.told("update", "--restart", "always", target.id)
        order = {"container": target.id, "every_s": values["every_s"], "for_s": values["for_s"]}
        await self._tools.start("processes", order, ident=steps[IDENT], options=_PROCESS_OPTIONS)
        await self._until(
            target,
            lambda c: c.started_at != steps[_STARTED] and c.restarts > target.restarts,
            f"{fault}: the container was not started again",
        )

    async def _until(self, target: Container, holds: Callable[[Container], bool], otherwise: str) -> None:
        seen = ""
        try:
            async with self._clock.deadline(_CHANGES_WITHIN):
                while True:
                    now = await self._containers.still(target.id)
                    if now is None:
                        raise DeploymentError(f"{target.service}: its container was removed meanwhile")
                    if holds(now):
                        return
                    seen = now.status
                    await self._clock.sleep(_LOOKS_EVERY)
        except TimeoutError as e:
            within = f"{_CHANGES_WITHIN.total_seconds():g} s"
            raise ActionIndeterminate(f"{otherwise} within {within}; it is {seen or 'not seen'}") from e


def _does(fault: Fault, target: Container, values: Mapping[str, float]) -> str:
    grace = target.stops_within_s if target.stops_within_s is not None else _DOCKERS_OWN_GRACE_S
    who = f"container {target.id[:12]} (service {target.service})"
    back = "healing starts it again" + ("" if target.restart_policy == "no" else ", if Docker has not")
    match str(fault.name):
        case "kill":
            return f"{who} gets SIGKILL from Docker, which then does not start it again; healing does."
        case "stop":
            return f"{who} gets SIGTERM, and SIGKILL after {grace} s; healing starts it again."
        case "pause":
            return f"All processes of {who} are frozen by its cgroup; healing lets them go on."
        case "restart":
            return f"{who} gets SIGTERM, SIGKILL after {grace} s, and starts again at once."
        case "crash":
            whom = "the child of its init" if target.has_init else "its first process (SIGKILL if it shields itself)"
            return f"{whom} in {who} gets signal {values['signal']:g}; {back}."
        case _:
            return (
                f"The first process of {who} gets SIGKILL, and again whenever it has run for {values['every_s']:g} s, "
                f"from a container of its own, for at most {values['for_s']:g} s; Docker's restart policy is `always` "
                f"meanwhile, and `{target.restart_policy}` again after healing."
            )
