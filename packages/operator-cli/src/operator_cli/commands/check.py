"""``operator check``: one look, for scripts."""

from __future__ import annotations

import typer

from operator_cli import options
from operator_cli.running import run


def check(
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    as_json: options.Json = False,
) -> None:
    """Look once, for scripts: do the invariants hold?

    Exit code 1: one is violated; 3: a required one cannot be said, or a source is unseen; 0: fine.
    Without Prometheus it looks twice, some seconds apart, to have rates.
    """
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.lines import escaped, summary, verdict_lines
    from operator_cli.settings import load
    from operator_cli.use_cases.looking import look_at
    from operator_cli.wiring import Choice, cluster_name, resolve

    meant = resolve(
        Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name), load()
    )
    look = run(look_at(meant))
    if as_json:
        typer.echo(document("operator.check", 1, {"outcome": look.outcome.name.lower(), "judgements": look.judgements}))
    else:
        out = console()
        for line in verdict_lines(look.judgements):
            out.print(line)
        out.print(f"{escaped(cluster_name(meant))}: {summary(look.judgements)}")
    raise typer.Exit(look.outcome.exit_code)
