"""``operator config``: what is set, and where each value came from."""

from __future__ import annotations

import typer

from operator_cli.options import Json

app = typer.Typer(help="Show the settings, each with its origin.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def path() -> None:
    """Print the path of the settings file, whether it exists or not."""
    from operator_cli.settings import settings_path

    typer.echo(settings_path())


@app.command()
def show(*, as_json: Json = False) -> None:
    """Print every setting with its origin: the file, the environment, or the default."""
    from operator_cli.render.console import console, plain
    from operator_cli.render.document import document
    from operator_cli.settings import load

    loaded = load()
    if as_json:
        typer.echo(document("operator.config", 1, loaded.origins))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for origin in loaded.origins:
        table.add_row(*(Text(plain(cell)) for cell in (origin.key, origin.value, origin.source)))
    console(is_table=True).print(table)
