"""``operator monitor``: the loop."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli import options
from operator_cli.running import run


def monitor(
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    interval: Annotated[
        str | None, typer.Option("--interval", help="Between two looks: 5s, 500ms, 1m. [default: 5s]")
    ] = None,
    cycles: Annotated[int | None, typer.Option(help="Stop after so many looks.", min=1)] = None,
) -> None:
    """Watch a cluster until Ctrl-C.

    A line for each look; tickets as they open, change and resolve.
    Tickets and tracking are durable: a restart goes on where the last run stopped.
    """
    from datetime import timedelta

    from operator_cli.durations import parse_duration
    from operator_cli.render.watching import Watching
    from operator_cli.settings import load
    from operator_cli.use_cases.monitoring import watch_cluster
    from operator_cli.wiring import Choice, resolve

    loaded = load()
    given, of = (loaded.settings.interval, "interval") if interval is None else (interval, "--interval")
    pause = parse_duration(given, of=of, least=timedelta(milliseconds=100), most=timedelta(days=1))
    meant = resolve(
        Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name), loaded
    )
    run(watch_cluster(meant, loaded, interval=pause, cycles=cycles, seen=Watching()))
