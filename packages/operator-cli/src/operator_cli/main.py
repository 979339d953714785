"""The command tree. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from operator_core.errors import OperatorError

from operator_cli.commands import chaos, check, config, demo, deploy, diagnose, monitor, tickets
from operator_cli.exits import Exit, code_of, flat, tell

app = typer.Typer(
    name="operator",
    help="Watch a distributed database, see what is wrong, and show the reasoning: what is happening,"
    " what the options are, and why one would choose this one. Every claim cites a reading that code has re-checked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"operator {version('operator-cli')}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.add_typer(deploy.app, name="deploy")
app.command("monitor")(monitor.monitor)
app.command("check")(check.check)
app.add_typer(tickets.app, name="tickets")
app.command("diagnose")(diagnose.diagnose)
app.add_typer(chaos.app, name="chaos")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line; the process ends here."""
    try:
        app()
    except OperatorError as error:
        tell(error)
        sys.exit(code_of(error))
    except BaseExceptionGroup as group:
        ours = [e for e in flat(group) if isinstance(e, OperatorError)]
        if not ours:
            raise
        for error in ours:
            tell(error)
        sys.exit(max(code_of(e) for e in ours))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
