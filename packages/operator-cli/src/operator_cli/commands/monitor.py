"""``operator monitor``: the loop."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli import options
from operator_cli.running import LastResort, run


def monitor(
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option("--cluster", metavar="NAME", help="A cluster of the settings file; may be given several times."),
    ] = None,
    name: options.Name = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every cluster of the settings file and every deployment that is up.")
    ] = False,
    interval: Annotated[
        str | None, typer.Option("--interval", help="Between two looks: 5s, 500ms, 1m. [default: 5s]")
    ] = None,
    jitter: Annotated[
        float, typer.Option(help="The largest share of the interval by which a look begins early or late.")
    ] = 0.1,
    ledger: options.Ledger = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Serve /healthz and /metrics there. [default: nowhere]"),
    ] = None,
    live: Annotated[
        bool | None, typer.Option("--live/--no-live", help="A live view, or plain lines. [default: live on a terminal]")
    ] = None,
    cycles: Annotated[int | None, typer.Option(help="Stop after so many looks at each cluster.", min=1)] = None,
) -> None:
    """Watch one cluster or several until Ctrl-C.

    On a terminal a live view; elsewhere a line for each look, and tickets as they open, change and resolve.
    Tickets and tracking are durable: a restart goes on where the last run stopped. Of several monitors of one cluster
    one watches; the others stand by and take over when it falls silent.
    """
    from operator_cli.bounds import parse_interval, parse_jitter, parse_listen
    from operator_cli.choosing import resolve_several
    from operator_cli.render.shows import shows_on
    from operator_cli.settings import load
    from operator_cli.use_cases.monitoring import ENDS_WITHIN, Terms, watch_clusters
    from operator_cli.wiring import Choice

    loaded = load()
    terms = Terms(
        interval=parse_interval(interval, loaded.settings),
        jitter=parse_jitter(jitter),
        cycles=cycles,
        ledger=ledger,
        listen=parse_listen(listen),
    )
    choice = Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, name=name)
    meant = resolve_several(choice, cluster or (), every=every, loaded=loaded)
    with shows_on(live) as shows:
        run(watch_clusters(meant, loaded, terms, shows), LastResort(within=ENDS_WITHIN, leave=shows.close))
