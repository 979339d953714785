"""``operator silence``: what is expected, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.components import Kind
from operator_core.errors import ConfigurationError

from operator_cli import options
from operator_cli.running import run

if TYPE_CHECKING:
    from operator_core.silences import SilenceScope

app = typer.Typer(
    help="Say what is expected for a while: it is recorded, and opens no ticket.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LEAST, MOST = timedelta(seconds=1), timedelta(days=366)
"""What is to last longer is no silence but another invariant."""


def _ends(lasting: str | None, until: str | None, *, now: datetime) -> datetime:
    """The instant at which it ends, from one of the two options."""
    from operator_cli.durations import parse_duration
    from operator_cli.moments import parse_future

    if (lasting is None) == (until is None):
        raise ConfigurationError("say when it ends: --for 2h or --until 14:30, one of the two")
    if lasting is not None:
        return now + parse_duration(lasting, of="--for", least=LEAST, most=MOST)
    ends = parse_future(until or "", of="--until", now=now)
    if ends - now > MOST:
        raise ConfigurationError(f"--until is {until!r}; {MOST.days} days from now at most are meant")
    return ends


def _scope(component: str | None, kind: str | None, invariant: str | None) -> SilenceScope:
    from operator_core.silences import SilenceScope

    from operator_cli.terms import component_named, invariant_named, kind_named
    from operator_cli.wiring import knowledge

    if component is not None and kind is not None:
        raise ConfigurationError(f"--component {component} is of one kind already; leave --kind out")
    known = knowledge()
    scope = SilenceScope(
        kind=None if kind is None else kind_named(kind, known, of="--kind"),
        component=None if component is None else component_named(component, known, of="--component"),
        invariant=None if invariant is None else invariant_named(invariant, known, of="--invariant"),
    )
    about = next((i.about for i in known.invariants if i.name == scope.invariant), frozenset[Kind]())
    asked = scope.component.kind if scope.component else scope.kind
    if about and asked is not None and asked not in about:
        raise ConfigurationError(f"--invariant {invariant} speaks of {' and '.join(sorted(about))}, never of a {asked}")
    return scope


@app.command()
def add(
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    component: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this component: store/4, 'store 4'.")
    ] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only components of this kind.")] = None,
    invariant: Annotated[str | None, typer.Option(metavar="NAME", help="Only this invariant.")] = None,
    lasting: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long: 2h, 90m.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Or until when: 14:30, 2026-01-31T14:30, …Z.")
    ] = None,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Expect violations of a cluster for a while, such as in maintenance.

    They are followed and recorded; the monitor opens no ticket for them until the silence ends.
    What lasts then opens with the time at which it began.
    """
    from operator_cli.exits import tell
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.silences import added_line, warnings
    from operator_cli.settings import load
    from operator_cli.signature import said, signed
    from operator_cli.use_cases.silencing import Stated
    from operator_cli.use_cases.silencing import add as state
    from operator_cli.wiring import Choice, Record, cluster_name, on_record, resolve

    loaded = load()
    choice = Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name)
    whose = cluster_name(resolve(choice, loaded))
    scope = _scope(component, kind, invariant)
    why, who = said(because, of="--because"), signed(loaded, by)

    async def stated(record: Record) -> Stated:
        now = record.now(whose)
        return await state(record, whose, scope, at=now, ends=_ends(lasting, until, now=now), by=who, because=why)

    made = run(on_record(loaded, ledger, stated))
    if as_json:
        typer.echo(document("operator.silence", 1, made.silence))
    else:
        console().print(added_line(made.silence))
    for warning in warnings(made):
        tell(warning)


@app.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    cluster: options.RecordedCluster = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """List the silences in force, of every cluster."""
    from operator_core.readings import ClusterName

    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.silences import lines, rows
    from operator_cli.settings import load
    from operator_cli.use_cases.silencing import silences
    from operator_cli.wiring import on_record

    whose = None if cluster is None else ClusterName(cluster)
    found = run(on_record(load(), ledger, lambda record: silences(record, whose, every=every)))
    if as_json:
        typer.echo(document("operator.silences", 1, found))
    elif not found.silences:
        typer.echo("no silence" if every else "no silence in force")
    elif (out := console(is_table=True)).is_terminal:
        for line in lines(found):
            out.print(line)
    else:
        out.print(rows(found))


@app.command()
def expire(
    silence: Annotated[
        int, typer.Argument(help="The silence's number.", metavar="SILENCE", parser=options.silence_number)
    ],
    *,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """End a silence before its time; what lasts under it opens at the monitor's next look."""
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.silences import ended_line
    from operator_cli.settings import load
    from operator_cli.signature import signed
    from operator_cli.use_cases.silencing import expire as end
    from operator_cli.wiring import on_record

    loaded = load()
    who = signed(loaded, by)
    ended = run(on_record(loaded, ledger, lambda record: end(record, silence, by=who)))
    if as_json:
        typer.echo(document("operator.silence", 1, ended))
    else:
        console().print(ended_line(ended))
