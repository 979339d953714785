"""``operator costs``: what Claude has cost."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli import options
from operator_cli.running import run


def costs(
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what was spent since then: 2h ago, 14:30, 2026-01-31T14:30."),
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Show what Claude has cost: each investigation, and all of each model.

    Tokens are as the API counted them; money is counted with a table of prices of a certain day.
    """
    from operator_core.runtime import RealClock

    from operator_cli.claude_wiring import prices_date
    from operator_cli.moments import parse_past
    from operator_cli.render.console import console
    from operator_cli.render.costs import sums_of, table_of
    from operator_cli.render.document import document
    from operator_cli.settings import load
    from operator_cli.use_cases.costing import costs as read
    from operator_cli.wiring import on_ledger

    loaded = load()
    start = None if since is None else parse_past(since, of="--since", now=RealClock().now())
    found = run(on_ledger(loaded, ledger, lambda opened: read(opened, since=start)))
    if as_json:
        typer.echo(document("operator.costs", 1, found))
        return
    if not found.investigations:
        console().print("nothing was spent" if start is None else "nothing was spent since then")
        return
    out = console(is_table=True)
    out.print(table_of(found))
    out.print()
    out.print(sums_of(found))
    out.print(
        f"prices of {prices_date(loaded.settings.claude).isoformat()}, as far as they were known when it was spent"
    )
