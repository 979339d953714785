"""``operator ledger``: the record itself: is it whole, how much of it is kept, and incidents as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from operator_core.errors import ConfigurationError

from operator_cli import options
from operator_cli.running import run

app = typer.Typer(
    help="The record itself: check it, prune it, take incidents out of it and into it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def export(
    ticket: Annotated[int, typer.Argument(help="The ticket's number.")],
    file: Annotated[Path | None, typer.Argument(help="A new file, or a folder.  [default: ticket-N.jsonl.gz]")] = None,
    *,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Write one incident to a file, its secrets masked.

    With all that was seen, judged, diagnosed and said in its time: who imports it can show it and reason about it.
    """
    from operator_cli.render.bundles import exported_lines
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.waiting import waited_for
    from operator_cli.settings import load
    from operator_cli.signature import signed
    from operator_cli.use_cases.bundling import export as write
    from operator_cli.use_cases.bundling import new_file
    from operator_cli.wiring import knowledge, on_record

    loaded = load()
    who, target = signed(loaded, by), new_file(ticket, file)

    written = run(
        waited_for(
            on_record(loaded, ledger, lambda record: write(record, ticket, target, by=who, known=knowledge())),
            f"exporting ticket {ticket}",
        )
    )
    if as_json:
        about = {"file": written.path, "digest": written.digest, "masked": written.bundle.redactions}
        typer.echo(document("operator.bundle", 1, about))
    else:
        for line in exported_lines(written):
            console().print(line)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What operator ledger export wrote.")],
    *,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Take an incident in from a file, under a number of its own; the same file twice is once.

    It belongs to no cluster that could be watched; it can be shown, told and diagnosed as any other.
    """
    from operator_core.runtime import RealClock

    from operator_cli.render.bundles import taken_in_lines
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.waiting import waited_for
    from operator_cli.settings import load
    from operator_cli.use_cases.bundling import take_in
    from operator_cli.wiring import on_ledger

    loaded = load()
    if not file.exists():
        raise ConfigurationError(f"there is no file {file}")
    now = RealClock().now()
    taken = run(
        waited_for(
            on_ledger(loaded, ledger, lambda opened: take_in(opened, file, at=now), may_begin=True),
            f"importing {file.name}",
        )
    )
    if as_json:
        typer.echo(document("operator.imported", 1, taken))
    else:
        for line in taken_in_lines(taken):
            console().print(line)
