"""``operator diagnose``: reason about a ticket, or about what is happening now."""

from __future__ import annotations

from typing import Annotated

import typer
from operator_core.errors import ConfigurationError

from operator_cli import options
from operator_cli.running import run


def diagnose(
    ticket: Annotated[
        int | None,
        typer.Argument(
            help="A ticket's number; what is happening now when left out.",
            metavar="TICKET",
            parser=options.ticket_number,
        ),
    ] = None,
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was then, from the record: 5m ago, 14:30.")
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a chat or a document.")] = False,
) -> None:
    """Reason: what is happening, why, what to do.

    Of a ticket, of what is happening now, or of what was happening at an instant in the record.
    Every claim cites readings and was re-checked by code against the record.
    """
    from operator_diagnosis.markdown import render_markdown
    from operator_diagnosis.terminal import render_terminal
    from operator_diagnosis.wire import to_json

    from operator_cli.render.console import console, local_zone
    from operator_cli.render.document import document
    from operator_cli.render.lines import summary
    from operator_cli.settings import load
    from operator_cli.use_cases.diagnosing import diagnose_now, diagnose_then, diagnose_ticket
    from operator_cli.wiring import Choice, knowledge, on_record, recorded_name, resolve

    if as_json and markdown:
        raise ConfigurationError("--json and --markdown are two forms of the same; one of them is enough")
    loaded = load()
    choice = Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name)
    if ticket is not None:
        if pd or cluster or name or prometheus:
            raise ConfigurationError(f"ticket {ticket} already says which cluster; leave the address options out")
        made = run(on_record(loaded, ledger, lambda record: diagnose_ticket(record, ticket, knowledge(), at=at)))
    else:
        if at is not None:
            whose = recorded_name(choice, loaded)
            then = run(on_record(loaded, ledger, lambda record: diagnose_then(record, whose, at, knowledge())))
        else:
            then = run(diagnose_now(resolve(choice, loaded)))
        if then.diagnosis is None:
            if as_json:
                typer.echo(document("operator.nothing-to-diagnose", 1, {"judgements": then.judgements}))
            else:
                verb = "is" if at is None else "was"
                console().print(f"nothing {verb} violated, so there is nothing to diagnose: {summary(then.judgements)}")
            return
        made = then.diagnosis
    if as_json:
        typer.echo(to_json(made))
    elif markdown:
        typer.echo(render_markdown(made, zone=local_zone()))
    else:
        console().print(render_terminal(made, zone=local_zone()))
