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
def verify(
    *,
    cluster: options.RecordedCluster = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head", metavar="CLUSTER=DIGEST", help="A head that was printed before: shows whether an end is cut off."
        ),
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Prove that the record is as it was written.

    Recomputes every chain and what tickets are shown from. Exit code 1: something is not as it was written;
    4: it could not be read. Keep the heads that it prints elsewhere, and give them back with --head.
    """
    from operator_core.readings import ClusterName

    from operator_cli.exits import Exit
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.proof import proof_lines
    from operator_cli.render.waiting import waited_for
    from operator_cli.settings import load
    from operator_cli.use_cases.proving import heads_of, prove
    from operator_cli.wiring import ledger_place, on_ledger

    loaded = load()
    whose, heads = None if cluster is None else ClusterName(cluster), heads_of(head or ())
    place = str(ledger_place(loaded, ledger))
    proof = run(waited_for(on_ledger(loaded, ledger, lambda opened: prove(opened, whose, heads)), f"proving {place}"))
    if as_json:
        found = {"ledger": place, "holds": proof.holds, "clusters": proof.clusters, "defects": proof.defects}
        typer.echo(document("operator.proof", 1, found))
    else:
        for line in proof_lines(proof, place):
            console().print(line)
    if not proof.holds:
        raise typer.Exit(Exit.VIOLATED)


@app.command()
def prune(
    *,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Looks of that age and more go: 30d, 12h.")
    ] = None,
    larger_than: Annotated[
        str | None,
        typer.Option("--larger-than", metavar="SIZE", help="The oldest go until the record uses no more: 2GB, 500MiB."),
    ] = None,
    cluster: options.RecordedCluster = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Forget old looks that no ticket needs, and give their room back.

    Tickets keep every look of their time and every reading that is cited. That something went, and its digests, stay
    in the record: operator ledger verify goes on to hold.
    """
    from datetime import timedelta

    from operator_core.readings import ClusterName
    from operator_core.runtime import RealClock

    from operator_cli.durations import parse_duration
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.pruned import pruned_lines
    from operator_cli.render.waiting import waited_for
    from operator_cli.settings import load
    from operator_cli.signature import signed
    from operator_cli.sizes import parse_size
    from operator_cli.use_cases.pruning import Bounds
    from operator_cli.use_cases.pruning import prune as forget
    from operator_cli.wiring import ledger_place, on_ledger

    loaded = load()
    least, most = timedelta(minutes=1), timedelta(days=36_500)
    bounds = Bounds(
        older_than=None
        if older_than is None
        else parse_duration(older_than, of="--older-than", least=least, most=most),
        larger_than=None if larger_than is None else parse_size(larger_than, of="--larger-than"),
        cluster=None if cluster is None else ClusterName(cluster),
    )
    place, who, now = str(ledger_place(loaded, ledger)), signed(loaded, by), RealClock().now()
    pruned = run(
        waited_for(
            on_ledger(loaded, ledger, lambda opened: forget(opened, bounds, at=now, by=who, dry_run=dry_run)),
            f"pruning {place}",
        )
    )
    if as_json:
        typer.echo(document("operator.pruned", 1, {"ledger": place, "dry_run": dry_run, "pruned": pruned}))
    else:
        for line in pruned_lines(pruned, place=place, larger_than=bounds.larger_than, dry_run=dry_run):
            console().print(line)


@app.command()
def export(
    ticket: options.Ticket,
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
