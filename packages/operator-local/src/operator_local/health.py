"""How a service is, from what Docker says of its container."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from operator_core.ports import ServiceHealth, ServiceStatus

from operator_local.complaints import one_line
from operator_local.compose_file import Service

_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # Docker's word for "it has not happened"

NEVER_STARTED = "it was never started"

WORDS = {
    ServiceHealth.RUNNING: "up",
    ServiceHealth.STARTING: "starting, not answering yet",
    ServiceHealth.UNHEALTHY: "up, but not answering",
    ServiceHealth.PAUSED: "paused",
    ServiceHealth.STOPPED: "stopped",
    ServiceHealth.MISSING: "not there, it has no container",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What Docker says of one container, in its own words.

    Attributes:
        status: ``created``, ``running``, ``paused``, ``restarting``, ``removing``, ``exited`` or ``dead``.
        health: ``starting``, ``healthy``, ``unhealthy``; None when it has no health check.
        last_probe: what the last health check printed.
        image: what it was made from.
        restarts: how often Docker itself has started it again.
    """

    status: str
    health: str | None = None
    exit_code: int | None = None
    is_oom_killed: bool = False
    error: str = ""
    last_probe: str = ""
    image: str | None = None
    restarts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


def service_status(service: Service, state: ContainerState | None) -> ServiceStatus:
    """Say how a service is; one without a container is MISSING, it is not left out."""
    health = _health(state)
    return ServiceStatus(
        name=service.name,
        health=health,
        component=service.component,
        addresses=tuple(d.reachable for d in service.doors),
        since=_since(health, state),
        detail=_detail(health, state),
        image=state.image if state is not None and state.image else service.image,
        restarts=None if state is None else state.restarts,
    )


def _health(state: ContainerState | None) -> ServiceHealth:
    if state is None:
        return ServiceHealth.MISSING
    match state.status, state.health:
        case "paused", _:
            return ServiceHealth.PAUSED
        case "running", "starting":
            return ServiceHealth.STARTING
        case "running", "healthy" | "none" | "" | None:
            return ServiceHealth.RUNNING
        case (("running" | "restarting"), _):
            return ServiceHealth.UNHEALTHY
        case _:
            return ServiceHealth.STOPPED


def _since(health: ServiceHealth, state: ContainerState | None) -> datetime | None:
    if state is None:
        return None
    instant = state.finished_at if health is ServiceHealth.STOPPED else state.started_at
    return instant if instant is not None and instant > _NEVER else None


def _detail(health: ServiceHealth, state: ContainerState | None) -> str:
    if state is None:
        return ""
    if state.status == "restarting":
        return f"keeps restarting, exit code {state.exit_code}"
    if health is ServiceHealth.UNHEALTHY:
        return " ".join(state.last_probe.split())[:200] or "its health check fails"
    if health is not ServiceHealth.STOPPED:
        return ""
    if state.status == "created":
        return one_line(state.error) if state.error else NEVER_STARTED
    if state.is_oom_killed:
        return "killed, out of memory; give it more in the compose file, or Docker more as a whole"
    return f"exit code {state.exit_code}" + (f", {one_line(state.error)}" if state.error else "")
