"""``operator chaos``: break a cluster that may be broken, and heal it.

The commands that break something are made from what the deployment can do and from the subject's kinds.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from operator_cli.options import Json, Name
from operator_cli.running import run

if TYPE_CHECKING:
    from operator_cli.faults import Offered

Force = Annotated[
    bool,
    typer.Option("--allow-group-loss", help="Also when a redundancy group would lose its majority: that is the aim."),
]
Target = Annotated[
    str | None, typer.Argument(help="Which one, by its id; by chance, among those the guard allows, when left out.")
]
Toward = Annotated[
    str | None, typer.Option(metavar="ID", help="Of a link: which one is at its other end; all of them when left out.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done and how it would be undone; do nothing.")
]


class FaultGroup(TyperGroup):
    """The group's own commands, and one for each fault; those are made only when this group is used."""

    def _faults(self) -> TyperGroup:
        group = typer.Typer(rich_markup_mode=None)
        for offered in _faults_offered():
            _register(group, offered)
        made = typer.main.get_command(group)
        assert isinstance(made, TyperGroup)
        return made

    def list_commands(self, ctx: typer.Context) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return [*super().list_commands(ctx), *self._faults().list_commands(ctx)]

    def get_command(self, ctx: typer.Context, cmd_name: str):  # pyright: ignore[reportIncompatibleMethodOverride]  # noqa: ANN201
        return super().get_command(ctx, cmd_name) or self._faults().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=FaultGroup,
    help="Break a cluster, and heal it.\n\nOnly one that may be broken. The undo is written down before the fault.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _faults_offered() -> tuple[Offered, ...]:
    from operator_cli.chaos_cases import catalogue

    return run(catalogue())


def _register(group: typer.Typer, offered: Offered) -> None:
    command = offered.command
    role = f" that is {command.role}" if command.role else ""
    only = f" Only {offered.deployments[0]} deployments." if len(offered.deployments) == 1 else ""
    each = "".join(f" {name} is {value:g} unless --set says otherwise." for name, value in command.parameters.items())

    @group.command(
        command.name, help=f"{command.describes.rstrip('.')}{role and f' (a {command.kind}{role})'}.{each}{only}"
    )
    def break_it(  # pyright: ignore[reportUnusedFunction]
        target: Target = None,
        *,
        toward: Toward = None,
        name: Name = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", metavar="NAME=NUMBER", help="A parameter of the fault.")
        ] = None,
        seed: Annotated[int | None, typer.Option(help="Of the choice of a target.")] = None,
        allow_group_loss: Force = False,
        dry_run: DryRun = False,
        as_json: Json = False,
    ) -> None:
        from operator_cli.chaos_cases import Aim, inject, plan_fault
        from operator_cli.render.console import console
        from operator_cli.render.document import document
        from operator_cli.render.faults import done_line, plan_lines
        from operator_cli.settings import load
        from operator_cli.wiring import Choice, resolve

        loaded = load()
        meant = resolve(Choice(name=name), loaded)
        aim = Aim(
            fault=command.name,
            target=target,
            toward=toward,
            parameters=tuple(set_ or ()),
            chance=random.Random(seed),
            allow_group_loss=allow_group_loss,
        )
        if dry_run:
            plan = run(plan_fault(meant, loaded, aim))
            typer.echo(document("operator.fault-plan", 1, plan)) if as_json else [
                console().print(x) for x in plan_lines(plan)
            ]
            return
        entry = run(inject(meant, loaded, aim))
        typer.echo(document("operator.fault", 1, entry)) if as_json else console().print(done_line(entry))


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the faults that can be done, with what they do."""
    from rich.table import Table

    from operator_cli.render.console import console
    from operator_cli.render.document import document

    offered = _faults_offered()
    if as_json:
        typer.echo(document("operator.faults", 1, offered))
        return
    table = Table("command", "what it does", "parameters", "deployments", box=None, pad_edge=False)
    for o in offered:
        parameters = ", ".join(f"{k}={v:g}" for k, v in o.command.parameters.items())
        table.add_row(o.command.name, o.command.describes, parameters, ", ".join(o.deployments))
    console(is_table=True).print(table)


@app.command()
def status(*, name: Name = None, as_json: Json = False) -> None:
    """Show the faults that are not healed; exit code 1 when there is one."""
    from operator_cli.chaos_cases import unhealed
    from operator_cli.exits import Exit
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.faults import entry_line
    from operator_cli.settings import load

    entries = run(unhealed(load(), name))
    if as_json:
        typer.echo(document("operator.fault-status", 1, entries))
    elif not entries:
        typer.echo("no fault is waiting to be healed")
    else:
        for entry in entries:
            console().print(entry_line(entry))
    if entries:
        raise typer.Exit(Exit.VIOLATED)


@app.command()
def heal(*, name: Name = None, as_json: Json = False) -> None:
    """Undo every fault that is not healed, newest first; twice changes nothing."""
    from operator_cli.chaos_cases import heal_all
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.faults import entry_line
    from operator_cli.settings import load
    from operator_cli.wiring import Choice, resolve

    loaded = load()
    entries = run(heal_all(resolve(Choice(name=name), loaded), loaded))
    if as_json:
        typer.echo(document("operator.fault-status", 1, entries))
    elif not entries:
        typer.echo("nothing to heal")
    else:
        for entry in entries:
            console().print(entry_line(entry))
