"""``operator status``: one look, for a person."""

from __future__ import annotations

from typing import Annotated

import typer
from operator_core.errors import ConfigurationError

from operator_cli import options
from operator_cli.exits import Exit
from operator_cli.running import LastResort, run


def status(
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    ledger: options.Ledger = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    interval: Annotated[
        str | None, typer.Option("--interval", help="Between two looks with --watch. [default: 5s]")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Look once, for a person: the cluster at a glance.

    Every component, open tickets with the first hypothesis about each, silences, what is unseen, and who has the
    watch. Nothing is recorded. Exit codes as `operator check`.
    """
    from operator_cli.bounds import parse_interval
    from operator_cli.render.document import document
    from operator_cli.render.live_status import print_status, status_on
    from operator_cli.settings import load
    from operator_cli.use_cases.status import ENDS_WITHIN, look_again, look_once_at
    from operator_cli.wiring import Choice, resolve

    loaded = load()
    if watch and as_json:
        raise ConfigurationError("--watch and --json do not go together; without --watch it looks once")
    pause = parse_interval(interval, loaded.settings)
    meant = resolve(
        Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name), loaded
    )
    if watch:
        with status_on(pause) as shown:
            run(look_again(meant, loaded, ledger, pause, shown), LastResort(within=ENDS_WITHIN, leave=shown.close))
        return
    seen = run(look_once_at(meant, loaded, ledger))
    if as_json:
        typer.echo(document("operator.status", 1, seen.status()))
    else:
        print_status(seen, pause)
    code = seen.look.outcome.exit_code
    raise typer.Exit(code or (Exit.FAILED if seen.status().record_failed is not None else Exit.FINE))
