"""``operator tickets``: what was opened, what became of it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.judgements import Severity
from operator_core.tickets import TicketState

from operator_cli import options
from operator_cli.commands import handling
from operator_cli.running import run

if TYPE_CHECKING:
    from operator_cli.settings import Loaded
    from operator_cli.use_cases.tickets import Wanted

LIMIT = 50

app = typer.Typer(
    help="List and show tickets; take them, give them back, say something about them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also the resolved ones.")] = False,
    state: Annotated[list[TicketState] | None, typer.Option(help="Only in this state; may be given twice.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only of this severity, or worse.")] = None,
    component: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only with trouble of this component: store/4, 'store 4'.")
    ] = None,
    cluster: options.RecordedCluster = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only opened since then: 2h ago, 14:30, 2026-01-31T14:30.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            parser=options.limit,
            metavar="N",
            help=f"So many at most, the newest.  [default: {LIMIT}; all with --json]",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C, and tell what changes.")] = False,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """List the open tickets of every cluster, oldest first."""
    from operator_core.readings import ClusterName

    from operator_cli.settings import load
    from operator_cli.terms import component_named
    from operator_cli.use_cases.tickets import Wanted
    from operator_cli.wiring import knowledge

    wanted = Wanted(
        cluster=None if cluster is None else ClusterName(cluster),
        every=every,
        states=frozenset(state or ()),
        at_least=severity,
        component=None if component is None else component_named(component, knowledge(), of="--component"),
        since=since,
        newest=limit or (None if as_json else LIMIT),
    )
    if watch:
        _watch(wanted, load(), ledger, as_json=as_json)
    else:
        _list(wanted, load(), ledger, as_json=as_json)


def _list(wanted: Wanted, loaded: Loaded, ledger: str | None, *, as_json: bool) -> None:
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.tickets import closing, rows, table
    from operator_cli.use_cases.tickets import list_tickets
    from operator_cli.wiring import on_record

    listed = run(on_record(loaded, ledger, lambda record: list_tickets(record, wanted)))
    if as_json:
        typer.echo(document("operator.tickets", 1, listed.tickets))
        return
    out = console(is_table=True)
    if listed.tickets:
        out.print(table(listed, width=out.width) if out.is_terminal else rows(listed))
    for line in closing(listed, wanted, is_folded=out.is_terminal):
        out.print(line)


def _watch(wanted: Wanted, loaded: Loaded, ledger: str | None, *, as_json: bool) -> None:
    from operator_core.runtime import RealClock

    from operator_cli.render.following import teller
    from operator_cli.use_cases.following import EVERY, follow
    from operator_cli.wiring import Record, on_record

    async def watch(record: Record) -> None:
        with teller(wanted, as_json=as_json) as tell:
            async for seen in follow(record, wanted, every=EVERY, clock=RealClock()):
                tell(seen)

    run(on_record(loaded, ledger, watch))


@app.command()
def show(
    ticket: options.Ticket,
    *,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Show one ticket with all that is known of it.

    Its violations and the readings they rest on, what was decided, its notes, its newest diagnosis.
    """
    from operator_diagnosis.terminal import render_terminal

    from operator_cli.render.console import console, local_zone
    from operator_cli.render.document import document
    from operator_cli.render.opinions import standing
    from operator_cli.render.ticket import page
    from operator_cli.settings import load
    from operator_cli.use_cases.tickets import read_ticket
    from operator_cli.wiring import on_record

    file = run(on_record(load(), ledger, lambda record: read_ticket(record, ticket)))
    if as_json:
        typer.echo(document("operator.ticket", 1, file))
        return
    out = console(is_table=True)
    for part in page(file, width=out.width if out.is_terminal else None):
        out.print(part)
    if file.diagnosis is not None:
        console().print()
        console().print(render_terminal(file.diagnosis, zone=local_zone()))
    for other in file.others:
        typer.echo(f"\n{standing(other)}")


handling.register(app)
