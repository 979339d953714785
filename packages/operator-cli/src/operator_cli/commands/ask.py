"""``operator ask``: a question about a ticket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operator_cli import options
from operator_cli.running import run


def ask(
    ticket: options.Ticket,
    question: Annotated[str, typer.Argument(help="What is to be known, in your words.", metavar="QUESTION")],
    *,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Keep all that was sent and received in a new file.")
    ] = None,
    note: Annotated[bool, typer.Option("--note", help="Put question and answer to the ticket as a note.")] = False,
    by: options.By = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
) -> None:
    """Ask Claude about a ticket and its diagnosis.

    The answer is held to the same standard as a diagnosis: what no reading bears out is struck. It costs money.
    """
    from operator_cli.exits import Exit
    from operator_cli.render.answers import lines
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.progress import progress
    from operator_cli.settings import load
    from operator_cli.signature import said, signed
    from operator_cli.use_cases.asking import LONGEST_QUESTION
    from operator_cli.use_cases.asking import ask as use_case
    from operator_cli.use_cases.recordings import check_new, keep
    from operator_cli.wiring import knowledge, on_ledger

    loaded = load()
    words = said(question, of="QUESTION", longest=LONGEST_QUESTION)
    who = signed(loaded, by) if note else None
    check_new(record)
    answered = run(
        on_ledger(
            loaded,
            ledger,
            lambda opened: use_case(opened, loaded, ticket, words, knowledge(), told=progress, noted_by=who),
        )
    )
    keep(answered.recording, record)
    if as_json:
        told = {"says": answered.says, "claims": answered.claims, "struck": answered.struck}
        ended = {"ended": answered.ended.value, "because": answered.because, "spent": answered.spent}
        typer.echo(document("operator.answer", 1, told | ended))
    else:
        for line in lines(answered):
            console().print(line, markup=False)
    if answered.ended.value != "closed":
        raise typer.Exit(Exit.FAILED)
