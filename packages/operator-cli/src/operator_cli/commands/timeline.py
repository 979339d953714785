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
    log: Annotated[
        list[str] | None,
        typer.Option(
            "--log",
            metavar="COMPONENT=FILE",
            help="Also what this component's log tells (store/4=tikv.log); may be given several times.",
        ),
    ] = None,
    logs: Annotated[
        bool, typer.Option("--logs/--no-logs", help="Read the logs of its deployment, or those that the settings name.")
    ] = True,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Tell what happened to a ticket, and when.

    First signs with the readings they rest on, violations, diagnoses and what they found, what people did and said,
    and what its components wrote into their logs, where those are at hand. Times are relative to the opening.
    """
    from operator_core.components import CLUSTER_KIND

    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.timeline import page
    from operator_cli.settings import load
    from operator_cli.use_cases.logs_at_hand import LogsAtHand, log_files
    from operator_cli.use_cases.timeline import timeline as tell
    from operator_cli.wiring import knowledge, log_reader, on_record

    loaded, known = load(), knowledge()
    files = log_files(log or (), (k.kind for k in known.kinds if k.kind != CLUSTER_KIND))
    reads = LogsAtHand(loaded=loaded, reader=log_reader(), files=files, is_alone=not logs)
    told = run(
        on_record(loaded, ledger, lambda record: tell(record, ticket, known, signals=readings or (), logs=reads))
    )
    if as_json:
        typer.echo(document("operator.timeline", 1, told))
        return
    out = console(is_table=True)
    for part in page(told, width=out.width if out.is_terminal else None):
        out.print(part)
