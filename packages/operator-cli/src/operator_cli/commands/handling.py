"""What a person does to tickets: ``resolve``, ``escalate``, ``reopen``, ``hold``, ``unhold`` and ``note``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from operator_cli import options
from operator_cli.running import run

if TYPE_CHECKING:
    from operator_cli.use_cases.handling import Deed


def register(app: typer.Typer) -> None:
    """Put the commands into the group of tickets."""
    for command in (resolve, escalate, reopen, hold, unhold, note):
        app.command()(command)


def _handle(
    deed: Deed, tickets: list[int], because: str | None, by: str | None, ledger: str | None, *, as_json: bool
) -> None:
    from operator_cli.exits import tell
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.handling import done_line, warnings
    from operator_cli.settings import load
    from operator_cli.signature import said, signed
    from operator_cli.use_cases.handling import handle
    from operator_cli.wiring import on_record

    loaded = load()
    why, who = said(because, of="--because"), signed(loaded, by)
    done = run(on_record(loaded, ledger, lambda record: handle(record, tickets, deed, by=who, because=why)))
    if as_json:
        typer.echo(document("operator.tickets", 1, [h.ticket for h in done]))
    for handled in done:
        if not as_json:
            console().print(done_line(handled))
        for warning in warnings(handled):
            tell(warning)


def resolve(
    tickets: options.Tickets,
    *,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Resolve tickets: a person says that it is over.

    What still lasts of one does not open again before it has ended once.
    """
    from operator_cli.use_cases.handling import Deed

    _handle(Deed.RESOLVE, tickets, because, by, ledger, as_json=as_json)


def escalate(
    tickets: options.Tickets,
    *,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Escalate tickets: a person must take them.

    Only a person ends that: with resolve, or with reopen, which gives them back.
    """
    from operator_cli.use_cases.handling import Deed

    _handle(Deed.ESCALATE, tickets, because, by, ledger, as_json=as_json)


def reopen(
    tickets: options.Tickets,
    *,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Reopen tickets that are resolved or escalated.

    One of which nothing lasts is held too, or the monitor would resolve it at its next look.
    """
    from operator_cli.use_cases.handling import Deed

    _handle(Deed.REOPEN, tickets, because, by, ledger, as_json=as_json)


def hold(
    tickets: options.Tickets,
    *,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Hold tickets: nothing resolves them but a person."""
    from operator_cli.use_cases.handling import Deed

    _handle(Deed.HOLD, tickets, because, by, ledger, as_json=as_json)


def unhold(
    tickets: options.Tickets,
    *,
    because: options.Because = None,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Give tickets that are held back to the monitor."""
    from operator_cli.use_cases.handling import Deed

    _handle(Deed.UNHOLD, tickets, because, by, ledger, as_json=as_json)


def note(
    ticket: options.Ticket,
    text: Annotated[str, typer.Argument(help="What there is to say; - reads it from standard input.")],
    *,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Put a note to a ticket, whatever state it is in."""
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.lines import escaped
    from operator_cli.settings import load
    from operator_cli.signature import heard, said, signed
    from operator_cli.use_cases.handling import note as put
    from operator_cli.wiring import on_record

    loaded = load()
    who = signed(loaded, by)
    words = said(heard(), of="the note on standard input") if text == "-" else said(text, of="the note")
    added = run(on_record(loaded, ledger, lambda record: put(record, ticket, by=who, text=words)))
    if as_json:
        typer.echo(document("operator.note", 1, added))
    else:
        console().print(f"ticket {added.ticket}: noted by {escaped(added.by)}")
