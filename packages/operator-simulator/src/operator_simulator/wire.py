"""The words in which an embedded cluster is controlled: one JSON object a line, asked and answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from operator_core.components import ComponentRef
from operator_core.faults import Fault, FaultName
from operator_core.ports import DeploymentStatus, ServiceHealth, ServiceStatus

Json = dict[str, object]


def fault_to_json(fault: Fault) -> Json:
    """What :func:`fault_of_json` reads."""
    return {
        "name": fault.name,
        "target": fault.target.key,
        "toward": fault.toward.key if fault.toward is not None else None,
        "parameters": dict(fault.parameters),
    }


def fault_of_json(found: Mapping[str, object]) -> Fault:
    """What :func:`fault_to_json` wrote."""
    toward = cast("str | None", found["toward"])
    return Fault(
        name=FaultName(cast("str", found["name"])),
        target=ComponentRef.parse(cast("str", found["target"])),
        toward=ComponentRef.parse(toward) if toward is not None else None,
        parameters=cast("dict[str, float]", found["parameters"]),
    )


def status_to_json(status: DeploymentStatus) -> list[Json]:
    """What :func:`status_of_json` reads; addresses are left out, they mean nothing on the other side."""
    return [
        {
            "name": s.name,
            "health": s.health.value,
            "component": s.component.key if s.component is not None else None,
            "since": s.since.isoformat() if s.since is not None else None,
        }
        for s in status.services
    ]


def status_of_json(name: str, rows: list[Json], addresses: Mapping[str, tuple[str, ...]]) -> DeploymentStatus:
    """What :func:`status_to_json` wrote.

    Args:
        addresses: where each component can be reached from here, by its key.
    """
    services: list[ServiceStatus] = []
    for row in rows:
        key, since = cast("str | None", row["component"]), cast("str | None", row["since"])
        services.append(
            ServiceStatus(
                name=cast("str", row["name"]),
                health=ServiceHealth(cast("str", row["health"])),
                component=ComponentRef.parse(key) if key is not None else None,
                addresses=addresses.get(key or "", ()),
                since=datetime.fromisoformat(since) if since is not None else None,
            )
        )
    return DeploymentStatus(name=name, services=tuple(services))
