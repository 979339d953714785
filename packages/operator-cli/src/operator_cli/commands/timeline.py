"""``operator timeline``: what happened to a ticket, and when."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli import options
from operator_cli.running import run


def timeline(
    ticket: options.Ticket,
    *,
    readings: Annotated[
        list[str] | None,
        typer.Option(
            "--readings", metavar="SIGNAL", help="Also how this signal of its components went; may be given twice."
        ),
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Tell what happened to a ticket, and when.

    First signs with the readings they rest on, violations, diagnoses and what they found, what people did and said.
    Times are relative to the opening.
    """
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.timeline import page
    from operator_cli.settings import load
    from operator_cli.use_cases.timeline import timeline as tell
    from operator_cli.wiring import knowledge, on_record

    told = run(on_record(load(), ledger, lambda record: tell(record, ticket, knowledge(), signals=readings or ())))
    if as_json:
        typer.echo(document("operator.timeline", 1, told))
        return
    out = console(is_table=True)
    for part in page(told, width=out.width if out.is_terminal else None):
        out.print(part)
