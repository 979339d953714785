"""``operator tickets``: what was opened, what became of it, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from operator_cli.options import Json
from operator_cli.running import run

app = typer.Typer(help="List and show tickets.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also the resolved ones.")] = False,
    as_json: Json = False,
) -> None:
    """List the open tickets, or all."""
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.tickets import table
    from operator_cli.settings import load
    from operator_cli.use_cases.tickets import list_tickets

    found = run(list_tickets(load(), open_only=not every))
    if as_json:
        typer.echo(document("operator.tickets", 1, found))
    elif not found:
        typer.echo("no ticket" if every else "no open ticket")
    else:
        console(is_table=True).print(table(found))


@app.command()
def show(
    ticket: Annotated[int, typer.Argument(help="The ticket's number.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one ticket: its violations with the readings they rest on, its diagnosis, its notes."""
    from operator_diagnosis.terminal import render_terminal

    from operator_cli.render.console import console, local_zone
    from operator_cli.render.document import document
    from operator_cli.render.tickets import page
    from operator_cli.settings import load
    from operator_cli.use_cases.tickets import read_ticket

    file = run(read_ticket(ticket, load()))
    if as_json:
        typer.echo(document("operator.ticket", 1, file))
    else:
        for part in page(file):
            console(is_table=True).print(part)
        if file.diagnosis is not None:
            console().print()
            console().print(render_terminal(file.diagnosis, zone=local_zone()))
