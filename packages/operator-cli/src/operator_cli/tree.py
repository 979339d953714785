"""The command tree. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from operator_cli.commands import (
    agent,
    ask,
    chaos,
    check,
    config,
    costs,
    demo,
    deploy,
    diagnose,
    ledger,
    monitor,
    silence,
    status,
    tickets,
    timeline,
)
from operator_cli.exits import Exit, leave_output


class _Root(TyperGroup):
    def invoke(self, ctx: typer.Context) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run the command; a reader that goes away early (``| head``) ends it quietly."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            leave_output()
            raise typer.Exit(Exit.FAILED) from None


app = typer.Typer(
    name="operator",
    cls=_Root,
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
app.command("status")(status.status)
app.command("check")(check.check)
app.add_typer(tickets.app, name="tickets")
app.add_typer(silence.app, name="silence")
app.command("timeline")(timeline.timeline)
app.command("diagnose")(diagnose.diagnose)
app.command("agent")(agent.agent)
app.command("ask")(ask.ask)
app.command("costs")(costs.costs)
app.add_typer(ledger.app, name="ledger")
app.add_typer(chaos.app, name="chaos")
app.add_typer(config.app, name="config")
