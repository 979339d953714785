"""A deployment's services and doors as tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from operator_cli.render.console import console
from operator_cli.render.lines import escaped

if TYPE_CHECKING:
    from operator_core.ports import DeploymentStatus

Row = tuple[str, str, str, str, str]
"""Service, component, purpose, advertised address, reachable address."""


def show_status(status: DeploymentStatus, *, now: datetime) -> None:
    """Every service that should be there, and a last line that says how it is as a whole."""
    from operator_core.ports import ServiceHealth
    from rich.table import Table

    from operator_cli.render.figures import age

    colours = {ServiceHealth.RUNNING: "green", ServiceHealth.STARTING: "yellow", ServiceHealth.PAUSED: "yellow"}
    with_images = any(s.image for s in status.services)
    columns = ["service", "state", "component", "reachable at", "for", *(["restarts", "image"] if with_images else [])]
    table = Table(*columns, box=None, pad_edge=False)
    for s in status.services:
        state = f"[{colours.get(s.health, 'red')}]{s.health.value}[/]" + (f" {escaped(s.detail)}" if s.detail else "")
        more = ["" if s.restarts is None else str(s.restarts), escaped(s.image or "")] if with_images else []
        table.add_row(
            s.name,
            state,
            str(s.component) if s.component else "",
            " ".join(s.addresses),
            age(now - s.since) if s.since else "",
            *more,
        )
    out = console(is_table=True)
    out.print(table)
    ill = [s.name for s in status.services if s.health is not ServiceHealth.RUNNING]
    count = len(status.services)
    out.print(
        f"healthy: all {count} services run" if not ill else f"not healthy: {', '.join(ill)}, of {count} services"
    )


def show_doors(rows: Iterable[Row]) -> None:
    """For each door what the component tells others, and where it can be reached from here."""
    from rich.table import Table

    table = Table("service", "component", "door", "advertised", "reachable", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(escaped, row))
    console(is_table=True).print(table)
